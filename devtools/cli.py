"""The command line of `./dev`."""

import argparse
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from devtools import (
    console,
    debian_packages,
    demos,
    lint,
    locks,
    native_run,
    odoo_own_tests,
    odoo_server,
    paths,
    postgresql,
    protocol_check,
    python_environment,
    released_schema,
    rooms,
    run_server,
    stripe_releases,
    test_run,
    translations,
    unit_run,
)
from devtools.bench import increase as bench_increase_run
from devtools.bench import install as bench_install_run
from devtools.bench import lists as bench_lists_run
from devtools.bench import pages as bench_pages_run
from devtools.bench import run as bench_run
from devtools.bench import usage as bench_usage_run
from devtools.neighbours import run as neighbours_run
from devtools.torture import plan
from devtools.torture import run as torture_run

DEFAULT_PORT = 8069


def main() -> int:
    """Do what the command line asks for.

    :return: The exit code.
    """
    # So that being ended by another program stops everything, as Ctrl-C does.
    signal.signal(signal.SIGTERM, _interrupt)
    options, further_arguments = _parser().parse_known_args()
    if further_arguments and options.command not in {test, unit, glue, providers}:
        _parser().error(f"unknown arguments: {' '.join(further_arguments)}")
    options.further_arguments = further_arguments
    try:
        exit_code: int = options.command(options)
        return exit_code
    except console.Failure as failure:
        print(f"\n{failure.problem}\n{failure.advice}".rstrip(), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


def _interrupt(_signal_number: int, _frame: FrameType | None) -> None:
    """Treat a signal like Ctrl-C."""
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog='./dev',
        description="Run, test and check billpro_portal. What is missing is fetched first.",
        epilog="ODOO_HOME can name an Odoo 19 checkout to use instead of Debian's package.",
    )
    commands = parser.add_subparsers(required=True, metavar='COMMAND')
    run_parser = commands.add_parser('run', help="run Odoo with demo orders; Ctrl-C stops it")
    run_parser.add_argument('--port', type=int, default=DEFAULT_PORT, help="default: %(default)s")
    run_parser.add_argument('--reset', action='store_true', help="make the database anew")
    run_parser.add_argument(
        '--stripe',
        action='store_true',
        help="pay with Stripe; a fake gateway on the next port answers for it",
    )
    run_parser.set_defaults(command=run)
    test_parser = commands.add_parser(
        'test',
        help="run the tests; further arguments go to pytest",
        description="Run the whole suite, or what the arguments for pytest choose.",
    )
    test_parser.set_defaults(command=test)
    unit_parser = commands.add_parser(
        'unit', help="run the tests of plain Python, without a database or a server"
    )
    unit_parser.set_defaults(command=unit)
    _add_other_test_parsers(commands)
    _add_beside_parsers(commands)
    odoo_tests_parser = commands.add_parser(
        'odoo-tests', help="run Odoo's own tests with the addons and without them, and compare"
    )
    odoo_tests_parser.add_argument(
        'addons',
        nargs='*',
        metavar='ADDON',
        choices=[[], *(addon.name for addon in paths.addons())],
        help="default: all of them",
    )
    odoo_tests_parser.set_defaults(command=compare_odoo_tests)
    neighbours_parser = commands.add_parser(
        'neighbours', help="walk through the addon beside the modules that shops have"
    )
    neighbours_parser.set_defaults(command=walk_beside_neighbours)
    _add_search_parsers(commands)
    _add_bench_parsers(commands)
    lint_parser = commands.add_parser('lint', help="run the checks that need no test run")
    lint_parser.set_defaults(command=check)
    shell_parser = commands.add_parser('shell', help="open Odoo's shell on the demo database")
    shell_parser.set_defaults(command=shell)
    psql_parser = commands.add_parser('psql', help="open psql on the demo database")
    psql_parser.set_defaults(command=psql)
    pot_parser = commands.add_parser(
        'pot', help="export the terms to translate; translations follow"
    )
    pot_parser.set_defaults(command=export_terms)
    rooms_parser = commands.add_parser(
        'rooms', help="draw the map of the models' rooms in docs/architecture.md"
    )
    rooms_parser.set_defaults(command=draw_rooms)
    schema_parser = commands.add_parser(
        'schema', help="note the database structure that the next version updates from"
    )
    schema_parser.set_defaults(command=note_schema)
    lock_parser = commands.add_parser('lock', help="lock the newest versions of all packages")
    lock_parser.set_defaults(command=lock)
    return parser


