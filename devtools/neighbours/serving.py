"""Odoo's HTTP server in the process of a script: executed inside Odoo's shell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from odoo.service import server

if TYPE_CHECKING:
    from odoo.api import Environment


@contextmanager
def serving(env: Environment) -> Iterator[str]:
    """Answer requests while the block is executed, in threads with cursors of their own.

    A server of its own would load all modules once more. What the script has done must be
    committed before requests can see it.

    :param odoo.api.Environment env: The superuser's environment.
    :return: The server's address.
    """
    threaded = server.server
    address = f'http://{threaded.interface}:{threaded.port}'
    for name in ('web.base.url', 'report.url'):
        env['ir.config_parameter'].set_param(name, address)
    env.cr.commit()
    threaded.http_spawn()
    try:
        yield address
    finally:
        threaded.httpd.shutdown()
        threaded.httpd.server_close()
