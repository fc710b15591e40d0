from odoo.tests import tagged

from ..common.gateway import GatewayCommon


@tagged('post_install', '-at_install')
class TestStripeCards(GatewayCommon):
    """What is kept of a card, and cards that are entered twice."""

    def _register(self, card='pm_card_visa', partner=None, **details):
        """Register a card as the checkout does; return its token."""
        method = self._post(
            'payment_methods',
            key=self.gateway.publishable_key,
            **{'type': 'card', 'card[number]': card, 'card[exp_month]': 8, 'card[exp_year]': 2031}
            | {'card[cvc]': '123'}
            | details,
        )
        order = self._create_order((self.gym, 1), partner=partner or self.customer)
        tx = self._create_initial_transaction(
            order, operation='validation', tokenize=True, amount=0
        )
        tx._get_specific_processing_values({})
        intent = next(
            one
            for one in self.gateway.find_all('setup_intent')
            if one['description'] == tx.reference
        )
        self._post(f'setup_intents/{intent["id"]}/confirm', payment_method=method['id'])
        self.assertTrue(tx._billing_keep_stripe_number(intent['id']))
        self.assertEqual(tx.state, 'done')
        return tx.token_id

    def test_what_is_kept(self):
        token = self._register('4242424242424242')
        self.assertRecordValues(
            token,
            [
                {
                    'card_brand': "VISA",
                    'card_last_digits': '4242',
                    'payment_details': '4242',
                    'card_wallet': '',
                }
            ],
        )
        self.assertEqual(str(token.card_expiry_date), '2031-08-31')
        self.assertTrue(token.card_fingerprint)

    def test_brands_have_the_names_of_odoo_whether_they_are_active_or_not(self):
        for brand, name in (
            ('visa', "VISA"),
            ('cartes_bancaires', "Cartes Bancaires"),
            ('diners', "Diners Club International"),
            ('jcb', "JCB"),
            ('unionpay', "UnionPay"),
            ('eftpos_au', "Eftpos_au"),
        ):
            values = self.env['payment.token']._prepare_billing_stripe_card_values({'brand': brand})
            self.assertEqual(values['card_brand'], name)

    def test_a_card_in_a_wallet(self):
        values = self.env['payment.token']._prepare_billing_stripe_card_values(
            {'brand': 'visa', 'last4': '4242', 'wallet': {'type': 'apple_pay'}}
        )
        self.assertEqual(values['card_wallet'], "Apple Pay")
        token = self._create_token()
        token.write(values)
        self.assertEqual(token._get_card_name(), "VISA •••• 4242 (Apple Pay)")

    def test_the_same_card_twice(self):
        token = self._register('4242424242424242')
        first_method = token.stripe_payment_method
        self.assertEqual(self._register('4242424242424242'), token)
        self.assertNotEqual(token.stripe_payment_method, first_method)
        tokens = self.env['payment.token'].search([('partner_id', '=', self.customer.id)])
        self.assertEqual(tokens, token)
        order = self._create_active_order()
        order.billing_token_id = token
        self.assertEqual(order.billing_token_id.stripe_payment_method, token.stripe_payment_method)

    def test_cards_that_are_not_the_same(self):
        token = self._register('4242424242424242')
        renewed = self._register('4242424242424242', **{'card[exp_year]': 2033})
        other = self._register('5555555555554444')
        foreign = self._register('4242424242424242', partner=self.other_customer)
        self.assertEqual(len(token | renewed | other | foreign), 4)
        self.assertEqual(foreign.partner_id, self.other_customer)
