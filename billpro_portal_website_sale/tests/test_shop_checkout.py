from freezegun import freeze_time

from odoo.tests import tagged

from .common.shop import ShopCommon


@tagged('post_install', '-at_install')
class TestShopCheckout(ShopCommon):
    """What a logged-in customer buys, by the requests that the pages make."""

    def setUp(self):
        super().setUp()
        self.authenticate('anna', 'anna')

    def test_subscription(self):
        with freeze_time('2028-01-31 10:00:00', tick=True):
            order = self._fill_cart(self.gym)
            self.assertEqual(
                (order.purchase_type, order.partner_id), ('subscription', self.customer)
            )
            self.assertEqual((order.billing_status, order.state), ('draft', 'draft'))
            page = self._go_to_payment(order)
            self.assertIn("To pay today", page)
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

    def test_metered_takes_its_initial_amount(self):
        self.water.billing_initial_amount = 12
        order = self._buy(self.water)
        self.assertEqual((order.billing_paid, order.billing_status), (12, 'active'))

    def test_single_with_a_subscription_and_an_ordinary_product(self):
        order = self._buy(self.book, self.gym, self.mug)
        self.assertEqual(order.purchase_type, 'subscription')
        self.assertAlmostEqual(order.billing_paid, 63.33)
        self.assertEqual(order.billing_event_ids.mapped('amount'), [20])

    def test_link_of_what_was_bought(self):
        order = self._buy(self.book)
        self.assertEqual((order.state, order.billing_status), ('sale', 'complete'))
        link = order._get_order_link()
        self.assertEqual(self._go_to('/shop/confirmation').status_code, 303)
        self.assertIn("Thank you", self._go_to(order._get_order_link('/result')).text)
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

    def test_consent_names_what_was_chosen(self):
        order = self._buy(self.gym)
        consent = order.billing_consent_ids
        self.assertEqual(consent.partner_id, self.customer)
        self.assertIn("1 × Gym membership: $\xa020.00", consent.text)
        self.assertIn("To pay today: $\xa020.00", consent.text)
        self.assertIn("Then: $\xa020.00 every month", consent.text)

    def test_cart_changed_in_another_tab(self):
        """The amount of today is the same; what follows isn't what the page has shown."""
        self.gym.billing_trial_days = 14
        order = self._fill_cart(self.gym)
        self._go_to_payment(order)
        version = order._get_consent()['version']
        self._add(self.gym)
        answer = self._post_transaction(order, consent_version=version)
        self.assertIn("reload the page", answer['error']['data']['message'])
        self.assertFalse(order.billing_transaction_ids)

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
        self.assertEqual(response.headers['Location'], order._get_order_link('/result'))
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
        self.assertIn("being processed", self._go_to(order._get_order_link()).text)

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
