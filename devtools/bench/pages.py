"""`./dev bench pages`: how long customers with a slow line wait for the pages of their order.

Between the browser and Odoo stands a server that compresses, as docs/administration.md wants it.
"""

from __future__ import annotations

import gzip
import http.client
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from devtools import databases, odoo_server, paths
from devtools.bench.run import ANSWER, read_answer
from devtools.console import Failure
from devtools.odoo_server import HOST, Odoo
from devtools.torture.run import write_configuration

# A bad connection by the measure of issue trackers and browsers alike ("Slow 3G").
KBIT_PER_SECOND = 400
LATENCY_MS = 400
TIMES = 3
COMPRESSED = ('text/', 'application/javascript', 'application/json', 'image/svg+xml')
PREPARE = """
import json
from devtools import demo_data, demo_payments
demo_data.create(env, demo_payments.DemoPayments(env))
env.cr.commit()
Order = env['sale.order']
begun = Order.search(
    [('purchase_type', '=', 'subscription'), ('billing_status', '=', 'active')], limit=1
)
unpaid = Order.search(
    [('purchase_type', '=', 'single'), ('billing_status', '=', 'pending')], limit=1
)
print({answer!r} + json.dumps({{'order page': begun.order_link, 'form page': unpaid.order_link}}))
"""


def run(odoo: Odoo, as_json: bool) -> int:
    """Open pages over a slow line, as a browser does that was never there, and show the times.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param bool as_json: Whether to show the result as JSON only.
    :return: The exit code.
    :rtype: int
    """
    every = databases.Databases(odoo)
    with every.temporary(every.addon_template(), 'bench') as database, _compressing() as server:
        address = f'http://{HOST}:{server.server_port}'
        every.set_address(database, address)
        configuration = write_configuration(odoo, database)
        pages = read_answer(odoo.execute(configuration, PREPARE.format(answer=ANSWER)))
        port = server.odoo_port = odoo_server.free_port()
        configuration = odoo.write_configuration(
            database, max_cron_threads=0, log_level='warn', proxy_mode=True
        )
        log = paths.log_directory() / 'bench_pages.log'
        with odoo.serving(configuration, port, log) as process:
            odoo_server.wait_until_ready(process, port, log)
            result = {name: _open(odoo, name, url) for name, url in pages.items()}
    print(json.dumps(result) if as_json else _as_text(result), flush=True)
    return 0


def _open(odoo: Odoo, name: str, url: str) -> dict[str, Any]:
    """Open a page a few times, each with an empty cache.

    :param str name: What the page is called.
    :param str url: Its address.
    :return: The median of what was measured; see `page_times`.
    :rtype: dict
    """
    asked = {
        'url': url,
        'bytes_per_second': KBIT_PER_SECOND * 1000 // 8,
        'latency': LATENCY_MS,
        'times': TIMES,
    }
    completed = subprocess.run(
        [odoo.environment / 'bin/python', '-m', 'devtools.bench.page_times'],
        env=odoo.variables(),
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    if completed.returncode:
        raise Failure(f"The {name} could not be opened:\n{completed.stderr}")
    measured: dict[str, Any] = json.loads(completed.stdout)
    return measured


class _Server(ThreadingHTTPServer):
    """Where the browser is sent to; it asks Odoo on another port."""

    daemon_threads = True
    odoo_port = 0


class _Handler(BaseHTTPRequestHandler):
    """Asks Odoo, and compresses what it answers."""

    server: _Server
    protocol_version = 'HTTP/1.1'

    def do_GET(self) -> None:
        """Answer a request for a page or a file."""
        self._forward(None)

    def do_POST(self) -> None:
        """Answer what is sent."""
        self._forward(self.rfile.read(int(self.headers.get('Content-Length') or 0)))

    def _forward(self, body: bytes | None) -> None:
        """Answer a request as Odoo does, compressed.

        :param body: What is sent.
        """
        connection = http.client.HTTPConnection(HOST, self.server.odoo_port, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name != 'Accept-Encoding'}
        host = self.headers['Host']
        headers |= {'X-Forwarded-Host': host, 'X-Forwarded-For': HOST, 'X-Forwarded-Proto': 'http'}
        connection.request(self.command, self.path, body, headers)
        response = connection.getresponse()
        content = response.read()
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name not in {'Content-Length', 'Connection', 'Server', 'Date', 'Transfer-Encoding'}:
                self.send_header(name, value)
        if response.getheader('Content-Type', '').startswith(COMPRESSED):
            content = gzip.compress(content)
            self.send_header('Content-Encoding', 'gzip')
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        connection.close()

    def log_message(self, *_arguments: object) -> None:
        """Write nothing: Odoo has a log."""


@contextmanager
def _compressing() -> Iterator[_Server]:
    """Have the compressing server run while the block is executed.

    :rtype: Iterator[_Server]
    """
    with _Server((HOST, 0), _Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _as_text(result: dict[str, Any]) -> str:
    """Return the result for people.

    :rtype: str
    """
    lines = [f"{KBIT_PER_SECOND} kbit/s, {LATENCY_MS} ms, nothing cached; median of {TIMES}"]
    lines += [
        f"  {name:<12} text seen after {one['seen']:.1f} s, usable after {one['usable']:.1f} s;"
        f" {one['requests']} requests, {one['bytes'] / 1000:.0f} kB"
        for name, one in result.items()
    ]
    return '\n'.join(lines)
