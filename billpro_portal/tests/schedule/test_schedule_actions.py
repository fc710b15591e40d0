from datetime import date, datetime

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ...models.rights.own_context import INSIDE
from ..common.nightly import nightly, some
from ..common.schedule_actions import ScheduleActionCommon


@tagged('post_install', '-at_install')
class TestSkip(ScheduleActionCommon):
    def test_instalments_that_are_skipped_leave_the_total(self):
        order = self._create_instalments()
        first, second, _last = order.billing_event_ids
        with freeze_time('2027-02-01 10:00:00'):
            self._skip(second, "Goodwill")
        self.assertEqual(second.status, 'skipped')
        self.assertEqual(
            self._last_notice(order),
            "Your payment of $ 33.33 that was due on March 10, 2027 is skipped: it is not"
            " collected.",
        )
        note = order.message_ids.filtered(lambda m: "was skipped. Goodwill" in str(m.body))
        self.assertEqual(note.author_id, self.billing_user.partner_id)
        self._assert_totals(order, skipped=33.33, paid=21.0, balance=66.67)
        for day in ('2027-02-10', '2027-03-10', '2027-04-10'):
            self._run_on(day)
        self.assertEqual(order.billing_status, 'complete')
        self._assert_totals(order, skipped=33.33, paid=87.67, balance=0.0, credited=0.0)
        self.assertFalse(second.invoice_id)
        self.assertEqual(
            order.billing_move_ids.sorted('id').mapped('amount_total'), [21.0, 33.33, 33.34]
        )
        self.assertEqual(
            order.currency_id.round(sum(order.billing_move_ids.mapped('amount_total'))), 87.67
        )
        # What is left of the taxes is that of what is left of the order: 21 % included.
        self.assertEqual(self._tax_amounts(order.billing_move_ids), {'VAT 21%': 15.22})
        self._assert_books_closed(order)
        with self.assertRaisesRegex(UserError, "is collected: it can only be refunded"):
            self._skip(first)

    @nightly("The last one is skipped in another currency for each change.")
    def test_the_last_one_and_several_in_each_currency(self):
        totals = {}
        sales = (
            ('KWD', (5.0, 2.0, 1.0), 10.001),
            ('JPY', (500, 200, 100), 1000),
            ('EUR', (50.0, 20.0, 10.0), 100.0),
        )
        for currency, prices, total in some(sales):
            with freeze_time('2027-01-31 10:00:00'):
                order = self._create_taxed_order(currency, prices, total)
                self._register_card(order)
            totals[order] = total
        schedules = [order.billing_event_ids.sorted('number') for order in totals]
        self._run_on('2027-02-28')
        with freeze_time('2027-03-01 10:00:00'):
            for events in schedules:
                self._skip(events[3])
                self._skip(events[6])
        for number in (1, 2, 4, 5):
            with freeze_time(schedules[0][number].due_date):
                self._run()
        for order, events in zip(totals, schedules, strict=True):
            with self.subTest(order.currency_id.name):
                total, round_ = totals[order], order.currency_id.round
                skipped = round_(events[3].amount + events[6].amount)
                self.assertEqual(order.billing_status, 'complete')
                self._assert_totals(
                    order, skipped=skipped, paid=round_(total - skipped), balance=0.0
                )
                self.assertEqual(
                    round_(sum(order.billing_move_ids.mapped('amount_total'))),
                    round_(total - skipped),
                )
                self._assert_books_closed(order)

    def test_all_that_is_left_completes_the_order(self):
        order = self._create_instalments(count=1)
        self._skip(order.billing_event_ids)
        self.assertEqual(order.billing_status, 'complete')
        self._assert_totals(order, skipped=100.0, paid=21.0, balance=0.0)
        self._assert_books_closed(order)
        with self.assertRaisesRegex(UserError, "billing status is “Complete”"):
            self._skip(order.billing_event_ids)

    def test_declined_ones(self):
        order = self._create_instalments(state='error')
        first = order.billing_event_ids[0]
        self._run_on('2027-02-10')
        self.assertEqual((first.status, order.billing_status), ('soft_declined', 'failed'))
        self.assertTrue(first.invoice_id)
        with freeze_time('2027-02-10 11:00:00'):
            self._skip(first)
        self.assertEqual((first.status, order.billing_status), ('skipped', 'active'))
        self.assertFalse(order.billing_move_ids.filtered(lambda move: move.state == 'draft'))
        self._assert_totals(order, skipped=33.33, outstanding=0.0, balance=66.67)
        order.billing_token_id.demo_simulated_state = 'done'
        for day in ('2027-03-10', '2027-04-10'):
            self._run_on(day)
        self._assert_totals(order, skipped=33.33, paid=87.67, balance=0.0)
        self.assertEqual(order.billing_status, 'complete')
        self._assert_books_closed(order)

    def test_money_that_arrives_late_all_the_same(self):
        order = self._create_instalments(count=2, state='error')
        first, last = order.billing_event_ids
        self._run_on('2027-02-10')
        self._skip(first)
        tx = first.transaction_ids
        tx._set_done(extra_allowed_states=('error',))
        tx._post_process()
        self.assertEqual(first.status, 'recovered')
        self._assert_totals(order, skipped=0.0, paid=71.0, balance=50.0)
        order.billing_token_id.demo_simulated_state = 'done'
        self._run_on('2027-03-10')
        self.assertEqual((last.status, order.billing_status), ('completed', 'complete'))
        self._assert_totals(order, skipped=0.0, paid=121.0, balance=0.0)
        self._assert_books_closed(order)

    def test_a_subscription_goes_on_with_the_next_period(self):
        with freeze_time('2027-01-31 10:00:00'):
            order = self._create_active_order()
        with freeze_time('2027-02-10 10:00:00'):
            self._skip(order.billing_event_ids)
        self._run_on('2027-02-28')
        self._run_on('2027-03-31')
        self.assertEqual(
            self._schedule(order),
            [
                ('E2', 'skipped', 24.2, '2027-02-28'),
                ('E3', 'completed', 24.2, '2027-03-31'),
                ('E4', 'scheduled', 24.2, '2027-04-30'),
            ],
        )
        self._assert_totals(order, skipped=24.2, paid=48.4, balance=0.0)
        self._assert_books_closed(order)

    def test_refused(self):
        order = self._create_instalments()
        event = order.billing_event_ids[0]
        with self.assertRaises(AccessError):
            self._open(event, 'action_open_skip', user=self.salesperson)
        dialog = self._open(event, 'action_open_skip')
        event._apply_trigger('open')
        with self.assertRaisesRegex(UserError, "outcome of payment .*-E1 isn't known yet"):
            dialog.action_skip()
        # The last invoice deducts all others: none of them may be under way.
        with self.assertRaisesRegex(UserError, "outcome of payment .*-E1 isn't known yet"):
            self._skip(order.billing_event_ids[1])
        event._apply_trigger('lose')
        with self.assertRaisesRegex(UserError, "outcome of payment .*-E1 isn't known yet"):
            self._skip(event)
        event._apply_trigger('decline_soft')
        order.billing_collection_date = datetime(2027, 2, 10)
        with self.assertRaisesRegex(UserError, "has just asked to pay"):
            self._skip(event)
        order.billing_collection_date = False
        self._skip(event)
        with self.assertRaisesRegex(UserError, "can't be changed: it is “Skipped”"):
            self._skip(event)


