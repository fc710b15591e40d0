"""`./dev bench increase`: what raising the price of many subscriptions costs."""

from __future__ import annotations

import json
from typing import Any

from devtools.bench.run import ANSWER, measure_in_copy
from devtools.odoo_server import Odoo

SCRIPT = """
import json
from devtools.bench import increase_data
print({answer!r} + json.dumps(increase_data.measure(env, {orders})))
"""


def run(odoo: Odoo, orders: int, as_json: bool) -> int:
    """Raise the price of live subscriptions, and show what that costs.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param int orders: How many there are.
    :param bool as_json: Whether to show the result as JSON only.
    :return: The exit code.
    :rtype: int
    """
    result = measure_in_copy(odoo, SCRIPT.format(orders=orders, answer=ANSWER))
    print(json.dumps(result) if as_json else _as_text(result), flush=True)
    return 0


def _as_text(result: dict[str, Any]) -> str:
    """Return the result for people.

    :rtype: str
    """
    lines = [f"{result['orders']} live subscriptions, one process"]
    lines += [
        f"  {name:<10} {cost['seconds']:6} s {cost['queries']:8} queries"
        for name, cost in result['steps'].items()
    ]
    return '\n'.join(lines)
