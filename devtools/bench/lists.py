"""`./dev bench lists`: what opening the lists and reports costs with many orders and payments."""

from __future__ import annotations

import json
from typing import Any

from devtools.bench.run import ANSWER, measure_in_copy
from devtools.odoo_server import Odoo

SCRIPT = """
import json
from devtools.bench import list_data
list_data.fill(env, {orders}, {events})
print({answer!r} + json.dumps(list_data.measure(env)))
"""


def run(odoo: Odoo, orders: int, events: int, as_json: bool) -> int:
    """Fill a database, open each list and report, and show what that costs.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param int orders: How many orders there are.
    :param int events: How many scheduled payments they have in all.
    :param bool as_json: Whether to show the result as JSON only.
    :return: The exit code.
    :rtype: int
    """
    script = SCRIPT.format(orders=orders, events=events, answer=ANSWER)
    result = measure_in_copy(odoo, script)
    print(json.dumps(result) if as_json else _as_text(result), flush=True)
    return 0


def _as_text(result: dict[str, Any]) -> str:
    """Return the result for people.

    :rtype: str
    """
    lines = [f"{result['orders']} orders, {result['events']} scheduled payments"]
    lines += [
        f"  {name:<40} {cost['ms']:6} ms {cost['queries']:4} queries"
        for name, cost in result['views'].items()
    ]
    return '\n'.join(lines)
