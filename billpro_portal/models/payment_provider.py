from odoo import models

# Providers that answer a repeated request for the same transaction with the first one's result.
# Stripe keeps idempotency keys for 24 hours (Stripe API reference, "Idempotent requests"); the
# Demo provider moves no money.
IDEMPOTENT_PROVIDERS = frozenset({'stripe', 'demo'})


class PaymentProvider(models.Model):
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
