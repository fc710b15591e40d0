"""`./dev bench usage`: how fast usage comes in, and what it costs to look at it and to bill it."""

from __future__ import annotations

import http.client
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

from devtools import databases, odoo_server, paths
from devtools.bench.run import ANSWER, read_answer
from devtools.console import Failure
from devtools.odoo_server import HOST, Odoo
from devtools.torture.run import write_configuration

WORKERS = 2
# So many send the same usage at once, each in an order of its own.
CLIENTS = 10
BATCHES = (100, 1000)
PREPARE = """
import json
from devtools.bench import usage_data
print({answer!r} + json.dumps(usage_data.prepare(env)))
"""
FILL = """
from devtools.bench import usage_data
usage_data.fill_others(env, {rows})
"""
MEASURE = """
import json
from devtools.bench import usage_data
usage_data.fill(env, {records})
print({answer!r} + json.dumps(usage_data.measure(env)))
"""
CLOSE = """
import json
from devtools.bench import usage_data
print({answer!r} + json.dumps(usage_data.close(env, {orders}, {records})))
"""
# How many records each order has whose period closes.
RECORDS_OF_PERIOD = 1000


def run(odoo: Odoo, records: int, rows: int, as_json: bool) -> int:
    """Send usage to a server, fill its database, and show what that costs.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param int records: How many records are sent in batches of each size, and ten times as many
                        are there when the running period is looked at, and billed of other orders.
    :param int rows: How many records of other orders are there before the first one is sent.
    :param bool as_json: Whether to show the result as JSON only.
    :return: The exit code.
    :rtype: int
    """
    every = databases.Databases(odoo)
    result: dict[str, Any] = {
        'workers': WORKERS,
        'records': records,
        'rows': rows,
        'load': os.getloadavg()[0],
        'ingestion': {},
    }
    with every.temporary(every.addon_template(), 'bench') as database:
        configuration = write_configuration(odoo, database)
        order = read_answer(odoo.execute(configuration, PREPARE.format(answer=ANSWER)))
        odoo.execute(configuration, FILL.format(rows=rows))
        with _serving(odoo, database) as port:
            for size in BATCHES:
                send = partial(_send, port, order['key'])
                batches = list(_make_batches(order, f'{size}-', records, size))
                rates = result['ingestion'][size] = {}
                for name, status in (('new', 'accepted'), ('again', 'duplicate')):
                    rates[name] = _measure(partial(send, {status}), batches, records)
            result['clients'] = _send_by_clients(port, order, records // CLIENTS)
        configuration = write_configuration(odoo, database)
        script = MEASURE.format(records=10 * records, answer=ANSWER)
        result['estimate'] = read_answer(odoo.execute(configuration, script))
        _check_kept(result)
        orders = max(1, 10 * records // RECORDS_OF_PERIOD)
        script = CLOSE.format(orders=orders, records=RECORDS_OF_PERIOD, answer=ANSWER)
        result['closing'] = read_answer(odoo.execute(configuration, script))
    print(json.dumps(result) if as_json else _as_text(result), flush=True)
    return 0


@contextmanager
def _serving(odoo: Odoo, database: str) -> Iterator[int]:
    """Have a server with workers run while the block is executed.

    :return: Its port.
    :rtype: Iterator[int]
    """
    port = odoo_server.free_port()
    configuration = odoo.write_configuration(
        database,
        workers=WORKERS,
        max_cron_threads=0,
        log_level='warn',
        gevent_port=odoo_server.free_port(),
        # With a filter Odoo lists the databases for each request that has no session.
        dbfilter='',
    )
    log = paths.log_directory() / 'bench_usage.log'
    with odoo.serving(configuration, port, log) as server:
        odoo_server.wait_until_ready(server, port, log)
        yield port


def _make_batches(order: dict[str, Any], prefix: str, records: int, size: int) -> Iterator[bytes]:
    """Yield the bodies of requests.

    :rtype: Iterator[bytes]
    """
    latest = datetime.now(timezone.utc)
    for first in range(0, records, size):
        batch = [
            {
                'id': f'{prefix}{number}',
                'meter': order['meter'],
                'order': order['order'],
                'timestamp': (latest - timedelta(seconds=number)).isoformat(),
                'quantity': number / 8,
            }
            for number in range(first, min(first + size, records))
        ]
        yield json.dumps({'records': batch}).encode()


def _measure(send: Callable[[bytes], object], batches: list[bytes], records: int) -> int:
    """Send batches, as many at once as there are workers.

    :return: Records in a second.
    :rtype: int
    """
    started = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(send, batches))
    return round(records / (time.perf_counter() - started))


def _send_by_clients(port: int, order: dict[str, Any], records: int) -> dict[str, int]:
    """Have several clients send the same batches at once, in disorder.

    :return: How many answers had each status.
    :rtype: dict[str, int]
    :raise Failure: If not each record is accepted exactly once.
    """
    batches = list(_make_batches(order, 'clients-', records, BATCHES[0]))

    def send_all(number: int) -> Counter[str]:
        shuffled = random.Random(number).sample(batches, len(batches))  # noqa: S311
        send = partial(_send, port, order['key'], {'accepted', 'duplicate'})
        return sum(map(send, shuffled), Counter())

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = sum(pool.map(send_all, range(CLIENTS)), Counter())
    if answers != {'accepted': records, 'duplicate': (CLIENTS - 1) * records}:
        raise Failure(f"{CLIENTS} clients sent {records} records: {answers}")
    return dict(answers)


def _check_kept(result: dict[str, Any]) -> None:
    """Check that what was sent is kept once, to the last decimal.

    :raise Failure: If not.
    """
    sent = result['records']
    quantities = [number / 8 for number in range(sent)] * len(BATCHES)
    quantities += [number / 8 for number in range(sent // CLIENTS)]
    kept = result['estimate'].pop('sent')
    if kept != [len(quantities), sum(quantities)]:
        raise Failure(f"Sent: {len(quantities)}, {sum(quantities)}; kept: {kept}")


def _send(port: int, key: str, statuses: set[str], body: bytes) -> Counter[str]:
    """Send a batch.

    :return: How many answers had each status.
    :rtype: Counter[str]
    :raise Failure: If a record isn't answered as it should be.
    """
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    connection.request(
        'POST',
        '/json/2/billpro.usage.record/ingest',
        body,
        {'Authorization': f'bearer {key}', 'Content-Type': 'application/json'},
    )
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    if response.status != http.HTTPStatus.OK:
        raise Failure(f"Usage was refused: {answer!r}")
    counted = Counter(one['status'] for one in json.loads(answer))
    if not counted.keys() <= statuses:
        raise Failure(f"Not all is {statuses}: {answer[:500]!r}")
    return counted


def _as_text(result: dict[str, Any]) -> str:
    """Return the result for people.

    :rtype: str
    """
    lines = [
        (
            f"{result['workers']} workers, {result['records']} records, {result['rows']} there"
            f" before, load {result['load']:.1f}"
        )
    ]
    lines += [
        f"  batches of {size:5}: {rates['new']:6} records/s, sent again {rates['again']:6}"
        for size, rates in result['ingestion'].items()
    ]
    lines.append(
        f"  {CLIENTS} clients with the same in disorder: {result['clients']['accepted']} accepted,"
        f" {result['clients']['duplicate']} duplicates"
    )
    estimate = result['estimate']
    lines.append(
        f"  running period with {estimate['records']} records: {estimate['ms']} ms,"
        f" {estimate['queries']} queries"
    )
    closing = result['closing']
    lines.append(
        f"  closing {closing['orders']} orders with {closing['records']} records:"
        f" {closing['seconds']} s, of which {closing['busy']} s at work in Odoo,"
        f" {closing['queries']} queries, {closing['invoices']} invoices"
    )
    return '\n'.join(lines)
