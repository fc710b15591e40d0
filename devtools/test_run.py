"""`./dev test` and `./dev glue`: the tests under pytest, by some workers with a database each.

What pytest doesn't run as Odoo would is left to `native_run.py`; that pytest finds no test that
Odoo's runner would not is checked by `pytest_plugin.py`.
"""

import os
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

from devtools import (
    addon_log,
    console,
    databases,
    log_secrets,
    node_environment,
    odoo_server,
    paths,
)

# pytest's exit code for it.
NO_TESTS_COLLECTED = 5
# For two cores: while one waits for a page, the clock of a tour or the disk, another one goes on.
WORKERS = 3
# The option of `pytest_plugin.py` by which it leaves out what is marked for the nightly run.
FOR_EACH_CHANGE = '--for-each-change'
# With more failures than that, whoever looks has other things to find out first.
MOST_RUN_AGAIN = 12


@dataclass
class Results:
    """What became of the tests of one run, each named as pytest names it on its command line."""

    passed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    # What else is wrong.
    problems: list[str] = field(default_factory=list)
    log: Path | None = None


def run(odoo: odoo_server.Odoo, arguments: list[str]) -> int:
    """Run the tests.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :param arguments: Arguments for pytest; none to run everything.
    :return: The exit code.
    """
    every = databases.Databases(odoo)
    template = every.tests_template()
    with every.temporary(template, 'test') as database:
        everything = [
            *(f'--numprocesses={WORKERS}', '--dist=loadscope', '--no-loadscope-reorder'),
            FOR_EACH_CHANGE,
        ]
        results = run_pytest(odoo, database, arguments or everything)
    problems = list(results.problems)
    if not arguments:
        problems += run_failed_again(odoo, template, results)
    return report(results, problems)


def report(results: Results, problems: list[str]) -> int:
    """Print what became of the tests.

    :param results: What became of them.
    :param problems: What else is wrong.
    :return: The exit code.
    """
    skipped = [f"Skipped, which counts as a failure: {test}" for test in sorted(results.skipped)]
    problems = [*problems, *skipped]
    for problem in problems:
        print(problem)
    failed = len(results.failed) or bool(problems)
    print(f"{len(results.passed)} passed, {failed:d} failed", flush=True)
    return 1 if failed else 0


def run_glue(odoo: odoo_server.Odoo, addons: list[Path], arguments: list[str]) -> int:
    """Run the tests of glue addons, in one database that also has what they go with.

    Not by Odoo's own runner: it would make the scripts and styles of all pages of the website,
    its editor's too, before the first test.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :param addons: The folders of the glue addons.
    :param arguments: Further arguments for pytest.
    :return: The exit code.
    """
    template = databases.Databases(odoo).glue_template(addons)
    return _run_beside(odoo, template, addons, arguments)


def run_providers(odoo: odoo_server.Odoo, arguments: list[str]) -> int:
    """Run the tests of other providers than Stripe, in one database that has their modules.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :param arguments: Further arguments for pytest.
    :return: The exit code.
    """
    template = databases.Databases(odoo).providers_template()
    return _run_beside(odoo, template, [paths.OTHER_PROVIDERS], arguments)


def _run_beside(
    odoo: odoo_server.Odoo, template: str, addons: list[Path], arguments: list[str]
) -> int:
    """Run the tests of addons in a copy of a database; return the exit code.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :param template: The database, which has the addons.
    :param addons: The folders of the addons.
    :param arguments: Further arguments for pytest.
    """
    with databases.Databases(odoo).temporary(template, 'glue') as database:
        tests = [str(addon.relative_to(paths.CHECKOUT) / 'tests') for addon in addons]
        results = run_pytest(
            odoo, database, [*tests, *arguments], addons_path=odoo.addons_path_with(addons)
        )
    return report(results, results.problems)


