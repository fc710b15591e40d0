from odoo import models


class AccountMove(models.Model):
    """Final invoices in another currency than the company's: they clear the down payments."""

    _inherit = 'account.move'

    def _is_clearing_down_payments(self):
        """Return whether it deducts down payments in another currency than the company's.

        :rtype: bool
        """
        self.ensure_one()
        return self.currency_id != self.company_currency_id and any(
            line.is_downpayment and line.balance > 0 for line in self.invoice_line_ids
        )

    def _clear_down_payments(self):
        """Take from the accounts of down payments what these hold, to the cent, in drafts.

        Rates change, and each invoice is rounded by itself. What was paid in advance becomes
        revenue at the rate of the day on which it was paid (IFRIC 22, "Foreign Currency
        Transactions and Advance Consideration").
        """
        for move in self.filtered(lambda move: move._is_clearing_down_payments()):
            move._set_invoice_date()  # Posting would do that later, and compute anew by its rate.
            excess = 0.0
            for account, lines in move._get_down_payment_lines().grouped('account_id').items():
                deducted = lines.filtered('is_downpayment')
                others = deducted.sale_line_ids.invoice_lines.filtered(
                    lambda line, account=account: line.account_id == account
                )
                others = others.filtered(lambda line: line.parent_state != 'cancel') - lines
                if not deducted or set(others.mapped('parent_state')) != {'posted'}:
                    continue  # What isn't posted yet may still be dated otherwise.
                # A tax that has no account of its own is held where what it is of is held.
                taxes = (move | others.move_id).line_ids.filtered(
                    lambda line, account=account: line.tax_line_id and line.account_id == account
                )
                held = lines | others | taxes
                difference = move.company_currency_id.round(sum(held.mapped('balance')))
                largest = deducted.sorted(lambda line: abs(line.balance))[-1]
                if difference:
                    largest.balance = move.company_currency_id.round(largest.balance - difference)
                excess += difference
            move._add_to_revenue(excess)

    def _get_down_payment_lines(self):
        """Return the invoice lines on accounts that hold down payments.

        :rtype: account.move.line
        """
        self.ensure_one()
        accounts = self.invoice_line_ids.filtered('is_downpayment').account_id
        held_on = accounts.filtered(lambda account: account.internal_group != 'income')
        return self.invoice_line_ids.filtered(lambda line: line.account_id in held_on)

    def _add_to_revenue(self, amount):
        """Add an amount to the largest line of a draft that bills something.

        :param float amount: The amount, in the company's currency, as it is on a debit side.
        """
        self.ensure_one()
        billed = self.invoice_line_ids.filtered(
            lambda line: line.display_type == 'product' and not line.is_downpayment
        )
        if amount and billed:
            largest = billed.sorted(lambda line: abs(line.balance))[-1]
            largest.balance = self.company_currency_id.round(largest.balance + amount)
