from datetime import date, datetime

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..common.nightly import nightly
from ..common.schedule_actions import ScheduleActionCommon


@tagged('post_install', '-at_install')
class TestReschedule(ScheduleActionCommon):
    """Staff give the payment of a subscription another day or amount."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time('2027-01-31 10:00:00'):
            cls.order = cls._create_active_order()
        cls.event = cls.order.billing_event_ids

    def test_one_payment_moves_and_the_customer_is_told(self):
        with freeze_time('2027-02-10 10:00:00'):
            self._reschedule(self.event, day=date(2027, 4, 2), reason="On holiday")
        # Summer time where the customer is.
        self.assertEqual(self.event.due_date, datetime(2027, 4, 2, 7))
        self.assertEqual(
            self._last_notice(self.order),
            "Your payment of $ 24.20 that was due on February 28, 2027 is collected on April 2,"
            " 2027.",
        )
        self.assertIn("04/02/2027. On holiday", str(self.order.message_ids[0].body))
        self._run_on('2027-02-28')
        for day, paid in (('2027-03-31', 48.4), ('2027-04-02', 72.6)):
            with freeze_time(f'{day} 10:00:00'):
                self._run()
                self._assert_nothing_due(self.order)
            self.assertEqual(self.order.billing_paid, paid)
        self.assertEqual(
            self._schedule(self.order),
            [
                ('E3', 'completed', 24.2, '2027-03-31'),
                ('E2', 'completed', 24.2, '2027-04-02'),
                ('E4', 'scheduled', 24.2, '2027-04-30'),
            ],
        )
        self._assert_books_closed(self.order)

    def test_one_amount_changes(self):
        with freeze_time('2027-02-10 10:00:00'):
            self._reschedule(self.event, amount=20.0)
        self.assertEqual(
            self._last_notice(self.order),
            "Your payment on February 28, 2027 is $ 20.00 instead of $ 24.20.",
        )
        self._run_on('2027-02-28')
        invoice = self.event.invoice_id
        self.assertEqual((invoice.amount_total, invoice.amount_tax), (20.0, 3.47))
        self.assertEqual(invoice.invoice_line_ids.mapped('price_subtotal'), [20.0, -3.47])
        self.assertEqual(
            self._schedule(self.order),
            [
                ('E2', 'completed', 20.0, '2027-02-28'),
                ('E3', 'scheduled', 24.2, '2027-03-31'),
            ],
        )
        self._assert_books_closed(self.order)

    def test_this_and_all_later_ones(self):
        with freeze_time('2027-02-10 10:00:00'):
            self._reschedule(self.event, day=date(2027, 3, 15), amount=30.0, scope='later')
        self.assertEqual(
            self._last_notice(self.order),
            "Your payment of $ 24.20 that was due on February 28, 2027 is changed: $ 30.00 are"
            " collected"
            " on March 15, 2027. Your later payments are $ 30.00, too. Your later payments are"
            " counted from that day, every month.",
        )
        self.assertEqual(
            (self.event.period_start, self.event.period_end), (date(2027, 3, 15), date(2027, 4, 14))
        )
        for day in ('2027-02-28', '2027-03-15', '2027-04-15'):
            self._run_on(day)
        self.assertEqual(
            self._schedule(self.order),
            [
                ('E2', 'completed', 30.0, '2027-03-15'),
                ('E3', 'completed', 30.0, '2027-04-15'),
                ('E4', 'scheduled', 30.0, '2027-05-15'),
            ],
        )
        self.assertEqual(self.order.billing_paid, 84.2)
        invoice = self.order.billing_event_ids[1].invoice_id
        self.assertEqual((invoice.amount_total, invoice.amount_tax), (30.0, 5.21))
        self._assert_books_closed(self.order)
        # What depends on the anchor still works: pages, pause and cancellation.
        terms = {row['label']: row['value'] for row in self._get_later_terms()}
        self.assertEqual(terms["Next payment"], "March 15, 2027")
        with freeze_time('2027-05-01 10:00:00'):
            self.order._billing_pause()
        with freeze_time('2027-06-20 10:00:00'):
            self.order._billing_resume()
        self.assertEqual(self._schedule(self.order)[-1], ('E6', 'scheduled', 30.0, '2027-07-15'))
        with freeze_time('2027-06-20 10:00:00'):
            self.order._billing_cancel_subscription(at_once=False)
        self.assertEqual(self.order.billing_cancel_date, date(2027, 6, 19))

    def _get_later_terms(self):
        return self.order._get_purchase()._get_later_terms(self.order)

    def test_the_first_paid_period_lasts_until_the_moved_one(self):
        with freeze_time('2027-02-10 10:00:00'):
            self._reschedule(self.event, day=date(2027, 3, 15), scope='later')
            self.order._billing_cancel_subscription(at_once=False)
        self.assertEqual(self.order.billing_cancel_date, date(2027, 3, 14))

    def test_a_pause_after_the_move_makes_the_first_paid_period_no_longer(self):
        with freeze_time('2027-02-10 10:00:00'):
            self._reschedule(self.event, day=date(2027, 3, 15), scope='later')
        with freeze_time('2027-02-20 10:00:00'):
            self.order._billing_pause()
        with freeze_time('2027-06-20 10:00:00'):
            self.order._billing_resume()
            self.assertEqual(self.event.period_start, date(2027, 7, 15))
            self.order._billing_cancel_subscription(at_once=False)
        self.assertEqual(self.order.billing_cancel_date, date(2027, 6, 19))

    def test_a_soft_decline_waits_for_the_new_day(self):
        self.order.billing_token_id.demo_simulated_state = 'error'
        self._run_on('2027-02-28')
        self.assertEqual(self.order.billing_status, 'failed')
        with freeze_time('2027-02-28 11:00:00'):
            self._reschedule(self.event, day=date(2027, 3, 5), amount=12.1)
        self.assertEqual((self.event.status, self.event.retry_date), ('scheduled', False))
        self.assertEqual(self.order.billing_status, 'active')
        self.order.billing_token_id.demo_simulated_state = 'done'
        self._run_on('2027-03-03')
        self.assertEqual(self.event.status, 'scheduled')
        self._run_on('2027-03-05')
        self.assertEqual((self.event.status, self.event.amount), ('recovered', 12.1))
        self.assertEqual(self.order.billing_paid, 36.3)
        self._assert_books_closed(self.order)

    def test_what_was_declined_and_is_approved_late_is_booked_as_collected(self):
        self.order.billing_token_id.demo_simulated_state = 'error'
        self._run_on('2027-02-28')
        with freeze_time('2027-02-28 11:00:00'):
            self._reschedule(self.event, day=date(2027, 3, 5), amount=12.1)
            tx = self.event.transaction_ids
            tx._set_done(extra_allowed_states=('error',))
            tx._post_process()
        self.assertEqual((self.event.status, self.event.amount), ('recovered', 24.2))
        self.assertEqual(self.event.invoice_id.amount_total, 24.2)
        self._run_on('2027-03-05')
        self.assertEqual(self.order.billing_paid, 48.4)
        self._assert_books_closed(self.order)

    def test_the_same_tells_nothing(self):
        before = self.order.billing_notification_ids
        with freeze_time('2027-02-10 10:00:00'):
            self._reschedule(self.event, day=date(2027, 2, 28), amount=24.2)
        self.assertEqual(self.order.billing_notification_ids, before)

    def test_refused(self):
        with freeze_time('2027-02-10 10:00:00'):
            with self.assertRaisesRegex(UserError, "today or a later day"):
                self._reschedule(self.event, day=date(2027, 2, 9))
            with self.assertRaisesRegex(UserError, "amount above zero"):
                self._reschedule(self.event, amount=0)
            with self.assertRaises(AccessError):
                self._open(self.event, 'action_open_reschedule', user=self.salesperson)
            self.order._billing_pause()
            with self.assertRaisesRegex(UserError, "can't be changed: it is “Paused”"):
                self._reschedule(self.event, day=date(2027, 3, 9))
            self.order._billing_resume()
            self.order._billing_cancel_subscription(at_once=False)
            with self.assertRaisesRegex(UserError, "can't be changed: it is “Cancelled”"):
                self._reschedule(self.event, day=date(2027, 3, 9))
        self.assertEqual(self.event.due_date, datetime(2027, 2, 28, 8))


@tagged('post_install', '-at_install')
class TestRescheduleInstalment(ScheduleActionCommon):
    """The total of an instalment order stays true."""

    def test_the_later_ones_take_the_difference(self):
        order = self._create_instalments()
        first, second, last = order.billing_event_ids
        with freeze_time('2027-02-01 10:00:00'):
            dialog = self._open(first, 'action_open_reschedule', amount=13.33)
            self.assertEqual(
                dialog.effect.replace('\xa0', ' '), "03/10/2027: $ 43.33, 04/10/2027: $ 43.34"
            )
            self.assertFalse(dialog.can_change_later)
            dialog.action_reschedule()
        self.assertEqual(order.billing_event_ids.mapped('amount'), [13.33, 43.33, 43.34])
        self.assertEqual(
            self._last_notice(order),
            "Your payment on February 10, 2027 is $ 13.33 instead of $ 33.33. Your later payments"
            " are now: March 10, 2027: $ 43.33; April 10, 2027: $ 43.34.",
        )
        self._run_on('2027-02-10')
        with freeze_time('2027-02-11 10:00:00'):
            self._reschedule(second, day=date(2027, 3, 20), amount=80.0)
        self.assertEqual(last.amount, 6.67)
        with freeze_time('2027-02-11 10:00:00'):
            for amount in (86.67, 90.0):
                with self.assertRaisesRegex(UserError, "nothing would be left"):
                    self._reschedule(second, amount=amount)
            with self.assertRaisesRegex(UserError, "No instalment follows payment .*-E3"):
                self._reschedule(last, amount=6.66)
            with self.assertRaisesRegex(UserError, "No later payments can follow"):
                self._reschedule(second, day=date(2027, 3, 21), scope='later')
            self._reschedule(last, day=date(2027, 5, 1))
        for day in ('2027-03-20', '2027-05-01'):
            self._run_on(day)
        self.assertEqual(order.billing_status, 'complete')
        self._assert_totals(order, paid=121.0, balance=0.0)
        self.assertEqual(self._tax_amounts(order.billing_move_ids), {'VAT 21%': 21.0})
        self._assert_books_closed(order)

    @nightly("One without an invoice moves for each change.")
    def test_a_declined_one_with_its_invoice(self):
        order = self._create_instalments(count=2, state='error')
        first, last = order.billing_event_ids
        self._run_on('2027-02-10')
        with freeze_time('2027-02-10 11:00:00'):
            self._reschedule(first, day=date(2027, 2, 20), amount=10.0)
        self.assertEqual((first.status, last.amount), ('scheduled', 90.0))
        order.billing_token_id.demo_simulated_state = 'done'
        self._run_on('2027-02-20')
        self.assertEqual((first.status, first.invoice_id.amount_total), ('recovered', 10.0))
        self._run_on('2027-03-10')
        self.assertEqual(order.billing_status, 'complete')
        self._assert_totals(order, paid=121.0, balance=0.0)
        self._assert_books_closed(order)

    def test_a_late_approval_of_the_amount_before(self):
        order = self._create_instalments(count=2, state='error')
        first, last = order.billing_event_ids
        self._run_on('2027-02-10')
        with freeze_time('2027-02-10 11:00:00'):
            self._reschedule(first, day=date(2027, 2, 20), amount=10.0)
            tx = first.transaction_ids
            tx._set_done(extra_allowed_states=('error',))
            tx._post_process()
        self.assertEqual((first.status, first.amount, last.amount), ('recovered', 50.0, 50.0))
        order.billing_token_id.demo_simulated_state = 'done'
        for day in ('2027-02-20', '2027-03-10'):
            self._run_on(day)
        self.assertEqual(order.billing_status, 'complete')
        self._assert_totals(order, paid=121.0, balance=0.0)
        self._assert_books_closed(order)

    def test_merged_ones_keep_their_amount(self):
        order = self._create_instalments()
        with freeze_time('2027-02-01 10:00:00'):
            merged = self._merge(order.billing_event_ids[:2], date(2027, 3, 1))
            with self.assertRaisesRegex(UserError, "was merged from others"):
                self._reschedule(merged, amount=50.0)
            self._reschedule(merged, day=date(2027, 3, 2))
        self.assertEqual(merged.due_date, datetime(2027, 3, 2, 8))

    def test_metered_payments_are_free(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.water, 1))
            event = self.env['billpro.billing.event'].create(
                {
                    'order_id': order.id,
                    'number': 1,
                    'due_date': datetime(2027, 1, 12),
                    'amount': 17.43,
                    'note': "Usage in January",
                }
            )
            self._reschedule(event, day=date(2027, 1, 20), amount=8.0)
        self._run_on('2027-01-12')
        self.assertEqual(event.status, 'scheduled')
        self._run_on('2027-01-20')
        self.assertEqual((event.status, order.billing_paid), ('completed', 8.0))
        self._assert_books_closed(order)
