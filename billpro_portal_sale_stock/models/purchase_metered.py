from odoo import api, models
from odoo.exceptions import ValidationError


class BillproPurchaseMetered(models.AbstractModel):
    _inherit = 'billpro.purchase.metered'

    @api.model
    def _check_order(self, order):
        """Override of `billpro_portal`: nobody knows how much of a product is to be delivered."""
        super()._check_order(order)
        if stored := order._get_recurring_lines().product_id.filtered('is_storable')[:1]:
            raise ValidationError(
                self.env._(
                    "“%(product)s” is kept in stock, and order %(order)s charges what is used:"
                    " nothing says how much of it to deliver. Sell it as subscription, or sell a"
                    " service.",
                    product=stored.display_name,
                    order=order.name,
                )
            )
