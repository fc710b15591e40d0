from odoo import models

from ..billing.lifecycle import LIVE
from .own_context import is_inside


class SaleOrder(models.Model):
    """Live orders whose lines are changed: the payments to come follow."""

    _inherit = 'sale.order'

    def _follow_changed_lines(self):
        """Let the payments of live orders follow their lines.

        :raise AccessError: If the user may not change what an order costs.
        :raise ValidationError: If nothing would be left to collect.
        """
        if is_inside(self.env, 'billing_lines_changing'):
            return
        for order in self.filtered(
            lambda order: order.purchase_type and order.billing_status in LIVE
        ).sudo():
            order._get_purchase()._follow_lines(order)
