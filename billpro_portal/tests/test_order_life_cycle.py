from datetime import datetime, timedelta

from freezegun import freeze_time
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from odoo.tests import tagged

from ..billing.calendar import nth_date
from ..billing.lifecycle import DECLINED, PAID
from .common.nightly import IS_NIGHTLY
from .common.subscription import SubscriptionCommon

START = datetime(2027, 1, 31, 10)
# Days of trial, number of periods or 0 for no end, and a seed. Under the first two seeds a few
# courses do everything: pay, decline, retry with and without success, and come to the end.
KINDS = [(0, 4, 140), (14, 0, 113)]
COURSES = 4
if IS_NIGHTLY:
    KINDS += [(0, 0, 0), (14, 4, 0)]
    COURSES = 6


class OrderLifeCycle(RuleBasedStateMachine):
    """A subscription beside a model of it: a clock, a card, and the periods that must be paid.

    The Demo provider answers by the card's simulated state; the model knows what it answered.
    """

    test = None  # The test case whose database is used.
    trial = None
    cycles = None

    @initialize()
    def approve(self):
        """Begin with an approved subscription."""
        self.savepoint = self.test.env.cr.savepoint()
        self.savepoint.__enter__()
        self.now = START
        self.card_works = True
        with freeze_time(self.now):
            self.order = self.test._create_active_order(
                billing_trial_days=self.trial, billing_cycles=self.cycles
            )
        self.anchor = (START + timedelta(days=self.trial)).date()
        # Of each period that was tried, whether it is paid.
        self.periods = [] if self.trial else [True]

    def teardown(self):
        if hasattr(self, 'savepoint'):
            self.savepoint.close(rollback=True)
            self.test.env.invalidate_all()
            self.test.env['account.move']._get_sequence_cache().clear()

    def _next_period_is_due(self):
        if self.cycles and len(self.periods) >= self.cycles:
            return False
        return nth_date(self.anchor, 1, 'month', len(self.periods)) <= self.now.date()

    @rule(days=st.integers(min_value=1, max_value=75))
    def let_time_pass(self, days):
        """Move the clock."""
        self.now += timedelta(days=days)

    @rule()
    def run(self):
        """Let the scheduled action collect what is due; without retries a decline stays one."""
        with freeze_time(self.now):
            self.test._run()
        while self._next_period_is_due():
            self.periods.append(self.card_works)

    @rule()
    def change_card(self):
        """Replace the card by one that works, or break it."""
        self.card_works = not self.card_works
        state = 'done' if self.card_works else 'error'
        self.order.billing_token_id = self.test._create_token(state)

    @precondition(lambda self: False in self.periods)
    @rule()
    def execute_now(self):
        """Staff collect the oldest declined period."""
        event = self.order.billing_event_ids.filtered(lambda e: e.status in DECLINED)[0]
        with (
            freeze_time(self.now),
            self.test._committing_env(self.test.billing_manager) as env,
        ):
            env['billpro.billing.event'].browse(event.id).action_execute_now()
        self.test.env['account.move']._get_sequence_cache().clear()
        if self.card_works:
            self.periods[self.periods.index(False)] = True

    @invariant()
    def books_and_model_agree(self):
        """Check totals, status, schedule and books after each step."""
        if not hasattr(self, 'order'):
            return
        test, order = self.test, self.order
        paid, declined = self.periods.count(True), self.periods.count(False)
        test.assertAlmostEqual(order.billing_paid, 24.2 * paid, places=2)
        is_over = self.cycles and paid >= self.cycles
        expected = 'complete' if is_over else 'failed' if declined else 'active'
        test.assertEqual(order.billing_status, expected)
        events = order.billing_event_ids
        owed = events.filtered(lambda event: event.status in DECLINED)
        test.assertAlmostEqual(sum(owed.mapped('amount')), 24.2 * declined, places=2)
        test.assertEqual(len(set(events.mapped('period_start'))), len(events))
        test.assertLessEqual(len(events.filtered(lambda e: e.status not in PAID) - owed), 1)
        for event in events:
            done = event.transaction_ids.filtered(lambda tx: tx.state == 'done')
            test.assertEqual(len(done), 1 if event.status in PAID else 0)
        posted = order.billing_move_ids.filtered(lambda move: move.state == 'posted')
        test.assertEqual(len(posted), paid)
        test.assertEqual(set(posted.mapped('payment_state')) - {'paid'}, set())


@tagged('post_install', '-at_install')
class TestOrderLifeCycle(SubscriptionCommon):
    def test_a_subscription_follows_its_model(self):
        self.company.write({'billing_retry_days': '', 'billing_auto_suspend': False})
        for trial, cycles, number in KINDS:
            attributes = {'test': self, 'trial': trial, 'cycles': cycles}
            machine = type('OrderLifeCycleOfKind', (OrderLifeCycle,), attributes)
            with self.subTest(trial=trial, cycles=cycles):
                run_state_machine_as_test(
                    seed(number)(machine),
                    settings=settings(
                        max_examples=COURSES,
                        stateful_step_count=15,
                        deadline=None,
                        suppress_health_check=list(HealthCheck),
                        derandomize=True,
                    ),
                )
