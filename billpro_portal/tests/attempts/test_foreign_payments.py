from unittest.mock import patch

import stripe
from freezegun import freeze_time

from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.payment.models.payment_provider import PaymentProvider

from ..common.webhook import MessageCommon


@tagged('post_install', '-at_install')
class TestForeignPayments(MessageCommon):
    """Payments by Stripe that belong to no order of ours are what they are without this addon."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tx = cls._create_foreign_transaction('SHOP-1')

    @classmethod
    def _create_foreign_transaction(cls, reference, **values):
        return cls.env['payment.transaction'].create(
            {
                'provider_id': cls.provider.id,
                'payment_method_id': cls.payment_method.id,
                'amount': 10.0,
                'currency_id': cls.company.currency_id.id,
                'partner_id': cls.customer.id,
                'operation': 'online_direct',
                'reference': reference,
                **values,
            }
        )

    def _pay(self, reference):
        """Pay at the gateway; return its message."""
        intent = self._pay_by_reference(reference)
        (message,) = self._find_messages('payment_intent.succeeded', payment=intent['id'])
        return message

    def _assert_not_ours(self):
        self.assertFalse(self._get_events())
        self.assertFalse(self.provider.webhook_refused_date)

    # === REQUESTS === #

    def test_requests_pass_what_other_modules_have_added(self):
        with patch.object(PaymentProvider, '_send_api_request', return_value={}) as send:
            self.tx._send_api_request('POST', 'refunds', data={'payment_intent': 'pi_1'})
        send.assert_called_once_with(
            'POST',
            'refunds',
            params=None,
            data={'payment_intent': 'pi_1'},
            json=None,
            reference='SHOP-1',
        )

    def test_headers_that_other_modules_have_added(self):
        """Payments of orders carry them as well."""
        tx = self._create_initial_transaction(self._create_order((self.gym, 1)))
        send = stripe.RequestsClient.request_with_retries
        with (
            patch.object(
                self.registry['payment.provider'],
                '_get_stripe_extra_request_headers',
                lambda provider: {'Stripe-Account': 'acct_1'},
            ),
            patch.object(
                stripe.RequestsClient, 'request_with_retries', autospec=True, side_effect=send
            ) as sent,
        ):
            tx._send_api_request('POST', 'customers', data={'name': "Anna"})
        self.assertEqual(sent.call_args.args[3]['Stripe-Account'], 'acct_1')

    def test_what_stripe_is_told(self):
        payload = self.tx._stripe_prepare_payment_intent_payload()
        payload |= self.tx._stripe_prepare_setup_intent_payload()
        self.assertFalse([key for key in payload if key.startswith('metadata')])

    # === BOOKING === #

    def test_dates_are_those_of_whoever_books(self):
        """Odoo takes the time zone of the user, or of the job. Our orders have the company's."""
        self.company.partner_id.tz = 'Pacific/Auckland'
        self.env.user.tz = 'UTC'
        with freeze_time('2026-12-31 20:00:00'):
            self.tx._set_done()
            self.tx._post_process()
        self.assertEqual(str(self.tx.payment_id.date), '2026-12-31')

    # === MESSAGES === #

    def test_message_is_processed_at_once(self):
        message = self._pay('SHOP-1')
        self.assertEqual(self._deliver(message), 200)
        self.assertEqual(self.tx.state, 'done')
        self._assert_not_ours()

    def test_message_without_secret(self):
        self.provider.stripe_webhook_secret = False
        self.assertEqual(self._deliver(self._pay('SHOP-1'), signature=''), 200)
        self.assertEqual(self.tx.state, 'done')
        self._assert_not_ours()

    @mute_logger('odoo.addons.payment_stripe.controllers.main')
    def test_message_with_wrong_secret(self):
        self.assertEqual(self._deliver(self._pay('SHOP-1'), secret='whsec_wrong'), 403)
        self.assertEqual(self.tx.state, 'draft')
        self._assert_not_ours()

    @mute_logger('odoo.addons.payment_stripe.models.payment_transaction')
    def test_message_of_another_system(self):
        self.assertEqual(self._deliver(self._pay("Another shop"), signature=''), 200)
        self._assert_not_ours()

    def test_message_that_is_none(self):
        is_about_order = self.env['billpro.webhook.event']._is_about_order
        nonsense = ('', [], {}, {'type': 1}, {'type': 'refund.created', 'data': {'object': []}})
        for message in nonsense:
            self.assertFalse(is_about_order(message))
        content = {'description': {}, 'payment_intent': ['pi_1'], 'metadata': None}
        self.assertFalse(is_about_order({'type': 'refund.created', 'data': {'object': content}}))

    def test_content_that_is_no_message(self):
        headers = {'Content-Type': 'application/json'}
        for content in ('', '{', '[]', '"x"', '[' * 100000, b'\xff'):
            with self.subTest(content[:2]):
                response = self.url_open(
                    '/payment/stripe/webhook', data=content, headers=headers, method='POST'
                )
                self.assertEqual(response.status_code, 400)

    def test_webhook_of_odoo(self):
        """Odoo's own button, for whoever calls it."""
        with patch.object(self.registry['payment.provider'], '_send_api_request') as send:
            self.provider.action_stripe_create_webhook()
            send.assert_not_called()
            self.provider.stripe_webhook_secret = False
            send.return_value = {'secret': 'whsec_new'}
            self.provider.action_stripe_create_webhook()
        send.assert_called_once()

    # === CARDS === #

    def test_cards(self):
        """What is known of them is kept for orders to come; each goes on as it is."""
        card = {'brand': 'visa', 'last4': '4242', 'exp_month': 8, 'exp_year': 2031}
        method = {'id': 'pm_1', 'type': 'card', 'card': {**card, 'fingerprint': 'fp_1'}}
        payment_data = {'setup_intent': {'customer': 'cus_1'}, 'payment_method': method}
        tokens = self.env['payment.token']
        for reference in ('CARD-1', 'CARD-2'):
            tx = self._create_foreign_transaction(reference, amount=0, operation='validation')
            values = tx._extract_token_values(payment_data)
            self.assertEqual(
                set(values),
                {'payment_details', 'provider_ref', 'stripe_payment_method', 'stripe_mandate'},
            )
            tx._tokenize(payment_data)
            tokens += tx.token_id
        self.assertEqual(len(tokens), 2)
        self.assertEqual(tokens.mapped('card_brand'), ["VISA", "VISA"])
