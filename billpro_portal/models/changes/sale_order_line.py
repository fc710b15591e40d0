from odoo import models
from odoo.exceptions import UserError

from ..rights.own_context import is_inside


class SaleOrderLine(models.Model):
    """Lines whose product is replaced by another one, and those that are charged once."""

    _inherit = 'sale.order.line'

    def _compute_product_updatable(self):
        """Override of `sale`: a plan is replaced though it was invoiced, each period by itself."""
        super()._compute_product_updatable()
        if is_inside(self.env, 'billing_replaces_plan'):
            self.product_updatable = True

    def action_take_back_once(self):
        """Take back what is to be charged or credited with the next payment, for staff.

        :raise AccessError: If the user may not.
        :raise UserError: If it isn't to come any more.
        """
        self.ensure_one()
        self.order_id._check_billing_user()
        order, line = self.sudo().order_id, self.sudo()
        order._lock_billing()
        order._billing_withdraw_unsent_attempts()
        if line not in order.billing_once_line_ids:
            raise UserError(self.env._("“%s” isn't to come any more.", line.name))
        is_locked = order.locked
        order.locked = False  # It is locked against people.
        line.product_uom_qty = 0
        line.billing_event_id = False
        order.locked = is_locked
