from odoo import models


class AccountMove(models.Model):
    """Final invoices in another currency than the company's: they clear the down payments."""

    _inherit = 'account.move'

    def _clear_down_payments(self):
        """Take from the accounts of down payments what these hold, to the cent, in drafts.

        Rates change, and each invoice is rounded by itself. What was paid in advance becomes
        revenue at the rate of the day on which it was paid (IFRIC 22, "Foreign Currency
        Transactions and Advance Consideration").
        """
        for move in self.filtered(lambda move: move.currency_id != move.company_currency_id):
            deducted = move.invoice_line_ids.filtered(
                lambda line: (
                    line.is_downpayment
                    and line.balance > 0
                    and line.account_id.internal_group != 'income'
                )
            )
            billed = move.invoice_line_ids.filtered(
                lambda line: line.display_type == 'product' and not line.is_downpayment
            )
            if not deducted or not billed:
                continue
            move._set_invoice_date()  # Posting would do that later, and compute anew by its rate.
            excess = 0.0
            for line in deducted:
                held = (line.sale_line_ids.invoice_lines - line).filtered(
                    lambda other, line=line: (
                        other.parent_state == 'posted' and other.account_id == line.account_id
                    )
                )
                balance = move.company_currency_id.round(-sum(held.mapped('balance')))
                excess += line.balance - balance
                line.balance = balance
            largest = billed.sorted(lambda line: abs(line.balance))[-1]
            largest.balance = move.company_currency_id.round(largest.balance + excess)
