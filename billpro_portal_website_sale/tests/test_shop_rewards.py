from datetime import timedelta

from odoo import Command, fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.billpro_portal.tests.common.nightly import nightly

from .common.shop import ShopCommon


@tagged('post_install', '-at_install')
class TestShopRewards(ShopCommon):
    """Coupons, gift cards and deliveries count as they do on an order of the back office."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.coupon = cls._create_program(
            'promo_code',
            {'discount': 10, 'discount_mode': 'percent'},
            applies_on='current',
            trigger='with_code',
            rule_ids=[Command.create({'code': 'TEN'})],
        )
        gift_cards = cls._create_program(
            'gift_card',
            {'discount': 1, 'discount_mode': 'per_point', 'required_points': 1},
            applies_on='future',
            trigger='auto',
        )
        cls.small_card, cls.large_card = cls.env['loyalty.card'].create(
            [
                {'program_id': gift_cards.id, 'points': 5, 'code': 'GIFT5'},
                {'program_id': gift_cards.id, 'points': 500, 'code': 'GIFT500'},
            ]
        )

    @classmethod
    def _create_program(cls, program_type, reward, **values):
        return cls.env['loyalty.program'].create(
            {
                'name': program_type,
                'program_type': program_type,
                'company_id': cls.company.id,
                'reward_ids': [
                    Command.create(
                        {'reward_type': 'discount', 'discount_applicability': 'order', **reward}
                    )
                ],
                **values,
            }
        )

    def setUp(self):
        super().setUp()
        self.authenticate('anna', 'anna')

    def _buy_with(self, product, *codes):
        """Return an order that the customer has paid in the shop, with codes."""
        order = self._fill_cart(product)
        for code in codes:
            self._submit('/shop/pricelist', promo=code)
        self.assertEqual(len(order.order_line.filtered('is_reward_line')), len(codes))
        self._go_to_payment(order)
        self._pay(order)
        return order

    def test_subscription(self):
        order = self._buy_with(self.gym, 'TEN', 'GIFT5')
        self.assertEqual((order.billing_paid, order.billing_status), (13, 'active'))
        self.assertEqual(order.billing_event_ids.mapped('amount'), [20])
        self.assertEqual(self.small_card.points, 0)
        self._assert_books_closed(order)

    @nightly("A subscription is paid so for each change.")
    def test_instalments(self):
        order = self._buy_with(self.course, 'TEN', 'GIFT5')
        self.assertEqual((order.amount_total, order.billing_paid), (895, 89.5))
        self.assertAlmostEqual(sum(order.billing_event_ids.mapped('amount')), 805.5)
        self._assert_books_closed(order)

    @nightly("A subscription is paid so for each change.")
    def test_single(self):
        order = self._buy_with(self.book, 'TEN', 'GIFT5')
        self.assertEqual((order.billing_paid, order.billing_status), (25, 'complete'))
        self._assert_books_closed(order)

    def test_first_period_paid_by_gift_card(self):
        """Nothing is due today; the card is registered for the periods that follow."""
        order = self._buy_with(self.gym, 'GIFT500')
        self.assertEqual(order.billing_transaction_ids.mapped('operation'), ['validation'])
        self.assertEqual((order.billing_paid, order.billing_status), (0, 'active'))
        self.assertEqual(order.billing_event_ids.mapped('amount'), [20])
        self.assertEqual(self.large_card.points, 480)
        self._assert_free_invoice(order)
        self.assertEqual(order.order_line[0].qty_invoiced, 1)

    def _assert_free_invoice(self, order):
        """Check that what a gift card has paid is invoiced, and nothing is left to invoice."""
        invoice = order.billing_move_ids
        self.assertEqual((invoice.state, invoice.amount_total), ('posted', 0))
        self.assertEqual(len(invoice.invoice_line_ids), 2)

    def test_all_paid_by_gift_card(self):
        order = self._fill_cart(self.book)
        self._submit('/shop/pricelist', promo='GIFT500')
        self._go_to('/shop/checkout')
        self.assertEqual(self._go_to('/shop/payment').status_code, 200)
        response = self._submit('/shop/payment/validate')
        self.assertTrue(response.headers['Location'].endswith('/shop/confirmation'))
        self.assertEqual((order.state, order.billing_status), ('sale', 'complete'))
        self._assert_free_invoice(order)
        self.assertEqual(self._go_to('/shop/confirmation').status_code, 200)
        self.assertEqual(self._go_to(order._billing_get_order_link()).status_code, 200)

    @nightly("Without a card before it for each change.")
    def test_all_paid_by_gift_card_after_a_declined_card(self):
        order = self._fill_cart(self.book)
        self._go_to_payment(order)
        reference = self._post_transaction(order)['result']['reference']
        self._simulate(reference, 'error')
        self._submit('/shop/pricelist', promo='GIFT500')
        self._go_to('/shop/checkout')
        self.assertEqual(self._go_to('/shop/payment').status_code, 200)
        response = self._submit('/shop/payment/validate')
        self.assertTrue(response.headers['Location'].endswith('/shop/confirmation'))
        self.assertEqual((order.state, order.billing_status), ('sale', 'complete'))
        self.assertEqual(self._go_to('/shop/confirmation').status_code, 200)

    def test_metered_takes_no_gift_card(self):
        """What it pays today is a fixed amount: the gift card would be lost."""
        order = self._fill_cart(self.water)
        self._submit('/shop/pricelist', promo='GIFT5')
        self.assertIn("used for what is due today", self._go_to('/shop/payment').text)
        self.assertEqual(order.billing_status, 'draft')
        reward = order.order_line.filtered('is_reward_line')
        self._call('/shop/cart/update', line_id=reward.id, quantity=0)
        self._go_to_payment(order)

    @nightly("Metered products take none for each change.")
    def test_trial_takes_no_gift_card(self):
        self.gym.billing_trial_days = 14
        self._fill_cart(self.gym)
        self._submit('/shop/pricelist', promo='GIFT5')
        self.assertIn("used for what is due today", self._go_to('/shop/payment').text)

    def test_gift_card_used_elsewhere_meanwhile(self):
        order = self._fill_cart(self.gym)
        self._submit('/shop/pricelist', promo='GIFT5')
        self._go_to_payment(order)
        self.small_card.points = 0
        answer = self._post_transaction(order)
        self.assertIn("has expired", answer['error']['data']['message'])
        self.assertFalse(order.billing_transaction_ids)
        self._go_to(order._billing_get_order_link())
        self._pay(order)
        self.assertEqual(order.billing_paid, 20)

    def _begin_with_coupon(self):
        """Return an order with a coupon, and its payment, which was begun two days ago."""
        order = self._fill_cart(self.gym)
        self._submit('/shop/pricelist', promo='TEN')
        self._go_to_payment(order)
        reference = self._post_transaction(order)['result']['reference']
        tx = self.env['payment.transaction'].search([('reference', '=', reference)])
        self.env.cr.execute(
            "UPDATE payment_transaction SET create_date = create_date - interval '2 days'"
            " WHERE id = %s",
            [tx.id],
        )
        self.env.invalidate_all()
        return order, tx

    def _book(self, tx):
        self._simulate(tx.reference, 'done')
        with self._committing_env() as env:
            env['payment.transaction'].browse(tx.id)._cron_post_process()

    def test_promotion_that_ends_before_the_payment_is_booked(self):
        order, tx = self._begin_with_coupon()
        self.coupon.date_to = fields.Date.today() - timedelta(days=1)
        self._book(tx)
        self.assertEqual((order.billing_paid, order.billing_status), (18, 'active'))
        self._assert_books_closed(order)

    @nightly("One that ends meanwhile is met for each change.")
    def test_promotion_that_is_taken_away_before_the_payment_is_booked(self):
        """Another amount is never booked: a person reads why."""
        order, tx = self._begin_with_coupon()
        self.coupon.date_to = fields.Date.today() - timedelta(days=5)
        with mute_logger('odoo.addons.billpro_portal.models.each_alone.own_transaction'):
            self._book(tx)
        self.assertEqual((tx.state, tx.is_post_processed), ('done', False))
        self.assertEqual((order.billing_status, len(order.billing_move_ids)), ('pending', 0))
        failure = self.env['billpro.failure'].search([('order_id', '=', order.id)])
        self.assertIn("would change what is paid first", failure.reason)
        self.coupon.date_to = False
        with self._committing_env() as env:
            env['billpro.failure'].browse(failure.id)._try_again()
            env['payment.transaction'].browse(tx.id)._cron_post_process()
        self.assertEqual((order.billing_paid, order.billing_status), (18, 'active'))

    @nightly("Each of both is bought with for each change.")
    def test_coupon_on_a_locked_price(self):
        self.gym.billing_lock_pricing = True
        self.assertEqual(self._buy_with(self.gym, 'TEN').billing_paid, 18)

    def test_delivery(self):
        if 'stock.warehouse' in self.env:  # A company that was there before Inventory has none.
            self.env['stock.warehouse'].create(
                {'name': "Aurora", 'code': 'AUR', 'company_id': self.company.id}
            )
        self.env['delivery.carrier'].search([]).is_published = False
        carrier = self.env['delivery.carrier'].create(
            {
                'name': "Post",
                'fixed_price': 5,
                'product_id': self.env['product.product']
                .create({'name': "Post", 'type': 'service', 'taxes_id': False})
                .id,
                'is_published': True,
                'company_id': self.company.id,
            }
        )
        self.desk.write({'type': 'consu', 'is_published': True, 'taxes_id': False})
        order = self._fill_cart(self.gym, self.desk)
        response = self._go_to('/shop/payment')
        self.assertEqual(response.headers['Location'], order._billing_get_order_link())
        response = self._go_to(order._billing_get_order_link())
        self.assertTrue(response.headers['Location'].endswith('/shop/checkout'))
        self._go_to('/shop/checkout')
        self.assertEqual(order.carrier_id, carrier)
        self._go_to_payment(order)
        self._pay(order)
        self.assertEqual(order.billing_paid, 125)
        self.assertEqual(order.billing_event_ids.mapped('amount'), [20])
