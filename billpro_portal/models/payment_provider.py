from odoo import models

# Providers that answer a repeated request for the same transaction with the first one's result.
# Stripe keeps idempotency keys for 24 hours (Stripe API reference, "Idempotent requests"); the
# Demo provider moves no money.
IDEMPOTENT_PROVIDERS = frozenset({'stripe', 'demo'})


class PaymentProvider(models.Model):
    """What the billing of orders needs to know of providers."""

    _inherit = 'payment.provider'

    def _is_tokenization_required(self, sale_order_id=None, **kwargs):
        """Override of `payment`: recurring orders save the card they will be charged to."""
        order = self.env['sale.order'].sudo().browse(sale_order_id or 0).exists()
        if order.purchase_type and order._get_purchase()._requires_card(order):
            return True
        return super()._is_tokenization_required(sale_order_id=sale_order_id, **kwargs)

    def _can_repeat_request(self):
        """Return whether sending a charge again can't charge twice.

        :rtype: bool
        """
        self.ensure_one()
        return self.code in IDEMPOTENT_PROVIDERS

    def _extract_error(self, response):
        """Return what a provider says about a request that it refused.

        :param requests.Response response: The provider's answer.
        :return: Stripe's error object (Stripe API reference, "Errors"); empty for other providers.
        :rtype: dict
        """
        self.ensure_one()
        if self.code != 'stripe':
            return {}
        try:
            return response.json().get('error') or {}
        except ValueError:  # Not an answer of Stripe's own, such as a proxy's page.
            return {}

    def _get_authentication_script(self):
        """Return the address of the script with which customers confirm payments.

        :rtype: str
        """
        self.ensure_one()
        return 'https://js.stripe.com/v3/'

    def _archive_linked_tokens(self):
        """Override of `payment`: switching a provider off ends its cards, whoever uses them."""
        super(
            PaymentProvider, self.with_context(billing_archive_used_cards=True)
        )._archive_linked_tokens()
