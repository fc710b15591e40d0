"""`./dev odoo-tests`: Odoo's own tests of what the addon extends, with the addon and without it.

Nothing that passes without it may fail with it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from devtools import console, databases, native_run, odoo_server, paths

# What the addon extends, and its database of tests has.
MODULES = (
    'account_payment',
    'payment',
    'payment_demo',
    'payment_stripe',
    'phone_validation',
    'portal',
    'sale',
    'sale_management',
    'sms',
)


@dataclass(frozen=True)
class Outcome:
    """What became of Odoo's own tests in one database."""

    started: set[str]
    # What became of those that did not pass.
    outcomes: dict[str, str]

    @property
    def passed(self) -> set[str]:
        """The tests that passed."""
        return self.started - self.outcomes.keys()


def run(odoo: odoo_server.Odoo) -> int:
    """Run the tests in a database without the addon and in one with it.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :return: The exit code.
    """
    every = databases.Databases(odoo)
    without = run_in(odoo, every.dependencies_template(), 'without')
    with_addon = run_in(odoo, every.addon_template(), 'with')
    return report(without, with_addon)


def run_in(odoo: odoo_server.Odoo, template: str, purpose: str) -> Outcome:
    """Run the tests in a copy of a database.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :param template: The name of the database.
    :param purpose: Whether the addon is there, as part of the name of the copy.
    """
    every = databases.Databases(odoo)
    with every.temporary(template, purpose) as database:
        log = paths.log_directory() / f'{database}.log'
        configuration = odoo.write_configuration(database, max_cron_threads=0)
        port = odoo_server.free_port()
        every.set_address(database, f'http://{odoo_server.HOST}:{port}')
        every.keep_from_vacuum(database)
        with console.step(f"Running Odoo's own tests {purpose} the addon"):
            # Its exit code tells of tests that failed, which may fail without the addon, too.
            native_run.run_odoo(
                odoo,
                log,
                odoo.variables(),
                *(f'--config={configuration}', f'--http-port={port}'),
                f'--update={",".join(MODULES)}',
                f'--test-tags={",".join(f"/{module}" for module in MODULES)}',
            )
    return Outcome(*native_run.read(log.read_text(errors='replace'), MODULES))


def report(without: Outcome, with_addon: Outcome) -> int:
    """Print how many tests passed, and which no longer do.

    :param without: What became of the tests without the addon.
    :param with_addon: What became of them with it.
    :return: The exit code.
    """
    counts = [Counter(map(module_of, one.passed)) for one in (without, with_addon)]
    for module in MODULES:
        print(
            f"{module}: {counts[0][module]} passed without the addon, {counts[1][module]} with it"
        )
    lost = sorted(without.passed - with_addon.passed)
    for test in lost:
        print(
            f"Passes without the addon, {with_addon.outcomes.get(test, 'not run')} with it: {test}"
        )
    if not without.passed:
        print("No test of Odoo's passed: see the log")
    print(f"{len(with_addon.passed)} passed, {len(lost)} lost", flush=True)
    return 1 if lost or not without.passed else 0


def module_of(test: str) -> str:
    """Return the module of a test.

    :param test: The test, as `native_run.read` names it.
    """
    return test.partition('.')[0]
