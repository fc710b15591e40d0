from datetime import date

from dateutil.relativedelta import relativedelta

from odoo import fields, models

from odoo.addons.payment_stripe.const import PAYMENT_METHODS_MAPPING


class PaymentTransaction(models.Model):
    """The registration of another card for a live order, and what is known of a card."""

    _inherit = 'payment.transaction'

    billing_is_card_update = fields.Boolean(
        string="Card Update",
        readonly=True,
        help="Registers a card for an order that is under way; nothing is paid.",
    )
    billing_collect_amount = fields.Monetary(
        string="To Collect",
        readonly=True,
        help="What the customer agreed to pay with the new card: the outstanding payments.",
    )
    billing_for_all_orders = fields.Boolean(
        string="For All Orders", readonly=True, help="The customer wants it for all orders."
    )
    billing_ip_address = fields.Char(string="IP Address", readonly=True)

    def _extract_token_values(self, payment_data):
        """Override of `payment` to keep the brand and the expiry of a Stripe card."""
        values = super()._extract_token_values(payment_data)
        method = payment_data.get('payment_method')
        card = isinstance(method, dict) and method.get('card')
        if self.provider_code != 'stripe' or not values or not card:
            return values
        brand = self.env['payment.method']._get_from_code(
            card.get('brand'), mapping=PAYMENT_METHODS_MAPPING
        )
        values['card_brand'] = brand.name or (card.get('brand') or '').capitalize()
        values['card_last_digits'] = card.get('last4')
        if card.get('exp_year') and card.get('exp_month'):
            values['card_expiry_date'] = date(card['exp_year'], card['exp_month'], 1) + (
                relativedelta(day=31)
            )
        return values
