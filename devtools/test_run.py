"""`./dev test`: half of the tests under pytest, and beside it the others under Odoo's own runner.

That pytest finds no test that Odoo's runner would not is checked by `pytest_plugin.py`.
"""

import re
import subprocess
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor

from devtools import console, databases, log_secrets, odoo_server, paths

LOG_LINE = re.compile(
    r"[\d-]+ [\d:,]+ \d+ (?P<level>[A-Z]+) \S+ (?P<logger>[\w.]+): (?P<message>.*?) *$"
)
# How Odoo's own runner logs a test that did not pass.
TEST_OUTCOME = re.compile(r"(FAIL|ERROR|skipped):? (?:Subtest )?(\w+\.\w+)")
ADDON_LOGGER = f'odoo.addons.{paths.ADDON_NAME}'
# pytest's exit code for it.
NO_TESTS_COLLECTED = 5
# Odoo's runner takes the addon's test files from this one on, pytest those before it and the tests
# of the tools: both take about as long.
FIRST_NATIVE_FILE = 'test_recovery.py'


class Results:
    """What became of the tests of one run."""

    def __init__(self, tests, failed, skipped):
        """Keep the names of the tests.

        :param set tests: All tests, as `module.Class.method`.
        :param set failed: Those that failed.
        :param set skipped: Those that were skipped.
        """
        self.tests = tests
        self.failed = failed
        self.skipped = skipped


def run(odoo, arguments):
    """Run the tests.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param list arguments: Arguments for pytest; with any, only pytest runs.
    :return: The exit code.
    :rtype: int
    """
    every = databases.Databases(odoo)
    template = every.dependencies_template()
    with every.temporary(template, 'test') as database:
        problems = []
        with console.step("Installing the addon"):
            configuration = odoo.write_configuration(database, max_cron_threads=0)
            problems += addon_warnings(odoo.update(configuration, install=[paths.ADDON_NAME]))
        every.keep_from_vacuum(database)
        if arguments:
            results = run_pytest(odoo, database, arguments, problems)
        else:
            # A copy from before the tests, as what they commit stays in theirs.
            with (
                every.temporary(database, 'native') as native_database,
                ThreadPoolExecutor() as beside,
            ):
                files = native_files()
                native_run = beside.submit(run_native, odoo, native_database, files, problems)
                deselected = [f'--deselect={paths.ADDON_NAME}/tests/{file}' for file in files]
                results = run_pytest(odoo, database, deselected, problems)
                with console.step("Waiting for Odoo's own runner"):
                    native = native_run.result()
            print(f"pytest ran {len(results.tests)} tests, Odoo's runner {len(native.tests)}.")
            results = merge(results, native, problems)
    for problem in problems:
        print(problem)
    passed = len(results.tests - results.failed - results.skipped)
    failed = len(results.failed) or bool(problems)
    print(f"{passed} passed, {failed:d} failed", flush=True)
    return 1 if failed else 0


def native_files():
    """Return the names of the test files that Odoo's own runner takes.

    :rtype: list[str]
    """
    files = sorted(file.name for file in (paths.ADDON / 'tests').glob('test_*.py'))
    return files[files.index(FIRST_NATIVE_FILE) :]


def run_pytest(odoo, database, arguments, problems):
    """Run tests with pytest.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param str database: The database to test in, which has the addon installed.
    :param list arguments: Arguments for pytest.
    :param list problems: What is wrong apart from failed tests is added here.
    :rtype: Results
    """
    server_log = paths.log_directory() / f'{database}.log'
    report = paths.log_directory() / f'{database}.xml'
    for leftover in (server_log, report):
        leftover.unlink(missing_ok=True)
    configuration = odoo.write_configuration(database, logfile=server_log, max_cron_threads=0)
    command = [
        *(odoo.environment / 'bin/python', '-m', 'pytest', '-p', 'devtools.pytest_plugin'),
        *('--odoo-http', f'--odoo-config={configuration}', f'--odoo-database={database}'),
        *('--odoo-log-level=warn', f'--junit-xml={report}'),
        *arguments,
    ]
    exit_code = console.run_attached(command, env=odoo.variables(), cwd=paths.CHECKOUT)
    results = read_report(report) if report.exists() else Results(set(), set(), set())
    if exit_code and not results.failed:
        reason = "it found no test" if exit_code == NO_TESTS_COLLECTED else f"exit code {exit_code}"
        problems.append(f"pytest failed: {reason}.")
    problems += [f"Skipped, which counts as a failure: {test}" for test in sorted(results.skipped)]
    if server_log.exists():
        problems += addon_warnings(server_log.read_text(errors='replace'))
        problems += log_secrets.search(server_log)
    return results


