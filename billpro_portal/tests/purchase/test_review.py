from datetime import date

from freezegun import freeze_time

from odoo.fields import Domain
from odoo.tests import tagged

from ..common.nightly import nightly
from ..common.schedule_actions import ScheduleActionCommon


@tagged('post_install', '-at_install')
class TestReview(ScheduleActionCommon):
    """Instalment orders with more or less money than their total are settled by a person."""

    def _create_overpaid(self):
        """Return an order of which a payment was collected twice: alone, and merged."""
        order = self._create_instalments(state='error')
        first, second = order.billing_event_ids[:2]
        self._run_on('2027-02-10')
        declined = first.transaction_ids
        order.billing_token_id.demo_simulated_state = 'done'
        with freeze_time('2027-02-10 11:00:00'):
            merged = self._merge(first | second, date(2027, 2, 11))
        self._run_on('2027-02-11')
        self.assertEqual(merged.status, 'recovered')
        with freeze_time('2027-02-12 10:00:00'):
            declined._set_done(extra_allowed_states=('error',))
            declined._post_process()
        return order, declined

    def _refund_payment(self, tx, amount):
        with self._committing_env() as env:
            refund_tx = (
                env['payment.transaction'].browse(tx.id)._billing_create_order_refund(amount)
            )
            refund_tx._billing_send_order_refund()

    def test_overpaid_is_settled_by_a_refund(self):
        order, twice = self._create_overpaid()
        # One is still to come: by now nothing was collected beyond the total.
        self.assertEqual(order.billing_status, 'active')
        self._run_on('2027-04-10')
        self.assertEqual(order.billing_status, 'review')
        self._assert_totals(order, paid=154.33, balance=-33.33)
        self.assertIn("33.33 more than the total were collected", str(order.message_ids[0].body))
        self.assertEqual(
            order.env['billpro.order.page']._get_billing_status_text(order), "Complete"
        )
        self._assert_nothing_due(order)
        self._refund_payment(twice, 20.0)
        self.assertEqual(order.billing_status, 'review')
        self._refund_payment(twice, 13.33)
        self.assertEqual(order.billing_status, 'complete')
        self._assert_totals(order, paid=154.33, refunded=33.33, balance=0.0)

    @nightly("By a refund for each change.")
    def test_overpaid_is_settled_by_completing_it(self):
        order, _twice = self._create_overpaid()
        self._run_on('2027-04-10')
        self.assertEqual(order.billing_status, 'review')
        order.with_user(self.billing_manager).action_mark_complete()
        self.assertEqual(order.billing_status, 'complete')
        self._assert_totals(order, paid=154.33, balance=-33.33)

    def test_underpaid_is_settled_by_completing_it(self):
        order = self._create_instalments(count=2)
        self._run_on('2027-02-10')
        first, _last = order.billing_event_ids
        self._refund_payment(first.transaction_ids, 50.0)
        self.assertEqual(order.billing_status, 'active')
        self._run_on('2027-03-10')
        self.assertEqual(order.billing_status, 'review')
        self.assertIn("50.00 less than the total were collected", str(order.message_ids[0].body))
        exception = self.env['billpro.billing.exception'].search([('order_id', '=', order.id)])
        self.assertEqual(exception.amount, 50.0)
        self.assertIn("50.00 were not collected, or were paid back.", exception.reason)
        order.with_user(self.billing_manager).action_mark_complete()
        self.assertEqual(order.billing_status, 'complete')
        self._assert_totals(order, paid=121.0, refunded=50.0, credited=50.0, balance=0.0)
        self._assert_books_closed(order)

    def test_what_was_not_charged_is_still_owed(self):
        order = self._create_instalments(count=1)
        event = order.billing_event_ids
        with freeze_time('2027-02-10 10:00:00'):
            tx = self.env['billpro.billing.run']._open(Domain('id', '=', event.id))
            tx._billing_set_outcome_unknown()
            self.env['billpro.billing.run']._book(tx)
            self.assertEqual(event.status, 'unknown')
            event.with_user(self.billing_manager).action_was_not_charged()
        self.assertEqual((event.status, order.billing_status), ('soft_declined', 'failed'))
        with freeze_time('2027-02-10 11:00:00'):
            self._skip(event)
        self.assertEqual(order.billing_status, 'complete')
        self._assert_totals(order, paid=21.0, skipped=100.0, balance=0.0)
