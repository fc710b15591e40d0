from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ProductTemplate(models.Model):
    """Plans: products that may replace others of their family, and what may be added to them."""

    _inherit = 'product.template'

    billing_family_id = fields.Many2one(
        string="Plan Family",
        comodel_name='billpro.plan.family',
        index='btree_not_null',
        ondelete='restrict',
        help="On a live subscription the products of a family may replace each other.",
    )

    billing_addon_ids = fields.Many2many(
        string="Add-ons",
        comodel_name='product.template',
        relation='billpro_addon_rel',
        column1='plan_id',
        column2='addon_id',
        domain="[('purchase_type', '=', purchase_type), ('id', '!=', id)]",
        check_company=True,
        help="What can be added to a live subscription to this product, with a quantity of its own."
        " The plan family of an add-on says whether customers may add and drop it; staff always"
        " may.",
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

    @api.constrains('billing_addon_ids', 'purchase_type')
    def _check_billing_addons(self):
        """Check that what may be added to a plan recurs by itself, as the plan does.

        :raise ValidationError: If something doesn't.
        """
        types = self.env['billpro.purchase.type']._get_perpetual_types()
        for product in self.filtered('billing_addon_ids'):
            others = product.billing_addon_ids.filtered(
                lambda addon, product=product: addon.purchase_type != product.purchase_type
            )
            if others or product.purchase_type not in types:
                raise ValidationError(
                    self.env._(
                        "“%(addon)s” can't be added to “%(plan)s”: both must be subscriptions.",
                        addon=(others or product.billing_addon_ids)[0].name,
                        plan=product.name,
                    )
                )
