from odoo import models


class SaleOrderLine(models.Model):
    """Lines whose taxes were changed in the books."""

    _inherit = 'sale.order.line'

    def _billing_map_taxes_anew(self):
        """Give the lines the taxes that their products have in the order's fiscal position.

        The amounts that they had are known still: what stays of them is for `_billing_keep_prices`.
        """
        with self.env.protecting(self._billing_get_amount_fields(), self):
            self._compute_tax_ids()
