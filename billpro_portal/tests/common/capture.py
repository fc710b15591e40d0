from odoo.tests import new_test_user

from .subscription import SubscriptionCommon


class CaptureCommon(SubscriptionCommon):
    """Orders that are paid with a provider whose payments are captured by staff."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.provider.capture_manually = True
        cls.billing_user = new_test_user(
            cls.env,
            login='billing_user',
            groups='billpro_portal.group_billing_user,sales_team.group_sale_salesman_all_leads',
            company_id=cls.company.id,
        )

    def _create_authorized_order(self, *lines, **kwargs):
        """Return an order whose payment is authorised and accepted."""
        order = self._create_order(*lines, **kwargs)
        self._create_initial_transaction(order, 'done')._post_process()
        return order

    def _capture(self, order, amount=None, user=None):
        """Capture an order's payment as the dialog does; return the capture."""
        with self._committing_env(user or self.billing_manager) as env:
            action = env['sale.order'].browse(order.id).action_open_capture()
            wizard = env['billpro.capture'].browse(action['res_id'])
            if amount is not None:
                wizard.amount = amount
            wizard.action_capture()
            capture_tx_id = wizard.capture_transaction_id.id
        return self.env['payment.transaction'].browse(capture_tx_id)

    def _release(self, order):
        with self._committing_env(self.billing_manager) as env:
            return env['sale.order'].browse(order.id).action_release()

    def _assert_settled(self, order, captured, released=0):
        """Check that an order is complete with what was captured, and closed in the books."""
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual(order.billing_paid, captured)
        self.assertEqual(order.billing_balance, 0)
        source = order.billing_authorization_id
        self.assertEqual(source.state, 'done')
        self.assertFalse(source.payment_id)
        self.assertEqual(source._billing_get_refundable_amount(), 0)
        children = source.child_transaction_ids.sorted('id')
        self.assertEqual(
            [(tx.state, tx.amount) for tx in children if tx.operation != 'refund'],
            [('done', captured), *([('cancel', released)] if released else [])],
        )
        self.assertEqual(order.billing_move_ids.mapped('amount_total'), [captured])
        self.assertEqual(order.billing_move_ids.payment_state, 'paid')
        self._assert_books_closed(order)
