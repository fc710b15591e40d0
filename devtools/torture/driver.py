"""What happens to the workers, in order: the matrix, random kills, then peace."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from devtools.torture import plan
from devtools.torture.odoo_host import OdooHost
from devtools.torture.post import Post
from fake_gateway import FakeGateway
from fake_gateway.faults import Fault

# How long a worker waits for the gateway, and how long a gateway that hangs does.
PATIENCE = 0.3
LONG_PATIENCE = 10
SECONDS_HELD = 60
# What a charge of a run asks for, at Stripe or Adyen, and nobody else: the faults are for it alone.
CHARGE = {'method': 'POST', 'path': '/*/payment*', 'parameters': {'confirm': 'true'}}
# What is asked about a debit that was returned.
DISPUTE = {'method': 'GET', 'path': '/v1/disputes/*'}
# Why banks return debits: one reason may be gone some days later, the other one stays.
RETURN_REASONS = ('AM04', 'AM04', 'MD06')
WEEKS_UNTIL_RETURNS = 3
MATRIX_BATCH = 2
BATCH = 20
TRIES_PER_CELL = 10
# Of how many orders payments can be opened before a cell: both workers fill two batches.
OPENABLE_ORDERS = 2 * 2 * MATRIX_BATCH
# One event in so many loses its first answer, to be asked about in the second half of the matrix.
UNKNOWN_SHARE = 10
MINUTE, HOUR, DAY, WEEK = 60, 3600, 86400, 7 * 86400
SECONDS_BETWEEN_LOOKS = 0.01
ROUNDS_OF_PEACE = 40
DEEDS_IN_PEACE = 40
USAGE_CLIENTS = 2
USAGE_ROUNDS = 4

# Where a worker is to die, the how-manieth time it gets there, and how.
Crash = tuple[str, int, str]


class Driver:
    """Kills workers, breaks the gateway, and moves the clock."""

    def __init__(
        self, host: OdooHost, gateway: FakeGateway, post: Post, numbers: random.Random
    ) -> None:
        """Keep what is driven.

        :param OdooHost host: Where workers come from.
        :param FakeGateway gateway: What they charge at.
        :param Post post: How the gateway's webhooks come to Odoo.
        :param random.Random numbers: What all choices depend on.
        """
        self.host = host
        self.gateway = gateway
        self.post = post
        self.numbers = numbers
        self.seconds_ahead = 0
        self.reached: Counter[plan.Cell] = Counter()
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []

    # === PROCESSES === #

    def _start_worker(
        self,
        crash: Crash | None = None,
        *,
        patience: float = PATIENCE,
        batch: int = BATCH,
        threads: int = 1,
    ) -> int:
        self.counts['workers'] += 1
        process: int = self.host.start(
            task='work',
            seconds_ahead=self.seconds_ahead,
            patience=patience,
            batch=batch,
            threads=threads,
            crash=crash,
        )
        return process

    def _start_people(self, count: int, batch: int = BATCH) -> int:
        self.counts['deeds'] += count
        process: int = self.host.start(
            task='act',
            seconds_ahead=self.seconds_ahead,
            patience=PATIENCE,
            batch=batch,
            threads=1,
            seed=self.numbers.getrandbits(32),
            count=count,
        )
        return process

    def _kill(self, process: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)

    def _wait(self, process: int, name: str) -> bool:
        """Wait for a process; return whether it died as planned."""
        return self._end(self.host.wait(process=process), name)

    def _end(self, status: int, name: str) -> bool:
        """Count how a process ended; return whether it died as planned."""
        kinds = {0: 'finished', 3: 'disconnects', -signal.SIGKILL: 'kills'}
        if status not in kinds:
            self.problems.append(f"{name} ended with status {status}: see the log")
        self.counts[kinds.get(status, 'failures')] += 1
        return status in {3, -signal.SIGKILL}

    # === THE MATRIX === #

    def run_cells(self, cells: Iterable[plan.Cell]) -> None:
        """Let both workers die at boundaries with faults.

        :param list cells: Cells of the matrix, first charges before inquiries.
        """
        self._leave_unknown_attempts()
        self._run_each(cells)

    def run_returns(self, cells: Iterable[plan.Cell]) -> None:
        """Let both workers die while banks take back debits that were paid weeks ago.

        :param list cells: Cells at boundaries of returns.
        """
        for _week in range(WEEKS_UNTIL_RETURNS):
            self.move_clock(WEEK)
            self._wait(self._start_worker(patience=LONG_PATIENCE), "worker before returns")
        for cell in cells:
            self._run_each([cell])
            # What was returned is tried again meanwhile, paid, and may be returned once more.
            self.move_clock(DAY)

    def _run_each(self, cells: Iterable[plan.Cell]) -> None:
        for cell in cells:
            for _try in range(TRIES_PER_CELL):
                if cell.is_return:
                    self._return_debit()
                elif not cell.is_inquiry:
                    # Orders whose payments wait for an answer have nothing to be opened.
                    self.host.have_openable_orders(count=OPENABLE_ORDERS)
                if self._run_cell(cell):
                    self.reached[cell] += 1
                    break
                if cell.is_inquiry or cell.is_return:
                    # What has no answer is asked about again.
                    self.move_clock(HOUR)
            else:
                due = self.host.count_events(seconds_ahead=self.seconds_ahead)['due']
                self.problems.append(f"Not reached: {cell}, with {due} due")

    def _run_cell(self, cell: plan.Cell) -> bool:
        if cell.boundary in plan.DURING_CALL:
            return self._run_call_cell(cell)
        if cell.is_inquiry and self.seconds_ahead == 0:
            self.move_clock(5 * MINUTE)
        if cell.is_return:
            # Nothing else tells of it.
            self.post.deliver_queued()
        else:
            self.post.deliver_somehow()
        if cell.needs_answered_attempt:
            # Otherwise its webhook would have it booked before the workers get there.
            self.post.hold()
            self._leave_answered_attempt()
        fault = self._break_gateway(
            cell.fault, cell.spoiled_charges, DISPUTE if cell.is_return else CHARGE
        )
        workers = [
            self._start_worker(
                (cell.boundary, cell.passes(self.numbers), manner),
                batch=MATRIX_BATCH,
                threads=threads,
            )
            for manner, threads in self._manners()
        ]
        people = self._start_people(1, batch=MATRIX_BATCH)
        died = [self._wait(worker, str(cell)) for worker in workers]
        self._wait(people, f"people, {cell}")
        happened = self._repair_gateway(fault, cell.spoiled_charges)
        return any(died) and happened

    def _leave_unknown_attempts(self) -> None:
        """Charge some events whose answers are lost."""
        count = self.host.count_events(seconds_ahead=0)['due'] // UNKNOWN_SHARE
        fault = self._break_gateway('drop_after')
        # Otherwise the webhooks would tell what is to be asked about.
        self.post.hold()
        self._wait(
            self._start_worker(('book.after_commit', 1, 'kill'), batch=count, threads=4),
            "preparation",
        )
        self._repair_gateway(fault)
        self.post.lose()

    def _leave_answered_attempt(self) -> None:
        """Let a worker die between the gateway's answer and the booking."""
        worker = self._start_worker(('outcome.after_commit', 1, 'kill'), batch=MATRIX_BATCH)
        self._wait(worker, "preparation")

    def _return_debit(self) -> None:
        """Let the bank take back a debit that was paid, if there is any."""
        returned = {one.payment_intent for one in self.gateway.ledger.movements(kind='dispute')}
        paid = [
            intent['id']
            for intent in self.gateway.find_all('payment_intent')
            if intent['status'] == 'succeeded'
            and 'us_bank_account' in intent['payment_method_types']
            and intent['id'] not in returned
        ]
        if paid:
            reason = self.numbers.choice(RETURN_REASONS)
            self.gateway.return_debit(self.numbers.choice(paid), reason=reason)
            self.counts['returns'] += 1

    def _manners(self) -> list[tuple[str, int]]:
        """Return how the two workers die, and how many attempts each has under way."""
        manners = [('kill', 1), ('disconnect', 4)]
        if self.numbers.random() < 0.5:
            manners = [('kill', 4), ('disconnect', 1)]
        return manners

    def _run_call_cell(self, cell: plan.Cell) -> bool:
        """Kill a worker from outside while the gateway holds its request."""
        self.post.deliver_somehow()
        held = self.gateway.faults.add(cell.fault, seconds=SECONDS_HELD, **CHARGE)
        worker = self._start_worker(batch=MATRIX_BATCH, patience=LONG_PATIENCE)
        is_held = self.gateway.faults.wait_until_held()
        self._kill(worker)
        died = self._wait(worker, str(cell))
        if cell.boundary == 'call.during.released_before_retry':
            self.gateway.faults.clear()
        other = self._start_worker(('outcome.after_commit', 1, 'kill'), batch=MATRIX_BATCH)
        self._wait(other, str(cell))
        self.gateway.faults.clear()
        self.counts['faults'] += 1
        return is_held and died and held.times == 0

    def _break_gateway(
        self,
        kind: str,
        charges: int = plan.EVERY_CHARGE,
        requests: dict[str, Any] = CHARGE,
    ) -> Fault | None:
        """Let some requests go wrong; return the fault, if the gateway counts it."""
        if kind == plan.NO_FAULT:
            return None
        if kind == plan.REFUSED:
            self.gateway.refuse_connections()
            self.counts['faults'] += 1
            return None
        return self.gateway.faults.add(
            kind,
            times=charges,
            seconds=SECONDS_HELD if kind in plan.HANGS else 0,
            **requests,
        )

    def _repair_gateway(self, fault: Fault | None, charges: int = plan.EVERY_CHARGE) -> bool:
        """Let nothing go wrong any more; return whether something did that had to."""
        happened = charges - (fault.times or 0) if fault else 0
        self.counts['faults'] += happened
        # What was held is executed now, after its client has gone.
        self.gateway.faults.clear()
        self.gateway.accept_connections()
        return fault is None or happened > 0

    # === USAGE === #

    def run_usage(self, orders: int, records: int) -> None:
        """Let workers die while they close periods of usage, and records of these arrive.

        :param int orders: How many orders are charged by usage.
        :param int records: How many each of them has; several clients send them all.
        """
        self.host.create_usage(orders=orders, seconds_ahead=self.seconds_ahead)
        clients = [
            self.host.start(
                task='use',
                seconds_ahead=self.seconds_ahead,
                patience=PATIENCE,
                batch=BATCH,
                threads=1,
                seed=self.numbers.getrandbits(32),
                records=records,
            )
            for _number in range(USAGE_CLIENTS)
        ]
        for _round in range(USAGE_ROUNDS):
            for boundary in plan.USAGE_BOUNDARIES:
                workers = [
                    self._start_worker(
                        (boundary, self.numbers.randint(1, 3), manner), batch=MATRIX_BATCH
                    )
                    for manner in ('kill', 'disconnect')
                ]
                died = [self._wait(worker, boundary) for worker in workers]
                self.counts['usage_deaths'] += sum(died)
        for client in clients:
            self._wait(client, "client that sends usage")
        # What came last is late usage of the periods that were closed meanwhile.
        self.move_clock(2 * DAY)
        self._wait(self._start_worker(patience=LONG_PATIENCE), "worker after the usage")
        if not self.counts['usage_deaths']:
            self.problems.append("No worker died while it closed periods")

    # === CHANGES === #

    def run_changes(self, orders: int) -> None:
        """Let processes die in which customers confirm changes and early payments.

        :param int orders: How many subscriptions they have.
        """
        self.host.create_changes(orders=orders, seconds_ahead=self.seconds_ahead)
        self._wait(self._start_worker(patience=LONG_PATIENCE), "worker before the changes")
        boundaries = [one for phase in plan.FIRST_CHARGE_PHASES.values() for one in phase]
        for boundary in self.numbers.sample(boundaries, len(boundaries)):
            fault = self._break_gateway(self.numbers.choice([plan.NO_FAULT, *plan.FAULTS]), 2)
            clients = [
                self.host.start(
                    task='confirm',
                    seconds_ahead=self.seconds_ahead,
                    patience=PATIENCE,
                    batch=BATCH,
                    threads=1,
                    seed=self.numbers.getrandbits(32),
                    crash=(boundary, self.numbers.randint(1, 2), manner),
                )
                for manner in ('kill', 'disconnect')
            ]
            died = [self._wait(client, f"customer, {boundary}") for client in clients]
            self.counts['change_deaths'] += sum(died)
            self._repair_gateway(fault, 2)
            self.post.deliver_somehow()
            self.move_clock(5 * MINUTE)
            self._wait(self._start_worker(patience=LONG_PATIENCE), "worker after the changes")
        for seconds in (2 * HOUR, DAY, 3 * WEEK, HOUR):
            self.move_clock(seconds)
            self._wait(self._start_worker(patience=LONG_PATIENCE), "worker after the changes")
        if not self.counts['change_deaths']:
            self.problems.append("No customer's process died")

    # === AT RANDOM === #

    def run_at_random(self, kills: int) -> None:
        """Kill workers at random times among random faults until nothing is due.

        :param int kills: How many workers to kill at most.
        """
        faults = [
            self.gateway.faults.add(
                kind,
                times=plan.EVERY_CHARGE,
                probability=0.04,
                seed=self.numbers.getrandbits(32),
                seconds=SECONDS_HELD if kind in plan.HANGS else 0,
                **CHARGE,
            )
            for kind in plan.FAULTS
        ]
        workers = [self._start_worker(threads=4), self._start_worker()]
        for _kill in range(kills):
            self._give_up_what_was_changed()
            self.post.deliver_somehow()
            people = self._start_people(2)
            victim = self.numbers.randrange(2)
            until = len(self.gateway.requests) + self.numbers.randint(1, BATCH)
            ended = None
            while len(self.gateway.requests) < until and ended is None:
                ended = self.host.poll(process=workers[victim])
                time.sleep(SECONDS_BETWEEN_LOOKS)
            self._wait(people, "people")
            if ended is None:
                self._kill(workers[victim])
                self._wait(workers[victim], "random kill")
            else:
                self._end(ended, "worker")
                if not self.host.count_events(seconds_ahead=self.seconds_ahead)['due']:
                    workers.pop(victim)
                    break
            workers[victim] = self._start_worker(threads=self.numbers.choice([1, 4]))
        for worker in workers:
            self._wait(worker, "worker")
        self.counts['faults'] += sum(plan.EVERY_CHARGE - (fault.times or 0) for fault in faults)
        self.gateway.faults.clear()

    # === PEACE === #

    def move_clock(self, seconds: int) -> None:
        """Move the clocks of Odoo and the gateway.

        :param int seconds: By how much.
        """
        self.seconds_ahead += seconds
        self.gateway.advance(seconds)

    def _give_up_what_was_changed(self) -> None:
        """Let a person look after what the charge run has set aside."""
        self.counts['given_up'] += self.host.give_up_what_was_changed(
            seconds_ahead=self.seconds_ahead
        )

    def run_outbox(self, notices: int) -> None:
        """Let two workers at once send notices, one of whom dies, and check what came of it.

        :param int notices: How many to send at most.
        """
        sent = self.host.keep_some_notices(count=notices)
        senders = [self._start_sender() for _number in range(2)]
        time.sleep(self.numbers.uniform(0.2, 1))
        self._kill(senders[0])
        self._wait(senders.pop(0), "sender of notices")
        senders.append(self._start_sender())
        for sender in senders:
            self._wait(sender, "sender of notices")
        self.problems += self.host.judge_notices(sent=sent)
        self.counts['notices'] = sent

    def _start_sender(self) -> int:
        process: int = self.host.start(
            task='send',
            seconds_ahead=self.seconds_ahead,
            patience=LONG_PATIENCE,
            batch=BATCH,
            threads=1,
        )
        return process

    def run_late_post(self) -> None:
        """Deliver all webhooks, and many of them again, after everything has come to rest."""
        self.problems += self.post.deliver_all()
        self.post.repeat_old_ones()
        self._wait(self._start_worker(patience=LONG_PATIENCE), "worker after the post")

    def run_in_peace(self) -> None:
        """Repeat the run, and move the clock, until nothing is due and nothing unknown."""
        people: int | None = self._start_people(DEEDS_IN_PEACE)
        for number in range(ROUNDS_OF_PEACE):
            self._give_up_what_was_changed()
            self.post.deliver_somehow()
            workers = [
                self._start_worker(patience=LONG_PATIENCE, batch=50, threads=threads)
                for threads in (1, 4)
            ]
            for worker in workers:
                self._wait(worker, "worker in peace")
            if people:
                self._wait(people, "people in peace")
                people = None
            self._give_up_what_was_changed()
            counts = self.host.count_events(seconds_ahead=self.seconds_ahead)
            if not any(counts.get(status) for status in ('due', 'later', 'processing', 'unknown')):
                return
            charges = self.gateway.ledger.movements(kind='charge')
            charged = sorted({one.description for one in charges if one.description})
            self.counts['asked_people'] += self.host.answer_questions(references=charged)
            # Only what banks are asked for is left: that takes a week.
            waits_for_banks = counts.get('processing') and not counts.get('unknown')
            step = WEEK if waits_for_banks else DAY
            self.move_clock((5 * MINUTE, HOUR)[number] if number < 2 else step)
        self.problems.append(f"Not at rest after {ROUNDS_OF_PEACE} rounds: {counts}")
