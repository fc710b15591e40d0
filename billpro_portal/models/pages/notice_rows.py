from markupsafe import Markup

from odoo import fields, models
from odoo.tools import format_date


class BillproNoticeRows(models.AbstractModel):
    """What mails show of an order, of a payment to come and of an attempt: a table of two columns.

    Mail templates ask the records for it, by `_get_notice_rows`.
    """

    _name = 'billpro.notice.rows'
    _description = "Rows of Notices"

    def _get_order_rows(self, order):
        """Return what a mail shows of the order, as rows of ``label``, ``value`` and ``strong``.

        :param sale.order order: The order.
        :rtype: list[dict]
        """
        order.ensure_one()
        rows = self._get_reference_rows(order)
        if order.billing_status in {'pending', 'rejected'}:
            amount = order._billing_get_amount_asked()
            return [
                *rows,
                *order._billing_get_received_rows(),
                self._get_row(
                    self.env._("To pay now"), order.currency_id.format(amount), strong=True
                ),
                *self._get_transfer_rows(order),
            ]
        if order.billing_token_id:
            rows.append(self._get_card_row(order.billing_token_id))
        if payment := self.env['billpro.order.payments']._get_next_payment(order):
            rows += [
                self._get_row(self.env._("Next payment"), payment['date']),
                self._get_row(self.env._("Amount"), payment['amount']),
            ]
        if waived := self._get_waived(order):
            rows.append(
                self._get_row(
                    self.env._("You need not pay any more"), order.currency_id.format(waived)
                )
            )
        if order.currency_id.compare_amounts(order.billing_outstanding, 0) > 0:
            rows.append(
                self._get_row(
                    self.env._("Outstanding"),
                    order.currency_id.format(order.billing_outstanding),
                    strong=True,
                )
            )
        return rows

    def _get_transfer_rows(self, order):
        """Return how the customer is to transfer the money, if that is awaited, as rows.

        :param sale.order order: The order.
        :rtype: list[dict]
        """
        rows = []
        for tx in order.sudo()._billing_get_awaited_transfers()[:1]:
            rows += [
                self._get_row(self.env._("Recipient"), tx.company_id.name),
                self._get_row(
                    self.env._("Payment reference"),
                    tx._billing_get_transfer_reference(),
                    strong=True,
                ),
            ]
            provider = tx.provider_id._in_billing()
            if instructions := provider._get_transfer_instructions(tx):
                # Values are at the right, which is no place for paragraphs and lists.
                text = Markup('<div style="text-align: left;">%s</div>') % instructions
                rows.append(self._get_row(self.env._("How to pay"), text))
        return rows

    def _get_waived(self, order):
        """Return what was outstanding when the order was cancelled, and isn't collected any more.

        :param sale.order order: The order.
        :return: The sum in the currency of the order.
        :rtype: float
        """
        requested = order.billing_cancel_requested_date
        waived = order.billing_event_ids.filtered(
            lambda event: requested and event.status == 'cancelled' and event.due_date <= requested
        )
        return sum(waived.mapped('amount'))

    def _get_event_rows(self, event):
        """Return what a mail shows of a payment to come, as rows.

        :param billpro.billing.event event: The payment.
        :rtype: list[dict]
        """
        event.ensure_one()
        order = event.order_id
        before = event._get_amount_before_rise()
        discounted = event._get_amount_before_discount_end()
        return [
            *self._get_reference_rows(order),
            self._get_event_row(order, event),
            self._get_row(self.env._("Charged on"), order._get_due_date_text(event)),
            self._get_card_row(order.billing_token_id),
            *self._get_mandate_rows(order.billing_token_id),
            *(
                [self._get_row(self.env._("Amount until now"), order.currency_id.format(before))]
                if before is not None
                else []
            ),
            *(
                [
                    self._get_row(
                        self.env._("With the discount until now"),
                        order.currency_id.format(discounted),
                    )
                ]
                if discounted is not None
                else []
            ),
            self._get_row(
                self.env._("Amount"), event.currency_id.format(event.amount), strong=True
            ),
        ]

    def _get_covered_rows(self, event):
        """Return what a mail shows of a payment that credit has paid, as rows.

        :param billpro.billing.event event: The payment.
        :rtype: list[dict]
        """
        event.ensure_one()
        order, format_amount = event.order_id, event.currency_id.format
        credit = sum(event._get_leaves().mapped('credit_amount'))
        moment = event.completed_date or fields.Datetime.now()
        rows = [
            *self._get_reference_rows(order),
            self._get_event_row(order, event),
            self._get_row(self.env._("Paid on"), order._billing_get_date_text(moment)),
            self._get_row(self.env._("Paid by credit"), format_amount(credit), strong=True),
        ]
        if payment := self.env['billpro.order.payments']._get_next_payment(order):
            rows.append(
                self._get_row(self.env._("Next payment"), f"{payment['date']}, {payment['amount']}")
            )
        return rows

    def _get_attempt_rows(self, tx):
        """Return what a mail shows of an attempt to collect a scheduled payment, as rows.

        Staff may edit and preview the mail with any payment: of another order, or of none.

        :param payment.transaction tx: The attempt.
        :rtype: list[dict]
        """
        tx.ensure_one()
        order = tx.billing_order_id
        is_paid = tx.state == 'done'
        moment = tx.last_state_change or fields.Datetime.now()
        rows = (
            self._get_reference_rows(order)
            if order
            else [self._get_row(self.env._("Reference"), tx.reference)]
        )
        if tx.billing_event_id:
            rows.append(self._get_event_row(order, tx.billing_event_id))
        rows += [
            self._get_row(
                self.env._("Paid on") if is_paid else self.env._("Tried on"),
                order._billing_get_date_text(moment)
                if order
                else format_date(self.env, moment, date_format='long'),
            ),
            self._get_row(self._get_card_label(tx.token_id), tx._get_card_name()),
            *(
                [self._get_row(self.env._("Reason"), reason)]
                if (reason := self.env['billpro.order.payments']._get_decline_reason(tx))
                else []
            ),
            self._get_row(
                self.env._("Paid") if is_paid else self.env._("Amount"),
                tx.currency_id.format(tx.amount),
                strong=True,
            ),
        ]
        payments = self.env['billpro.order.payments']
        if is_paid and order and (payment := payments._get_next_payment(order)):
            rows.append(
                self._get_row(self.env._("Next payment"), f"{payment['date']}, {payment['amount']}")
            )
        return rows

    def _get_card_row(self, card):
        return self._get_row(self._get_card_label(card), card._get_card_name())

    def _get_mandate_rows(self, card):
        """Return by which mandate an account is debited, and by whom, as rows.

        :param payment.token card: The account; a card has none.
        :rtype: list[dict]
        """
        if not card.billing_mandate_reference:
            return []
        rows = [self._get_row(self.env._("Mandate reference"), card.billing_mandate_reference)]
        if creditor := card._billing_get_creditor():
            rows.append(self._get_row(self.env._("Creditor identifier"), creditor))
        return rows

    def _get_card_label(self, card):
        return self.env._("Card") if card._billing_is_card() else self.env._("Payment method")

    def _get_reference_rows(self, order):
        rows = [self._get_row(self.env._("Order"), order.name)]
        if order.client_order_ref:
            rows.append(self._get_row(self.env._("Your reference"), order.client_order_ref))
        return rows

    def _get_row(self, label, value, strong=False):
        return {'label': label, 'value': value, 'strong': strong}

    def _get_event_row(self, order, event):
        """Return what a scheduled payment is for, as a row.

        :param sale.order order: The order.
        :param billpro.billing.event event: The payment.
        :rtype: dict
        """
        purchase = order._get_purchase()
        leaves = event.with_context(lang=self.env.lang)._get_leaves()
        terms = Markup('<br/>').join(
            filter(None, [purchase._get_event_terms(leaf) for leaf in leaves])
        )
        return self._get_row(self.env._("For"), terms or order.name)
