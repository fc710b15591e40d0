from odoo import models
from odoo.tools import SQL

from ..billing.lifecycle import BEFORE_APPROVAL, IN_FLIGHT


class AccountMove(models.Model):
    """What paid the invoices of orders, and was paid back for their credit notes, in the books."""

    _inherit = 'account.move'

    def _get_other_money(self, with_own=False):
        """Return what was reconciled with the documents, other than by payments of our own.

        Credit notes and invoices move no money. One query, whatever the number of documents.

        :param bool with_own: Whether payments by order links are wanted, too.
        :return: By document, pairs of the other journal item's id and an amount in the document's
                 currency.
        :rtype: dict[int, list[tuple[int, float]]]
        """
        found = {}
        if not self.ids:
            return found
        self.env['account.partial.reconcile'].flush_model()
        self.env['account.move.line'].flush_model(['move_id'])
        self.env['account.move'].flush_model(['move_type', 'origin_payment_id'])
        self.env['account.payment'].flush_model(['payment_transaction_id'])
        self.env['payment.transaction'].flush_model(['billing_order_id'])
        query = SQL(' UNION ALL ').join(
            SQL(
                """
                SELECT own.move_id, other.id, part.%(amount)s
                  FROM account_partial_reconcile part
                  JOIN account_move_line own ON own.id = part.%(own)s
                  JOIN account_account account ON account.id = own.account_id
                  JOIN account_move_line other ON other.id = part.%(other)s
                  JOIN account_move document ON document.id = other.move_id
             LEFT JOIN account_payment payment ON payment.id = document.origin_payment_id
             LEFT JOIN payment_transaction tx ON tx.id = payment.payment_transaction_id
                 WHERE own.move_id IN %(ids)s
                   AND other.move_id != own.move_id
                   -- Taxes that are due on payment are reconciled, too, on accounts of their own.
                   AND account.account_type = 'asset_receivable'
                   AND document.move_type NOT IN ('out_invoice', 'out_refund')
                   AND (%(with_own)s OR tx.billing_order_id IS NULL)
                   AND part.%(amount)s != 0
                """,
                own=SQL.identifier(f'{side}_move_id'),
                other=SQL.identifier(f'{counterpart}_move_id'),
                amount=SQL.identifier(f'{side}_amount_currency'),
                ids=tuple(self.ids),
                with_own=with_own,
            )
            for side, counterpart in (('debit', 'credit'), ('credit', 'debit'))
        )
        for move_id, line_id, amount in self.env.execute_query(query):
            found.setdefault(move_id, []).append((line_id, amount))
        return found

    def _has_to_be_paid(self):
        """Override of `account_payment`: not while the order collects the same money itself."""
        return super()._has_to_be_paid() and not self._is_collected_by_order()

    def _get_online_payment_error(self):
        """Override of `account_payment` to tell why it can't be paid now."""
        error = super()._get_online_payment_error()
        if not error and self._is_collected_by_order():
            return self.env._("A payment of this order is being processed already.")
        return error

    def _is_collected_by_order(self):
        """Return whether a payment by the order's link, or of its schedule, is under way for it.

        :rtype: bool
        """
        self.ensure_one()
        move = self.sudo()
        orders = move.billing_order_id | move.invoice_line_ids.sale_line_ids.order_id
        events = orders.billing_event_ids.filtered(lambda event: event.invoice_id == move)
        return any(
            order.billing_status in BEFORE_APPROVAL and order._get_payment_in_progress()
            for order in orders.filtered('purchase_type')
        ) or bool(set(events.mapped('status')) & IN_FLIGHT)

    def _reverse_moves(self, default_values_list=None, cancel=False):
        """Override of `account`: what staff credit by hand is a document of the order, too."""
        reverse_moves = super()._reverse_moves(default_values_list, cancel=cancel)
        for move, reverse in zip(self, reverse_moves, strict=True):
            if order := move.sudo().billing_order_id:
                reverse.sudo().billing_order_id = order
        return reverse_moves

    # === DOCUMENTS THAT STAFF CHANGE === #

    def _get_collected_payments(self):
        """Return what was collected, or paid back, for the documents by payments of orders.

        :rtype: payment.transaction
        """
        return self.sudo().transaction_ids.filtered(
            lambda tx: tx.billing_order_id and tx.state == 'done' and tx.payment_id
        )

    def _match_collected(self):
        """Reconcile documents with what was collected, or paid back, for them."""
        for move in self.sudo():
            payments = move._get_collected_payments().payment_id
            open_lines = (move | payments.move_id).line_ids.filtered(
                lambda line: (
                    line.account_id.account_type == 'asset_receivable'
                    and line.parent_state == 'posted'
                    and not line.reconciled
                )
            )
            for lines in open_lines.grouped('account_id').values():
                if len(lines.move_id) > 1:
                    lines.reconcile()

    def _pass_on_to(self, corrected):
        """Let a corrected invoice be that of the order, of its payment, and of what was collected.

        :param account.move corrected: The draft invoice that replaces this one.
        """
        self.ensure_one()
        if not self.billing_order_id:
            return
        events = self.billing_order_id.billing_event_ids.filtered(
            lambda event: event.invoice_id == self
        )
        corrected.write(
            {
                'billing_order_id': self.billing_order_id.id,
                'billing_skipped_amount': self.billing_skipped_amount,
            }
        )
        events.invoice_id = corrected
        for tx in self._get_collected_payments():
            tx.invoice_ids = tx.invoice_ids - self | corrected

    def button_cancel(self):
        """Override of `account`: what was collected for it is on the customer's account then.

        Tax authorities cancel invoices, too: it can't be refused.
        """
        invoices = self.filtered(lambda move: move.billing_order_id and move.state != 'cancel')
        result = super().button_cancel()
        invoices._tell_of_loose_payments()
        return result

    def _tell_of_loose_payments(self):
        """Ask staff what becomes of money that was collected for invoices that are cancelled."""
        for move in self.sudo():
            txs = move._get_collected_payments().filtered(lambda tx: tx._get_refundable_amount())
            if not txs or move.move_type != 'out_invoice':
                continue
            move.billing_order_id._ask_staff(
                self.env._("Invoice %s was cancelled, and had been paid", move.display_name),
                self.env._(
                    "%(payments)s are on the customer's account now. Refund them, or make another"
                    " invoice and match it with them. Before the last instalment of an order"
                    " nothing is to be done: its invoice bills them again.",
                    payments=', '.join(txs.mapped('reference')),
                ),
            )

    def _get_money_way(self):
        """Return how the money of a journal entry came, in the customer's words.

        :rtype: str
        """
        self.ensure_one()
        if tx := self.origin_payment_id.payment_transaction_id:
            return tx._get_card_name()
        ways = {'bank': self.env._("Bank transfer"), 'cash': self.env._("Cash")}
        return ways.get(self.journal_id.type, self.env._("Other"))
