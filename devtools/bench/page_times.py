"""A browser without a cache opens a page over a slow line: in Odoo's Python, which can drive one.

Reads from its input what to open, and writes what that took.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import websocket

SECONDS = 120
# Whether the customer can use it: all is there, and the scripts of a payment form have begun.
IS_USABLE = """
document.readyState === 'complete'
&& (!document.querySelector('[name="o_payment_submit_button"]')
    || document.body.getAttribute('is-ready') === 'true')
"""
FIRST_TEXT = """
performance.getEntriesByName('first-contentful-paint').map(entry => entry.startTime)[0] || 0
"""


class Browser:
    """Chromium, driven by its DevTools protocol."""

    def __init__(self, folder: str) -> None:
        """Start it.

        :param folder: The folder of its profile.
        """
        self.process = subprocess.Popen(
            [
                *('google-chrome', '--headless', '--no-sandbox', '--remote-debugging-port=0'),
                *('--remote-allow-origins=*', f'--user-data-dir={folder}', 'about:blank'),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        ready = Path(folder, 'DevToolsActivePort')
        deadline = time.monotonic() + SECONDS
        while not ready.exists() or not ready.read_text().strip():
            if time.monotonic() > deadline:
                raise TimeoutError("The browser doesn't start.")
            time.sleep(0.1)
        port, path = ready.read_text().split()
        self.socket = websocket.create_connection(f'ws://127.0.0.1:{port}{path}', timeout=SECONDS)
        self.number = 0
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol, and keep the events that come meanwhile.

        :param method: Its name.
        :param session: Of which page.
        :return: Its result.
        """
        self.number += 1
        message = {'id': self.number, 'method': method, 'params': parameters}
        self.socket.send(json.dumps(message | ({'sessionId': session} if session else {})))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get('id') != self.number:
                self.events.append(answer)
                continue
            if 'error' in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            result: dict[str, Any] = answer['result']
            return result

    def evaluate(self, session: str, expression: str) -> Any:
        """Return what an expression is in a page."""
        answer = self.call('Runtime.evaluate', session, expression=expression, returnByValue=True)
        return answer['result'].get('value')


def measure(browser: Browser, asked: dict[str, Any]) -> dict[str, float]:
    """Open a page in a context of its own.

    :param browser: The browser.
    :param asked: The address, and how slow the line is.
    :return: The seconds until its first text is seen and until it can be used, and how many
             requests and bytes it took.
    """
    context = browser.call('Target.createBrowserContext')['browserContextId']
    target = browser.call('Target.createTarget', url='about:blank', browserContextId=context)
    target_id = target['targetId']
    session = browser.call('Target.attachToTarget', targetId=target_id, flatten=True)['sessionId']
    browser.call('Network.enable', session)
    browser.call('Network.setCacheDisabled', session, cacheDisabled=True)
    speed = asked['bytes_per_second']
    browser.call(
        'Network.emulateNetworkConditions',
        session,
        offline=False,
        latency=asked['latency'],
        downloadThroughput=speed,
        uploadThroughput=speed,
    )
    browser.events.clear()
    started = time.monotonic()
    browser.call('Page.navigate', session, url=asked['url'])
    while not browser.evaluate(session, IS_USABLE):
        if time.monotonic() - started > SECONDS:
            raise TimeoutError(f"{asked['url']} can't be used after {SECONDS} s.")
        time.sleep(0.1)
    usable = time.monotonic() - started
    seen = browser.evaluate(session, FIRST_TEXT) / 1000
    finished = [one for one in browser.events if one['method'] == 'Network.loadingFinished']
    browser.call('Target.disposeBrowserContext', browserContextId=context)
    sizes = [one['params']['encodedDataLength'] for one in finished]
    return {'seen': seen, 'usable': usable, 'requests': len(sizes), 'bytes': sum(sizes)}


def main() -> None:
    """Read what is asked, and write the medians of what was measured."""
    asked = json.load(sys.stdin)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Browser(folder)
        try:
            every = [measure(browser, asked) for _time in range(asked['times'])]
        finally:
            browser.process.kill()
            browser.process.wait()
    medians = {name: statistics.median(one[name] for one in every) for name in every[0]}
    print(json.dumps(medians))


if __name__ == '__main__':
    main()
