from odoo import api, models


class BillproPurchaseMetered(models.AbstractModel):
    """Metered billing: known to products and orders, refused at the order link by this version."""

    _name = 'billpro.purchase.metered'
    _description = "Metered billing"
    _inherit = 'billpro.purchase.type'

    _purchase_type = 'metered'
    _purchase_sequence = 40

    @api.model
    def _get_label(self):
        return self.env._("Metered billing")

    @api.model
    def _check_order(self, order):
        raise self._get_not_sold_yet_error()
