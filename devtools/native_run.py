"""`./dev native`: the addon's tests as Odoo itself runs them."""

import re
import subprocess
from collections.abc import Iterable
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


def run(odoo: odoo_server.Odoo, *, alone: bool) -> int:
    """Run all tests of the addon that Odoo's own runner finds.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :param alone: Whether to install the addon where nothing else of this project can be found, as
        somebody else's Odoo does; else the database is like that of `./dev test`.
    :return: The exit code.
    """
    every = databases.Databases(odoo)
    template = every.dependencies_template() if alone else every.tests_template()
    with every.temporary(template, 'native') as database:
        log = paths.log_directory() / f'{database}.log'
        settings, variables = {}, odoo.variables()
        variables[paths.AXE] = str(node_environment.axe_script(node_environment.prepare()))
        if alone:
            own, *_others = odoo.addons_path()
            settings['addons_path'] = f'{own},{folder_of_addon()}'
            variables['PYTHONPATH'] = str(odoo.source)
        configuration = odoo.write_configuration(database, max_cron_threads=0, **settings)
        port = odoo_server.free_port()
        every.set_address(database, f'http://{odoo_server.HOST}:{port}')
        every.keep_from_vacuum(database)
        with console.step("Running Odoo's own test runner"):
            exit_code = run_odoo(
                odoo,
                log,
                variables,
                *(f'--config={configuration}', f'--http-port={port}'),
                f'--{"init" if alone else "update"}={paths.ADDON_NAME}',
                f'--test-tags=/{paths.ADDON_NAME}',
            )
    return report(exit_code, log)


def run_odoo(odoo: odoo_server.Odoo, log: Path, variables: dict[str, str], *options: str) -> int:
    """Let Odoo run tests and end.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :param log: The file that takes its log.
    :param variables: The variables of its environment.
    :param options: Which tests of which modules in which database, as options of its server.
    :return: Its exit code.
    """
    with log.open('w') as log_file:
        return console.run_attached(
            odoo.command('server', *options, '--stop-after-init', '--test-enable'),
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=subprocess.STDOUT,
            cwd='/',
        )


def folder_of_addon() -> Path:
    """Return a folder that holds the addon and nothing else."""
    folder = paths.state_directory() / 'alone'
    folder.mkdir(exist_ok=True)
    link = folder / paths.ADDON_NAME
    link.unlink(missing_ok=True)
    link.symlink_to(paths.ADDON)
    return folder


def report(exit_code: int, log: Path) -> int:
    """Print what became of the tests.

    :param exit_code: That of Odoo.
    :param log: Odoo's log.
    :return: The exit code.
    """
    text = log.read_text(errors='replace')
    started, outcomes = read(text)
    problems = [f"{outcome}: {test}" for test, outcome in sorted(outcomes.items())]
    if exit_code:
        problems.append(f"Odoo's own test run failed, exit code {exit_code}. Its log: {log}")
    if not started:
        problems.append(f"Odoo's runner ran no test. Its log: {log}")
    problems += addon_log.warnings(text) + log_secrets.search(log)
    for problem in problems:
        print(problem)
    failed = len(outcomes) or bool(problems)
    print(f"{len(started - outcomes.keys())} passed, {failed:d} failed", flush=True)
    return 1 if failed else 0


def read(
    text: str, modules: Iterable[str] = (paths.ADDON_NAME,)
) -> tuple[set[str], dict[str, str]]:
    """Read which tests Odoo's own runner ran.

    :param text: The server's log.
    :param modules: The modules whose tests count.
    :return: The tests that were started, and what became of those that did not pass.
    """
    loggers = tuple(f'odoo.addons.{module}.tests' for module in modules)
    started, outcomes = set(), {}
    for line in text.splitlines():
        match = addon_log.LINE.match(line)
        if not match or not match['logger'].startswith(loggers):
            continue
        module = match['logger'].removeprefix('odoo.addons.')
        if start := re.fullmatch(r"Starting (\w+\.\w+) \.\.\.", match['message']):
            started.add(f'{module}.{start[1]}')
        elif end := addon_log.TEST_OUTCOME.match(match['message']):
            outcomes[f'{module}.{end[2]}'] = end[1]
    return started, outcomes
