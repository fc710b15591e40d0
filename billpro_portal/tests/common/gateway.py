from datetime import datetime, timedelta
from unittest.mock import patch

import requests
from freezegun import freeze_time

from odoo.addons.payment_stripe.models.payment_provider import PaymentProvider

from fake_gateway import FakeGateway

from .subscription import SubscriptionCommon

# When the first scheduled payment is due.
DUE = datetime(2027, 2, 10, 10)


class GatewayCommon(SubscriptionCommon):
    """Subscriptions whose cards the fake gateway answers for, as Stripe would."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gateway = FakeGateway()
        cls.gateway.start()
        cls.addClassCleanup(cls.gateway.stop)
        cls.startClassPatcher(
            patch.object(
                PaymentProvider,
                '_build_request_url',
                lambda provider, endpoint, **kwargs: f'{cls.gateway.url}/v1/{endpoint}',
            )
        )
        cls.provider = cls.env.ref('payment.payment_provider_stripe').copy(
            {'company_id': cls.company.id}
        )
        cls.payment_method = cls.env.ref('payment.payment_method_card')
        cls.provider.write(
            {
                'state': 'test',
                'is_published': True,
                'allow_tokenization': True,
                'stripe_secret_key': cls.gateway.secret_key,
                'stripe_publishable_key': cls.gateway.publishable_key,
                'stripe_webhook_secret': 'whsec_test',
            }
        )

    def setUp(self):
        """Let the gateway forget what happens in a test, as the database does.

        What a class has made can so be paid, refunded and declined by each of its tests.
        """
        super().setUp()
        self.gateway.faults.clear()
        self.enterContext(self.gateway.rolled_back())

    @classmethod
    def _post(cls, path, key=None, gateway=None, **data):
        gateway = gateway or cls.gateway
        response = requests.post(
            f'{gateway.url}/v1/{path}',
            data=data,
            headers={'Authorization': f'Bearer {key or gateway.secret_key}'},
            timeout=10,
        )
        response.raise_for_status()
        return response.json()

    @classmethod
    def _create_token(cls, state='pm_card_visa', partner=None):
        customer = cls._post('customers', name="Anna Peeters")
        card = 'pm_card_visa' if state == 'done' else state
        method = cls._post(f'payment_methods/{card}/attach', customer=customer['id'])
        return cls.env['payment.token'].create(
            {
                'provider_id': cls.provider.id,
                'payment_method_id': cls.payment_method.id,
                'partner_id': (partner or cls.customer).id,
                'provider_ref': customer['id'],
                'stripe_payment_method': method['id'],
                'payment_details': '4242',
            }
        )

    @classmethod
    def _create_active_order(cls, *lines, state='done', **terms):
        with freeze_time(DUE - timedelta(days=31)):
            order = cls._create_order(*(lines or [(cls.gym, 1)]))
            tx = cls._create_initial_transaction(order, token_id=cls._create_token(state).id)
            tx._set_done()
            tx._post_process()
        return order
