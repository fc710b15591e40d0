from odoo import api, models


class BillproPurchaseInstalment(models.AbstractModel):
    """Instalments: known to products and orders, refused at the order link by this version."""

    _name = 'billpro.purchase.instalment'
    _description = "Instalments"
    _inherit = 'billpro.purchase.type'

    _purchase_type = 'instalment'
    _purchase_sequence = 20

    @api.model
    def _get_label(self):
        return self.env._("Instalments")

    @api.model
    def _check_order(self, order):
        raise self._get_not_sold_yet_error()
