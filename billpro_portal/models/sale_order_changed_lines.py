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


class SaleOrderLine(models.Model):
    _inherit = 'sale.order.line'

    def _discard_stale_invoices(self):
        """Delete the draft invoices of payments of live orders: they are made anew when due.

        Called when what they are made of was changed: products, prices, taxes, the customer. What
        was declined is owed as it was.
        """
        lines = self.filtered(lambda line: not line.display_type and not line.is_downpayment)
        orders = lines.order_id.sudo().filtered(
            lambda order: order.purchase_type and order.billing_status in LIVE
        )
        events = orders.billing_event_ids.filtered(
            lambda event: (
                event.status in {'scheduled', 'paused'}
                and not event.first_declined_date
                and event.invoice_id.state == 'draft'
            )
        )
        if events:
            events.order_id._lock_billing()
            events._discard_draft_invoices()
