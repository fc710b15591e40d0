from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ProductTemplate(models.Model):
    """Plans: products that may replace others of their family."""

    _inherit = 'product.template'

    billing_family_id = fields.Many2one(
        string="Plan Family",
        comodel_name='billpro.plan.family',
        index='btree_not_null',
        ondelete='restrict',
        help="On a live subscription the products of a family may replace each other.",
    )

    @api.constrains('billing_family_id', 'company_id', 'purchase_type')
    def _check_billing_family(self):
        """Check that the products of a family can replace each other.

        :raise ValidationError: If one can't.
        """
        types = self.env['billpro.purchase.type']._get_perpetual_types()
        for product in self.filtered('billing_family_id'):
            family = product.billing_family_id
            if product.purchase_type not in types:
                raise ValidationError(
                    self.env._(
                        "“%s” is in a plan family: those are for subscriptions.", product.name
                    )
                )
            if product.company_id and product.company_id != family.company_id:
                raise ValidationError(
                    self.env._(
                        "“%(product)s” and plan family %(family)s are of different companies.",
                        product=product.name,
                        family=family.name,
                    )
                )
