"""The gateway's HTTP side."""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from fake_gateway import api_versions, browser_pages, control, parameters
from fake_gateway.api import Answer, ConnectionDropped, Request
from fake_gateway.errors import ApiError
from fake_gateway.records import Record
from fake_gateway.store import Caller

if TYPE_CHECKING:
    from fake_gateway.gateway import FakeGateway

HOST = '127.0.0.1'
JSON = 'application/json'
CORS = {
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Headers': 'Authorization, Content-Type, Stripe-Version',
    'Access-Control-Allow-Methods': 'GET, POST, DELETE, OPTIONS',
}


class Server(ThreadingHTTPServer):
    """A server that knows its connections, so that it can break them."""

    request_queue_size = 128
    daemon_threads = True
    block_on_close = False

    def __init__(self, gateway: FakeGateway, port: int) -> None:
        """Listen.

        :param FakeGateway gateway: What answers.
        :param int port: The port; 0 is a free one.
        """
        self.gateway = gateway
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__((HOST, port), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember a connection."""
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection."""
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def break_connections(self) -> None:
        """Close all connections."""
        with self._connections_lock:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # Its client has closed it.

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that have gone; tell of everything else."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _read_part(part: Message) -> str:
    """Return what a part of a body holds, byte by byte."""
    content = part.get_payload(decode=True)
    return content.decode('latin-1') if isinstance(content, bytes) else ''


class Handler(BaseHTTPRequestHandler):
    """Reads a request and writes the answer."""

    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True
    server: Server
    _headers_buffer: list[bytes]

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Log nothing: requests carry keys and card numbers."""

    def do_GET(self) -> None:
        """Answer a GET request."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a POST request."""
        self._answer()

    def do_DELETE(self) -> None:
        """Answer a DELETE request."""
        self._answer()

    def do_OPTIONS(self) -> None:
        """Allow browsers to send requests from other origins."""
        self._write(204, b'', 'text/plain')

    def _answer(self) -> None:
        """Answer a request, unless the connection is to be dropped."""
        url = urlsplit(self.path)
        body = self._read_body()
        if body is None:
            return
        try:
            if url.path.startswith('/v1/'):
                self._answer_api(url, body)
            elif other := self.server.gateway.others.get(url.path.split('/')[1]):
                self._answer_other(other, url, body)
            elif url.path.startswith('/_control/'):
                self._answer_control(url, body)
            elif url.path in browser_pages.SCRIPT_PATHS:
                self._write(200, browser_pages.script(), 'text/javascript')
            elif match := re.fullmatch(r"/3d_secure/(\w+)", url.path):
                self._answer_three_d_secure(match[1], dict(parse_qsl(body or url.query)))
            else:
                self._write(404, b'Not found', 'text/plain')
        except ConnectionDropped:
            self.close_connection = True
        except ApiError as error:
            self._write_json(error.status, error.body())

    def _read_body(self) -> str | None:
        """Return the body of a request; of one with a file, its parameters in a row."""
        length = int(self.headers.get('Content-Length') or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            # Who was killed while it sent its request has sent a part of it, which asks nothing.
            self.close_connection = True
            return None
        content_type = self.headers.get('Content-Type') or ''
        if not content_type.startswith('multipart/form-data'):
            return body.decode()
        head = f'Content-Type: {content_type}\r\n\r\n'.encode()
        parts = message_from_bytes(head + body).walk()
        return urlencode(
            {
                str(part.get_param('name', header='content-disposition')): _read_part(part)
                for part in parts
                if not part.is_multipart()
            }
        )

    def _answer_api(self, url: SplitResult, body: str) -> None:
        """Answer a request to Stripe's API; payment_stripe sends bodies with GET too."""
        request = Request(
            method=self.command,
            path=url.path,
            parameters=parameters.parse(url.query) | parameters.parse(body),
            headers={name.lower(): value for name, value in self.headers.items()},
            base_url=self.server.gateway.url,
        )
        answer = self.server.gateway.answer(request)
        self._write_json(answer.status, answer.body, answer.headers)

    def _answer_other(
        self, other: Callable[[Request], Answer], url: SplitResult, body: str
    ) -> None:
        """Answer a request to another provider's API, in JSON."""
        request = Request(
            method=self.command,
            path=url.path,
            parameters=json.loads(body),
            headers={name.lower(): value for name, value in self.headers.items()},
            base_url=self.server.gateway.url,
        )
        self.server.gateway.note(request)
        answer = other(request)
        self._write_json(answer.status, answer.body)

    def _answer_control(self, url: SplitResult, body: str) -> None:
        """Answer a control request."""
        values = json.loads(body) if body else parameters.parse(url.query)
        path = url.path.removeprefix('/_control/')
        shown = control.answer(self.server.gateway, self.command, path, values)
        if callable(shown):
            self._write_json(200, {})
            shown()
        else:
            self._write_json(200, shown)

    def _answer_three_d_secure(self, identifier: str, values: dict[str, str]) -> None:
        """Show the 3-D Secure page, or take what was chosen there."""
        caller = Caller(
            version=self.headers.get('Stripe-Version') or api_versions.ACCOUNT_DEFAULT,
            is_publishable=True,
            base_url=self.server.gateway.url,
        )
        with self.server.gateway.store.session(caller) as session:
            if self.command != 'POST':
                page = browser_pages.three_d_secure_page(session, identifier, values)
                self._write(200, page, 'text/html; charset=utf-8')
                return
            intent, address = browser_pages.authenticate(session, identifier, values)
        if JSON in self.headers.get('Accept', ''):
            self._write_json(200, intent)
        elif address:
            self._write(303, b'', 'text/plain', {'Location': address})
        else:
            self._write(200, b'Done. You can close this page.', 'text/plain')

    def _write_json(
        self, status: int, shown: Record, headers: dict[str, str] | None = None
    ) -> None:
        """Write a JSON answer."""
        self._write(status, json.dumps(shown).encode(), JSON, headers)

    def _write(
        self, status: int, content: bytes, content_type: str, headers: dict[str, str] | None = None
    ) -> None:
        """Write an answer, in one piece."""
        self.send_response(status)
        own = {'Content-Type': content_type, 'Content-Length': len(content), **CORS}
        for name, value in (own | (headers or {})).items():
            self.send_header(name, str(value))
        self._headers_buffer.append(b'\r\n' + content)
        self.flush_headers()
