from datetime import timedelta

from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.billpro_portal.tests.common.gateway import DUE

from . import common


@tagged('post_install', '-at_install')
class TestRazorpay(common.RazorpayCommon):
    """Authorised payments are captured, and not released; refunds name their payment."""

    def _authorize(self):
        self.provider.write(
            {'payment_method_ids': self.payment_method.ids, 'capture_manually': True}
        )
        with freeze_time(DUE):
            order = self._create_order((self.desk, 1, 100.0))
            tx = self._create_initial_transaction(
                order, operation='online_token', token_id=self._create_token().id
            )
            with self._committing_env() as env:
                env['payment.transaction'].browse(tx.id)._billing_charge_initial_payment()
            tx._post_process()
        return order, tx

    def test_nothing_is_released_and_the_capture_goes_on(self):
        order, tx = self._authorize()
        self.assertEqual((tx.state, order.billing_authorized_amount), ('authorized', 121))
        self.assertFalse(order.billing_can_release)
        with freeze_time(DUE), self.assertRaisesRegex(UserError, "can't release payments"):
            order.with_user(self.billing_manager).action_release()
        self.assertFalse(tx.child_transaction_ids)
        with self._committing_env() as env, freeze_time(DUE):
            env['sale.order'].browse(order.id)._billing_create_capture(
                121
            )._billing_send_capture_or_void()
        self.assertEqual((tx.state, order.billing_paid), ('done', 121))
        self.assertEqual(
            [path for _method, path, _headers, _body in self.api.requests[-1:]],
            [f'/v1/payments/{tx.provider_reference}/capture'],
        )
        self._assert_books_closed(order)

    def test_the_deadline_of_a_capture_is_known(self):
        order, _tx = self._authorize()
        self.assertEqual(order.billing_capture_deadline, DUE + timedelta(days=5))

    def test_a_refund_without_an_answer_is_found_among_those_of_its_payment(self):
        order = self._create_active_order()
        self._run_at()
        self.api.fault = 'drop_after'
        with freeze_time(DUE + timedelta(hours=1)):
            refund_tx = self._refund(order, 24.2)
        self.assertEqual((refund_tx.state, refund_tx.billing_outcome_unknown), ('pending', True))
        self._run_at(hours=1, minutes=6)
        self.assertEqual((refund_tx.state, refund_tx.billing_outcome_unknown), ('done', False))
        self.assertEqual((len(self.api.changes), order.billing_refunded), (1, 24.2))
        self._assert_books_closed(order)

    def test_an_order_that_could_not_be_made_is_no_attempt(self):
        order = self._create_active_order()
        self.api.fault = 'refuse'
        self._run_at()
        event = order.billing_event_ids
        self.assertEqual((event.status, event.transaction_ids.state), ('processing', 'draft'))
        self.api.fault = None
        self._run_at(minutes=6)
        self.assertEqual((event.status, order.billing_paid), ('completed', 48.4))
        self.assertEqual((len(event.transaction_ids), len(self.api.charges)), (1, 1))
