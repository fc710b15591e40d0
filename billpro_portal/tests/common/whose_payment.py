from freezegun import freeze_time

from odoo.tools import mute_logger

from .gateway import DUE
from .webhook import WebhookCommon

IDENTITY_LOGGERS = (
    'odoo.addons.billpro_portal.models.attempts.payment_transaction',
    'odoo.addons.billpro_portal.models.stripe.payment_transaction',
)
OTHER_DATABASE = '11111111-2222-3333-4444-555555555555'


class WhosePaymentCommon(WebhookCommon):
    """Objects of the gateway that belong to somebody else, or look as if they were ours."""

    def setUp(self):
        super().setUp()
        self.enterContext(mute_logger(*IDENTITY_LOGGERS))
        self.database = self.env['ir.config_parameter'].sudo().get_param('database.uuid')

    def _begin(self, order, **overrides):
        """Begin to pay at the checkout; return the transaction."""
        order._portal_ensure_token()
        answer = self._post_transaction(order, **overrides)
        self.assertIn('result', answer, answer)
        reference = answer['result']['reference']
        return self.env['payment.transaction'].search([('reference', '=', reference)])

    def _begin_single(self):
        with freeze_time(DUE):
            order = self._create_order((self.desk, 1))
            return order, self._begin(order)

    def _confirm(self, tx):
        """Let the customer enter a card in the browser."""
        return self._post(
            f'payment_intents/{tx.provider_reference}/confirm',
            payment_method='pm_card_visa',
            return_url='https://example.com',
        )

    def _return(self, tx, **numbers):
        """Come back from Stripe, or pretend to."""
        self.env.flush_all()
        response = self.url_open(
            '/payment/stripe/return',
            params={'reference': tx.reference, **numbers},
            allow_redirects=False,
        )
        self.env.invalidate_all()
        self.assertEqual(response.status_code, 303)

    def _forge(self, tx, database=None, **values):
        """Pay at the gateway what looks like a payment of ours; return the intent."""
        metadata = {
            'metadata[odoo_reference]': tx.reference,
            'metadata[odoo_order]': tx.billing_order_id.name,
            'metadata[odoo_database]': database,
        }
        return self._pay_by_reference(
            tx.reference,
            **{
                'amount': round(tx.amount * 100),
                **{key: value for key, value in metadata.items() if value},
                **values,
            },
        )

    def _tell(self, kind, intent):
        """Deliver and process the gateway's messages of a kind about an intent."""
        messages = self._find_messages(kind, payment=intent['id'])
        self.assertTrue(messages)
        with freeze_time(DUE):
            self._deliver_all(messages)
            self._process()

    def _lose_request(self):
        """Lose the charge on its way, so that Odoo can't know that nothing was charged."""
        self.gateway.faults.add('error_before', path='/v1/payment_intents')
        self._run_at()
        tx = self.event.transaction_ids
        self.assertEqual((self.event.status, tx.state), ('unknown', 'pending'))
        self.assertFalse(tx.provider_reference)
        return tx

    def _assert_still_unknown(self, tx):
        self.assertRecordValues(tx, [{'state': 'pending', 'billing_outcome_unknown': True}])
        self.assertEqual(self.event.status, 'unknown')
        self.assertEqual(self.order.billing_paid, 24.2)

    def _assert_refused(self, tx, activities=1):
        """Check that nothing came of it but one question to staff."""
        order = tx.billing_order_id
        summaries = [s for s in order.activity_ids.mapped('summary') if tx.reference in s]
        self.assertEqual(len(summaries), activities, summaries)
