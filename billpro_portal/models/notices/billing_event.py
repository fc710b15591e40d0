from odoo import models


class BillproBillingEvent(models.Model):
    """What a notice shows of a scheduled payment."""

    _inherit = 'billpro.billing.event'

    def _get_notice_rows(self):
        """Return what a mail shows of a payment to come, as rows.

        :rtype: list[dict]
        """
        self.ensure_one()
        order = self.order_id
        return [
            *order._get_notice_reference_rows(),
            order._get_notice_event_row(self),
            order._get_notice_row(self.env._("Charged on"), order._get_due_date_text(self)),
            order._get_notice_row(self.env._("Card"), order.billing_token_id._get_card_name()),
            order._get_notice_row(
                self.env._("Amount"), self.currency_id.format(self.amount), strong=True
            ),
        ]
