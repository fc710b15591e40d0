"""`./dev odoo-tests`: Odoo's own tests of what the addons extend, with the addons and without them.

Nothing that passes without them may fail with them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from devtools import console, databases, native_run, odoo_server, paths

# What the addon extends, and its database of tests has.
MODULES: tuple[str, ...] = (
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

    def counts(self, module: str) -> str:
        """Say how many tests of a module passed, failed and were skipped.

        :param module: The name of the module.
        """
        outcomes = Counter(
            self.outcomes.get(test, 'passed') for test in self.started if module_of(test) == module
        )
        failed = outcomes['FAIL'] + outcomes['ERROR']
        return f"{outcomes['passed']} passed, {failed} failed, {outcomes['skipped']} skipped"


def run(odoo: odoo_server.Odoo, addons: Iterable[Path]) -> int:
    """Run the tests in databases without the addons and in copies of them with these.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :param addons: The folders of the addons, each of which is compared alone; of a glue addon the
        tests are those of the modules that it goes with.
    :return: The exit code.
    """
    every = databases.Databases(odoo)
    exit_code = 0
    for addon in addons:
        if addon == paths.ADDON:
            template, modules, installed = every.dependencies_template(), MODULES, [addon.name]
        else:
            template = every.neighbours_template([addon])
            modules = tuple(databases.neighbours_of([addon]))
            installed = [paths.ADDON_NAME, addon.name]
        suffix = databases.short_name([addon])
        without = run_in(odoo, template, f'without{suffix}', modules, [])
        with_addon = run_in(odoo, template, f'with{suffix}', modules, installed)
        exit_code |= report(modules, without, with_addon)
    return exit_code


def run_in(
    odoo: odoo_server.Odoo,
    template: str,
    purpose: str,
    modules: tuple[str, ...],
    addons: list[str],
) -> Outcome:
    """Run the tests in a copy of a database.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :param template: The name of the database.
    :param purpose: What the copy is for, as part of its name.
    :param modules: The modules whose tests are run.
    :param addons: The addons to install before.
    """
    every = databases.Databases(odoo)
    with every.temporary(template, purpose) as database:
        log = paths.log_directory() / f'{database}.log'
        configuration = odoo.write_configuration(database, max_cron_threads=0)
        if addons:
            with console.step(f"Installing {', '.join(addons)}"):
                odoo.update(configuration, install=addons)
        port = odoo_server.free_port()
        every.set_address(database, f'http://{odoo_server.HOST}:{port}')
        every.keep_from_vacuum(database)
        company = f"with {', '.join(addons)}" if addons else "alone"
        with console.step(f"Running the tests of {', '.join(modules)} {company}"):
            # Its exit code tells of tests that failed, which may fail without the addon, too.
            native_run.run_odoo(
                odoo,
                log,
                odoo.variables(),
                *(f'--config={configuration}', f'--http-port={port}'),
                f'--update={",".join(modules)}',
                f'--test-tags={",".join(f"/{module}" for module in modules)}',
            )
    return Outcome(*native_run.read(log.read_text(errors='replace'), modules))


def report(modules: Iterable[str], without: Outcome, with_addon: Outcome) -> int:
    """Print what became of the tests, and which no longer pass.

    :param modules: The modules whose tests were run.
    :param without: What became of the tests without the addon.
    :param with_addon: What became of them with it.
    :return: The exit code.
    """
    for module in modules:
        print(f"{module} without the addon: {without.counts(module)}")
        print(f"{module} with the addon: {with_addon.counts(module)}")
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
