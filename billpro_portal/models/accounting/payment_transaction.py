from odoo import models


class PaymentTransaction(models.Model):
    """The credit notes of refunds."""

    _inherit = 'payment.transaction'

    def _billing_create_refund_credit_notes(self, amount):
        """Create the credit notes for money paid back of this payment.

        :param float amount: What was paid back, positive, in the transaction's currency.
        :return: The posted credit notes; empty if the payment paid no invoice.
        :rtype: account.move
        """
        self.ensure_one()
        credit_notes = self.env['account.move']
        for invoice in self.invoice_ids.filtered(
            lambda move: move.move_type == 'out_invoice' and move.state != 'cancel'
        ):
            credited = sum(
                invoice.reversal_move_ids.filtered(lambda move: move.state == 'posted').mapped(
                    'amount_total'
                )
            )
            share = min(amount, self.currency_id.round(invoice.amount_total - credited))
            if self.currency_id.compare_amounts(share, 0) <= 0:
                continue
            credit_notes += invoice._billing_create_partial_credit_note(
                share, self.env._("Refund of payment %s", self.reference)
            )
            amount = self.currency_id.round(amount - share)
        return credit_notes

    def _billing_balance_refunds_of_credit(self):
        """Let refunds pay back what was credited of their invoices, and isn't used up.

        That is what is left of them when their own credit notes are paid: nothing is credited once
        more that was paid back.
        """
        for tx in self.filtered(lambda tx: tx.operation == 'refund' and tx.payment_id.move_id):
            credit_notes = tx.source_transaction_id.invoice_ids.reversal_move_ids.filtered(
                lambda move: move.state == 'posted' and move.amount_residual
            )
            paid_back, credited = (
                moves.line_ids.filtered(
                    lambda line, account=tx.payment_id.destination_account_id: (
                        line.account_id == account and not line.reconciled
                    )
                )
                for moves in (tx.payment_id.move_id, credit_notes)
            )
            if paid_back and credited:
                (paid_back | credited).reconcile()
