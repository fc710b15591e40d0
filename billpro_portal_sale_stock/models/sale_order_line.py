from odoo import api, models


class SaleOrderLine(models.Model):
    """Lines of subscriptions with goods: each period delivers, and charges, what the line says.

    What is delivered in all grows with the periods. What Odoo makes of ordered, delivered and
    invoiced quantities must not: they are compared for one period.
    """

    _inherit = 'sale.order.line'

    # === WHAT SHIPS IT === #

    def _billing_is_each_period_by_default(self):
        """Override of `billpro_portal`: what a shipment has cost is charged for that one alone."""
        is_default = super()._billing_is_each_period_by_default()
        if is_default and self._is_delivery():
            return not self.order_id._billpro_get_carrier_at_real_cost()
        return is_default

    # === WHAT IS DELIVERED WHEN === #

    def _billpro_is_goods(self):
        """Return whether Odoo delivers what the line sells.

        :rtype: bool
        """
        self.ensure_one()
        return self.product_id.type == 'consu' and not self.is_expense

    def _action_launch_stock_rule(self, **kwargs):
        """Override of `sale_stock`: what a later period charges is delivered when it is paid.

        Nor does a change of the line, which counts from the next payment, change what was paid.
        """
        when_paid = self.order_id._billpro_get_lines_delivered_when_paid()
        return super(SaleOrderLine, self - when_paid)._action_launch_stock_rule(**kwargs)

    def _update_line_quantity(self, values):
        """Override of `sale_stock`: less may be ordered than all periods together delivered."""
        when_paid = self.order_id._billpro_get_lines_delivered_when_paid() & self
        for line in when_paid:
            line.order_id._message_log(
                body=self.env._(
                    "%(product)s: ordered quantity %(old)s → %(new)s, from the next payment on.",
                    product=line.product_id.display_name,
                    old=line.product_uom_qty,
                    new=values['product_uom_qty'],
                )
            )
        if others := self - when_paid:
            super(SaleOrderLine, others)._update_line_quantity(values)

    # === WHAT IS LEFT TO INVOICE === #

    @api.depends('order_id.billing_status', 'order_id.billing_trial_days')
    def _compute_qty_to_invoice(self):
        """Override of `sale`: the schedule invoices what is delivered, and nobody else."""
        super()._compute_qty_to_invoice()
        when_paid = self.order_id._billpro_get_lines_delivered_when_paid()
        (self & when_paid).qty_to_invoice = 0

    def _compute_invoice_status(self):
        """Override of `sale_stock`: goods of later periods are no reason to sell more."""
        super()._compute_invoice_status()
        when_paid = self.order_id._billpro_get_lines_delivered_when_paid()
        for line in self & when_paid:
            if line.invoice_status == 'upselling':
                line.invoice_status = 'invoiced'

    @api.depends('order_id.billing_status', 'order_id.billing_trial_days')
    def _compute_untaxed_amount_to_invoice(self):
        """Override of `sale`, see `_compute_qty_to_invoice`."""
        super()._compute_untaxed_amount_to_invoice()
        when_paid = self.order_id._billpro_get_lines_delivered_when_paid()
        (self & when_paid).untaxed_amount_to_invoice = 0

    @api.depends('order_id.billing_status', 'order_id.billing_trial_days')
    def _compute_amount_to_invoice(self):
        """Override of `sale`, see `_compute_qty_to_invoice`."""
        super()._compute_amount_to_invoice()
        when_paid = self.order_id._billpro_get_lines_delivered_when_paid()
        (self & when_paid).amount_to_invoice = 0
