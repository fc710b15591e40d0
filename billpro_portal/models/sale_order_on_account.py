from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..billing.lifecycle import BEFORE_APPROVAL


class SaleOrder(models.Model):
    """Money that fits nothing an order asks for: it came twice, too late, or in another amount."""

    _inherit = 'sale.order'

    billing_on_account_amount = fields.Monetary(
        string="Received Without Need",
        compute='_compute_billing_on_account_amount',
        compute_sudo=True,
        help="Received for this order, which doesn't need it. It is on the customer's account, and"
        " can be refunded.",
    )

    def _compute_billing_on_account_amount(self):
        for order in self:
            order.billing_on_account_amount = sum(
                tx._get_refundable_amount() for tx in order._get_payments_on_account()
            )

    def _get_payments_on_account(self):
        """Return the payments that the order doesn't need, and that nobody has used otherwise.

        :rtype: payment.transaction
        """
        self.ensure_one()
        return self._get_refundable_transactions().filtered(
            lambda tx: tx.billing_on_account and not tx.payment_id.is_reconciled
        )

    def _report_payment_on_account(self, tx, note):
        """Ask a person to look after money that fits no open amount.

        :param payment.transaction tx: The transaction that brought the money.
        :param str note: What happened and what to do.
        """
        # It pays no invoice: refunding it must not credit one.
        tx.write({'billing_on_account': True, 'invoice_ids': [fields.Command.clear()]})
        self.activity_schedule(
            'mail.mail_activity_data_todo',
            summary=self.env._("Payment %s needs a decision", tx.reference),
            note=note,
            user_id=self._billing_get_person_to_ask().id,
        )

    def _report_part_on_account(self, tx):
        """Ask a person to look after money of which a part pays invoices, and the rest nothing.

        :param payment.transaction tx: The transaction that brought the money, booked.
        """
        self._ask_staff(
            self.env._("Payment %s is too much", tx.reference),
            self.env._(
                "A part of %(amount)s, received by %(reference)s, pays no invoice. It is on the"
                " customer's account: pay it back.",
                amount=tx.currency_id.format(tx.amount),
                reference=tx.reference,
            ),
        )

    def _search_second_payments(self):
        """Return what was paid by Odoo's own links and invoices, and no invoice has taken.

        :return: Payments of these orders, or of all, that have begun, or are cancelled.
        :rtype: payment.transaction
        """
        open_payments = [
            ('state', '=', 'done'),
            ('billing_order_id', '=', False),
            ('billing_on_account', '=', False),
            ('operation', 'not in', ('validation', 'refund')),
            ('payment_id.move_id', '!=', False),
            ('payment_id.is_reconciled', '=', False),
        ]
        begun = [
            ('purchase_type', '!=', False),
            ('billing_status', 'not in', list(BEFORE_APPROVAL)),
        ]
        if self:
            begun.append(('id', 'in', self.ids))
        Transaction = self.env['payment.transaction']
        # Not as one condition: "or" would have the database go through all payments there are.
        return Transaction.search(
            [*open_payments, ('sale_order_ids', 'any', begun)]
        ) | Transaction.search(
            [*open_payments, ('invoice_ids', 'any', [('billing_order_id', 'any', begun)])]
        )

    @api.model
    def _search_paid_twice(self):
        """Return the orders for which somebody must look after a second payment.

        :rtype: sale.order
        """
        orders = self.browse()
        for tx in self._search_second_payments():
            # One of those that a payment is for sees to it: the first that has begun.
            orders |= tx._get_orders_paid_elsewhere().filtered(
                lambda order: order.billing_status not in BEFORE_APPROVAL
            )[:1]
        return orders

    def _take_over_second_payments(self):
        """Take over what was paid for the order by another way, and it doesn't need.

        The caller holds the lock. The salesperson is asked, and it can be refunded from the order.
        """
        self.ensure_one()
        if self.billing_status in BEFORE_APPROVAL:
            return
        for tx in self._search_second_payments():
            if tx._get_orders_paid_elsewhere() != self:
                self._report_payment_of_several(tx)
                continue
            if invoices := tx._get_invoices_paid():
                if invoices <= self._get_documents():
                    tx._take_over(self, invoices)
                self._report_part_on_account(tx)
                continue
            tx._take_over(self, self.env['account.move'])
            if not tx._get_refundable_amount():
                continue  # It was paid back already.
            self._report_payment_on_account(
                tx,
                self.env._(
                    "%(amount)s were received by %(reference)s for order %(order)s, which was"
                    " already paid or closed. The payment is on the customer's account: refund it.",
                    amount=tx.currency_id.format(tx.amount),
                    reference=tx.reference,
                    order=self.name,
                ),
            )

    def _report_payment_of_several(self, tx):
        """Ask a person to look after money that came for several orders at once, once.

        :param payment.transaction tx: The transaction that brought the money.
        """
        tx.billing_on_account = True
        self._ask_staff(
            self.env._("Payment %s needs a decision", tx.reference),
            self.env._(
                "%(amount)s were received by %(reference)s for %(orders)s together. They are on the"
                " customer's account: reconcile them with what is open of these orders, and refund"
                " what is too much at the payment.",
                amount=tx.currency_id.format(tx.amount),
                reference=tx.reference,
                orders=', '.join(tx._get_orders_paid_elsewhere().mapped('name')),
            ),
        )

    def action_refund_on_account(self):
        """Pay back what was received without need, the newest payment of them as a whole.

        :return: A notification with the result.
        :rtype: dict
        :raise AccessError: If the user may not refund.
        :raise UserError: If there is none, or the provider can't refund it.
        """
        self.ensure_one()
        if not self.env.user.has_group('billpro_portal.group_billing_manager'):
            raise AccessError(self.env._("Only billing managers can refund payments."))
        self.check_access('write')
        order = self.sudo()
        order._lock_billing()
        tx = order._get_payments_on_account()[:1]
        if not tx:
            raise UserError(
                self.env._("There is no payment left to refund on order %s.", self.name)
            )
        if tx._get_support_refund() == 'none':
            raise UserError(
                self.env._(
                    "The payment provider can't refund this payment. Pay it back by other means."
                )
            )
        refund_tx = tx._create_order_refund(tx._get_refundable_amount())
        refund_tx._send_order_refund()
        return refund_tx._get_refund_notification()

    def _get_cancelled_message(self):
        """Return what the customer of a cancelled order is told, and of money that came late.

        :rtype: str
        """
        self.ensure_one()
        if amount := self.billing_on_account_amount:
            return self.env._(
                "It can't be paid any more. Your payment of %s arrived all the same: it was not"
                " needed, and we will pay it back to you. Please contact us if you have questions.",
                self.currency_id.format(amount),
            )
        refunds = self.billing_transaction_ids.filtered(
            lambda tx: tx.operation == 'refund' and tx.state in {'draft', 'pending', 'done'}
        )
        if refunds:
            return self.env._(
                "It can't be paid any more. Your payment arrived all the same; %s of it were paid"
                " back to you. Please contact us if you have questions.",
                self.currency_id.format(-sum(refunds.mapped('amount'))),
            )
        return self.env._("It can't be paid any more. Please contact us if you need help.")
