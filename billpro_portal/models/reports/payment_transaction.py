from odoo import models


class PaymentTransaction(models.Model):
    """Indexes for the reports, which look for a few among all transactions that ever were."""

    _inherit = 'payment.transaction'

    _billing_declined_idx = models.Index(
        "(billing_event_id) WHERE billing_event_id IS NOT NULL"
        " AND billing_decline_class IS NOT NULL"
    )
