from datetime import timedelta

from freezegun import freeze_time

from odoo.exceptions import ValidationError
from odoo.tests import tagged

from ..common.gateway import DUE, GatewayCommon
from ..common.http import BillingHttpCommon


@tagged('post_install', '-at_install')
class TestStripeRequests(GatewayCommon):
    """What Stripe is told; the gateway refuses what Stripe would."""

    def _collect(self, order):
        with freeze_time(DUE):
            self._run()
        return order.billing_event_ids[:1].transaction_ids

    def _find_intent(self, tx):
        return self.gateway.find('payment_intent', tx.provider_reference)

    def test_a_scheduled_payment(self):
        order = self._create_active_order()
        tx = self._collect(order)
        intent = self._find_intent(tx)
        self.assertEqual(
            intent['metadata'],
            {
                'odoo_reference': tx.reference,
                'odoo_database': tx.billing_database,
                'odoo_order': order.name,
                'odoo_payment': tx.billing_event_id.display_name,
            },
        )
        self.assertEqual(
            tx.billing_database, self.env['ir.config_parameter'].sudo().get_param('database.uuid')
        )
        self.assertEqual(intent['statement_descriptor_suffix'], order.name)
        self.assertEqual((intent['amount'], intent['currency']), (2420, 'usd'))
        self.assertEqual(intent['capture_method'], 'automatic')

    def test_the_statement_says_that_a_trial_is_over(self):
        with freeze_time(DUE - timedelta(days=31)):
            order = self._create_order((self.gym, 1))
            order.billing_trial_days = 31
            tx = self._create_initial_transaction(
                order, amount=0, operation='validation', token_id=self._create_token().id
            )
            tx._set_done()
            tx._post_process()
        intent = self._find_intent(self._collect(order))
        self.assertEqual(intent['statement_descriptor_suffix'], 'TRIAL OVER')

    def test_the_agreement_that_a_charge_is_part_of(self):
        types = self.env['billpro.purchase.type']._get_types()
        self.assertEqual(
            {name: model._get_off_session_usage() for name, model in types.items()},
            {
                'single': 'one_off',
                'instalment': 'recurring',
                'subscription': 'recurring',
                'metered': 'one_off',
            },
        )
        order = self._create_active_order()
        tx = self._collect(order)
        self.assertEqual(tx._stripe_prepare_payment_intent_payload()['off_session'], 'recurring')

    def test_the_version_of_the_interface(self):
        """Ours is pinned; what isn't of an order goes by Odoo's own."""
        order = self._create_active_order()
        tx = self._collect(order)
        tx._search_billing_at_stripe()
        self.provider._send_api_request('GET', 'payment_intents', params={'limit': 1})
        versions = [request['version'] for request in self.gateway.requests]
        self.assertEqual(versions[-3:], ['2022-08-01', '2022-08-01', '2019-05-16'])

    def test_a_name_without_letters_gives_no_statement_suffix(self):
        order = self._create_active_order()
        tx = order.billing_transaction_ids
        for name, suffix in (
            ("S00042", "S00042"),
            ("2027/<0042>*", ""),
            ("Ö 1", ""),
            ("ORDER \"A\" 2027/01/000042-B", "ORDER A 2027/01/00"),
        ):
            order.name = name
            self.assertEqual(tx._billing_get_statement_suffix(), suffix)

    def test_the_terms_of_a_mandate(self):
        with freeze_time('2027-01-31 10:00:00'):
            order = self._create_order((self.gym, 1), (self.fee, 1))
            order.write({'billing_cycles': 3})
            values = self._create_initial_transaction(order)._get_mandate_values()
        self.assertEqual(
            {**values, 'end_datetime': str(values['end_datetime'])},
            {
                'amount': 36.3,
                'recurrence_unit': 'month',
                'recurrence_duration': 1,
                'end_datetime': '2027-04-29 00:00:00',
            },
        )

    def test_a_decline_keeps_codes_and_intent(self):
        order = self._create_active_order()
        order.billing_token_id = self._create_token('pm_card_chargeCustomerFail')
        tx = self._collect(order)
        self.assertEqual(tx.state, 'error')
        self.assertEqual(self._find_intent(tx)['status'], 'requires_payment_method')
        self.assertRecordValues(
            tx,
            [
                {
                    'billing_error_code': 'card_declined',
                    'billing_decline_code': 'generic_decline',
                    'billing_advice_code': 'try_again_later',
                    'billing_network_code': '01',
                    'billing_decline_class': 'soft',
                }
            ],
        )

    def test_no_key_and_no_payload_in_the_log(self):
        with (
            self.assertLogs('odoo.addons.billpro_portal', 'DEBUG') as log,
            self.assertLogs('odoo.addons.payment', 'DEBUG') as stock_log,
        ):
            stock_log.records.append(None)  # Without a record `assertLogs` would fail.
            tx = self._collect(self._create_active_order())
            with self.assertRaises(ValidationError):
                tx._send_api_request('GET', 'payment_intents/pi_unknown')
        text = '\n'.join([*log.output, *stock_log.output])
        self.assertIn("Stripe POST payment_intents for", text)
        for secret in (self.gateway.secret_key, '_secret_', 'pm_', 'Peeters', 'Linden'):
            self.assertNotIn(secret, text)


@tagged('post_install', '-at_install')
class TestRefusedAddresses(GatewayCommon, BillingHttpCommon):
    """Addresses of mail that Stripe refuses (documentation, "Error codes": `email_invalid`)."""

    def _begin(self, email):
        self.customer.email = email
        with freeze_time(DUE):
            order = self._create_order((self.desk, 1))
            order._portal_ensure_token()
            self._post_transaction(order)
        return order.billing_transaction_ids

    def _find_customer(self, tx):
        intent = self.gateway.find('payment_intent', tx.provider_reference)
        return self.gateway.find('customer', intent['customer'])

    def test_the_customer_pays_all_the_same(self):
        tx = self._begin("anna@localhost")
        self.assertEqual((tx.state, tx.partner_email), ('draft', "anna@localhost"))
        customer = self._find_customer(tx)
        self.assertEqual((customer['name'], customer['email']), ("Anna Peeters", None))
        self.assertFalse(tx.billing_refusal)
        self.assertFalse(tx.billing_order_id.activity_ids)

    def test_others_are_told(self):
        tx = self._begin("anna.peeters@customer.example.com")
        self.assertEqual(self._find_customer(tx)['email'], "anna.peeters@customer.example.com")

    def test_what_else_is_refused_is_known(self):
        self.gateway.settings.revoked_keys = (self.gateway.secret_key,)
        self.addCleanup(setattr, self.gateway.settings, 'revoked_keys', ())
        tx = self._begin("anna@localhost")
        self.assertEqual((tx.state, tx.billing_refusal), ('error', 'key'))
