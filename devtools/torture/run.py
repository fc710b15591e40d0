"""`./dev torture`: charge under fire, then compare the books with the gateway's ledger."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

from devtools import console, databases, odoo_server, paths
from devtools.odoo_server import Odoo
from devtools.torture import odoo_host, plan, verdict
from devtools.torture.adversary import Adversary
from devtools.torture.adyen import Adyen
from devtools.torture.driver import Driver
from devtools.torture.post import Post
from fake_gateway import FakeGateway

SHOWN_PROBLEMS = 20
EVENTS_PER_ACT = 8
EVENTS_PER_RANDOM_KILL = 50
# Making a mail takes longer than charging: of the many notices some are sent.
EVENTS_PER_SENT_NOTICE = 3
CHANGED_ORDERS = 16
USAGE_ORDERS = 12
# Of each of them.
USAGE_RECORDS = 60


def run(
    odoo: Odoo,
    events: int,
    seed: int,
    cells: str,
    debit_share: int | None = None,
    adyen_share: int | None = None,
) -> int:
    """Charge events while everything goes wrong, and tell whether each was charged once.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    :param int events: How many events are due.
    :param int seed: What the choices depend on.
    :param str cells: Which cells of the matrix, a key of `plan.CHOICES`.
    :param int|None debit_share: One order in so many is debited from a bank account, which takes
                                 days.
    :param int|None adyen_share: One customer in so many has the stored cards at Adyen.
    :return: The exit code.
    :rtype: int
    """
    print(f"Seed: {seed}", flush=True)
    every = databases.Databases(odoo)
    with every.temporary(every.addon_template(), 'torture') as database:
        configuration = write_configuration(odoo, database)
        with console.step("Installing the addon of the fake gateway"):
            others = ['payment_adyen'] if adyen_share else []
            odoo.update(configuration, install=[paths.FAKE_GATEWAY_ADDON, *others])
        if cells == 'cover':
            # What is charged how often doesn't depend on them; the whole matrix has all.
            every.drop_search_indexes(database)
            odoo.has_few_rows = True
        log = paths.log_directory() / 'torture.log'
        server_log = paths.log_directory() / 'torture-server.log'
        port = odoo_server.free_port()
        numbers = random.Random(seed)  # noqa: S311
        with (
            FakeGateway() as gateway,
            odoo_host.running(odoo, configuration, database, log) as host,
            odoo.serving(configuration, port, server_log) as server,
        ):
            address = f'http://{odoo_server.HOST}:{port}'
            post = Post(gateway, address, numbers)
            Adyen(gateway, address)
            # Until the server is there, which starts meanwhile.
            post.hold()
            with console.step(f"Making {events} due events"):
                host.create_orders(
                    gateway=gateway.url,
                    key=gateway.secret_key,
                    webhook_secret=post.secret,
                    events=events,
                    debit_share=debit_share,
                    adyen_share=adyen_share,
                )
            acts = plan.adversary(numbers, events // EVENTS_PER_ACT)
            checkouts = sum(act.needs_checkout for act in acts)
            with console.step(f"Making {checkouts} orders to pay"):
                world = host.prepare_adversary(checkouts=checkouts)
            with console.step("Waiting for the server that receives webhooks"):
                odoo_server.wait_until_ready(server, port, server_log)
            adversary = Adversary(
                world,
                gateway,
                address,
                random.Random(seed),  # noqa: S311
                paths.log_directory() / 'torture-adversary.log',
            )
            adversary.begin(acts)
            driver = Driver(host, gateway, post, numbers)
            problems = _torture(driver, adversary, events, cells, returns=bool(debit_share))
    for problem in problems[:SHOWN_PROBLEMS]:
        print(problem)
    if problems:
        print(f"{len(problems)} problems. Seed: {seed}. Odoo's log: {log}", flush=True)
    return 1 if problems else 0


def write_configuration(odoo: Odoo, database: str) -> Path:
    """Write the settings of a database that has the fake gateway's addon.

    :param Odoo odoo: Odoo.
    :param str database: The name of the database.
    :return: The configuration file.
    :rtype: Path
    """
    addons = ','.join(str(path) for path in [*odoo.addons_path(), paths.DEVELOPMENT_ADDONS])
    return odoo.write_configuration(
        database, addons_path=addons, max_cron_threads=0, log_level='warn'
    )


def _torture(
    driver: Driver, adversary: Adversary, events: int, cells: str, *, returns: bool
) -> list[str]:
    """Torture the orders of a database; return what is wrong.

    :rtype: list[str]
    """
    began = time.monotonic()
    chosen = plan.CHOICES[cells](driver.numbers)
    with console.step(f"Killing at boundaries with faults, {cells}: {len(chosen)} cells"):
        driver.run_cells(chosen)
    with console.step("Killing at random"):
        driver.run_at_random(events // EVENTS_PER_RANDOM_KILL)
    if returns:
        of_returns = plan.returns(driver.numbers, cells)
        with console.step(f"Returning debits that were paid: {len(of_returns)} cells"):
            driver.run_returns(of_returns)
    with console.step("Killing while periods of usage close and records arrive"):
        driver.run_usage(USAGE_ORDERS, USAGE_RECORDS)
    if cells == 'all':  # It takes minutes, and is for the night.
        with console.step("Killing while customers change and pay early"):
            driver.run_changes(CHANGED_ORDERS)
    with console.step("Waiting for the adversary"):
        adversary.end()
    with console.step("Letting everything come to rest"):
        driver.run_in_peace()
    with console.step("Delivering late webhooks"):
        driver.run_late_post()
    with console.step("Sending notices by two workers at once"):
        driver.run_outbox(events // EVENTS_PER_SENT_NOTICE)
    problems = driver.problems + adversary.problems
    seconds = time.monotonic() - began
    return problems + _report(driver, adversary, events, seconds)


def _report(driver: Driver, adversary: Adversary, events: int, seconds: float) -> list[str]:
    """Compare the books with the ledger and print the figures; return what is wrong.

    :rtype: list[str]
    """
    host, gateway = driver.host, driver.gateway
    books = host.read_events()
    orders = host.read_orders()
    wrong, kinds = verdict.judge(books, host.read_checkouts(), gateway.ledger)
    wrong_orders, kinds_of_orders = verdict.judge_orders(orders)
    kinds += kinds_of_orders
    statuses = host.count_events(seconds_ahead=driver.seconds_ahead)
    counts, post = driver.counts, driver.post.count()
    paid_by_type = Counter(event['type'] for event in books if event['status'] in verdict.PAID)
    finals = sum(
        invoice['is_final']
        for order in orders
        if order['type'] == 'instalment'
        for invoice in order['invoices']
    )
    print(
        f"{len(books)} events: "
        + ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
        + "\nPaid: "
        + ", ".join(f"{count} {name}" for name, count in sorted(paid_by_type.items()))
        + f"; {finals} final invoices\n{post['sent']} webhooks, {post['repeated']} repeated,"
        f" {post['lost']} lost at first, {post['refused']} not accepted at once"
        + f"\n{sum(driver.reached.values())} cells, {counts['workers']} workers,"
        f" {counts['kills']} killed, {counts['disconnects']} disconnected,"
        f" {counts['faults']} faults, {counts['deeds']} deeds of people,"
        f" {counts['asked_people']} questions answered, {counts['given_up']} given up,"
        f" {counts['returns']} debits returned,"
        f" {counts['notices']} notices sent by two workers\nadversary: "
        + ", ".join(f"{adversary.counts[kind]} {kind}" for kind in plan.ADVERSARY)
        + f"; {adversary.counts['accepted']} accepted, {adversary.counts['refused']} refused"
        f"\n{len(gateway.ledger.movements(kind='charge'))} charges,"
        f" {kinds['double_charge']} double, {kinds['lost_charge']} lost,"
        f" {kinds['stuck']} stuck, {sum(kinds.values())} wrong in all, {seconds:.0f} s",
        flush=True,
    )
    usage_payments = host.count_usage_payments()
    wrong_usage = host.judge_usage(records=USAGE_RECORDS)
    print(
        f"{USAGE_ORDERS * USAGE_RECORDS} records of usage billed by {usage_payments} payments,"
        f" {counts['usage_deaths']} workers died closing, {len(wrong_usage)} wrong",
        flush=True,
    )
    change_payments, changes, early = host.count_changes()
    wrong_changes = host.judge_changes()
    if counts['change_deaths']:
        print(
            f"{change_payments} payments of {CHANGED_ORDERS} changed orders, {changes} changes"
            f" done, {early} payments made early, {counts['change_deaths']} customers' processes"
            f" died, {len(wrong_changes)} wrong",
            flush=True,
        )
    problems: list[str] = wrong + wrong_orders + wrong_usage + wrong_changes
    # What was not tried proves nothing.
    if len(books) != events + usage_payments + change_payments:
        problems.append(
            f"{len(books)} events instead of {events}, {usage_payments} of usage and"
            f" {change_payments} of changes"
        )
    if counts['change_deaths'] and not (changes and early):
        problems.append(f"{changes} changes and {early} early payments are too few")
    unpaid = sorted(name for name in plan.PURCHASE_TYPES if not paid_by_type[name])
    return problems + [f"Nothing of a {name} was paid" for name in unpaid]
