from odoo import api, fields, models
from odoo.exceptions import ValidationError

INTERVAL_UNITS = [('day', "Days"), ('week', "Weeks"), ('month', "Months"), ('year', "Years")]


class ProductTemplate(models.Model):
    """How customers pay for a product: the terms that its orders begin with."""

    _name = 'product.template'
    _inherit = ['product.template', 'billpro.purchase.features']

    purchase_type = fields.Selection(
        selection='_billing_selection_purchase_type',
        help="How customers pay for this product. Orders with such a product get an order link"
        " with a checkout and a customer portal. Leave empty for ordinary sales.",
    )
    billing_type_description = fields.Char(compute='_compute_billing_type_description')
    billing_interval_count = fields.Integer(string="Every", default=1)
    billing_interval_unit = fields.Selection(
        string="Interval",
        selection=INTERVAL_UNITS,
        default='month',
    )
    billing_trial_days = fields.Integer(
        string="Free Trial", help="Days before the first period is charged; 0 for no trial."
    )
    billing_cycles = fields.Integer(
        string="Periods", help="How many periods the subscription runs; 0 until it is cancelled."
    )
    billing_deposit_type = fields.Selection(
        selection=[('fixed', "Fixed amount"), ('percent', "Percent of the order")],
        default='fixed',
        required=True,
    )
    billing_deposit = fields.Float(
        string="Deposit", help="What is paid at the checkout; 0 registers a card only."
    )
    billing_instalment_count = fields.Integer(
        string="Instalments", default=1, help="How many payments follow the deposit."
    )
    billing_initial_amount = fields.Float(
        string="Initial Amount",
        help="What is paid at the checkout of a metered order; 0 registers a card only.",
    )
    billing_lock_pricing = fields.Boolean(
        string="Lock Pricing", help="Sales staff can't change price and discount on orders."
    )
    billing_lock_terms = fields.Boolean(
        string="Lock Payment Terms", help="Sales staff can't change how the order is paid."
    )

    @api.model
    def _billing_selection_purchase_type(self):
        return self.env['billpro.purchase.type']._get_selection()

    @api.depends('purchase_type')
    @api.depends_context('lang')
    def _compute_billing_type_description(self):
        types = self.env['billpro.purchase.type']._get_types()
        for product in self:
            is_known = product.purchase_type in types
            product.billing_type_description = (
                is_known and types[product.purchase_type]._get_description()
            )

    @api.constrains(
        'billing_interval_count',
        'billing_trial_days',
        'billing_cycles',
        'billing_deposit',
        'billing_instalment_count',
        'billing_initial_amount',
    )
    def _check_billing_terms(self):
        for product in self:
            if product.billing_interval_count < 1:
                raise ValidationError(
                    self.env._("The interval of “%s” must be at least 1.", product.name)
                )
            if any(
                product[name] < 0
                for name in (
                    'billing_trial_days',
                    'billing_cycles',
                    'billing_deposit',
                    'billing_initial_amount',
                )
            ):
                raise ValidationError(
                    self.env._("The payment terms of “%s” can't be negative.", product.name)
                )
            if product.billing_instalment_count < 1:
                raise ValidationError(
                    self.env._("“%s” needs at least one instalment.", product.name)
                )
