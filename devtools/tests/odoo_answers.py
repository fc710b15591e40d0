"""Questions to an Odoo in a process of its own."""

import json
import re

ANSWER = 'answer: '
PROBLEM = re.compile(r"^[\d-]+ [\d:,]+ \d+ (?:WARNING|ERROR|CRITICAL) .*$", re.MULTILINE)


def problems(log):
    """Return the warnings and errors in Odoo's log."""
    return PROBLEM.findall(log)


def ask(odoo, configuration, *questions):
    """Return what functions answer inside Odoo, where each is executed and committed.

    They share a process, which takes longer to start than to answer. The log must be free of
    problems.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param Path configuration: The configuration file.
    :param str questions: The functions: `module.function`, a module of `devtools.tests`.
    :rtype: list
    """
    script = ["import json", "from devtools import quick_odoo", "quick_odoo.prepare()"]
    for question in questions:
        module, _dot, function = question.partition('.')
        script += [
            f"from devtools.tests import {module}",
            f"answer = {module}.{function}(env)",
            "env.cr.commit()",
            # The next one reads what is in the database.
            "env.invalidate_all()",
            f"print({ANSWER!r} + json.dumps(answer, default=str))",
        ]
    output = odoo.execute(configuration, "\n".join(script) + "\n")
    assert problems(output) == []
    lines = [line for line in output.splitlines() if line.startswith(ANSWER)]
    return [json.loads(line.removeprefix(ANSWER)) for line in lines]
