"""How the demo orders are paid: executed inside Odoo, not by `./dev`.

A class for each payment provider, which all answer to the same names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from odoo.api import Environment

SECONDS_TO_ANSWER = 10
# Stripe's test cards (Stripe documentation, "Testing"), and the states that Demo cards simulate.
GOOD_CARD = '4242424242424242'
CARDS = {'good': GOOD_CARD, 'empty': '4000000000009995', 'lost': '4000000000009987'}
SIMULATED_STATES = {'good': 'done', 'empty': 'error', 'lost': 'cancel'}


class DemoPayments:
    """Payments with Odoo's Demo provider, which answers as it is told."""

    provider_ref = 'payment.payment_provider_demo'

    def __init__(self, env: Environment) -> None:
        """Keep the provider.

        :param odoo.api.Environment env: The superuser's environment.
        """
        self.provider = env.ref(self.provider_ref)

    def set_up(self) -> None:
        """Offer the provider at the checkout."""
        self.provider.write({'state': 'test', 'is_published': True})

    def pay(self, order: Any) -> None:
        """Pay an order for the first time.

        :param sale.order order: The order, whose link was sent.
        """
        token = order.env['payment.token']
        if order._get_purchase()._requires_card(order):
            token = token.create(
                {
                    'provider_id': self.provider.id,
                    'payment_method_id': self.provider.payment_method_ids[:1].id,
                    'partner_id': order.partner_invoice_id.id,
                    'provider_ref': 'demo',
                    'payment_details': '4242',
                    'demo_simulated_state': 'done',
                }
            )
        tx = self._begin(order, token_id=token.id)
        tx._process('demo', {'reference': tx.reference, 'simulated_state': 'done'})
        tx._post_process()

    def treat_card_as(self, order: Any, state: str) -> None:
        """Let the card of an order be answered in another way from now on.

        :param sale.order order: The order.
        :param str state: `good`, `empty` or `lost`.
        """
        order.billing_token_id.demo_simulated_state = SIMULATED_STATES[state]

    def _begin(self, order: Any, **values: Any) -> Any:
        """Return a transaction for the first payment of an order."""
        return order.env['payment.transaction'].create(
            {
                'provider_id': self.provider.id,
                'payment_method_id': self.provider.payment_method_ids[:1].id,
                'amount': order._get_purchase()._get_initial_amount(order),
                'currency_id': order.currency_id.id,
                'partner_id': order.partner_invoice_id.id,
                'operation': 'online_direct',
                'reference': f'{order.name}-P1',
                'billing_order_id': order.id,
                **values,
            }
        )


class StripePayments(DemoPayments):
    """Payments with Stripe, for which the fake gateway answers."""

    provider_ref = 'payment.payment_provider_stripe'

    def __init__(
        self, env: Environment, gateway: str, secret_key: str, publishable_key: str
    ) -> None:
        """Keep the provider and its gateway.

        :param odoo.api.Environment env: The superuser's environment.
        :param str gateway: The fake gateway's URL.
        :param str secret_key: Its secret key.
        :param str publishable_key: Its publishable key.
        """
        super().__init__(env)
        self.gateway = gateway
        self.keys = {
            'stripe_secret_key': secret_key,
            'stripe_publishable_key': publishable_key,
        }

    def set_up(self) -> None:
        """Offer this provider only, with the gateway's keys and its messages."""
        self.provider.env.ref(DemoPayments.provider_ref).state = 'disabled'
        self.provider.env['ir.config_parameter'].set_param('billpro_fake_gateway.url', self.gateway)
        self.provider.write({**self.keys, 'allow_tokenization': True})
        super().set_up()
        self.provider.action_billpro_create_webhook()

    def pay(self, order: Any) -> None:
        """Pay an order for the first time, as the customer's browser does."""
        card = order.env.ref('payment.payment_method_card')
        is_registered = not order._get_purchase()._get_initial_amount(order)
        tx = self._begin(
            order,
            payment_method_id=card.id,
            tokenize=order._get_purchase()._requires_card(order),
            operation='validation' if is_registered else 'online_direct',
        )
        kind = 'setup_intent' if is_registered else 'payment_intent'
        client_secret = tx._get_processing_values()['client_secret']
        number, _separator, _secret = client_secret.partition('_secret_')
        path = f'{kind}s/{number}'
        self._confirm(tx, path, client_secret)
        found = tx._send_api_request('GET', path, data={'expand[]': 'payment_method'})
        tx._process(
            'stripe',
            {
                'reference': tx.reference,
                kind: found,
                'payment_method': found['payment_method'],
            },
        )
        tx._post_process()

    def _confirm(self, tx: Any, path: str, client_secret: str) -> None:
        """Enter a card, as Stripe's script does."""
        answer = requests.post(
            f'{self.gateway}/v1/{path}/confirm',
            data={
                'payment_method_data[type]': 'card',
                'payment_method_data[billing_details][name]': tx.partner_name,
                'payment_method_data[card][number]': GOOD_CARD,
                'payment_method_data[card][exp_month]': '12',
                'payment_method_data[card][exp_year]': '2034',
                'payment_method_data[card][cvc]': '123',
                'client_secret': client_secret,
                'key': self.keys['stripe_publishable_key'],
                'use_stripe_sdk': 'true',
            },
            timeout=SECONDS_TO_ANSWER,
        )
        answer.raise_for_status()

    def treat_card_as(self, order: Any, state: str) -> None:
        """Let the card of an order be answered in another way from now on."""
        card = order.billing_token_id.stripe_payment_method
        answer = requests.post(
            f'{self.gateway}/_control/payment_methods/{card}/treat_as',
            json={'number': CARDS[state]},
            timeout=SECONDS_TO_ANSWER,
        )
        answer.raise_for_status()
