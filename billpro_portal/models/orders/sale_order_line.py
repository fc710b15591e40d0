from odoo import api, models


class SaleOrderLine(models.Model):
    """Lines that are added, changed or taken off while an order is paid for."""

    _inherit = 'sale.order.line'

    # === WHILE IT IS PAID === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `sale`: an order being paid gets no new lines; a live one costs more.

        :raise UserError: If a payment of the order awaits its result.
        """
        order_ids = {vals['order_id'] for vals in vals_list if vals.get('order_id')}
        orders = self.env['sale.order'].browse(order_ids)
        orders._check_billing_no_payment_in_progress()
        prices = orders._billing_get_live_prices()
        lines = super().create(vals_list)
        if not self.env.su and (
            any('invoice_lines' in vals for vals in vals_list)
            or 'default_invoice_lines' in self.env.context
        ):
            lines._check_field_access(self._fields['invoice_lines'], 'write')
        lines._billing_discard_stale_invoices()
        lines._billing_mark_as_added()
        lines.order_id._billing_follow_changed_lines(prices)
        return lines

    def write(self, vals):
        """Override of `sale`: the amount of an order being paid stays as it is.

        :raise UserError: If a payment of an order awaits its result.
        """
        if not self._billing_amount_fields().intersection(vals):
            return super().write(vals)
        orders = self.order_id
        moved_to = orders.browse(vals.get('order_id')) - orders
        (orders | moved_to)._check_billing_no_payment_in_progress()
        prices = (orders | moved_to)._billing_get_live_prices()
        result = super().write(vals)
        self._billing_discard_stale_invoices()
        (orders | moved_to)._billing_follow_changed_lines(prices)
        return result

    def unlink(self):
        """Override of `sale`: a live order is not charged for lines that are gone."""
        orders = self.order_id
        prices = orders._billing_get_live_prices()
        self._billing_discard_stale_invoices()
        result = super().unlink()
        orders._billing_follow_changed_lines(prices)
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_billing_except_payment_in_progress(self):
        self.order_id._check_billing_no_payment_in_progress()
