from contextlib import contextmanager

from odoo import Command, models


class AccountMove(models.Model):
    """Final invoices in another currency than the company's: they clear the down payments."""

    _inherit = 'account.move'

    def _get_sync_stack(self, container):
        """Override of `account` to look at what is due of an invoice before its line is made."""
        stack, update_containers = super()._get_sync_stack(container)
        # What comes first is left last: the line that is due is made of all others, at 10.
        return [*stack, (15, self._billpro_sync_amount_due(container))], update_containers

    @contextmanager
    def _billpro_sync_amount_due(self, container):
        """Let nothing be due in one currency and owed in the other: the database refuses that.

        Each down payment that a final invoice deducts was rounded by itself. Where it leaves less
        than the company's currency can tell, that can come to the opposite.
        """
        yield
        for move in container['records']:
            if move.currency_id == move.company_currency_id or move.state != 'draft':
                continue
            lines = move.line_ids.filtered(lambda line: line.display_type != 'payment_term')
            company_currency = move.company_currency_id
            amount = move.currency_id.round(sum(lines.mapped('amount_currency')))
            balance = company_currency.round(sum(lines.mapped('balance')))
            # What is more than each line can have been rounded by has another cause.
            is_rounding = abs(balance) <= len(lines) * company_currency.rounding
            if amount * balance < 0 and is_rounding and move._billpro_bills_order():
                move._billpro_add_rounding(-balance)

    def _billpro_add_rounding(self, rounding):
        """Add an amount in the company's currency to the largest line that has its sign.

        :param float rounding: The amount, as it is on a debit side.
        """
        self.ensure_one()
        alike = self.invoice_line_ids.filtered(
            lambda line: (
                line.display_type == 'product'
                and not line.is_downpayment
                and line.amount_currency * rounding > 0
            )
        )
        largest = alike.sorted(lambda line: abs(line.balance))[-1:]
        largest.balance = self.company_currency_id.round(largest.balance + rounding)

    def _billpro_bills_order(self):
        """Return whether it bills an order with a purchase type.

        :rtype: bool
        """
        self.ensure_one()
        orders = self.billing_order_id | self.line_ids.sale_line_ids.order_id
        return any(order.purchase_type for order in orders)

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
            balances = {}
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
                    balances[largest] = largest.balance - difference
                excess += difference
            if excess and (billed := move._get_largest_billed_line()):
                balances[billed] = billed.balance + excess
            # At once: with one of them only, the invoice could be due in one currency and owed in
            # the other.
            move.line_ids = [
                Command.update(line.id, {'balance': move.company_currency_id.round(balance)})
                for line, balance in balances.items()
            ]

    def _get_down_payment_lines(self):
        """Return the invoice lines on accounts that hold down payments.

        :rtype: account.move.line
        """
        self.ensure_one()
        accounts = self.invoice_line_ids.filtered('is_downpayment').account_id
        held_on = accounts.filtered(lambda account: account.internal_group != 'income')
        return self.invoice_line_ids.filtered(lambda line: line.account_id in held_on)

    def _get_largest_billed_line(self):
        """Return the largest line that bills something, if there is any.

        :rtype: account.move.line
        """
        self.ensure_one()
        billed = self.invoice_line_ids.filtered(
            lambda line: line.display_type == 'product' and not line.is_downpayment
        )
        return billed.sorted(lambda line: abs(line.balance))[-1:]
