from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...billing.calendar import is_same_interval


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

    @api.constrains(
        'billing_family_id',
        'billing_interval_count',
        'billing_interval_unit',
        'company_id',
        'purchase_type',
    )
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
            interval = product.billing_interval_count, product.billing_interval_unit
            for other in family.product_ids - product:
                other_interval = other.billing_interval_count, other.billing_interval_unit
                if not is_same_interval(interval, other_interval):
                    raise ValidationError(
                        self.env._(
                            "“%(product)s” and “%(other)s” are charged at different intervals:"
                            " they can't be of one plan family.",
                            product=product.name,
                            other=other.name,
                        )
                    )
