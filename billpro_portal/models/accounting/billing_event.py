from odoo import api, models

from ...billing.lifecycle import IN_FLIGHT, PAID


class BillproBillingEvent(models.Model):
    """Scheduled payments whose invoice was posted by hand, and is paid by another way.

    The run posts an invoice when it has collected its payment. Staff may post it before, and have
    it paid by bank or at the customer's invoices: then it is not charged any more.
    """

    _inherit = 'billpro.billing.event'

    def _get_invoice_by_hand(self):
        """Return the invoice of a payment that isn't collected, if staff have posted it.

        :rtype: account.move
        """
        self.ensure_one()
        return self.invoice_id.filtered(
            lambda move: (
                self.status not in PAID
                and move.state == 'posted'
                and move.payment_state != 'reversed'
            )
        )

    def _get_amount_of_invoice(self):
        """Return what its invoice leaves to be paid by it.

        :return: The amount in the currency of the order: all of the invoice, less what credit pays,
                 and what earlier payments have paid that lost theirs.
        :rtype: float
        """
        self.ensure_one()
        earlier = self.invoice_id._billing_get_collected_payments() - self.transaction_ids
        credit = sum(self._get_leaves().mapped('credit_amount'))
        return (
            self.invoice_id.amount_total
            - credit
            - sum(tx._billing_get_refundable_amount() for tx in earlier)
        )

    def _get_other_attempts(self):
        """Return what providers were asked to collect for the invoice by other ways than ours.

        :rtype: payment.transaction
        """
        return (
            self._get_invoice_by_hand()
            .transaction_ids._billing_get_carriers()
            .filtered(
                lambda tx: (
                    not tx.billing_order_id
                    and (
                        tx.state in {'pending', 'authorized'}
                        or (tx.state == 'done' and not tx.payment_id)
                    )
                )
            )
        )

    def _is_paid_elsewhere(self):
        """Return whether the books know the whole payment to be paid by another way.

        :rtype: bool
        """
        invoice = self._get_invoice_by_hand()
        if not invoice or not invoice.currency_id.is_zero(invoice.amount_residual):
            return False
        money = sum(
            amount for _line, amount in invoice._billing_get_other_money(True).get(invoice.id, ())
        )
        return (
            invoice.currency_id == self.currency_id
            and self.currency_id.compare_amounts(money, self.amount) >= 0
        )

    def _get_refusal_by_invoice(self):
        """Return why a payment isn't charged because its invoice is being paid in another way.

        :return: The reason, or False if it may be charged.
        :rtype: str|bool
        """
        self.ensure_one()
        if others := self._get_other_attempts():
            return self.env._(
                "Its invoice %(invoice)s is being paid in another way: %(others)s.",
                invoice=self.invoice_id.name,
                others=', '.join(others.mapped('reference')),
            )
        return False

    def _forget_reversed_invoices(self):
        """Have a new invoice made of payments whose posted one was credited as a whole.

        Only where staff say that they are still to be collected: the credit note may say otherwise.
        """
        self.filtered(
            lambda event: event.status not in PAID and event.invoice_id.payment_state == 'reversed'
        ).invoice_id = False

    @api.model
    def _search_orders_paid_elsewhere(self):
        """Return the orders with a payment that may have been made in another way.

        :rtype: sale.order
        """
        paid = self.search(
            [
                ('status', 'not in', [*PAID, *IN_FLIGHT, 'merged']),
                ('invoice_id.state', '=', 'posted'),
                ('invoice_id.payment_state', 'in', ['paid', 'in_payment']),
            ]
        )
        return paid.filtered(lambda event: event._is_paid_elsewhere()).order_id