@tagged('post_install', '-at_install')
class TestMerge(ScheduleActionCommon):
    def test_instalments_become_one_on_a_day(self):
        order = self._create_instalments()
        first, second, last = order.billing_event_ids
        with freeze_time('2027-02-01 10:00:00'):
            merged = self._merge(second | last, date(2027, 5, 3))
        self.assertEqual(
            self._schedule(order),
            [
                ('E1', 'scheduled', 33.33, '2027-02-10'),
                ('E2', 'merged', 33.33, '2027-03-10'),
                ('E3', 'merged', 33.34, '2027-04-10'),
                ('E2+E3', 'scheduled', 66.67, '2027-05-03'),
            ],
        )
        self.assertEqual(
            self._last_notice(order),
            "Your payments of $ 33.33 (March 10, 2027), $ 33.34 (April 10, 2027) are merged into"
            " one: $ 66.67 are collected on May 3, 2027.",
        )
        for day in ('2027-02-10', '2027-04-10', '2027-05-03'):
            self._run_on(day)
        self.assertEqual((first.status, merged.status), ('completed', 'completed'))
        self.assertEqual(order.billing_status, 'complete')
        self._assert_totals(order, paid=121.0, balance=0.0)
        self.assertEqual(self._tax_amounts(order.billing_move_ids), {'VAT 21%': 21.0})
        self._assert_books_closed(order)
        with self.assertRaisesRegex(UserError, "was merged into .*-E2\\+E3. Change that one"):
            self._skip(second)

    @nightly("Declined ones are merged for each change.")
    def test_a_declined_and_a_scheduled_period(self):
        with freeze_time('2027-01-31 10:00:00'):
            order = self._create_active_order(state='error')
        self._run_on('2027-02-28')
        self.assertEqual(order.billing_status, 'failed')
        order.billing_token_id.demo_simulated_state = 'done'
        with freeze_time('2027-02-28 12:00:00'):
            self._merge(order.billing_event_ids, date(2027, 3, 15))
        self.assertEqual(order.billing_status, 'active')
        self._assert_totals(order, outstanding=0.0)
        for day in ('2027-03-01', '2027-03-14', '2027-03-15', '2027-03-31'):
            self._run_on(day)
        self.assertEqual(
            self._schedule(order),
            [
                ('E2', 'merged', 24.2, '2027-02-28'),
                ('E2+E3', 'recovered', 48.4, '2027-03-15'),
                ('E3', 'merged', 24.2, '2027-03-31'),
                ('E4', 'scheduled', 24.2, '2027-04-30'),
            ],
        )
        self.assertEqual((order.billing_paid, order.billing_status), (72.6, 'active'))
        self._assert_books_closed(order)

    def test_of_one_order_one_attempt_at_a_time(self):
        lost, paid, waiting = (
            self._create_instalments(state=state) for state in ('cancel', 'done', 'pending')
        )
        self._run_on('2027-03-10')  # The first two are due.
        self.assertEqual(lost.billing_event_ids.mapped('attempt_count'), [1, 0, 0])
        self.assertEqual(lost.billing_status, 'suspended')
        self.assertEqual(paid.billing_event_ids.mapped('attempt_count'), [1, 1, 0])
        self._assert_totals(paid, paid=87.66)
        self._assert_books_closed(paid)
        first, second = waiting.billing_event_ids[:2]
        self._run_on('2027-03-10')
        self.assertEqual((first.status, second.status), ('processing', 'scheduled'))
        self.assertEqual(second.attempt_count, 0)
        with self.assertRaisesRegex(UserError, "outcome of .*-E1 isn't known yet"):
            second.with_user(self.billing_user).action_execute_now()
        first.transaction_ids._set_done()
        self._run_on('2027-03-10')
        self.assertEqual((first.status, second.status), ('completed', 'processing'))

    @nightly("Several become one for each change.")
    def test_staff_collect_several_payments_one_after_the_other(self):
        order = self._create_instalments()
        with freeze_time('2027-02-01 10:00:00'), self._committing_env(self.billing_manager) as env:
            events = order.billing_event_ids[:2].with_env(env)
            result = events.action_execute_now()
            self.assertIn("2 charged", result['params']['message'])
        self.assertEqual(
            order.billing_event_ids.mapped('status'), ['completed', 'completed', 'scheduled']
        )
        self._assert_books_closed(order)

    def test_a_merged_one_is_skipped(self):
        order = self._create_instalments()
        with freeze_time('2027-02-01 10:00:00'):
            merged = self._merge(order.billing_event_ids[:2], date(2027, 3, 1))
            self._skip(merged)
        self._run_on('2027-04-10')
        self._assert_totals(order, skipped=66.66, paid=54.34, balance=0.0)
        self.assertEqual(order.billing_status, 'complete')
        self._assert_books_closed(order)

    def test_refused(self):
        order = self._create_instalments()
        other = self._create_instalments()
        events = order.billing_event_ids
        with self.assertRaisesRegex(UserError, "at least two"):
            self._open(events[0], 'action_open_merge')
        with self.assertRaisesRegex(UserError, "same order"):
            self._open(events | other.billing_event_ids, 'action_open_merge')
        with self.assertRaises(AccessError):
            self._open(events, 'action_open_merge', user=self.salesperson)
        with freeze_time('2027-02-01 10:00:00'):
            with self.assertRaisesRegex(UserError, "today or a later day"):
                self._merge(events, date(2027, 1, 31))
            dialog = self._open(events, 'action_open_merge', day=date(2027, 2, 3))
            dialog.event_ids = events[:1]
            with self.assertRaisesRegex(UserError, "at least two"):
                dialog.action_merge()
        self._run_on('2027-02-10')
        with self.assertRaisesRegex(UserError, "is collected"):
            self._open(events, 'action_open_merge')
        self.assertEqual(
            self._open(order, 'action_open_merge').event_ids, events.filtered('number')[1:]
        )
        order.with_user(self.billing_manager).action_mark_complete()
        with self.assertRaisesRegex(UserError, "less than two payments"):
            self._open(order, 'action_open_merge')

    def test_not_while_the_order_is_paused(self):
        with freeze_time('2027-01-31 10:00:00'):
            order = self._create_active_order(state='error')
        self._run_on('2027-02-28')
        declined = order.billing_event_ids[0]
        with freeze_time('2027-02-28 11:00:00'):
            order._billing_pause()
            with self.assertRaisesRegex(UserError, "is paused, so its payments wait"):
                self._open(declined, 'action_open_reschedule')
            with self.assertRaisesRegex(UserError, "less than two payments"):
                self._open(order, 'action_open_merge')
            self._skip(declined)
        self.assertEqual(declined.status, 'skipped')

    def test_not_with_a_card_that_was_declined_for_good(self):
        with freeze_time('2027-01-31 10:00:00'):
            order = self._create_active_order(state='cancel')
        self._run_on('2027-02-28')
        self.assertEqual(order.billing_event_ids.mapped('status'), ['hard_declined', 'scheduled'])
        with freeze_time('2027-02-28 11:00:00'):
            with self.assertRaisesRegex(UserError, "another one is needed"):
                self._merge(order.billing_event_ids, date(2027, 3, 5))
            with self.assertRaisesRegex(UserError, "another one is needed"):
                self._reschedule(order.billing_event_ids[0], day=date(2027, 3, 5))
            order._billing_select_card(self._create_token())
            self._reschedule(order.billing_event_ids[0], day=date(2027, 3, 5))
        self.assertEqual(order.billing_status, 'active')
        self._run_on('2027-03-05')
        self.assertEqual(order.billing_event_ids.mapped('status'), ['recovered', 'scheduled'])
        self._assert_books_closed(order)


