from odoo import models


class PaymentProvider(models.Model):
    _inherit = 'payment.provider'

    def _get_compatible_providers(self, *args, sale_order_id=None, website_id=None, **kwargs):
        """Override of `payment`: what the shop sold is paid with what that shop offers."""
        if sale_order_id and not website_id:
            order = self.env['sale.order'].sudo().browse(sale_order_id)
            website_id = order.purchase_type and order.website_id.id
        return super()._get_compatible_providers(
            *args, sale_order_id=sale_order_id, website_id=website_id, **kwargs
        )