def read_report(path):
    """Read the report that pytest wrote.

    :param Path path: The report, in JUnit's format.
    :rtype: Results
    """
    results = Results(set(), set(), set())
    for case in ElementTree.parse(path).iter('testcase'):
        # Errors of a whole module have no class.
        test = '.'.join(part for part in (case.get('classname'), case.get('name')) if part)
        results.tests.add(test)
        if case.find('failure') is not None or case.find('error') is not None:
            results.failed.add(test)
        elif case.find('skipped') is not None:
            results.skipped.add(test)
    return results


def run_native(odoo, database, files, problems):
    """Run test files of the addon as Odoo itself runs them.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param str database: The database to test in, which has the addon installed.
    :param list files: Their names.
    :param list problems: What is wrong apart from failed tests is added here.
    :rtype: Results
    """
    port = odoo_server.free_port()
    databases.Databases(odoo).set_address(database, f'http://{odoo_server.HOST}:{port}')
    log = paths.log_directory() / f'{database}.log'
    with log.open('w') as log_file:
        exit_code = console.run_attached(
            odoo.command(
                'server',
                f'--config={odoo.write_configuration(database, max_cron_threads=0)}',
                f'--http-port={port}',
                f'--update={paths.ADDON_NAME}',
                '--test-tags=' + ','.join(f'/{paths.ADDON_NAME}/tests/{file}' for file in files),
                '--stop-after-init',
            ),
            env=odoo.variables(),
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=subprocess.STDOUT,
        )
    text = log.read_text(errors='replace')
    results = read_native_log(text)
    if exit_code:
        problems.append(f"Odoo's own test run failed, exit code {exit_code}. Its log: {log}")
    problems += addon_warnings(text)
    problems += log_secrets.search(log)
    return results


def read_native_log(text):
    """Read which tests Odoo's own runner ran.

    :param str text: The server's log.
    :rtype: Results
    """
    results = Results(set(), set(), set())
    for line in text.splitlines():
        match = LOG_LINE.match(line)
        if not match or not match['logger'].startswith(f'{ADDON_LOGGER}.tests'):
            continue
        module = match['logger'].removeprefix('odoo.addons.')
        if started := re.fullmatch(r"Starting (\w+\.\w+) \.\.\.", match['message']):
            results.tests.add(f'{module}.{started[1]}')
        elif ended := TEST_OUTCOME.match(match['message']):
            outcome = results.skipped if ended[1] == 'skipped' else results.failed
            outcome.add(f'{module}.{ended[2]}')
    return results


def merge(results, native, problems):
    """Put together what became of the tests of both runners.

    :param Results results: What pytest ran.
    :param Results native: What Odoo's own runner ran.
    :param list problems: What is wrong with Odoo's is added here; pytest's is there already.
    :rtype: Results
    """
    for test in sorted(native.failed):
        problems.append(f"Failed under Odoo's runner: {test}")
    for test in sorted(native.skipped):
        problems.append(f"Skipped by Odoo's runner, which counts as a failure: {test}")
    return Results(
        results.tests | native.tests,
        results.failed | native.failed,
        results.skipped | native.skipped,
    )


def addon_warnings(text):
    """Return the warnings and errors that the addon logged.

    :param str text: A server's log.
    :rtype: list
    """
    found = []
    for line in text.splitlines():
        match = LOG_LINE.match(line)
        if (
            match
            and match['level'] in {'WARNING', 'ERROR', 'CRITICAL'}
            and (match['logger'] + '.').startswith(ADDON_LOGGER + '.')
            and not TEST_OUTCOME.match(match['message'])
        ):
            found.append(f"Logged by the addon, {match['level']}: {match['message']}")
    return found
