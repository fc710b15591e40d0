"""`./dev unit`: the tests of plain Python, without a database or a server."""

import ast
from pathlib import Path

from devtools import console, odoo_server, paths


def run(odoo: odoo_server.Odoo, arguments: list[str]) -> int:
    """Run the tests that need nothing but Python.

    :param odoo: Odoo; its PostgreSQL cluster need not run.
    :param arguments: Further arguments for pytest.
    :return: The exit code.
    """
    command: list[str | Path] = [
        *(odoo.environment / 'bin/python', '-m', 'pytest', '-p', 'devtools.unit_plugin'),
        # pytest-odoo would open a database.
        *('-p', 'no:odoo'),
        *arguments,
        *files(),
    ]
    return console.run_attached(command, env=odoo.variables(), cwd=paths.CHECKOUT)


def files() -> list[str]:
    """Return the files of tests that need no database: all their classes are `BaseCase`s.

    :return: The files, relative to the checkout.
    """
    found = []
    for path in sorted((paths.ADDON / 'tests').glob('test_*.py')):
        classes = [
            node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)
        ]
        if all(ast.unparse(base) == 'BaseCase' for one in classes for base in one.bases):
            found.append(str(path.relative_to(paths.CHECKOUT)))
    return found
