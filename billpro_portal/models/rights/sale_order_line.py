from odoo import models

from .guarded_fields import OF_ORDERS, OWN


class SaleOrderLine(models.Model):
    """Lines of orders with a purchase type: what their payments have made of them is ours."""

    _inherit = 'sale.order.line'

    def _has_field_access(self, field, operation):
        """Override of `base`: see above."""
        if operation == 'write' and not self.env.su:
            if field.name in OWN[self._name]:
                return False
            if field.name in OF_ORDERS[self._name] and any(
                self.sudo().order_id.mapped('purchase_type')
            ):
                return False
        return super()._has_field_access(field, operation)
