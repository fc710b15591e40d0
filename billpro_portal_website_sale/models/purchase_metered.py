from odoo import api, models


class BillproPurchaseMetered(models.AbstractModel):
    """What is charged after use, in the shop."""

    _inherit = 'billpro.purchase.metered'

    _cart_terms = ('billing_initial_amount',)
    _charges_other_lines = False  # The initial amount is a fixed one.

    @api.model
    def _get_shop_unit(self, product):
        return self.env._("/ %s", product.uom_id.name)

    @api.model
    def _get_shop_text(self, product, currency):
        if not product.billing_initial_amount:
            return self.env._("Charged after use, nothing today. The amounts vary.")
        return self.env._(
            "%(amount)s today, then charged after use. The amounts vary.",
            amount=self._format_shop_amount(product, product.billing_initial_amount, currency),
        )
