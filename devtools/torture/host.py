"""A process with Odoo loaded that forks the processes to be killed, steered by lines of JSON.

Forking makes a fresh Odoo process in milliseconds. Started by `odoo_host.py`, not by people.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg2
import requests

import odoo
from odoo import SUPERUSER_ID, api, fields, sql_db
from odoo.modules.registry import Registry

from devtools import quick_odoo
from devtools.torture import books, changes, notices, orders, plan, staff, usage, world
from devtools.torture.adversary import World
from devtools.torture.verdict import CheckoutBooks, EventBooks, OrderBooks

_logger = logging.getLogger(__name__)

FINISHED = 0
FAILED = 1
DISCONNECTED = 3
# How often a run may find nothing to do though something is due, because others hold it.
IDLE_RUNS = 40
# How many batches a worker that is to die may take to get there.
RUNS_OF_THE_DOOMED = 5
SECONDS_BETWEEN_IDLE_RUNS = 0.02
# How often a worker that is to die tries again after another one was faster, which then is the
# one that gets to the boundary.
DEFEATS_OF_THE_DOOMED = 2


class Host:
    """The loaded Odoo."""

    def __init__(self, database: str) -> None:
        """Load a database.

        :param str database: Its name.
        """
        self.database = database
        self.registry = Registry(database)
        quick_odoo.prepare()

    @contextmanager
    def new_environment(self) -> Iterator[api.Environment]:
        """Give the superuser's environment with a cursor of its own, committed at the end."""
        with self.registry.cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {})

    # === COMMANDS === #

    def create_orders(
        self,
        gateway: str,
        key: str,
        webhook_secret: str,
        events: int,
        debit_share: int | None,
        adyen_share: int | None,
    ) -> None:
        """Create orders with so many due events; one in so many is debited from an account."""
        with self.new_environment() as env:
            orders.prepare(env, gateway, key, has_debits=bool(debit_share), adyen_share=adyen_share)
            provider = env.ref('payment.payment_provider_stripe')
            provider.stripe_webhook_secret = webhook_secret
            orders.create(
                env,
                events,
                types=plan.PURCHASE_TYPES,
                held_back_share=orders.HELD_BACK_SHARE,
                debit_share=debit_share,
            )
        with self.new_environment() as env:
            # Forked processes inherit the caches that this fills.
            first = env['billpro.billing.event'].search([], limit=len(plan.PURCHASE_TYPES))
            env['billpro.billing.run']._run_events(first)
        # Collecting what they inherit would only make them copy its pages.
        quick_odoo.collect_rarely()

    def create_usage(self, orders: int, seconds_ahead: int) -> None:
        """Create so many orders that are charged by usage."""
        with self.new_environment() as env:
            usage.create(env, orders, self._get_time(seconds_ahead))

    def count_usage_payments(self) -> int:
        """Return how many payments bill usage."""
        with self.new_environment() as env:
            return usage.count_payments(env)

    def judge_usage(self, records: int) -> list[str]:
        """Return what is wrong with what was billed of so many records of each order."""
        with self.new_environment() as env:
            return usage.judge(env, records)

    def create_changes(self, orders: int, seconds_ahead: int) -> None:
        """Create so many subscriptions that are changed."""
        with self.new_environment() as env:
            changes.create(env, orders, self._get_time(seconds_ahead))

    def count_changes(self) -> tuple[int, int, int]:
        """Return how many payments they have, changes that are done, and early payments."""
        with self.new_environment() as env:
            return changes.count_payments(env)

    def judge_changes(self) -> list[str]:
        """Return what is wrong with what was changed and paid early."""
        with self.new_environment() as env:
            return changes.judge(env)

    def prepare_adversary(self, checkouts: int) -> World:
        """Make what the adversary needs, with so many orders that can be paid."""
        with self.new_environment() as env:
            return world.prepare(env, checkouts)

    def count_events(self, seconds_ahead: int) -> dict[str, int]:
        """Return how many events there are in each status, and how many are due then or later."""
        now = self._get_time(seconds_ahead)
        with self.new_environment() as env:
            return books.count_events(env, now)

    def have_openable_orders(self, count: int) -> None:
        """See to it that payments of so many orders can be opened, while any are held back."""
        with self.new_environment() as env:
            if (missing := count - books.count_openable_orders(env)) > 0:
                orders.bring_forward(env, missing)

    def read_events(self) -> list[EventBooks]:
        """Return what the books say about each event."""
        with self.new_environment() as env:
            return books.read_events(env)

    def read_orders(self) -> list[OrderBooks]:
        """Return what the books say about each order."""
        with self.new_environment() as env:
            return books.read_orders(env)

    def read_checkouts(self) -> list[CheckoutBooks]:
        """Return what the books say about each order that is paid at the checkout."""
        with self.new_environment() as env:
            return books.read_checkouts(env)

    def give_up_what_was_changed(self, seconds_ahead: int) -> int:
        """Let a person cancel what can't be invoiced any more because others were skipped."""
        now = self._get_time(seconds_ahead)
        return staff.give_up_what_was_changed(self.new_environment, now)

    def keep_some_notices(self, count: int) -> int:
        """Return how many notices are left to be sent."""
        with self.new_environment() as env:
            return notices.keep_some(env, count)

    def judge_notices(self, sent: int) -> list[str]:
        """Return what is wrong with the notices."""
        with self.new_environment() as env:
            return notices.judge(env, sent)

    def _get_time(self, seconds_ahead: int) -> datetime:
        """Return what time it is for the workers, whose clocks are ahead of this process's."""
        time_there: datetime = fields.Datetime.add(fields.Datetime.now(), seconds=seconds_ahead)
        return time_there

    def answer_questions(self, references: list[str]) -> int:
        """Let a person answer what no machine knows."""
        return staff.say_what_happened(self.new_environment, set(references))

    def start(self, task: str, **options: Any) -> int:
        """Start a process.

        :param str task: `work`, `act`, `use`, `confirm` or `send`.
        :return: Its process id.
        :rtype: int
        """
        # A connection must not be shared by two processes.
        sql_db.close_all()
        process = os.fork()
        if process:
            return process
        status = FAILED
        try:
            # What the parent is asked and answers is none of the child's business.
            os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
            status = getattr(self, f'_{task}')(**options)
        except Exception:
            _logger.exception("A %s process failed", task)
        finally:
            os._exit(status)

    def poll(self, process: int) -> int | None:
        """Return the exit status of a process, negative if a signal ended it; None if it runs."""
        found, status = os.waitpid(process, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if found else None

    def wait(self, process: int) -> int:
        """Wait for a process and return its exit status."""
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

    # === TASKS OF FORKED PROCESSES === #

    def _work(
        self,
        *,
        seconds_ahead: int,
        patience: float,
        batch: int,
        threads: int,
        crash: list[Any] | None = None,
    ) -> int:
        """Let a worker collect until nothing is due, or until it dies.

        :param int seconds_ahead: How far its clock is ahead of the machine's.
        :param float patience: For how many seconds it waits for the gateway.
        :param int batch: How many events it opens at a time.
        :param int threads: How many attempts it has under way at once.
        :param list crash: Boundary, passes and manner of its death.
        :rtype: int
        """
        crash_points = sys.modules['odoo.addons.billpro_fake_gateway.crash_points']
        self._prepare(seconds_ahead, patience, batch, threads)
        if crash:
            crash_points.arm(*crash)
            self._stop_after_batch()
        defeats = 0
        for _run in range(RUNS_OF_THE_DOOMED if crash else IDLE_RUNS):
            if crash and defeats >= DEFEATS_OF_THE_DOOMED:
                break
            try:
                with self.new_environment() as env:
                    env['billpro.webhook.event']._cron_process()
                with self.new_environment() as env:
                    env['billpro.billing.run']._cron_run()
                if not crash:
                    with self.new_environment() as env:
                        env['payment.transaction']._cron_post_process()
                    with self.new_environment() as env:
                        env['billpro.webhook.event']._cron_ask_for_disputes()
                with self.new_environment() as env:
                    if not books.is_anything_left(env):
                        break
            except psycopg2.errors.SerializationFailure:
                _logger.warning("A run gave way to another one")
                defeats += 1
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                if not crash_points.is_done():
                    raise
            if crash_points.is_done():
                break
            time.sleep(SECONDS_BETWEEN_IDLE_RUNS)
        return DISCONNECTED if crash_points.is_done() else FINISHED

    def _act(
        self,
        *,
        seconds_ahead: int,
        patience: float,
        batch: int,
        threads: int,
        seed: int,
        count: int,
    ) -> int:
        """Let people work on the orders.

        :param int seed: What their deeds depend on.
        :param int count: How many things they do.
        :rtype: int
        """
        self._prepare(seconds_ahead, patience, batch, threads)
        staff.act(self.new_environment, random.Random(seed), count)  # noqa: S311
        return FINISHED

    def _use(
        self,
        *,
        seconds_ahead: int,
        patience: float,
        batch: int,
        threads: int,
        seed: int,
        records: int,
    ) -> int:
        """Send usage: so many records of each order.

        :rtype: int
        """
        self._prepare(seconds_ahead, patience, batch, threads)
        usage.send(self.new_environment, random.Random(seed), records)  # noqa: S311
        return FINISHED

    def _confirm(
        self,
        *,
        seconds_ahead: int,
        patience: float,
        batch: int,
        threads: int,
        seed: int,
        crash: list[Any],
    ) -> int:
        """Confirm changes and early payments until this process dies.

        :param int seed: What is chosen.
        :param list crash: Boundary, passes and manner of its death.
        :rtype: int
        """
        crash_points = sys.modules['odoo.addons.billpro_fake_gateway.crash_points']
        self._prepare(seconds_ahead, patience, batch, threads)
        crash_points.arm(*crash)
        try:
            changes.confirm(self.new_environment, random.Random(seed))  # noqa: S311
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            if not crash_points.is_done():
                raise
        return DISCONNECTED if crash_points.is_done() else FINISHED

    def _send(self, *, seconds_ahead: int, patience: float, batch: int, threads: int) -> int:
        """Send the notices.

        :rtype: int
        """
        self._prepare(seconds_ahead, patience, batch, threads)
        notices.send_all(self.new_environment)
        return FINISHED

    def _stop_after_batch(self) -> None:
        """Let each run end after one batch, as the scheduler does when its time is over."""
        jobs = self.registry['ir.cron']
        commit_progress = jobs._commit_progress

        def commit_progress_and_stop(records: Any, *arguments: Any, **options: Any) -> int:
            commit_progress(records, *arguments, **options)
            return 0

        jobs._commit_progress = commit_progress_and_stop

    def _prepare(self, seconds_ahead: int, patience: float, batch: int, threads: int) -> None:
        """Change this process's clock and settings."""
        real_now = fields.Datetime.now
        fields.Datetime.now = lambda *_arguments: fields.Datetime.add(
            real_now(), seconds=seconds_ahead
        )
        request = requests.sessions.Session.request

        def request_impatiently(*arguments: Any, **options: Any) -> requests.Response:
            return request(*arguments, **{**options, 'timeout': patience})

        # What is replaced is a method, as everybody's requests must be impatient.
        requests.sessions.Session.request = request_impatiently  # type: ignore[method-assign]
        run = sys.modules['odoo.addons.billpro_portal.models.charging.billing_run']
        vars(run)['BATCH_SIZE'] = batch
        outcomes = sys.modules['odoo.addons.billpro_portal.models.charging.payment_transaction']
        vars(outcomes)['INQUIRY_BATCH_SIZE'] = batch
        parameters = self.registry['ir.config_parameter']
        get_param = parameters.get_param

        def get_own_param(records: Any, key: str, default: Any = False) -> Any:
            if key == 'billpro_portal.charge_workers':
                return threads
            return get_param(records, key, default)

        parameters.get_param = get_own_param


def main() -> None:
    """Answer each line of JSON, a command with its options, with another one."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--config', required=True)
    parser.add_argument('--database', required=True)
    options = parser.parse_args()
    odoo.tools.config.parse_config(
        [
            *('--config', options.config, '--no-http', '--log-level', 'warn'),
            # Thousands of refused requests are what this is about.
            *('--log-handler', 'odoo.addons.payment.models.payment_provider:CRITICAL'),
        ],
        setup_logging=True,
    )
    host = Host(options.database)
    for line in sys.stdin:
        command, arguments = json.loads(line)
        try:
            answer = {'answer': getattr(host, command)(**arguments)}
        except Exception as error:
            _logger.exception("The command %s failed", command)
            answer = {'error': str(error) or repr(error)}
        print(json.dumps(answer), flush=True)


if __name__ == '__main__':
    main()
