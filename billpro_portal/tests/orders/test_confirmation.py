from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from ..common.capture import CaptureCommon


@tagged('post_install', '-at_install')
class TestConfirmation(CaptureCommon):
    """Other modules change an order's lines when it is confirmed, as coupons and promotions do."""

    def setUp(self):
        super().setUp()
        self.provider.capture_manually = False
        self.reward = self._create_sold_product("10% off", 0.0, self.tax_21, False)
        self.confirmed = self.env['sale.order']
        test, model = self, self.env.registry['sale.order']
        action_confirm = model.action_confirm

        def confirm(orders):
            """Compute the rewards anew, as `sale_loyalty` does."""
            for order in orders:
                rewards = order.order_line.filtered(lambda line: line.price_unit < 0)
                rewards[:1].write({'price_unit': -10.0, 'tax_ids': [Command.set([])]})
                rewards[1:].unlink()
                order.write({'order_line': [test._reward_command(-5.0)]})
                order.order_line[-1:].unlink()
            result = action_confirm(orders)
            test.confirmed |= orders
            return result

        self.patch(model, 'action_confirm', confirm)

    def _reward_command(self, price):
        return Command.create(
            {'product_id': self.reward.id, 'price_unit': price, 'tax_ids': [Command.clear()]}
        )

    def _create_rewarded_order(self, product=None):
        order = self._create_order((product or self.desk, 1))
        order.write({'order_line': [self._reward_command(-10.0)]})
        self.assertEqual(order.amount_total, 111.0)
        return order

    def test_lines_change_while_a_payment_confirms_the_order(self):
        order = self._create_rewarded_order()
        self._create_initial_transaction(order, 'done')._post_process()
        self.assertEqual((order.state, order.billing_status), ('sale', 'complete'))
        self.assertEqual(self.confirmed, order)
        self.assertEqual((order.billing_paid, order.billing_balance), (111.0, 0.0))
        self._assert_books_closed(order)

    def test_lines_change_while_an_authorisation_confirms_the_order(self):
        self.provider.capture_manually = True
        order = self._create_rewarded_order()
        self._create_initial_transaction(order, 'done')._post_process()
        self.assertEqual((order.state, self.confirmed), ('sale', order))
        self._capture(order)
        self._assert_books_closed(order)

    def test_locked_price_of_a_rewarded_order(self):
        order = self._create_rewarded_order()
        order.order_line.product_id.billing_lock_pricing = True
        tx = self._create_initial_transaction(order, 'done')
        tx.with_user(self.env.ref('base.public_user')).sudo()._post_process()
        self.assertEqual((order.state, order.billing_status), ('sale', 'complete'))

    def test_lines_stay_as_they_are_until_then_and_afterwards(self):
        order, other = self._create_rewarded_order(), self._create_rewarded_order()
        self._create_initial_transaction(other, 'pending')
        tx = self._create_initial_transaction(order, 'done')
        for paid in (order, other):
            with self.assertRaises(UserError):
                paid.order_line[0].price_unit = 1.0
        tx._post_process()
        with self.assertRaises(UserError):
            other.order_line[0].price_unit = 1.0