def _add_other_test_parsers(
    commands: 'argparse._SubParsersAction[argparse.ArgumentParser]',
) -> None:
    """Add the parsers of what runs tests in another way or beside other packages.

    :param commands: Where commands are added.
    """
    stripe_parser = commands.add_parser(
        'stripe', help="test what talks to Stripe with the oldest and newest release of its library"
    )
    stripe_parser.set_defaults(command=test_stripe_releases)
    native_parser = commands.add_parser('native', help="run the addon's tests as Odoo itself does")
    native_parser.add_argument(
        '--alone', action='store_true', help="where nothing but the addon and Odoo can be found"
    )
    native_parser.set_defaults(command=native)


def _add_beside_parsers(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the commands that test beside other modules of Odoo.

    :param commands: Where commands are added.
    """
    glue_parser = commands.add_parser(
        'glue',
        help="run the tests of the glue addons, beside the modules that they go with; options go"
        " to pytest",
    )
    glue_parser.add_argument(
        'addons',
        nargs='*',
        metavar='ADDON',
        choices=[[], *(addon.name for addon in paths.glue_addons())],
        help="default: all of them",
    )
    glue_parser.set_defaults(command=glue)
    providers_parser = commands.add_parser(
        'providers',
        help="run the tests of other providers than Stripe, beside Odoo's modules; options go to"
        " pytest",
    )
    providers_parser.add_argument(
        '--write', action='store_true', help="write what they can do into the documentation"
    )
    providers_parser.set_defaults(command=providers)


def _add_search_parsers(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the parsers of what searches the charge run for mistakes.

    :param commands: Where commands are added.
    """
    torture_parser = commands.add_parser(
        'torture', help="kill charge runs at every boundary and compare the books with the ledger"
    )
    torture_parser.add_argument('--events', type=int, default=1000, help="default: %(default)s")
    torture_parser.add_argument('--seed', type=int, default=1, help="default: %(default)s")
    torture_parser.add_argument(
        '--cells',
        choices=plan.CHOICES,
        default='all',
        help="of the crash matrix: a cover of boundaries and faults, or all; default: %(default)s",
    )
    torture_parser.add_argument(
        '--debits',
        type=int,
        metavar='N',
        help="debit a bank account for one order in so many, which takes days",
    )
    torture_parser.add_argument(
        '--adyen',
        type=int,
        metavar='N',
        help="one customer in so many has the stored cards at Adyen",
    )
    torture_parser.set_defaults(command=torture)
    protocol_parser = commands.add_parser(
        'protocol',
        help="have a model checker search the charge protocol, the checkout, and their mistakes",
    )
    protocol_parser.set_defaults(command=check_protocol)


def _add_bench_parsers(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Add the parsers of what measures.

    :param commands: Where commands are added.
    """
    bench_parser = commands.add_parser('bench', help="measure what things cost")
    benches = bench_parser.add_subparsers(required=True, metavar='WHAT')
    bench_run_parser = benches.add_parser(
        'run', help="the charge run, beside stock Odoo one by one and bare batches of documents"
    )
    bench_run_parser.add_argument('--events', type=int, default=200, help="default: %(default)s")
    bench_run_parser.add_argument(
        '--latency', type=int, default=0, metavar='MS', help="of the gateway; default: %(default)s"
    )
    bench_run_parser.add_argument(
        '--workers', type=int, default=1, help="charges at once; default: %(default)s"
    )
    bench_run_parser.add_argument('--json', action='store_true', help="show JSON only")
    bench_run_parser.set_defaults(command=bench)
    bench_lists_parser = benches.add_parser(
        'lists', help="opening the lists and reports with many orders and payments"
    )
    bench_lists_parser.add_argument(
        '--orders', type=int, default=10_000, help="default: %(default)s"
    )
    bench_lists_parser.add_argument(
        '--events', type=int, default=100_000, help="default: %(default)s"
    )
    bench_lists_parser.add_argument('--json', action='store_true', help="show JSON only")
    bench_lists_parser.set_defaults(command=bench_lists)
    bench_install_parser = benches.add_parser(
        'install', help="installing the addon where much was sold before"
    )
    bench_install_parser.add_argument(
        '--orders',
        type=int,
        default=100_000,
        help="and as many invoices and payments; default: %(default)s",
    )
    bench_install_parser.add_argument('--json', action='store_true', help="show JSON only")
    bench_install_parser.set_defaults(command=bench_install)
    bench_increase_parser = benches.add_parser(
        'increase', help="a price increase of many live subscriptions"
    )
    bench_increase_parser.add_argument(
        '--orders', type=int, default=10_000, help="default: %(default)s"
    )
    bench_increase_parser.add_argument('--json', action='store_true', help="show JSON only")
    bench_increase_parser.set_defaults(command=bench_increase)
    bench_pages_parser = benches.add_parser(
        'pages', help="how long customers with a slow line wait for the pages of their order"
    )
    bench_pages_parser.add_argument('--json', action='store_true', help="show JSON only")
    bench_pages_parser.set_defaults(command=bench_pages)
    bench_usage_parser = benches.add_parser(
        'usage', help="usage that comes in over HTTP, and looking at much of it"
    )
    bench_usage_parser.add_argument(
        '--records', type=int, default=100_000, help="default: %(default)s"
    )
    bench_usage_parser.add_argument(
        '--rows', type=int, default=0, help="how many of others are there; default: %(default)s"
    )
    bench_usage_parser.add_argument('--json', action='store_true', help="show JSON only")
    bench_usage_parser.set_defaults(command=bench_usage)


def _setup_lock() -> locks.Lock:
    """Return a lock that keeps processes of all checkouts from setting up the same things."""
    return locks.exclusive(paths.cache_directory() / 'setup.lock')


def _prepare(further_packages: Iterable[str] = ()) -> tuple[Path, Path]:
    """Have everything set up.

    :param further_packages: Debian packages needed besides the usual ones.
    :return: The folder of Odoo, and that of its Python environment.
    """
    with _setup_lock():
        debian_packages.install_missing([*debian_packages.BASE_PACKAGES, *further_packages])
        source = odoo_server.find_source()
        return source, python_environment.prepare(python_environment.ODOO_REQUIREMENTS)


def _prepare_tools() -> Path:
    """Return the folder of the checking tools' Python environment, made if it isn't there yet."""
    with _setup_lock():
        return python_environment.prepare(python_environment.LINT_REQUIREMENTS)


@contextmanager
def _odoo(further_packages: Iterable[str] = ()) -> Iterator[odoo_server.Odoo]:
    """Have everything set up and PostgreSQL running.

    :param further_packages: Debian packages needed besides the usual ones.
    :return: Odoo.
    """
    source, environment = _prepare(further_packages)
    with postgresql.Cluster(environment).running() as cluster:
        yield odoo_server.Odoo(source, environment, cluster)


def run(options: Namespace) -> int:
    """Run the server with the demo database."""
    demo = (demos.StripeDemo if options.stripe else demos.Demo)(options.port)
    with _odoo() as odoo:
        run_server.serve(odoo, demo, options.reset)
    return 0


def test(options: Namespace) -> int:
    """Run the tests."""
    debian_packages.provide_browser()
    with _odoo(debian_packages.BROWSER_PACKAGES) as odoo:
        return test_run.run(odoo, options.further_arguments)


def test_stripe_releases(_options: Namespace) -> int:
    """Run the tests about Stripe with both releases of its library."""
    with _odoo() as odoo:
        return stripe_releases.run(odoo)


def unit(options: Namespace) -> int:
    """Run the tests that need no database."""
    source, environment = _prepare()
    odoo = odoo_server.Odoo(source, environment, postgresql.Cluster(environment))
    return unit_run.run(odoo, options.further_arguments)


def native(options: Namespace) -> int:
    """Run the addon's tests as Odoo itself does."""
    debian_packages.provide_browser()
    with _odoo(debian_packages.BROWSER_PACKAGES) as odoo:
        return native_run.run(odoo, alone=options.alone)


def glue(options: Namespace) -> int:
    """Run the tests of the glue addons."""
    debian_packages.provide_browser()
    with _odoo(debian_packages.BROWSER_PACKAGES) as odoo:
        return max(
            test_run.run_glue(odoo, [addon], options.further_arguments)
            for addon in paths.glue_addons()
            if not options.addons or addon.name in options.addons
        )


def providers(options: Namespace) -> int:
    """Run the tests of other providers than Stripe."""
    if options.write:
        os.environ[paths.WRITE_ABILITIES] = '1'
    with _odoo() as odoo:
        return test_run.run_providers(odoo, options.further_arguments)


def compare_odoo_tests(options: Namespace) -> int:
    """Run Odoo's own tests with the addons and without them, and compare."""
    chosen = [
        addon for addon in paths.addons() if not options.addons or addon.name in options.addons
    ]
    debian_packages.provide_browser()
    with _odoo(debian_packages.BROWSER_PACKAGES) as odoo:
        return odoo_own_tests.run(odoo, chosen)


def walk_beside_neighbours(_options: Namespace) -> int:
    """Walk through the addon beside the modules that shops have, both ways round."""
    with _odoo() as odoo:
        return neighbours_run.run(odoo)


def torture(options: Namespace) -> int:
    """Kill charge runs at every boundary, and compare the books with the gateway's ledger."""
    with _odoo() as odoo:
        return torture_run.run(
            odoo,
            options.events,
            options.seed,
            options.cells,
            options.debits,
            options.adyen,
        )


def check_protocol(_options: Namespace) -> int:
    """Have a model checker search the charge protocol, the checkout, and their mistakes."""
    with _setup_lock():
        debian_packages.install_missing(protocol_check.PACKAGES)
    return protocol_check.run()


def bench(options: Namespace) -> int:
    """Measure what the charge run costs."""
    with _odoo() as odoo:
        return bench_run.run(odoo, options.events, options.latency, options.workers, options.json)


def bench_lists(options: Namespace) -> int:
    """Measure what opening the lists and reports costs."""
    with _odoo() as odoo:
        return bench_lists_run.run(odoo, options.orders, options.events, options.json)


def bench_install(options: Namespace) -> int:
    """Measure what installing the addon costs."""
    with _odoo() as odoo:
        return bench_install_run.run(odoo, options.orders, options.json)


def bench_increase(options: Namespace) -> int:
    """Measure what a price increase of many subscriptions costs."""
    with _odoo() as odoo:
        return bench_increase_run.run(odoo, options.orders, options.json)


def bench_pages(options: Namespace) -> int:
    """Measure how long customers with a slow line wait."""
    debian_packages.provide_browser()
    with _odoo(debian_packages.BROWSER_PACKAGES) as odoo:
        return bench_pages_run.run(odoo, options.json)


def bench_usage(options: Namespace) -> int:
    """Measure what usage costs that comes in, and that is there."""
    with _odoo() as odoo:
        return bench_usage_run.run(odoo, options.records, options.rows, options.json)


def check(_options: Namespace) -> int:
    """Run the checks that need no test run."""
    with _odoo() as odoo:
        return lint.run(odoo, _prepare_tools())


def shell(_options: Namespace) -> int:
    """Open Odoo's shell on the demo database."""
    with _odoo() as odoo:
        configuration = run_server.prepare_database(odoo, demos.Demo(DEFAULT_PORT))
        command = odoo.command('shell', f'--config={configuration}', '--no-http')
        return console.run_interactive(command, env=odoo.variables())


def psql(_options: Namespace) -> int:
    """Open psql on the demo database."""
    with _odoo() as odoo:
        demo = demos.Demo(DEFAULT_PORT)
        run_server.prepare_database(odoo, demo)
        command: list[str | Path] = [odoo.cluster.programs / 'psql', demo.database]
        return console.run_interactive(command, env=odoo.cluster.variables())


def export_terms(_options: Namespace) -> int:
    """Bring the templates of the translations up to date, and the translations with them."""
    with _odoo() as odoo:
        translations.write(odoo, _prepare_tools())
    return 0


def draw_rooms(_options: Namespace) -> int:
    """Bring the map of the rooms up to date."""
    with _odoo() as odoo:
        foreign = rooms.read_foreign_names(paths.ADDON, odoo.source)
    rooms.write_map(rooms.DOCUMENT, rooms.draw_map(paths.ADDON, foreign))
    return 0


def note_schema(_options: Namespace) -> int:
    """Note the database structure of this version, for the tests of the next one."""
    with _odoo() as odoo:
        released_schema.write(odoo)
    return 0


def lock(_options: Namespace) -> int:
    """Lock the newest versions of all Python packages."""
    with _setup_lock():
        debian_packages.install_missing(debian_packages.BASE_PACKAGES)
        python_environment.write_locks()
    return 0