def run_failed_again(odoo: odoo_server.Odoo, template: str, results: Results) -> list[str]:
    """Run each test that failed alone, so that nobody has to guess whether it was the company.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :param template: The database to make one from for each.
    :param results: What became of the first run, which stays failed whatever comes out.
    :return: What was found, a line for each test.
    """
    found = []
    for test in sorted(results.failed)[:MOST_RUN_AGAIN]:
        with databases.Databases(odoo).temporary(template, 'again') as database:
            again = run_pytest(odoo, database, [test])
        alone = kept_log(again, test)
        if again.passed == {test}:
            found.append(
                f"Order or load: {test} failed among the others and passed alone."
                f" Logs: {results.log} and {alone}"
            )
        else:
            found.append(f"Failed, also alone: {test}. Logs: {results.log} and {alone}")
    if left_out := len(results.failed) - len(found):
        found.append(f"{left_out} more failed tests were not run again.")
    return found


def kept_log(results: Results, test: str) -> Path | None:
    """Return a run's log under a name that tells the test, so that the next one keeps it.

    :param results: What became of the test.
    :param test: Its name.
    """
    if not results.log or not results.log.exists():
        return None
    name = test.rpartition('/')[2].replace('::', '.')
    return results.log.rename(results.log.with_name(f'alone-{name}.log'))


def run_pytest(
    odoo: odoo_server.Odoo, database: str, arguments: list[str], **settings: str
) -> Results:
    """Run tests with pytest.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :param database: The database to test in, or that workers copy for themselves.
    :param arguments: Arguments for pytest.
    :param settings: Odoo's settings besides the usual ones, or instead of them.
    """
    server_log = paths.log_directory() / f'{database}.log'
    report = paths.log_directory() / f'{database}.xml'
    for leftover in (server_log, report):
        leftover.unlink(missing_ok=True)
    configuration = odoo.write_configuration(
        database, logfile=server_log, max_cron_threads=0, **settings
    )
    command: list[str | Path] = [
        *(odoo.environment / 'bin/python', '-m', 'pytest', '-p', 'devtools.pytest_plugin'),
        *('--odoo-http', f'--odoo-config={configuration}', f'--odoo-database={database}'),
        *('--odoo-log-level=warn', f'--junit-xml={report}'),
        *arguments,
    ]
    # Inside a worker of another run it is none of that run's workers.
    variables = {
        name: value for name, value in odoo.variables().items() if 'PYTEST_XDIST' not in name
    }
    variables['PGOPTIONS'] = odoo_server.JOINS_AS_WRITTEN
    variables[paths.AXE] = str(node_environment.axe_script(node_environment.prepare()))
    exit_code = console.run_attached(command, env=variables, cwd=paths.CHECKOUT)
    results = read_report(report) if report.exists() else Results()
    if exit_code and not results.failed:
        reason = "it found no test" if exit_code == NO_TESTS_COLLECTED else f"exit code {exit_code}"
        results.problems.append(f"pytest failed: {reason}.")
    if server_log.exists():
        results.log = server_log
        results.problems += addon_log.warnings(server_log.read_text(errors='replace'))
        results.problems += log_secrets.search(server_log)
    return results


def read_report(path: Path) -> Results:
    """Read the report that pytest wrote.

    :param path: The report, in JUnit's older format, which names the file of each test.
    """
    results = Results()
    for case in ElementTree.parse(path).iter('testcase'):
        test = name_of(case.get('file', ''), case.get('classname', ''), case.get('name', ''))
        if case.find('failure') is not None or case.find('error') is not None:
            results.failed.add(test)
        elif case.find('skipped') is not None:
            results.skipped.add(test)
        else:
            results.passed.add(test)
    # A test that fails and whose clean-up fails, too, stands there twice.
    results.passed -= results.failed
    return results


def name_of(file: str, class_name: str, name: str) -> str:
    """Return how pytest wants a test named on its command line.

    :param file: The test's file, relative to the checkout; empty for what can't be imported.
    :param class_name: The module and the class, parted by dots.
    :param name: The test's own name.
    """
    if not file:
        return '.'.join(part for part in (class_name, name) if part)
    module = file.removesuffix('.py').replace(os.sep, '.')
    inside = class_name.removeprefix(module).strip('.')
    return '::'.join(part for part in (file, inside, name) if part)
