from odoo import models


class BillproBillingEvent(models.Model):
    """What an attempt has to know of the payment that it collects."""

    _inherit = 'billpro.billing.event'

    def _get_expected_date(self):
        """Return by when the money of an attempt under way is expected that takes days.

        :return: The day; None if there is none.
        :rtype: datetime.date|None
        """
        self.ensure_one()
        pending = self.transaction_ids.filtered(lambda tx: tx.state == 'pending')[-1:]
        return pending._billing_get_expected_date() if pending else None

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
