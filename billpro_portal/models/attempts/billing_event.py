from odoo import models


class BillproBillingEvent(models.Model):
    """What an attempt has to know of the payment that it collects."""

    _inherit = 'billpro.billing.event'

    def _is_paid_but_not_booked(self):
        """Return whether an attempt was approved that the books don't know yet.

        A webhook, or the customer's bank, may approve what was declined before, at any time.

        :rtype: bool
        """
        self.ensure_one()
        return bool(
            self._get_sources().transaction_ids.filtered(
                lambda tx: tx.state in {'authorized', 'done'} and not tx.is_post_processed
            )
        )

    def _is_invoice_touched(self):
        """Return whether somebody has paid, credited or cancelled its invoice by hand.

        :rtype: bool
        """
        self.ensure_one()
        invoice = self.invoice_id
        return invoice.state == 'cancel' or (
            invoice.state == 'posted' and invoice.payment_state != 'not_paid'
        )
