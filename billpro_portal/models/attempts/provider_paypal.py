from odoo import api, models
from odoo.exceptions import ValidationError


class BillproProviderPaypal(models.AbstractModel):
    """PayPal, where the customer approves a payment and Odoo then collects it."""

    _name = 'billpro.provider.paypal'
    _description = "PayPal in the Billing of Orders"
    _inherit = 'billpro.provider'

    _resumes_payments = True

    @api.model
    def _prepare_request(self, tx, method, endpoint, request):
        """Override to collect nothing that was given up.

        What the customer approves in an older tab is collected by this request, and by none but
        ours.
        """
        if tx.billing_superseded:
            raise ValidationError(tx.env._("This payment was given up for another one."))
