from odoo import api, fields, models


class ProductTemplate(models.Model):
    _inherit = 'product.template'

    purchase_type = fields.Selection(
        selection='_selection_purchase_type',
        help="How customers pay for this product. Orders with such a product get an order link"
        " with a checkout and a customer portal. Leave empty for ordinary sales.",
    )

    @api.model
    def _selection_purchase_type(self):
        return self.env['billpro.purchase.type']._get_selection()
