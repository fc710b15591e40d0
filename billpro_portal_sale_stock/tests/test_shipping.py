from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import ValidationError
from odoo.tests import tagged

from odoo.addons.billpro_portal.tests.common.nightly import nightly

from .common.goods import GoodsCommon


@tagged('post_install', '-at_install')
class TestShipping(GoodsCommon):
    """What ships the goods is charged as often as that, unless staff choose otherwise."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.post = cls._create_sold_product("Parcel post", 5.0, cls.tax_21, False)
        cls.post.type = 'service'
        cls.carrier = cls.env['delivery.carrier'].create(
            {
                'name': "Parcel post",
                'delivery_type': 'fixed',
                'fixed_price': 5.0,
                'product_id': cls.post.id,
            }
        )

    def _ship_by_post(self, order):
        order.set_delivery_line(self.carrier, 5.0)
        return order.order_line.filtered('is_delivery')

    def _pay(self, order):
        self._create_initial_transaction(
            order,
            'done',
            token_id=self._create_token().id,
            amount=order._get_purchase()._get_initial_amount(order),
        )._post_process()

    def test_each_period_ships(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_order((self.coffee, 3))
            shipping = self._ship_by_post(order)
            self.assertTrue(shipping.billing_each_period)
            purchase = order._get_purchase()
            self.assertEqual(purchase._get_initial_amount(order), 60.5)
            self.assertEqual(purchase._get_period_amount(order), 60.5)
            self._pay(order)
        self._run_jobs_on('2027-02-10')
        self.assertEqual(order.billing_paid, 121.0)
        self.assertEqual(order.billing_move_ids.mapped('amount_total'), [60.5, 60.5])
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}] * 2)
        self.assertEqual(order.picking_ids.carrier_id, self.carrier)
        self._assert_books_closed(order)

    @nightly("Each period ships for each change.")
    def test_staff_choose(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_order((self.coffee, 3))
            self._ship_by_post(order).billing_each_period = False
            purchase = order._get_purchase()
            self.assertEqual(purchase._get_initial_amount(order), 60.5)
            self.assertEqual(purchase._get_period_amount(order), 54.45)
            self._pay(order)
        self._run_jobs_on('2027-02-10')
        self.assertEqual(order.billing_paid, 114.95)
        self.assertEqual(order.copy().order_line.mapped('billing_each_period'), [True, False])

    def test_what_is_shipped_once_is_charged_once(self):
        order = self._create_order((self.gym, 1), (self.desk, 1))
        self.assertFalse(self._ship_by_post(order).billing_each_period)
        order = self._create_paid_order((self.desk, 1))
        self.assertFalse(order.order_line.billing_each_period)

    def test_a_new_order_with_all_its_lines(self):
        order = self.env['sale.order'].create(
            {
                'partner_id': self.customer.id,
                'order_line': [
                    Command.create({'product_id': self.post.id, 'is_delivery': True}),
                    Command.create({'product_id': self.fee.id}),
                    Command.create({'product_id': self.coffee.id}),
                ],
            }
        )
        self.assertEqual(order.order_line.mapped('billing_each_period'), [True, False, True])
        self.assertEqual(order._get_purchase()._get_period_amount(order), 24.2)
        # The terms are those of the coffee, whatever stands before it.
        self.assertEqual(order.billing_interval_unit, 'month')

    @nightly("Trials are delivered, and periods shipped, for each change.")
    def test_the_shipping_of_a_trial(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_order((self.coffee, 3))
            self._ship_by_post(order)
            order.billing_trial_days = 14
            self.assertEqual(order._get_purchase()._get_initial_amount(order), 0)
            self._register_card(order)
        self._run_jobs_on('2027-01-24')
        self.assertEqual(order.billing_paid, 60.5)
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}])

    def test_what_each_shipment_has_cost_is_refused(self):
        self.carrier.invoice_policy = 'real'
        order = self._create_order((self.coffee, 3), sent=False)
        shipping = self._ship_by_post(order)
        self.assertFalse(shipping.billing_each_period)
        with self.assertRaisesRegex(ValidationError, "known after the payment"):
            order._get_purchase()._check_order(order)
        self.carrier.invoice_policy = 'estimated'
        order._get_purchase()._check_order(order)
