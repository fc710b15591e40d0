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
    parameters = {
        **dict.fromkeys(('web.base.url', 'report.url'), address),
        # No report has a script that a PDF file must wait for.
        'report.print_delay': '0',
    }
    for name, value in parameters.items():
        env['ir.config_parameter'].set_param(name, value)
    env.cr.commit()
    threaded.http_spawn()
    try:
        yield address
    finally:
        threaded.httpd.shutdown()
        threaded.httpd.server_close()
