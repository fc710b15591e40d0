from odoo import api, models

from .guarded_fields import OF_ORDERS, OWN, _refuse_payments_of_orders, get_given_names


class AccountMove(models.Model):
    """Invoices of orders: no request gives them to another order or another payment."""

    _inherit = 'account.move'

    def _has_field_access(self, field, operation):
        """Override of `base`: see above."""
        if operation == 'write' and not self.env.su:
            if field.name in OWN[self._name]:
                return False
            if field.name in OF_ORDERS[self._name] and self.sudo().billing_order_id:
                return False
        return super()._has_field_access(field, operation)

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `account`: what was paid for an order pays no other document.

        :raise AccessError: If it is linked to one.
        """
        moves = super().create(vals_list)
        if 'transaction_ids' in get_given_names(self.env, vals_list):
            moves._check_billing_transactions_are_own()
        return moves

    def _check_billing_transactions_are_own(self):
        """Refuse payments of orders on documents that are not the orders' own.

        :raise AccessError: If there is one.
        """
        if self.env.su:
            return
        for move in self.sudo():
            if move.transaction_ids.billing_order_id - move.billing_order_id:
                _refuse_payments_of_orders(self)
