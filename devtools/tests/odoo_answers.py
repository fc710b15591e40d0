"""Questions to an Odoo in a process of its own."""

import http.client
import json
import re

from devtools import odoo_server

ANSWER = 'answer: '
PROBLEM = re.compile(r"^[\d-]+ [\d:,]+ \d+ (?:WARNING|ERROR|CRITICAL) .*$", re.MULTILINE)


def problems(log):
    """Return the warnings and errors in Odoo's log."""
    return PROBLEM.findall(log)


def ask(odoo, configuration, question):
    """Return what a function answers inside Odoo, where it is executed and committed.

    The log must be free of problems.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param Path configuration: The configuration file.
    :param str question: The function: `module.function`, a module of `devtools.tests`.
    """
    module, _dot, function = question.partition('.')
    output = odoo.execute(
        configuration,
        f"import json\nfrom devtools.tests import {module}\n"
        f"answer = {module}.{function}(env)\nenv.cr.commit()\n"
        f"print({ANSWER!r} + json.dumps(answer, default=str))\n",
    )
    assert problems(output) == []
    answer = next(line for line in output.splitlines() if line.startswith(ANSWER))
    return json.loads(answer.removeprefix(ANSWER))


def statuses(port, paths):
    """Return the HTTP status of each of some pages."""
    found = {}
    for path in paths:
        connection = http.client.HTTPConnection(odoo_server.HOST, port, timeout=60)
        connection.request('GET', path)
        found[path] = connection.getresponse().status
        connection.close()
    return found


def contents(port, paths):
    """Return what a server shows on each of some pages."""
    found = {}
    for path in paths:
        connection = http.client.HTTPConnection(odoo_server.HOST, port, timeout=60)
        connection.request('GET', path)
        found[path] = connection.getresponse().read().decode()
        connection.close()
    return found
