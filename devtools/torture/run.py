"""`./dev torture`: charge under fire, then compare the books with the gateway's ledger."""

import time

from devtools import console, databases, paths
from devtools.fake_gateway import FakeGateway
from devtools.torture import odoo_host, verdict
from devtools.torture.driver import Driver

ADDONS = paths.CHECKOUT / 'devtools/odoo_addons'
FAKE_GATEWAY_ADDON = 'billpro_fake_gateway'
SHOWN_PROBLEMS = 20
EVENTS_PER_RANDOM_KILL = 100


def run(odoo, events, seed):
    """Charge events while everything goes wrong, and tell whether each was charged once.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param int events: How many events are due.
    :param int seed: What the choices depend on.
    :return: The exit code.
    :rtype: int
    """
    print(f"Seed: {seed}", flush=True)
    every = databases.Databases(odoo)
    with every.temporary(every.dependencies_template(), 'torture') as database:
        configuration = write_configuration(odoo, database)
        with console.step("Installing the addons"):
            odoo.update(configuration, install=[paths.ADDON_NAME, FAKE_GATEWAY_ADDON])
        log = paths.log_directory() / 'torture.log'
        with (
            FakeGateway() as gateway,
            odoo_host.running(odoo, configuration, database, log) as host,
        ):
            problems = _torture(host, gateway, events, seed)
    for problem in problems[:SHOWN_PROBLEMS]:
        print(problem)
    if problems:
        print(f"{len(problems)} problems. Seed: {seed}. Odoo's log: {log}", flush=True)
    return 1 if problems else 0


def write_configuration(odoo, database):
    """Write the settings of a database that has the fake gateway's addon.

    :param Odoo odoo: Odoo.
    :param str database: The name of the database.
    :return: The configuration file.
    :rtype: Path
    """
    addons = ','.join(str(path) for path in [*odoo.addons_path(), ADDONS])
    return odoo.write_configuration(database, addons_path=addons, max_cron_threads=0)


def _torture(host, gateway, events, seed):
    """Torture the orders of a database; return what is wrong.

    :rtype: list[str]
    """
    with console.step(f"Making {events} due events"):
        host.create_orders(gateway=gateway.url, key=gateway.secret_key, events=events)
    driver = Driver(host, gateway, seed)
    began = time.monotonic()
    with console.step("Killing at every boundary with every fault"):
        driver.run_matrix()
    with console.step("Killing at random"):
        driver.run_at_random(events // EVENTS_PER_RANDOM_KILL)
    with console.step("Letting everything come to rest"):
        driver.run_in_peace()
    seconds = time.monotonic() - began
    books = host.read_books()
    wrong, kinds = verdict.judge(books, gateway.ledger)
    statuses = host.count_events()
    counts = driver.counts
    print(
        f"{len(books)} events: "
        + ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
        + f"\n{sum(driver.reached.values())} cells, {counts['workers']} workers,"
        f" {counts['kills']} killed, {counts['disconnects']} disconnected,"
        f" {counts['faults']} faults, {counts['deeds']} deeds of people,"
        f" {counts['asked_people']} questions answered"
        f"\n{len(gateway.ledger.movements(kind='charge'))} charges,"
        f" {kinds['double_charge']} double, {kinds['lost_charge']} lost,"
        f" {kinds['stuck']} stuck, {sum(kinds.values())} wrong in all, {seconds:.0f} s",
        flush=True,
    )
    return driver.problems + wrong
