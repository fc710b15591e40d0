from odoo import api, fields, models


class BillproPurchaseFeatures(models.AbstractModel):
    """What the purchase type of a product or an order has: which of its terms and lists are shown.

    Views ask for these and for no type by its name.
    """

    _name = 'billpro.purchase.features'
    _description = "What a Purchase Type Has"

    billing_has_total = fields.Boolean(compute='_compute_billing_features')
    billing_bills_usage = fields.Boolean(compute='_compute_billing_features')
    billing_has_schedule = fields.Boolean(compute='_compute_billing_features')
    billing_has_interval = fields.Boolean(compute='_compute_billing_features')
    billing_has_periods = fields.Boolean(compute='_compute_billing_features')
    billing_has_instalments = fields.Boolean(compute='_compute_billing_features')
    billing_has_initial_amount = fields.Boolean(compute='_compute_billing_features')
    billing_takes_payments = fields.Boolean(compute='_compute_billing_features')

    @api.depends('purchase_type')
    def _compute_billing_features(self):
        purchase_types = self.env['billpro.purchase.type']
        types = purchase_types._get_types()
        none = dict.fromkeys(purchase_types._get_features(), False)
        for record in self:
            is_known = record.purchase_type in types
            record.update(types[record.purchase_type]._get_features() if is_known else none)
