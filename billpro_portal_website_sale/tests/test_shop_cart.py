from odoo import fields
from odoo.tests import tagged

from odoo.addons.billpro_portal.tests.common.nightly import nightly

from .common.shop import ShopCommon


@tagged('post_install', '-at_install')
class TestShopCart(ShopCommon):
    """What can be in one cart, and what the shop says of it."""

    def setUp(self):
        super().setUp()
        self.authenticate('anna', 'anna')

    def _assert_refused(self, product, other):
        """Check that a product is refused in a shopper's words, and the cart stays as it is."""
        cart = self._get_cart()
        before = (cart.order_line.ids, cart.amount_total, cart.purchase_type)
        answer = self._add(product)
        self.assertEqual(answer['quantity'], 0)
        self.assertIn(
            f"“{product.name}” and “{other.name}” are paid in different ways",
            answer['notification_info']['warning'],
        )
        self.assertEqual((cart.order_line.ids, cart.amount_total, cart.purchase_type), before)

    def test_types_that_cannot_be_mixed(self):
        self._fill_cart(self.gym)
        for product in (self.course, self.water):
            self._assert_refused(product, self.gym)
        self._call('/shop/cart/clear')
        self._fill_cart(self.course)
        for product in (self.gym, self.water, self.book):
            self._assert_refused(product, self.course)

    def test_terms_that_differ(self):
        """An order has one interval: the yearly product would be charged every month."""
        yearly = self.gym.copy({'name': "Locker", 'billing_interval_unit': 'year'})
        yearly.is_published = True
        self._fill_cart(self.gym)
        self._assert_refused(yearly, self.gym)
        yearly.billing_interval_unit = 'month'
        self.assertEqual(self._add(yearly)['quantity'], 1)

    def test_metered_products_charge_nothing_else(self):
        """Their initial amount is a fixed one: a mug would be given away."""
        self._fill_cart(self.water)
        self._assert_refused(self.mug, self.water)
        self._call('/shop/cart/clear')
        self._fill_cart(self.mug)
        self._assert_refused(self.water, self.mug)

    def test_more_of_the_same(self):
        cart = self._fill_cart(self.gym)
        self._add(self.gym, 2)
        self.assertEqual(cart.order_line.product_uom_qty, 3)
        self._call('/shop/cart/update', line_id=cart.order_line.id, quantity=2)
        self.assertEqual(cart.amount_total, 40)

    def test_cart_without_such_products_is_an_ordinary_one(self):
        cart = self._fill_cart(self.mug, self.gym)
        self.assertEqual(cart.purchase_type, 'subscription')
        line = cart.order_line.filtered(lambda line: line.product_id == self.gym)
        self._call('/shop/cart/update', line_id=line.id, quantity=0)
        self.assertFalse(cart.purchase_type)
        self.assertEqual(self._go_to('/shop/payment').status_code, 200)

    def test_only_carts_with_a_purchase_type_never_expire(self):
        yesterday = fields.Date.subtract(fields.Date.today(), days=1)
        cart = self._fill_cart(self.mug)
        cart.validity_date = yesterday
        self.assertTrue(cart.is_expired)
        self._add(self.gym)
        cart.invalidate_recordset(['is_expired'])
        self.assertEqual((cart.purchase_type, cart.validity_date), ('subscription', yesterday))
        self.assertFalse(cart.is_expired)

    @nightly("More of the same is added for each change.")
    def test_order_again(self):
        order = self._buy(self.gym)
        self._fill_cart(self.course)
        cart = self._get_cart()
        self._call('/my/orders/reorder', order_id=order.id)
        self.assertEqual(cart.order_line.product_id, self.course)
        self.assertIn("are paid in different ways", cart.shop_warning)
        self._call('/shop/cart/clear')
        self._call('/my/orders/reorder', order_id=order.id)
        self.assertEqual(cart.order_line.product_id, self.gym)

    @nightly("What can't be mixed is refused for each change.")
    def test_merging_with_an_abandoned_cart(self):
        abandoned = self._fill_cart(self.course)
        abandoned._portal_ensure_token()
        self.authenticate(None, None)
        cart = self._fill_cart(self.gym)
        path = f'/shop/cart?id={abandoned.id}&access_token={abandoned.access_token}'
        page = self._go_to(f'{path}&revive_method=merge')
        self.assertEqual(page.status_code, 200)
        self.assertIn("are paid in different ways", page.text)
        self.assertEqual(cart.order_line.product_id, self.gym)
        self.assertEqual((abandoned.state, abandoned.order_line.product_id), ('draft', self.course))
        abandoned.order_line.product_id = self.book
        self._go_to(f'{path}&revive_method=merge')
        self.assertEqual(cart.order_line.product_id, self.gym | self.book)

    def test_shop_says_the_terms(self):
        self.env['product.template'].search([('is_published', '=', True)]).filtered(
            lambda product: product not in self.sold.product_tmpl_id
        ).is_published = False
        for page in (self._go_to('/shop'), self._go_to(self.gym.website_url)):
            self.assertIn("/ month", page.text)
            self.assertIn("Charged today and then every month.", page.text)
        page = self._go_to('/shop').text
        self.assertIn("10 % today, the rest in 9 instalments, every month.", page)
        self.assertIn("Charged after use, nothing today. The amounts vary.", page)
        self.assertEqual(page.count('o_billpro_shop_text'), 3)

    def test_terms_in_words(self):
        def get_terms(product, **values):
            product.write(values)
            terms = product.product_tmpl_id._billpro_get_shop_terms(self.website.currency_id)
            return ' '.join(filter(None, (terms['unit'], terms['text']))).replace('\xa0', ' ')

        self.assertEqual(
            get_terms(self.gym, billing_interval_count=3, billing_trial_days=14, billing_cycles=4),
            "/ 3 months The first 14 days are free, then it is charged every 3 months."
            " It ends by itself after 4 payments.",
        )
        self.assertEqual(
            get_terms(self.course, billing_deposit_type='fixed', billing_deposit=250),
            "$ 250.00 today, the rest in 9 instalments, every month.",
        )
        self.assertEqual(
            get_terms(self.course, billing_deposit=0, billing_instalment_count=4),
            "Nothing is charged today: 4 instalments follow, every month.",
        )
        self.assertEqual(
            get_terms(self.water, billing_initial_amount=5),
            "/ Units $ 5.00 today, then charged after use. The amounts vary.",
        )
        self.assertEqual(get_terms(self.book), '')
        self.assertEqual(get_terms(self.mug), '')

    def test_cart_shows_what_is_due(self):
        self._fill_cart(self.gym)
        page = ' '.join(self._go_to('/shop/cart').text.replace('\xa0', ' ').split())
        self.assertIn("To pay today", page)
        self.assertIn("$ 20.00 every month", page)
        self.assertNotIn('o_payment_express_checkout_form', page)
        self._call('/shop/cart/clear')
        self._fill_cart(self.course)
        page = ' '.join(self._go_to('/shop/cart').text.replace('\xa0', ' ').split())
        self.assertEqual(page.count('o_billpro_cart_term'), 4)
        self.assertIn("9 × $ 100.00, every month", page)
        self.assertIn("Balance after today", page)
