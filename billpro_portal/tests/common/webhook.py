import json
from datetime import timedelta

from freezegun import freeze_time

from odoo import fields

from fake_gateway.webhooks import signature as sign

from .gateway import DUE, GatewayCommon
from .http import BillingHttpCommon

SECRET = 'whsec_test'


class MessageCommon(GatewayCommon, BillingHttpCommon):
    """Messages of the gateway, delivered over HTTP as Stripe signs them."""

    def _pay_by_reference(self, reference, **values):
        """Pay at the gateway what Odoo has not begun there; return the payment."""
        return self._post(
            'payment_intents',
            **{
                'amount': 1000,
                'currency': 'usd',
                'confirm': 'true',
                'payment_method': 'pm_card_visa',
                'payment_method_types[]': 'card',
                'description': reference,
                **values,
            },
        )

    def _find_messages(self, *types, payment=None):
        """Return the gateway's messages of some types about a payment, oldest first."""
        messages = [one for one in self.gateway.find_all('event') if one['type'] in types]
        if payment:
            messages = [
                one
                for one in messages
                if payment
                in {one['data']['object']['id'], one['data']['object'].get('payment_intent')}
            ]
        return messages[::-1]

    def _deliver(self, message, secret=SECRET, age=0, signature=None):
        """Post a message to the webhook; return the status of the answer."""
        payload = json.dumps(message)
        if signature is None:
            moment = int(fields.Datetime.now().timestamp()) - age
            signature = sign(payload.encode(), secret, moment)
        self.env.flush_all()
        headers = {'Content-Type': 'application/json'}
        if signature:
            headers['Stripe-Signature'] = signature
        response = self.url_open('/payment/stripe/webhook', data=payload, headers=headers)
        self.env.invalidate_all()
        return response.status_code

    def _deliver_all(self, messages):
        for message in messages:
            self.assertEqual(self._deliver(message), 200)

    def _process(self):
        with self._committing_env() as env:
            env['billpro.webhook.event']._cron_process()

    def _ask_for_disputes(self, moment):
        with freeze_time(moment):
            with self._committing_env() as env:
                env['billpro.webhook.event']._cron_ask_for_disputes()
            self._process()
        self.env.invalidate_all()

    def _get_events(self):
        return self.env['billpro.webhook.event'].search([])


class WebhookCommon(MessageCommon):
    """A subscription whose payments the messages are about."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls._create_active_order()
        cls.event = cls.order.billing_event_ids

    def _run(self):
        """Let the scheduled action collect what is due."""
        with self._committing_env() as env:
            env['billpro.billing.run']._cron_run()

    def _run_at(self, **delay):
        with freeze_time(DUE + timedelta(**delay)):
            self._run()

    def _lose_answer(self):
        """Collect the payment so that Odoo doesn't learn of it; return the gateway's intent."""
        self.gateway.faults.add('drop_after', path='/v1/payment_intents')
        self._run_at()
        self.assertEqual(self.event.status, 'unknown')
        return self._find_intent(self.event.transaction_ids)

    def _find_intent(self, tx):
        intents = self.gateway.find_all('payment_intent')
        return next(one for one in intents if one['description'] == tx.reference)

    def _assert_charged_once(self):
        tx = self.event.transaction_ids
        charges = self.gateway.ledger.movements(kind='charge', description=tx.reference)
        self.assertEqual([charge.amount for charge in charges], [2420])
        self.assertEqual(self.event.status, 'completed')
        self.assertEqual(len(tx.payment_id), 1)
        self.assertEqual(self.order.billing_paid, 48.4)
        self._assert_books_closed(self.order)
