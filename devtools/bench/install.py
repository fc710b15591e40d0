"""`./dev bench install`: what installing the addon costs where much was sold before."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from devtools import console, databases, paths
from devtools.odoo_server import Odoo
from devtools.postgresql import Cluster

FILL = """
from devtools.bench import install_data
install_data.fill(env, {count})
"""
# Between two looks at the locks.
SECONDS = 0.2
# The locks that keep others from writing into a table, and of those the one that keeps them from
# reading it, too.
LOCKS = """
SELECT DISTINCT c.relname, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
WHERE l.granted AND c.relkind = 'r' AND c.relname IN ({tables})
AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
"""
TABLES = (
    'account_move',
    'account_move_line',
    'payment_transaction',
    'product_template',
    'res_partner',
    'sale_order',
    'sale_order_line',
)


def run(odoo: Odoo, count: int, as_json: bool) -> int:
    """Install the addon, and show how long that takes and what is locked for how long.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param int count: How many orders, and how many invoices there are.
    :param bool as_json: Whether to show the result as JSON only.
    :return: The exit code.
    :rtype: int
    """
    every = databases.Databases(odoo)
    with every.temporary(every.dependencies_template(), 'bench') as database:
        configuration = odoo.write_configuration(database, max_cron_threads=0)
        with console.step(f"Making {count} orders and {count} invoices"):
            odoo.execute(configuration, FILL.format(count=count))
        began = time.monotonic()
        with watching(odoo.cluster, database) as locks:
            odoo.update(configuration, install=[paths.ADDON_NAME])
        seconds = time.monotonic() - began
    result = {'count': count, 'seconds': round(seconds, 1), 'locks': locks}
    print(json.dumps(result) if as_json else _as_text(result), flush=True)
    return 0


@contextmanager
def watching(cluster: Cluster, database: str) -> Iterator[dict[str, float]]:
    """Look at the locks of tables again and again while the block is executed.

    :param cluster: The PostgreSQL cluster, which must run.
    :param database: The database.
    :return: For how many seconds on end each table was locked, by table and kind of lock.
    """
    longest: dict[str, float] = {}
    since: dict[str, float] = {}
    ended = threading.Event()
    query = LOCKS.format(tables=', '.join(f"'{table}'" for table in TABLES))

    def look() -> None:
        while not ended.wait(SECONDS):
            now = time.monotonic()
            held = {row.replace('|', ' ') for row in cluster.query(query, database)}
            for lock in since.keys() - held:
                del since[lock]
            for lock in held:
                lasted = now - since.setdefault(lock, now)
                longest[lock] = round(max(longest.get(lock, 0.0), lasted), 1)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield longest
    finally:
        ended.set()
        watcher.join()


def _as_text(result: dict[str, Any]) -> str:
    """Return the result for people.

    :rtype: str
    """
    lines = [f"{result['count']} orders, {result['count']} invoices: {result['seconds']} s"]
    lines += [f"  {lock:<45} {seconds:5} s" for lock, seconds in sorted(result['locks'].items())]
    return '\n'.join(lines)
