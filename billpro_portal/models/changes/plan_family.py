from odoo import api, fields, models
from odoo.exceptions import ValidationError


class BillproPlanFamily(models.Model):
    """Products that may replace each other on a live subscription."""

    _name = 'billpro.plan.family'
    _description = "Plan Family"

    _order = 'name, id'
    _check_company_auto = True
    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        comodel_name='res.company',
        required=True,
        default=lambda self: self.env.company,
        index=True,
    )
    product_ids = fields.One2many(
        string="Plans",
        comodel_name='product.template',
        inverse_name='billing_family_id',
        readonly=True,
        help="They are chosen on the products.",
    )

    customers_may_raise = fields.Boolean(
        string="Customers Change Up",
        help="Whether customers may change to what costs more on the order's page; staff always"
        " may.",
    )
    customers_may_lower = fields.Boolean(
        string="Customers Change Down",
        help="Whether customers may change to what costs less on the order's page; staff always"
        " may.",
    )

    def write(self, vals):
        """Override of `base`: nobody moves a family to a company that they may not write for.

        :raise AccessError: If somebody does.
        :raise ValidationError: If products of other companies are in it.
        """
        result = super().write(vals)
        if 'company_id' in vals:
            self.check_access('write')
            self.product_ids._check_billing_family()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        """Keep a family that has products.

        :raise ValidationError: If it has any.
        """
        for family in self:
            if products := family.with_context(active_test=False).product_ids:
                raise ValidationError(
                    self.env._(
                        "“%(product)s” is in plan family %(family)s: archive the family, or take"
                        " its products out first.",
                        product=products[0].name,
                        family=family.name,
                    )
                )
