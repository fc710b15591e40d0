from odoo import api, models
from odoo.exceptions import AccessError, UserError

from .guarded_fields import OWN


class PaymentTransaction(models.Model):
    """Payments of orders: what became of them is the provider's word alone."""

    _inherit = 'payment.transaction'

    def _has_field_access(self, field, operation):
        """Override of `base`: nothing of an order's payment is written from outside."""
        if (
            operation == 'write'
            and not self.env.su
            and (field.name in OWN[self._name] or self.sudo().billing_order_id)
        ):
            return False
        return super()._has_field_access(field, operation)

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `payment`: only the addon's own methods make payments of orders.

        :raise AccessError: If somebody else does.
        """
        txs = super().create(vals_list)
        txs._check_billing_not_of_orders()
        return txs

    def write(self, vals):
        """Override of `payment`: only the addon's own methods make payments of orders.

        :raise AccessError: If somebody else does.
        """
        result = super().write(vals)
        if {'sale_order_ids', 'invoice_ids', 'source_transaction_id'}.intersection(vals):
            self._check_billing_not_of_orders()
        return result

    def _check_billing_not_of_orders(self):
        """Check that what is written from outside has nothing to do with our orders.

        :raise AccessError: If it has.
        """
        if self.env.su:
            return
        txs = self.sudo()
        if (
            any(txs.sale_order_ids.mapped('purchase_type'))
            or txs.invoice_ids.billing_order_id
            or txs.source_transaction_id.billing_order_id
        ):
            raise AccessError(
                self.env._("Payments of orders with a purchase type are made by their own pages.")
            )

    @api.ondelete(at_uninstall=False)
    def _unlink_billing_except_billed(self):
        if not self.env.su and self.sudo().billing_order_id:
            raise UserError(self.env._("A payment of an order can't be deleted."))
