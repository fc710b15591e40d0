from odoo import api, models

from ..billing.lifecycle import OPEN


class BillproPurchaseInstalment(models.AbstractModel):
    """The final invoice of an order whose last payments are not collected.

    The final invoice comes with the last payment. If that is skipped, or staff complete the order
    before it, what was collected would stay a down payment for good: never revenue, and the
    products would look as if they were still to be invoiced.
    """

    _inherit = 'billpro.purchase.instalment'

    @api.model
    def _close_invoices(self, order):
        """Make what was collected revenue, and take off all that isn't collected.

        Nothing is left to pay: what the invoices of the order add up to is what was collected.
        """
        if set(order.billing_event_ids.mapped('status')) & OPEN:
            return
        invoice = self._bill_deducted(order) or self._bill_down_payments(order)
        if order.currency_id.compare_amounts(invoice.amount_total, 0) <= 0:
            return
        words = order.with_context(lang=order.partner_invoice_id.lang).env
        label = (
            words._("Skipped payments")
            if not order.currency_id.compare_amounts(invoice.amount_total, order.billing_skipped)
            else words._("Payments that are not collected")
        )
        self._take_off(order, invoice, invoice.amount_total, label)
        self._place_rounding(invoice)
        invoice.action_post()

    @api.model
    def _bill_down_payments(self, order):
        """Create the draft final invoice that no payment has brought.

        :param sale.order order: The order.
        :return: The invoice; empty if there is one already, or nothing to deduct.
        :rtype: account.move
        """
        lines = self._get_sold_lines(order)
        billed = order.order_line.invoice_lines.filtered(lambda line: line.parent_state == 'posted')
        if not billed.filtered('is_downpayment'):
            return self.env['account.move']
        # Odoo would pay back the down payments of what isn't delivered yet.
        order._force_lines_to_invoice_policy_order()
        if any(line.qty_to_invoice != line.product_uom_qty for line in lines):
            return self.env['account.move']
        return self._create_final_invoice(order)

    @api.model
    def _bill_deducted(self, order):
        """Create the draft invoice of what the final invoice has deducted, and was not paid then.

        :param sale.order order: The order.
        :return: The invoice; empty if all that was deducted is paid.
        :rtype: account.move
        """
        deducted = order.order_line.filtered(
            lambda line: line.is_downpayment and line.qty_invoiced < 0
        ).invoice_lines.filtered(lambda line: line.parent_state == 'posted')
        amount = order.currency_id.round(-sum(deducted.mapped('price_total')))
        if order.currency_id.is_zero(amount):
            return self.env['account.move']
        words = order.with_context(lang=order.partner_invoice_id.lang).env
        return self._create_down_payments([(order, [(amount, words._("Deducted payments"))])])

    @api.model
    def _place_rounding(self, invoice):
        """Put on a line what rounding leaves in the company's currency of an invoice of nothing.

        No payment could ever clear it: in the invoice's own currency there is nothing to pay.

        :param account.move invoice: The draft invoice, its total zero.
        """
        due_lines = invoice.line_ids.filtered(lambda line: line.display_type == 'payment_term')
        rounding = invoice.company_currency_id.round(sum(due_lines.mapped('balance')))
        if rounding:
            invoice._billpro_add_rounding(rounding)

    @api.model
    def _get_closing_invoice(self, order):
        """Return the invoice that closed the books of an order without a payment.

        :param sale.order order: The order.
        :rtype: account.move
        """
        return order.billing_move_ids.filtered(
            lambda move: (
                move.state == 'posted'
                and move.billing_skipped_amount
                and move not in order.billing_event_ids.invoice_id
            )
        )

    @api.model
    def _create_late_invoices(self, events):
        """Create the draft invoices of payments that arrive after the final invoice left them out.

        :param billpro.billing.event events: Payments that were skipped or cancelled.
        """
        invoices = self.env['account.move'].create(
            [
                {
                    **self._prepare_paid_invoice(event.order_id),
                    'invoice_line_ids': [
                        command
                        for amount, label in self._get_down_payment_parts(event)
                        for command in self._prepare_adjustment_lines(
                            event.order_id, self._get_sold_lines(event.order_id), amount, label
                        )
                    ],
                }
                for event in events
            ]
        )
        for event, invoice in zip(events, invoices, strict=True):
            event.invoice_id = invoice
