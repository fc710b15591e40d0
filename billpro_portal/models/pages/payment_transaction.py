from odoo import fields, models


class PaymentTransaction(models.Model):
    """Receipts that are made when somebody looks at them, and kept; what mails show of attempts."""

    _inherit = 'payment.transaction'

    billing_receipt_pdf = fields.Binary(
        attachment=True, copy=False, readonly=True, groups=fields.NO_ACCESS
    )

    def _get_notice_rows(self):
        """Return what a mail shows of an attempt to collect a scheduled payment, as rows.

        :rtype: list[dict]
        """
        return self.env['billpro.notice.rows']._get_attempt_rows(self)

    def _billing_get_receipt_number(self):
        """Return the number of the receipt: that of the payment in the books, one after the other.

        :return: The reference of the attempt if the books have no payment of it.
        :rtype: str
        """
        self.ensure_one()
        return self.sudo().payment_id.name or self.reference
