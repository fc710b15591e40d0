from odoo import fields, models


class ProductTemplate(models.Model):
    """Whether consumers may withdraw from what they buy."""

    _inherit = 'product.template'

    billing_withdrawal_exception = fields.Selection(
        string="No Right of Withdrawal",
        selection=[
            ('customised', "Made to the customer's specifications"),
            ('perishable', "Perishes rapidly"),
            ('sealed', "Sealed for health or hygiene, once it is opened"),
            ('recording', "Sealed recording or software, once it is opened"),
            ('dated', "Leisure, lodging, transport or catering on a certain date"),
        ],
        help="Directive 2011/83/EU, article 16. Empty: consumers may withdraw.",
    )
