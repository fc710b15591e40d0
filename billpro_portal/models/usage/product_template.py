from odoo import fields, models


class ProductTemplate(models.Model):
    """How the usage of a metered product becomes money."""

    _inherit = 'product.template'

    billing_charge_id = fields.Many2one(
        string="Usage Charge",
        comodel_name='billpro.usage.charge',
        check_company=True,
        company_dependent=True,
        help="How recorded usage is charged. Without one, staff enter what is charged.",
    )
