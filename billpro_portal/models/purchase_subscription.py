from odoo import api, models


class BillproPurchaseSubscription(models.AbstractModel):
    """Subscription: known to products and orders, refused at the order link by this version."""

    _name = 'billpro.purchase.subscription'
    _description = "Subscription"
    _inherit = 'billpro.purchase.type'

    _purchase_type = 'subscription'
    _purchase_sequence = 30

    @api.model
    def _get_label(self):
        return self.env._("Subscription")

    @api.model
    def _check_order(self, order):
        raise self._get_not_sold_yet_error()
