from odoo import models


class BillproProviderCustom(models.AbstractModel):
    """Odoo's own way to pay by wire transfer: nothing is asked of anybody."""

    _name = 'billpro.provider.custom'
    _description = "Wire Transfer in the Billing of Orders"
    _inherit = 'billpro.provider'

    _resumes_payments = True
    _awaits_transfer = True
