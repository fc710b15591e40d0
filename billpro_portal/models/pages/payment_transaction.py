from odoo import fields, models


class PaymentTransaction(models.Model):
    """Receipts that are made when somebody looks at them, and kept."""

    _inherit = 'payment.transaction'

    billing_receipt_pdf = fields.Binary(
        attachment=True, copy=False, readonly=True, groups=fields.NO_ACCESS
    )
