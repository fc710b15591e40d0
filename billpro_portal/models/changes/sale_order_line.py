from odoo import models

from ..rights.own_context import is_inside


class SaleOrderLine(models.Model):
    """Lines whose product is replaced by another one of its family."""

    _inherit = 'sale.order.line'

    def _compute_product_updatable(self):
        """Override of `sale`: a plan is replaced though it was invoiced, each period by itself."""
        super()._compute_product_updatable()
        if is_inside(self.env, 'billing_replaces_plan'):
            self.product_updatable = True
