from odoo import fields, models


class PaymentTransaction(models.Model):
    """Odoo's own ways to pay and to pay back: payments of orders have those of the order."""

    _inherit = 'payment.transaction'

    def action_refund(self, amount_to_refund=None):
        """Override of `payment`: payments of orders are refunded by the order's own dialog.

        It makes the credit note, and knows who may refund.

        :raise AccessError: If the user may not refund.
        """
        orders = self.billing_order_id
        if not orders:
            return super().action_refund(amount_to_refund=amount_to_refund)
        self.ensure_one()
        action = orders.action_open_refund()
        values = {'transaction_id': self.id}
        if amount_to_refund:
            values['amount'] = amount_to_refund
        self.env[action['res_model']].browse(action['res_id']).write(values)
        return action

    def _invoice_sale_orders(self):
        """Override of `sale`: what comes beside a schedule is no down payment of it.

        With automatic invoices Odoo would make one, or invoice the next payment. It stays on the
        customer's account, see `sale.order._take_over_second_payments`.
        """
        beside = self.filtered(
            lambda tx: any(order._is_invoiced_by_schedule() for order in tx.sale_order_ids)
        )
        return super(PaymentTransaction, self - beside)._invoice_sale_orders()

    def _take_over(self, order, invoices, **values):
        """Make what was paid by Odoo's own links a payment of the order, as if by its own link.

        It can be refunded from the order then, and its customer finds the receipt. What was paid
        back of it comes along.

        :param sale.order order: The order that it has paid.
        :param account.move invoices: The invoices that it has paid.
        :param values: What else is known of it.
        """
        self.write(
            {
                'billing_order_id': order.id,
                'invoice_ids': [fields.Command.set(invoices.ids)],
                **values,
            }
        )
        refunds = self.child_transaction_ids.filtered(lambda tx: tx.operation == 'refund')
        refunds.billing_order_id = order

    def _get_carriers(self):
        """Return what brings the money: the captures and releases of what was authorised first.

        Odoo keeps them as children that know of no order and no invoice.

        :rtype: payment.transaction
        """
        settlements = self.child_transaction_ids.filtered(lambda tx: tx.operation != 'refund')
        settled = settlements.filtered(lambda tx: tx.state in {'done', 'cancel'})
        return (
            self - settled.source_transaction_id.filtered(lambda tx: tx.state != 'authorized')
        ) | settlements

    def _get_invoices_paid(self):
        """Return the invoices that its payment is reconciled with.

        :rtype: account.move
        """
        lines = self.payment_id.move_id.line_ids
        return lines.matched_debit_ids.debit_move_id.move_id.filtered(
            lambda move: move.move_type == 'out_invoice'
        )

    def _get_orders_paid_elsewhere(self):
        """Return the orders that were paid by Odoo's own links, or by their invoices.

        :rtype: sale.order
        """
        return (self.sale_order_ids | self.invoice_ids.billing_order_id).filtered('purchase_type')
