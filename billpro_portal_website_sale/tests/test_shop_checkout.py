from freezegun import freeze_time

from odoo.tests import tagged

from odoo.addons.billpro_portal.tests.common.nightly import nightly
from odoo.addons.billpro_portal.tests.common.routes import get_open_routes

from .common.shop import ShopCommon


@tagged('post_install', '-at_install')
class TestShopCheckout(ShopCommon):
    """What a logged-in customer buys, by the requests that the pages make."""

    def setUp(self):
        super().setUp()
        self.authenticate('anna', 'anna')

    def test_orders_with_a_link_are_opened_by_it(self):
        """What isn't a route of the order link is of the shop: carts, and orders without ours."""
        self.assertEqual(
            get_open_routes(self.env, 'billpro_portal_website_sale'),
            {
                'cart',
                'shop_payment',
                'shop_payment_confirmation',
                'shop_payment_transaction',
                'shop_payment_validate',
            },
        )

    def test_subscription(self):
        with freeze_time('2028-01-31 10:00:00', tick=True):
            order = self._fill_cart(self.gym)
            self.assertEqual(
                (order.purchase_type, order.partner_id), ('subscription', self.customer)
            )
            self.assertEqual((order.billing_status, order.state), ('draft', 'draft'))
            page = self._go_to_payment(order)
            self.assertIn("To pay today", page)
            for text in ("Order with obligation to pay", "Model withdrawal form"):
                self.assertIn(text, page)
            self.assertIn("$ 20.00 every month", page.replace('\xa0', ' '))
            self.assertEqual((order.billing_status, order.state), ('pending', 'draft'))
            self.assertFalse(order.order_link_sent_date)
            tx = self._pay(order)
        self.assertEqual((tx.amount, tx.token_id), (20, order.billing_token_id))
        self.assertTrue(tx.token_id)
        self.assertEqual((order.state, order.billing_status), ('sale', 'active'))
        self.assertEqual(order.billing_event_ids.mapped('amount'), [20])
        self.assertEqual(str(order.billing_event_ids.period_start), '2028-02-29')
        self.assertEqual(order.billing_move_ids.mapped('amount_total'), [20])
        self._assert_books_closed(order)
        with freeze_time('2028-02-29 10:00:00'):
            self._run()
        self.assertEqual(order.billing_paid, 40)
        self.assertEqual(
            order.billing_notification_ids.mapped('kind')[-1:], ['purchase_confirmation']
        )
        with freeze_time('2028-02-29 11:00:00'):
            order._billing_cancel_subscription(at_once=True)
            new = order._billing_offer_successor(sends_link=False)
        self.assertFalse(new._billpro_is_cart())

    def test_what_the_law_wants_in_the_shop(self):
        """At the foot of each page, and in Odoo's own checkout of what is no purchase type."""
        self.company.billing_consumer_law = 'law'
        for code, is_given in (('de', True), ('us', False)):
            self.company.country_id = self.customer.country_id = self.env.ref(f'base.{code}')
            link = f'/contract/cancel?company={self.company.id}&amp;lang=en_US'
            self.assertEqual(link in self._go_to('/shop').text, is_given)
        cart = self._fill_cart(self.mug)
        for code, is_given in (('de', True), ('us', False)):
            self.customer.country_id = self.env.ref(f'base.{code}')
            page = self._go_to('/shop/payment').text
            self.assertIn('name="o_payment_submit_button"', page)
            for text in ("Order with obligation to pay", "Model withdrawal form"):
                self.assertEqual(text in page, is_given)
        self.assertFalse(cart.purchase_type)

    def test_instalments_take_the_deposit(self):
        order = self._buy(self.course)
        self.assertEqual(order.billing_paid, 100)
        self.assertEqual((order.state, order.billing_status), ('sale', 'active'))
        self.assertEqual(order.billing_event_ids.mapped('amount'), [100] * 9)
        self._assert_books_closed(order)

    def test_metered_registers_a_card(self):
        order = self._buy(self.water)
        self.assertEqual(order.billing_transaction_ids.mapped('operation'), ['validation'])
        self.assertTrue(order.billing_token_id)
        self.assertEqual((order.billing_paid, order.billing_status), (0, 'active'))

    @nightly("Deposits are taken, and cards registered, for each change.")
    def test_metered_takes_its_initial_amount(self):
        self.water.billing_initial_amount = 12
        order = self._buy(self.water)
        self.assertEqual((order.billing_paid, order.billing_status), (12, 'active'))

    @nightly("Each alone is bought for each change.")
    def test_single_with_a_subscription_and_an_ordinary_product(self):
        order = self._buy(self.book, self.gym, self.mug)
        self.assertEqual(order.purchase_type, 'subscription')
        self.assertAlmostEqual(order.billing_paid, 63.33)
        self.assertEqual(order.billing_event_ids.mapped('amount'), [20])

    @nightly("Orders with a link are opened by it for each change.")
    def test_link_of_what_was_bought(self):
        order = self._buy(self.book)
        self.assertEqual((order.state, order.billing_status), ('sale', 'complete'))
        link = order._billing_get_order_link()
        self.assertEqual(self._go_to('/shop/confirmation').status_code, 303)
        self.assertIn("Thank you", self._go_to(order._billing_get_order_link('/result')).text)
        self.authenticate(None, None)
        self.assertEqual(self._go_to(link).status_code, 200)

    def test_ordinary_product_is_sold_as_without_us(self):
        order = self._fill_cart(self.mug)
        self.assertFalse(order.purchase_type)
        page = self._go_to('/shop/payment')
        self.assertEqual(page.status_code, 200)
        self.assertIn(f'/shop/payment/transaction/{order.id}', page.text)
        answer = self._call(
            f'/shop/payment/transaction/{order.id}',
            **self._prepare_new_card(
                access_token=order.access_token,
                amount=order.amount_total,
                landing_route='/shop/payment/validate',
                tokenization_requested=False,
                is_validation=False,
            ),
        )
        self._simulate(answer['reference'], 'done')
        order.transaction_ids._post_process()
        self.assertEqual((order.state, order.billing_status), ('sale', 'draft'))
        self.assertFalse(order.billing_transaction_ids)

    def test_cart_changed_in_another_tab(self):
        """The amount of today is the same; what follows isn't what the page has shown."""
        self.gym.billing_trial_days = 14
        order = self._fill_cart(self.gym)
        self._go_to_payment(order)
        shown = order._billing_get_shown()
        self._add(self.gym)
        answer = self._post_transaction(order, shown=shown)
        self.assertIn("nothing was charged", answer['error']['data']['message'])
        self.assertFalse(order.billing_transaction_ids)
        self._pay(order)
        self.assertIn("Gym membership: 2 × $\xa020.00", order.billing_consent_ids.agreement)

    def test_cart_emptied_while_it_is_being_paid(self):
        """What the open tab could finish is given up, and money that came is on account."""
        order = self._fill_cart(self.gym, self.mug)
        self._go_to_payment(order)
        tx = self.env['payment.transaction'].search(
            [('reference', '=', self._post_transaction(order)['result']['reference'])]
        )
        line = order.order_line.filtered(lambda line: line.product_id == self.gym)
        self._call('/shop/cart/update', line_id=line.id, quantity=0)
        self.assertFalse(order.purchase_type)
        self.assertEqual((tx.state, tx.billing_superseded), ('cancel', True))
        tx._set_done()
        tx._post_process()
        self.assertTrue(tx.billing_on_account)

    @nightly("Whether carts are expired is asked for each change.")
    def test_carts_do_not_expire(self):
        order = self._fill_cart(self.book)
        order.validity_date = '2020-01-01'
        self._go_to_payment(order)
        self._pay(order)
        self.assertEqual(order.billing_status, 'complete')

    def test_payment_needs_consent(self):
        order = self._fill_cart(self.gym)
        self._go_to_payment(order)
        answer = self._post_transaction(order, consent_version=None)
        self.assertIn("tick the box", answer['error']['data']['message'])

    def test_other_doors_take_nothing(self):
        order = self._fill_cart(self.gym)
        self.assertIn("reload the page", self._pay_in_the_shop(order)['message'])
        self.authenticate(None, None)
        self.assertIn('404', self._pay_in_the_shop(order)['message'])
        self.assertFalse(order.transaction_ids | order.billing_transaction_ids)

    def _pay_in_the_shop(self, order):
        return self._call(
            f'/shop/payment/transaction/{order.id}',
            **self._prepare_new_card(access_token=order._portal_ensure_token()),
        )

    def test_confirming_without_payment_is_no_way_in(self):
        order = self._fill_cart(self.gym)
        self._go_to('/shop/checkout')
        response = self._submit('/shop/payment/validate')
        self.assertEqual(response.headers['Location'], order._billing_get_order_link('/result'))
        self.assertEqual(order.state, 'draft')

    def test_cart_is_over_while_its_payment_is_pending(self):
        order = self._fill_cart(self.gym)
        self._go_to_payment(order)
        answer = self._post_transaction(order)
        self._simulate(answer['result']['reference'], 'pending')
        self.assertEqual((order.state, order.billing_status), ('sent', 'pending'))
        self._add(self.book)
        self.assertNotEqual(self._get_cart(), order)
        self.assertEqual(order.order_line.product_id, self.gym)
        self.assertIn("being processed", self._go_to(order._billing_get_order_link()).text)

    def test_cart_that_is_being_paid(self):
        """The way back into the shop leads to the page of the payment."""
        order = self._fill_cart(self.gym)
        self._go_to_payment(order)
        self._create_initial_transaction(order, operation='online_token')
        for path in ('/shop/cart', '/shop/checkout', '/shop/payment'):
            self.assertEqual(self._go_to(path).headers['Location'], order._billing_get_order_link())
        for product in (self.gym, self.book):
            answer = self._add(product)
            self.assertIn("is being paid", answer['notification_info']['warning'])
        self.assertEqual(order.order_line.mapped('product_uom_qty'), [1])
        self.assertEqual(self._go_to(order._billing_get_order_link()).status_code, 200)

    def test_locked_price(self):
        self.gym.write({'billing_lock_pricing': True, 'billing_lock_terms': True})
        self.assertEqual(self._buy(self.gym).billing_paid, 20)

    def test_provider_of_another_shop_is_not_offered(self):
        other = self.env['website'].create({'name': "Other", 'company_id': self.company.id})
        self.provider.website_id = other
        order = self._fill_cart(self.gym)
        self.assertIn("Online payment is not available", self._go_to_payment(order))

    def test_what_cannot_be_sold_is_told(self):
        self.course.billing_deposit = 100
        self._fill_cart(self.course)
        page = self._go_to('/shop/payment')
        self.assertEqual(page.status_code, 200)
        self.assertIn("can't be paid online as it is", page.text.replace('&#39;', "'"))

    @nightly("A guest subscribes in a browser for each change.")
    def test_guest(self):
        self.authenticate(None, None)
        order = self._fill_cart(self.gym)
        self.assertTrue(self._go_to('/shop/payment').headers['Location'].endswith('/shop/address'))
        answer = self._submit(
            '/shop/address/submit',
            address_type='billing',
            use_delivery_as_billing='true',
            name="Nora Jacobs",
            email='nora@customer.example.com',
            phone='0470 12 34 57',
            street="1 Linden Street",
            city="Ghent",
            zip='9000',
            country_id=self.env.ref('base.be').id,
        )
        self.assertIn('redirectUrl', answer.json())
        self._go_to_payment(order)
        tx = self._pay(order)
        self.assertEqual((order.state, order.billing_status), ('sale', 'active'))
        self.assertEqual(order.partner_id.name, "Nora Jacobs")
        self.assertEqual(tx.token_id.partner_id, order.partner_id)
        self.assertEqual(order.billing_consent_ids.partner_id, order.partner_id)
        self.assertIn("Nora Jacobs", self._go_to(order._billing_get_order_link()).text)

    def test_taxes(self):
        """The shop shows prices with taxes, and that is what is paid."""
        self.website.show_line_subtotals_tax_selection = 'tax_included'
        self.gym.taxes_id = self.tax_21
        page = ' '.join(self._go_to(self.gym.website_url).text.split())
        self.assertRegex(
            page, r'>24\.20</span></span> <span class="o_billpro_shop_unit[^>]*>/ month'
        )
        order = self._buy(self.gym)
        self.assertEqual(order.billing_paid, 24.2)
        self.assertEqual(order.billing_move_ids.amount_tax, 4.2)

    @nightly("One more currency, which the checkout takes as any other.")
    def test_currency_of_the_customer(self):
        pricelist = self._create_pricelist('EUR')
        pricelist.selectable = True
        self.env['res.currency.rate'].create(
            {
                'name': '2020-01-01',
                'rate': 0.8,
                'currency_id': pricelist.currency_id.id,
                'company_id': self.company.id,
            }
        )
        self.customer.specific_property_product_pricelist = pricelist
        self.course.write({'billing_deposit_type': 'fixed', 'billing_deposit': 250})
        order = self._fill_cart(self.course)
        self.assertEqual(order.currency_id.name, 'EUR')
        self._go_to_payment(order)
        tx = self._pay(order)
        self.assertEqual((tx.amount, tx.currency_id), (200, order.currency_id))
        self._assert_books_closed(order)
