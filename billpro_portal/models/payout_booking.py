from collections import defaultdict

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

# How far the date of a bank's line may be from the day of arrival.
DAYS_TO_BANK = 10


class BillproPayout(models.Model):
    """The journal entries of payouts.

    An entry has the outstanding items of exactly the payments and refunds in the payout, each
    reconciled with its own; the fees; disputes, adjustments and what isn't ours, each on a line
    of its own; and the amount that arrives at the bank. That is on Odoo's own account for money
    between two places (the inter-bank transfer account of the company), not on the bank's
    outstanding account: money of customers that the provider holds is then all that is there, and
    zero when all is paid out. The bank's line has the amount of the payout and is reconciled with
    that one item: with the button of the payout, or with whatever reconciles lines of banks.

    What was paid in another currency than that of the payout is credited in its own, so that it is
    reconciled in full. What the provider's rate and Odoo's differ is a difference of exchange.
    """

    _inherit = 'billpro.payout'

    # === ACCOUNTS === #

    def _get_transfer_account(self):
        account = self.company_id.transfer_account_id
        if not account.reconcile:
            raise UserError(
                self.env._(
                    "Set the account of transfers between banks (“Inter-Banks Transfer”), which"
                    " allows reconciliation, in the company's settings of Invoicing."
                )
            )
        return account

    def _get_suspense_account(self):
        journal = self.provider_id._billpro_get_payout_journal()
        account = journal.suspense_account_id or self.company_id.account_journal_suspense_account_id
        if not account:
            raise UserError(
                self.env._(
                    "Set the suspense account of the journal “%s”, for what isn't ours.",
                    journal.display_name,
                )
            )
        return account

    def _get_outstanding_account(self):
        """Return the account of the money that the provider holds.

        :rtype: account.account
        :raise UserError: If there is none.
        """
        journal = self.provider_id._billpro_get_payout_journal()
        line = journal.inbound_payment_method_line_ids.filtered(
            lambda line: line.payment_provider_id == self.provider_id
        )[:1]
        # Without one Odoo books payments to that of the chart of accounts.
        account = line.payment_account_id or line.payment_account_id.browse(
            self.provider_id._get_payment_method_outstanding_account_id(line.payment_method_id)
        )
        if not account.reconcile:
            raise UserError(
                self.env._(
                    "Set an outstanding account, which allows reconciliation, on the payment method"
                    " of “%(provider)s” in the journal “%(journal)s”.",
                    provider=self.provider_id.name,
                    journal=journal.display_name,
                )
            )
        return account

    # === THE ENTRY === #

    def _enter(self, counterparts):
        """Make the entry of a payout, post it and reconcile it.

        :param dict counterparts: The journal items to reconcile with, by part.
        :raise UserError: If an account is missing.
        """
        self.ensure_one()
        disputes = self.line_ids._find_disputes()
        parts = [
            (
                part,
                self._prepare_part(part, counterparts.get(part))
                | self._prepare_waiting(part, disputes.get(part)),
            )
            for part in self._get_parts_with_items()
        ]
        others = [values for values in (self._prepare_fees(), self._prepare_transit()) if values]
        values_list = [*others, *(values for _part, values in parts)]
        exchange = self._prepare_exchange_difference(values_list)
        move = self.provider_id._billpro_post_entry(
            [*values_list, *exchange],
            self.arrival_date,
            self.env._("Payout %s", self.provider_reference),
        )
        items = move.line_ids.sorted('id')
        for (part, _values), item in zip(parts, items[len(others) :], strict=False):
            part.move_line_id = item
        self.move_id = move
        for dispute in disputes.values():
            dispute.payout_date = move.date
        self.transit_line_id = items[len(others) - 1]
        self._reconcile_parts(counterparts)

    def _get_parts_with_items(self):
        """Return the parts that have a journal item of their own: all but mere fees.

        :rtype: billpro.payout.line
        """
        return self.line_ids.filtered(
            lambda part: (
                part.kind != 'fee'
                and not self.currency_id.is_zero(
                    part.net_amount if self._is_net(part) else part.amount
                )
            )
        )

    def _is_net(self, part):
        """Return whether a part's fee isn't ours either, or isn't known to be one."""
        return part.issue in {'not_ours', 'unknown', 'sum'}

    def _prepare_part(self, part, counterpart):
        """Return the journal item of a part.

        :param billpro.payout.line part: The part.
        :param account.move.line|None counterpart: What it is reconciled with; empty if that is
            still to come, None if there is nothing.
        :rtype: dict
        """
        amount, currency = part.net_amount if self._is_net(part) else part.amount, self.currency_id
        is_outstanding = counterpart is not None or part.kind == 'requested'
        if counterpart is not None:
            amount, currency = part._get_original_amount(), part._get_original_currency()
        if is_outstanding:
            account = (counterpart or part.move_line_id).account_id
            account = account or self._get_outstanding_account()
        else:
            account = self._get_account_of(part)
        label = dict(part._fields['kind']._description_selection(self.env))[part.kind]
        names = (label, part.transaction_id.reference or part.source_reference, part.description)
        # Odoo looks for the distribution of each; money that only moves has none.
        analytic = {'analytic_distribution': False} if is_outstanding else {}
        return {
            **analytic,
            'name': " · ".join(filter(None, names)),
            'partner_id': part.transaction_id.partner_id.commercial_partner_id.id,
            **self._prepare_amounts(account, -amount, currency, -part.amount),
        }

    def _prepare_waiting(self, part, dispute):
        """Return what a part differs by if the books have the other side of its dispute already.

        That is a loss that was booked before its payout, or what an earlier payout took and this
        one brings back: nothing is left of it on its account.

        :param billpro.payout.line part: The part.
        :param billpro.dispute|None dispute: The dispute that it is about.
        :rtype: dict
        """
        if not dispute:
            return {}
        company_currency = self.company_id.currency_id
        balances, amounts = defaultdict(float), defaultdict(float)
        for (account, currency), (amount, balance) in dispute._get_held().items():
            balances[account] += balance
            amounts[account] += amount if currency == self.currency_id else 0
        for account, balance in balances.items():
            # Of another currency it is the same money; of the same currency it can be a part.
            is_same = dispute.currency_id != self.currency_id or self.currency_id.is_zero(
                amounts[account] - part.amount
            )
            if is_same and company_currency.round(balance) * part.amount > 0:
                is_own = self.currency_id == company_currency
                return {
                    'account_id': account.id,
                    'amount_currency': -balance if is_own else -part.amount,
                    'balance': -balance,
                }
        if dispute.is_loss_with_payout:
            # Whichever is the account of disputes by now.
            return {'account_id': self.provider_id._billpro_get_payout_account('loss').id}
        return {}

    def _get_account_of(self, part):
        """Return the account of what is reconciled with nothing.

        :param billpro.payout.line part: The part.
        :rtype: account.account
        """
        if part.issue or part.kind not in {'dispute', 'adjustment'}:
            return self._get_suspense_account()
        return self.provider_id._billpro_get_payout_account(part.kind)

    def _prepare_amounts(self, account, amount, currency, payout_amount):
        """Return the amounts of a journal item.

        :param account.account account: The account.
        :param float amount: The amount, positive if it is a debit.
        :param res.currency currency: Its currency.
        :param float payout_amount: The same in the payout's currency.
        :rtype: dict
        """
        company_currency = self.company_id.currency_id
        if currency == company_currency:
            balance = amount
        else:
            value = amount if currency == self.currency_id else payout_amount
            balance = self.currency_id._convert(
                value, company_currency, self.company_id, self.arrival_date
            )
        return {
            'account_id': account.id,
            'currency_id': currency.id,
            'amount_currency': amount,
            'balance': balance,
        }

    def _prepare_fees(self):
        """Return the journal item of all fees together, if there are any.

        :rtype: dict|None
        """
        ours = self.line_ids.filtered(lambda part: not self._is_net(part))
        fees = self.currency_id.round(
            sum(ours.mapped('fee')) - sum(ours.filtered(lambda p: p.kind == 'fee').mapped('amount'))
        )
        if self.currency_id.is_zero(fees):
            return None
        account = self.provider_id._billpro_get_payout_account('fee')
        return {
            'name': self.env._("Fees of payout %s", self.provider_reference),
            **self._prepare_amounts(account, fees, self.currency_id, fees),
        }

    def _prepare_transit(self):
        """Return the journal item that the bank's line is reconciled with.

        :rtype: dict
        """
        return {
            'name': self.env._("Payout %s", self.provider_reference),
            **self._prepare_amounts(
                self._get_transfer_account(), self.amount, self.currency_id, self.amount
            ),
        }

    def _prepare_exchange_difference(self, values_list):
        """Return the journal item of what rates differ, if they do.

        :param list[dict] values_list: The other items.
        :rtype: list[dict]
        :raise UserError: If there is no account for it.
        """
        currency = self.company_id.currency_id
        difference = currency.round(-sum(values['balance'] for values in values_list))
        if currency.is_zero(difference):
            return []
        name = (
            'expense_currency_exchange_account_id'
            if difference > 0
            else 'income_currency_exchange_account_id'
        )
        account = self.company_id[name]
        if not account:
            raise UserError(
                self.env._(
                    "Set the account “%s” in the company's settings of Invoicing.",
                    self.env['res.company']._fields[name]._description_string(self.env),
                )
            )
        return [
            {
                'name': self.env._("Difference of exchange"),
                'account_id': account.id,
                'currency_id': currency.id,
                'amount_currency': difference,
                'balance': difference,
            }
        ]

    def _reconcile_parts(self, counterparts):
        """Reconcile the items of payments and refunds, each with its own, all at once.

        :param dict counterparts: The journal items to reconcile with, by part.
        """
        refunds = {part.source_reference: part for part in self.line_ids if part.kind == 'refund'}
        plan = []
        for part, counterpart in counterparts.items():
            if not counterpart and part.kind == 'refund_failure':
                counterpart = refunds[part.source_reference].move_line_id
            if counterpart:
                plan.append(counterpart + part.move_line_id)
        if plan:
            self.env['account.move.line']._reconcile_plan(plan)

    # === WHAT THE BANK REFUSED === #

    def _enter_failure(self):
        """Put the money of a payout that the bank refused back to what the provider holds.

        Only that: the payments stay paid out and the fees stay paid. The provider doesn't list them
        again; its next payout has the money of the failed one as one part, see
        `billpro.payout.line._match_payout_failure`. Reversing the whole entry would leave the
        payments open for ever.
        """
        self.ensure_one()
        accounts = (self._get_outstanding_account(), self.transit_line_id.account_id)
        values_list = [
            {
                'name': self.env._("Failed payout %s", self.provider_reference),
                **self._prepare_amounts(account, amount, self.currency_id, amount),
            }
            for account, amount in zip(accounts, (self.amount, -self.amount), strict=True)
        ]
        today = fields.Date.context_today(self)
        self.failure_move_id = self.provider_id._billpro_post_entry(
            values_list,
            max(today, self.move_id.date),
            self.env._("Failed payout %s", self.provider_reference),
        )
        # If it was at the bank, the bank's line of the return is reconciled with it.
        back = self.failure_move_id.line_ids.sorted('id')[1]
        if not self.transit_line_id.reconciled:
            (self.transit_line_id + back).reconcile()

    # === THE BANK'S LINE === #

    def _reconcile_bank(self):
        """Reconcile a payout with the line of a bank statement that has its amount.

        :raise UserError: If there is no such line, or more than one.
        """
        self.ensure_one()
        item = self.transit_line_id
        if not item or item.reconciled:
            raise UserError(
                self.env._("Nothing of payout %s waits for the bank.", self.provider_reference)
            )
        bank_line = self._find_bank_line()
        if len(bank_line) != 1:
            raise UserError(
                self.env._(
                    "%(count)s lines of bank statements have the amount %(amount)s around"
                    " %(date)s. Reconcile the journal item “%(item)s” with the right one.",
                    count=len(bank_line),
                    amount=self.currency_id.format(self.amount),
                    date=format_date(self.env, self.arrival_date),
                    item=item.display_name,
                )
            )
        _liquidity, suspense, _others = bank_line.with_context(
            skip_account_move_synchronization=True
        )._seek_for_lines()
        suspense.account_id = item.account_id
        (suspense + item).reconcile()

    def _find_bank_line(self):
        """Return the lines of bank statements that can be the payout; one that names it is it.

        :rtype: account.bank.statement.line
        """
        found = (
            self.env['account.bank.statement.line']
            .search(
                [
                    ('company_id', '=', self.company_id.id),
                    ('is_reconciled', '=', False),
                    ('move_id.state', '=', 'posted'),
                    ('amount', '=', self.amount),
                    ('date', '>=', fields.Date.subtract(self.arrival_date, days=DAYS_TO_BANK)),
                    ('date', '<=', fields.Date.add(self.arrival_date, days=DAYS_TO_BANK)),
                ]
            )
            .filtered(lambda line: line.currency_id == self.currency_id)
        )
        named = found.filtered(lambda line: self.provider_reference in (line.payment_ref or ''))
        return named or found