@tagged('post_install', '-at_install')
class TestExecuteNow(ScheduleActionCommon):
    def _execute(self, event, user=None):
        with self._committing_env(user or self.billing_user) as env:
            return env['billpro.billing.event'].browse(event.id).action_execute_now()

    def test_a_soft_decline_is_retried(self):
        order = self._create_instalments(state='error')
        event = order.billing_event_ids[0]
        self._run_on('2027-02-10')
        order.billing_token_id.demo_simulated_state = 'done'
        with freeze_time('2027-02-10 11:00:00'):
            action = self._execute(event)
        self.assertEqual(action['params']['message'], "1 charged, 0 declined, 0 unknown.")
        self.assertEqual((event.status, event.attempt_count), ('recovered', 2))
        note = order.message_ids.filtered(lambda m: f"collects {event.display_name} now" in m.body)
        self.assertEqual(note.author_id, self.billing_user.partner_id)
        with self.assertRaisesRegex(UserError, "can't be collected now: it is “Recovered”"):
            self._execute(event)

    def test_refused(self):
        with freeze_time('2027-01-31 10:00:00'):
            order = self._create_active_order()
        event = order.billing_event_ids
        order.billing_collection_date = datetime(2027, 2, 10)
        with self.assertRaisesRegex(UserError, "has just asked to pay"):
            self._execute(event)
        order.billing_collection_date = False
        with self.assertRaisesRegex(AccessError, "Only billing users"):
            self._execute(event, self.salesperson)
        token = order.billing_token_id.with_context(billing_archive_used_cards=INSIDE)
        token.active = False
        with self.assertRaisesRegex(
            UserError, "-E2 can't be collected now: .* be charged any more"
        ):
            self._execute(event)
        order._billing_pause()
        with self.assertRaisesRegex(UserError, "can't be collected now: it is “Paused”"):
            self._execute(event)
        self.assertFalse(event.transaction_ids)
