from datetime import datetime, timedelta

from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..common.other_payments import OtherPaymentsCommon

START = datetime(2027, 1, 20, 10)


@tagged('post_install', '-at_install')
class TestOtherPayments(OtherPaymentsCommon):
    """What was paid by another way than the order link is not collected again."""

    def setUp(self):
        super().setUp()
        self.company.billing_reminder_days = '3'
        with freeze_time(START):
            self.order = self._create_order((self.desk, 1))

    def _get_reminders(self, order):
        """Return the reminders of an order, a week after its link was given."""
        with freeze_time(START + timedelta(days=4)):
            self.env['billpro.notification']._queue_reminders()
        return order.billing_notification_ids.filtered(lambda n: n.kind == 'order_reminder')

    def _assert_not_collected(self, order, names):
        """Check that nobody pays again or is reminded, and that the order goes on by itself."""
        for name in names:
            self.assertIn(name, order.billing_other_payments)
        self.assertIn("paid in another way", order._billing_get_not_payable_reason())
        self.assertFalse(self._get_reminders(order))
        with self.assertRaisesRegex(UserError, "paid in another way"):
            order._check_billing_initial_charge(self._create_token(), has_consent=True)
        with self.assertRaisesRegex(UserError, "paid in another way"):
            order.with_user(self.salesperson).action_send_reminder()
        self._let_run_look()
        self.assertEqual(order.billing_status, 'complete')
        self.assertFalse(order.activity_ids)

    def test_odoo_s_payment_link(self):
        tx = self._pay_by_odoo_link(self.order)
        self.authenticate(None, None)
        with freeze_time(START, tick=True):
            page = self._get_page(self.order)
            self.assertIn("This order is paid already", page)
            self.assertIn("It was paid in another way", page)
            self.assertNotIn('o_payment_form', page)
            with mute_logger('odoo.http'):
                answer = self._post_transaction(self.order)
        self.assertIn("paid in another way", answer['error']['data']['message'])
        self.assertFalse(self.order.billing_transaction_ids)
        self._assert_not_collected(self.order, [tx.reference, "Demo"])

    def test_an_invoice_by_hand_and_the_bank(self):
        invoice = self._invoice_by_hand(self.order)
        self.assertFalse(self.order.billing_other_payments)
        self.assertFalse(self.order._billing_get_not_payable_reason())
        self._pay_by_bank(invoice, amount=21.0)
        self.assertEqual(invoice.payment_state, 'partial')
        # The rest is still waited for.
        self.assertFalse(self.order._billing_get_not_payable_reason())
        self._pay_by_bank(invoice)
        self.env.invalidate_all()
        self._assert_not_collected(self.order, [invoice.name, "Bank transfer"])

    def test_the_rest_is_reminded_of(self):
        self._pay_by_bank(self._invoice_by_hand(self.order), amount=21.0)
        rows = self.order._get_notice_rows()
        self.assertIn("100.00", rows[-1]['value'])
        self.assertEqual(len(self._get_reminders(self.order)), 1)

    def test_a_transfer_that_is_under_way_and_never_comes(self):
        tx = self._pay_by_odoo_link(self.order, 'pending')
        self.assertIn("paid in another way", self.order._billing_get_not_payable_reason())
        self.assertFalse(self._get_reminders(self.order))
        tx._set_canceled()
        self.env.invalidate_all()
        self.assertFalse(self.order._billing_get_not_payable_reason())
        self.assertEqual(len(self._get_reminders(self.order)), 1)

    def test_a_reminder_that_was_queued_before(self):
        reminder = self._get_reminders(self.order)
        self.assertEqual(reminder.state, 'queued')
        self._pay_by_odoo_link(self.order)
        reminder._send()
        self.assertEqual(reminder.state, 'outdated')

    def test_the_link_was_open_in_another_tab(self):
        subscription = self._create_order((self.gym, 1))
        own = self._create_initial_transaction(subscription, token_id=self._create_token().id)
        other = self._pay_by_odoo_link(subscription)
        own._process('demo', {'reference': own.reference, 'simulated_state': 'done'})
        own._post_process()
        self.assertEqual(subscription.billing_status, 'pending')
        self.assertEqual(own.payment_id.state, 'in_process')
        self.assertFalse(own.invoice_ids)
        activity = subscription.activity_ids.filtered(lambda a: own.reference in (a.summary or ''))
        self.assertIn(other.reference, activity.note)
        self.assertIn(own, subscription._billing_get_refundable_transactions())

    def test_the_link_has_reserved_the_money(self):
        own = self._create_initial_transaction(self.order)
        other = self._pay_by_odoo_link(self.order)
        own._set_authorized()
        own._post_process()
        self.assertEqual(self.order.billing_status, 'pending')
        self.assertFalse(self.order.billing_authorization_id)
        self.assertIn(
            f"Release {own.reference} at the provider", self.order.activity_ids.mapped('summary')
        )
        self.assertIn(other.reference, self.order.billing_other_payments)

    def test_whoever_asks(self):
        """Salespeople have no access to the payments of the shop."""
        names = self._pay_by_odoo_link(self.order).reference
        self.env.invalidate_all()
        self.assertIn(names, self.order.with_user(self.salesperson).billing_other_payments)
