from odoo import fields, models
from odoo.tools import format_date


class PaymentTransaction(models.Model):
    """What a notice shows of an attempt."""

    _inherit = 'payment.transaction'

    def _get_notice_rows(self):
        """Return what a mail shows of an attempt to collect a scheduled payment, as rows.

        Staff may edit and preview the mail with any payment: of another order, or of none.

        :rtype: list[dict]
        """
        self.ensure_one()
        order = self.billing_order_id
        is_paid = self.state == 'done'
        moment = self.last_state_change or fields.Datetime.now()
        rows = (
            order._get_notice_reference_rows()
            if order
            else [order._get_notice_row(self.env._("Reference"), self.reference)]
        )
        if self.billing_event_id:
            rows.append(order._get_notice_event_row(self.billing_event_id))
        rows += [
            order._get_notice_row(
                self.env._("Paid on") if is_paid else self.env._("Tried on"),
                order._get_date_text(moment) if order else format_date(self.env, moment),
            ),
            order._get_notice_row(self.env._("Card"), self._get_card_name()),
            order._get_notice_row(
                self.env._("Paid") if is_paid else self.env._("Amount"),
                self.currency_id.format(self.amount),
                strong=True,
            ),
        ]
        if is_paid and order and (payment := order._get_next_payment()):
            rows.append(
                order._get_notice_row(
                    self.env._("Next payment"), f"{payment['date']}, {payment['amount']}"
                )
            )
        return rows
