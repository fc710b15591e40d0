from odoo import api, models


class SaleOrderLine(models.Model):
    _inherit = 'sale.order.line'

    def _check_billing_no_discount_on_locked_pricing(self):
        """Override of `billpro_portal`: promotions of the shop are the business's own.

        Locked prices are kept from the hands of its staff.
        """
        in_carts = self.filtered(lambda line: line.order_id._billpro_is_cart())
        super(SaleOrderLine, self - in_carts)._check_billing_no_discount_on_locked_pricing()

    @api.constrains('price_unit', 'discount', 'product_id', 'is_downpayment')
    def _check_billing_pricing_not_locked(self):
        """Override of `billpro_portal`: the shop computes the prices of its carts by itself.

        In steps: Odoo takes discounts off before it computes them anew.
        """
        in_carts = self.filtered(lambda line: self.env.su and line.order_id._billpro_is_cart())
        super(SaleOrderLine, self - in_carts)._check_billing_pricing_not_locked()
