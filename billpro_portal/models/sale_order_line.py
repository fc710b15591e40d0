from odoo import api, models


class SaleOrderLine(models.Model):
    _inherit = 'sale.order.line'

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `sale`: an order being paid gets no new lines.

        :raise UserError: If a payment of the order awaits its result.
        """
        order_ids = {vals['order_id'] for vals in vals_list if vals.get('order_id')}
        self.env['sale.order'].browse(order_ids)._check_no_payment_in_progress()
        return super().create(vals_list)

    def write(self, vals):
        """Override of `sale`: the amount of an order being paid stays as it is.

        :raise UserError: If a payment of an order awaits its result.
        """
        if self._billing_amount_fields().intersection(vals):
            self.order_id._check_no_payment_in_progress()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_payment_in_progress(self):
        self.order_id._check_no_payment_in_progress()

    @api.model
    def _billing_amount_fields(self):
        """Return the names of the fields that change what the customer pays.

        :rtype: set[str]
        """
        return {
            'product_id',
            'product_uom_qty',
            'product_uom_id',
            'price_unit',
            'discount',
            'tax_ids',
        }
