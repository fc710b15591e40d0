from odoo import models


class PaymentTransaction(models.Model):
    """Refunds begin with the order."""

    _inherit = 'payment.transaction'

    def action_refund(self, amount_to_refund=None):
        """Override of `payment`: payments of orders are refunded by the order's own dialog.

        It makes the credit note, and knows who may refund.

        :raise AccessError: If the user may not refund.
        """
        orders = self.billing_order_id
        if not orders:
            return super().action_refund(amount_to_refund=amount_to_refund)
        self.ensure_one()
        action = orders.action_open_refund()
        values = {'transaction_id': self.id}
        if amount_to_refund:
            values['amount'] = amount_to_refund
        self.env[action['res_model']].browse(action['res_id']).write(values)
        return action
