from odoo import models


class BillproProviderDemo(models.AbstractModel):
    """Odoo's Demo provider, which moves no money."""

    _name = 'billpro.provider.demo'
    _description = "Demo in the Billing of Orders"
    _inherit = 'billpro.provider'

    _repeatable_operations = frozenset({'offline', 'online_token'})
    _resumes_payments = True
    _captures_in_part = True
    _collects_at_once = True
    _key_hours = 23
