"""Run the gateway by itself: `python -m fake_gateway --port 4242`."""

from __future__ import annotations

import argparse
import signal
import threading

from fake_gateway.gateway import FakeGateway


def main() -> None:
    """Serve until the process is told to stop."""
    parser = argparse.ArgumentParser(prog='python -m fake_gateway', description=__doc__)
    parser.add_argument('--port', type=int, default=0, help="default: a free one")
    parser.add_argument('--journal', help="a file to keep everything in, over restarts")
    parser.add_argument('--webhook-url', help="where to send events")
    parser.add_argument('--webhook-secret', help="what to sign the events with")
    options = parser.parse_args()
    stopped = threading.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_arguments: stopped.set())
    gateway = FakeGateway(
        port=options.port,
        journal=options.journal,
        webhook_url=options.webhook_url,
        webhook_secret=options.webhook_secret,
    )
    with gateway:
        print(gateway.url, flush=True)
        stopped.wait()


if __name__ == '__main__':
    main()
