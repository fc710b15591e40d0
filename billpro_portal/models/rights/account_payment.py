from odoo import api, models

from .guarded_fields import _refuse_payments_of_orders


class AccountPayment(models.Model):
    """Payments in the books: no request links them to what an order link has collected."""

    _inherit = 'account.payment'

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `account`: bookings of orders' payments are the addon's own.

        :raise AccessError: If one is invented.
        """
        payments = super().create(vals_list)
        if not self.env.su and payments.sudo().payment_transaction_id.billing_order_id:
            _refuse_payments_of_orders(payments)
        return payments

    def write(self, vals):
        """Override of `account`: bookings of orders' payments are the addon's own.

        :raise AccessError: If one is linked to another transaction.
        """
        if 'payment_transaction_id' not in vals or self.env.su:
            return super().write(vals)
        txs = self.sudo().payment_transaction_id
        result = super().write(vals)
        if (txs | self.sudo().payment_transaction_id).billing_order_id:
            _refuse_payments_of_orders(self)
        return result
