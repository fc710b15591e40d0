from odoo import models

from ..billing.lifecycle import LIVE


class SaleOrder(models.Model):
    """Live orders whose lines are changed: the payments to come follow."""

    _inherit = 'sale.order'

    def write(self, vals):
        """Override of `sale` to look at the lines once, when all of them are changed."""
        if 'order_line' not in vals:
            return super().write(vals)
        changing = self.with_context(billing_lines_changing=True)
        result = super(SaleOrder, changing).write(vals)
        self._follow_changed_lines()
        return result

    def _follow_changed_lines(self):
        """Let the payments of live orders follow their lines.

        :raise AccessError: If the user may not change what an order costs.
        :raise ValidationError: If nothing would be left to collect.
        """
        if self.env.context.get('billing_lines_changing'):
            return
        for order in self.filtered(
            lambda order: order.purchase_type and order.billing_status in LIVE
        ).sudo():
            order._get_purchase()._follow_lines(order)
