"""`./dev bench run`: what a payment costs in the charge run, one by one, and as bare documents."""

from __future__ import annotations

import json
from typing import Any

from devtools import console, databases, paths
from devtools.odoo_server import Odoo
from devtools.torture.run import write_configuration
from fake_gateway import FakeGateway

# Odoo prints its log, too: this tells the answer apart.
ANSWER = 'measured: '
# As many as tell the cost; more would only take longer.
MOST_ONE_BY_ONE = 100
# What fills the caches that the first payment would otherwise pay for.
WARM_UP = 10
SCRIPT = """
import json
from devtools.bench import measurements
measurements.prepare(env, {gateway!r}, {key!r})
measurements.charge_run(env, {warm_up}, 1)
measurements.one_by_one(env, {warm_up})
measurements.batched(env, {warm_up})
print({answer!r} + json.dumps({{
    'charge run': measurements.charge_run(env, {events}, {workers}),
    'one by one': measurements.one_by_one(env, {one_by_one}, {warm_up}),
    'bare batches': measurements.batched(env, {events}),
}}))
"""


def run(odoo: Odoo, events: int, latency: int, workers: int, as_json: bool) -> int:
    """Measure the three ways in one run, and show what they cost per event.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param int events: How many payments are due.
    :param int latency: How many milliseconds the gateway takes besides its own time.
    :param int workers: How many charges the run has under way at once.
    :param bool as_json: Whether to show the result as JSON only.
    :return: The exit code.
    :rtype: int
    """
    every = databases.Databases(odoo)
    with every.temporary(every.addon_template(), 'bench') as database:
        configuration = write_configuration(odoo, database)
        odoo.update(configuration, install=[paths.FAKE_GATEWAY_ADDON])
        with FakeGateway() as gateway:
            if latency:
                gateway.faults.add(
                    'hang_after',
                    path='/v1/payment_intents',
                    times=None,
                    seconds=latency / 1000,
                )
            output = odoo.execute(
                configuration,
                SCRIPT.format(
                    gateway=gateway.url,
                    key=gateway.secret_key,
                    events=events,
                    workers=workers,
                    one_by_one=min(events, MOST_ONE_BY_ONE),
                    warm_up=WARM_UP,
                    answer=ANSWER,
                ),
            )
            charges = len(gateway.ledger.movements(kind='charge'))
    result = read_answer(output)
    expected = 2 * WARM_UP + events + min(events, MOST_ONE_BY_ONE)
    if charges != expected:
        raise console.Failure(f"{charges} charges instead of {expected}")
    result |= {'latency': latency, 'workers': workers, 'ratios': _ratios(result)}
    print(json.dumps(result) if as_json else _as_text(result), flush=True)
    return 0


def measure_in_copy(odoo: Odoo, script: str) -> dict[str, Any]:
    """Execute a script inside Odoo, in a copy of a database with the addon; return its answer.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param str script: Prints `ANSWER` and what was measured, as JSON.
    :rtype: dict
    """
    every = databases.Databases(odoo)
    with every.temporary(every.addon_template(), 'bench') as database:
        return read_answer(odoo.execute(write_configuration(odoo, database), script))


def read_answer(output: str) -> dict[str, Any]:
    """Return what was measured.

    :param str output: What Odoo printed.
    :rtype: dict
    """
    line = next(line for line in output.splitlines() if line.startswith(ANSWER))
    measured: dict[str, Any] = json.loads(line.removeprefix(ANSWER))
    return measured


def _ratios(result: dict[str, Any]) -> dict[str, float]:
    """Return how the ways compare, by what they take per event."""
    run_phases = result['charge run']['phases']
    documents = run_phases['all']['ms'] - run_phases['charge']['ms']
    bare = result['bare batches']['phases']['all']['ms']
    return {
        'charge run / bare batches': round(run_phases['all']['ms'] / bare, 2),
        'charge run without its charge phase / bare batches': round(documents / bare, 2),
        'one by one / charge run': round(
            result['one by one']['phases']['all']['ms'] / run_phases['all']['ms'], 1
        ),
    }


def _as_text(result: dict[str, Any]) -> str:
    """Return the result for people.

    :rtype: str
    """
    lines = []
    for way in ('charge run', 'one by one', 'bare batches'):
        lines.append(f"{way}, {result[way]['events']} events")
        lines += [
            f"  {phase:<16} {cost['ms']:8.1f} ms {cost['queries']:7.1f} queries per event"
            for phase, cost in result[way]['phases'].items()
        ]
    lines.append(f"charge run: {result['charge run']['per_minute']} events a minute")
    lines += [f"{name}: {ratio}" for name, ratio in result['ratios'].items()]
    lines.append(f"gateway latency {result['latency']} ms, {result['workers']} charges at once")
    return "\n".join(lines)
