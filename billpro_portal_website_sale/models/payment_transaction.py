from odoo import models


class PaymentTransaction(models.Model):
    _inherit = 'payment.transaction'

    def _set_pending(self, *, state_message=None, extra_allowed_states=()):
        """Override of `payment`: what waits for its payment is no cart any more.

        As Odoo does with ordinary carts. If the payment fails in the end, the customer is reminded
        of the order as of any other, and pays it by its link.
        """
        txs = super()._set_pending(
            state_message=state_message, extra_allowed_states=extra_allowed_states
        )
        for cart in txs.billing_order_id.filtered(lambda order: order._billpro_is_cart()):
            cart._billing_mark_link_sent(self.env._("The payment in the shop is being processed."))
        return txs
