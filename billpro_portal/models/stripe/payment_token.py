from datetime import date

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from odoo.addons.payment_stripe.const import PAYMENT_METHODS_MAPPING

from ...billing.stripe_messages import is_stripe_id
from ..rights.guarded_fields import guard_of_orders
from ..rights.own_context import INSIDE

guard_of_orders('payment.token', 'stripe_mandate', 'stripe_payment_method')


class PaymentToken(models.Model):
    """Cards that are stored at Stripe."""

    _inherit = 'payment.token'

    # Whoever has them and the provider's keys can charge the card.
    stripe_payment_method = fields.Char(groups='base.group_system')
    stripe_mandate = fields.Char(groups='base.group_system')
    # Messages name cards by its number.
    _stripe_method_idx = models.Index(
        "(stripe_payment_method) WHERE stripe_payment_method IS NOT NULL"
    )

    @api.model
    def _prepare_billing_stripe_card_values(self, card):
        """Return what is kept of a card.

        :param dict card: Stripe's object (API reference, "The PaymentMethod object", `card`).
        :rtype: dict
        """
        # Odoo has most brands inactive: they have their names all the same.
        methods = self.env['payment.method'].with_context(active_test=False)
        brand = methods._get_from_code(card.get('brand'), mapping=PAYMENT_METHODS_MAPPING)
        values = {
            'card_brand': brand.name or (card.get('brand') or '').capitalize(),
            'card_last_digits': card.get('last4'),
            'card_fingerprint': card.get('fingerprint'),
            'card_wallet': ((card.get('wallet') or {}).get('type') or '').replace('_', ' ').title(),
        }
        if card.get('exp_year') and card.get('exp_month'):
            values['card_expiry_date'] = date(card['exp_year'], card['exp_month'], 1) + (
                relativedelta(day=31)
            )
        return values

    @api.model
    def _prepare_billing_stripe_account_values(self, method):
        """Return what is kept of a payment method that isn't a card.

        :param dict|None method: Stripe's object (API reference, "The PaymentMethod object").
        :rtype: dict
        """
        details = isinstance(method, dict) and method.get(method.get('type'))
        if not isinstance(details, dict):
            return {}
        values = {
            'card_last_digits': details.get('last4'),
            'card_fingerprint': details.get('fingerprint'),
        }
        return {name: value for name, value in values.items() if value}

    def _billing_process_stripe_method(self, method):
        """Bring cards up to date with what Stripe knows; remove those that it has forgotten.

        :param dict method: Stripe's object (Stripe API reference, "The PaymentMethod object").
        """
        if method.get('customer') and method.get('card'):
            values = self._prepare_billing_stripe_card_values(method['card'])
            self.write({**values, 'payment_details': values['card_last_digits']})
        elif not method.get('customer'):
            self._billing_lose()

    def _billing_fetch_stripe_mandate(self):
        """Ask Stripe for the mandate of an account.

        :return: Stripe's object (API reference, "The Mandate object"); None if there is none, or no
                 answer.
        :rtype: dict|None
        """
        self.ensure_one()
        if not is_stripe_id(self.stripe_mandate, 'mandate'):
            return None
        try:
            return self.provider_id._billpro_ask_stripe('GET', f'mandates/{self.stripe_mandate}')
        except ValidationError:
            return None  # Logged already.

    def _billing_process_stripe_mandate(self):
        """Take in that mandates have ended: their accounts can't be debited any more.

        :raise ValidationError: If Stripe doesn't answer.
        """
        for token in self:
            mandate = token.provider_id._billpro_ask_stripe(
                'GET', f'mandates/{token.stripe_mandate}'
            )
            if mandate['status'] == 'inactive':
                token._billing_lose()

    def _billing_lose(self):
        """Remove what can't be charged any more, and have customers asked for another way to pay.

        They did it themselves, or their bank did, or somebody at Stripe.
        """
        orders = self._get_charged_orders()
        self.with_context(billing_archive_used_cards=INSIDE).active = False
        for order in orders:
            token = order.billing_token_id
            order._billing_ask_staff(
                f'card-removed-{token.id}',
                self.env._("%s was removed at the provider", token._get_card_name()),
                self.env._(
                    "Order %s can't be charged any more. The customer is asked for another way to"
                    " pay.",
                    order.name,
                ),
            )
            self.env['billpro.notification']._queue('card_update', order, f'lost-{token.id}')
