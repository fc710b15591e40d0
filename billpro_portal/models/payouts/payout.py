from collections import defaultdict
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_date

from ...billing import backoff

# How far the date of a bank's line may be from the day of arrival.
DAYS_TO_BANK = 10
# What was paid out, for good or not, by the status at the provider.
PAID = ('paid', 'failed', 'canceled')
FAILED = ('failed', 'canceled')


class BillproPayout(models.Model):
    """What a provider has paid out to the bank, what it is made of, and its journal entry.

    Payments of customers are booked to the outstanding account of the provider's payment method:
    that is the money which the provider holds. A payout moves it to the bank, less fees, refunds
    and the like. Providers that can be asked tell them (`payouts/provider.py`); those of others
    come from a file (`wizards/payout_import.py`).

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

    _name = 'billpro.payout'
    _description = "Payout"
    _inherit = ['billpro.job.record']

    _order = 'arrival_date desc, id desc'
    _rec_name = 'provider_reference'
    _tasks_to_do = {'book_payout': [('state', '=', 'to_book')]}
    provider_id = fields.Many2one(
        comodel_name='payment.provider', required=True, readonly=True, ondelete='restrict'
    )
    company_id = fields.Many2one(related='provider_id.company_id', store=True, index=True)
    provider_reference = fields.Char(string="Payout", required=True, readonly=True)
    provider_status = fields.Char(string="Status at Provider", readonly=True)
    failure_message = fields.Char(readonly=True, help="Why the bank refused it.")
    is_requested = fields.Boolean(
        string="Requested by Hand",
        readonly=True,
        help="Not made by the provider's schedule: what it is made of isn't known.",
    )
    arrival_date = fields.Date(required=True, readonly=True, help="At the bank.")
    currency_id = fields.Many2one(
        comodel_name='res.currency', required=True, readonly=True, ondelete='restrict'
    )
    amount = fields.Monetary(string="Paid Out", readonly=True)
    state = fields.Selection(
        selection=[
            ('announced', "On its way"),
            ('to_book', "To book"),
            ('booked', "Booked"),
            ('failed', "Failed"),
        ],
        required=True,
        readonly=True,
    )
    can_book = fields.Boolean(compute='_compute_can_book')
    line_ids = fields.One2many(
        string="Made Of", comodel_name='billpro.payout.line', inverse_name='payout_id'
    )
    payment_amount = fields.Monetary(
        string="Payments", compute='_compute_amounts', store=True, help="Before fees."
    )
    refund_amount = fields.Monetary(string="Refunds", compute='_compute_amounts', store=True)
    dispute_amount = fields.Monetary(string="Disputes", compute='_compute_amounts', store=True)
    fee_amount = fields.Monetary(string="Fees", compute='_compute_amounts', store=True)
    other_amount = fields.Monetary(
        string="Adjustments and Others", compute='_compute_amounts', store=True
    )
    difference_amount = fields.Monetary(
        string="Differences",
        compute='_compute_amounts',
        store=True,
        help="What is not in the books as the provider says, net.",
    )
    difference_count = fields.Integer(
        string="Lines to Check", compute='_compute_amounts', store=True
    )
    move_id = fields.Many2one(
        string="Journal Entry",
        comodel_name='account.move',
        readonly=True,
        index='btree_not_null',
        ondelete='restrict',
    )
    failure_move_id = fields.Many2one(
        string="Entry of the Failure",
        comodel_name='account.move',
        readonly=True,
        index='btree_not_null',
        ondelete='restrict',
    )
    transit_line_id = fields.Many2one(
        string="Money on Its Way",
        comodel_name='account.move.line',
        readonly=True,
        index='btree_not_null',
        ondelete='set null',
        help="The journal item that the bank's line is reconciled with.",
    )
    is_at_bank = fields.Boolean(
        string="At the Bank", related='transit_line_id.reconciled', related_sudo=True
    )
    problem = fields.Char(compute='_compute_problem', compute_sudo=True)
    _reference_unique = models.UniqueIndex(
        "(provider_id, provider_reference)", "This payout is known."
    )
    _to_book_idx = models.Index("(arrival_date, id) WHERE state = 'to_book'")

    @api.depends('state')
    def _compute_can_book(self):
        for payout in self:
            payout.can_book = payout.state == 'to_book'

    @api.depends('line_ids.kind', 'line_ids.issue', 'line_ids.amount', 'line_ids.fee')
    def _compute_amounts(self):
        for payout in self:
            lines = payout.line_ids
            by_kind = {
                kind: sum(of_kind.mapped('amount'))
                for kind, of_kind in lines.grouped('kind').items()
            }
            payout.payment_amount = by_kind.pop('charge', 0)
            payout.refund_amount = by_kind.pop('refund', 0) + by_kind.pop('refund_failure', 0)
            payout.dispute_amount = by_kind.pop('dispute', 0)
            payout.fee_amount = sum(lines.mapped('fee')) - by_kind.pop('fee', 0)
            payout.other_amount = sum(by_kind.values())
            to_check = lines.filtered('issue')
            payout.difference_amount = sum(line.amount - line.fee for line in to_check)
            payout.difference_count = len(to_check)

    def _compute_problem(self):
        failures = self.env['billpro.failure']._search_of(self, 'book_payout')
        reasons = {failure.res_id: failure.reason for failure in failures}
        for payout in self:
            payout.problem = reasons.get(payout.id)

    # === RECORDING === #

    @api.model
    def _record(self, provider, values):
        """Create a payout or bring it up to date.

        :param payment.provider provider: The provider that pays out.
        :param dict values: What it says about the payout.
        :return: The payout.
        :rtype: billpro.payout
        """
        payout = self.search(
            [
                ('provider_id', '=', provider.id),
                ('provider_reference', '=', values['provider_reference']),
            ]
        )
        if not payout:
            payout = self.create({**values, 'provider_id': provider.id, 'state': 'announced'})
        elif payout.provider_status != values['provider_status']:
            payout.write(values)
        payout.state = payout._get_state()
        return payout

    @api.model
    def _find_currency(self, code):
        """Return a currency, also if it is switched off.

        :param str code: Its code, in any letters.
        :rtype: res.currency
        :raise UserError: If Odoo doesn't have it.
        """
        currency = (
            self.env['res.currency']
            .with_context(active_test=False)
            .search([('name', '=', code.upper())])
        )
        if not currency:
            raise UserError(self.env._("There is no currency %s.", code.upper()))
        return currency

    def _get_state(self):
        self.ensure_one()
        if self.provider_status not in PAID:
            return 'announced'
        has_failed = self.provider_status in FAILED
        if not self.move_id or (has_failed and not self.failure_move_id):
            return 'to_book'
        return 'failed' if has_failed else 'booked'

    # === JOBS === #

    @api.model
    def _cron_book(self):
        """Ask for payouts that no message told of, and book what there is to book.

        The oldest first: money of a payout that failed is in a later one.
        """
        alone = self.env['billpro.own.transaction']
        for provider in self.env['payment.provider'].search(
            [('billpro_payouts_since', '!=', False)]
        ):
            seam = provider._in_billing()
            if seam._tells_payouts(provider):
                alone._commit_alone(
                    provider, 'ask_payouts', partial(seam._ask_about_payouts, provider)
                )
        to_book = self.search([('state', '=', 'to_book')], order='arrival_date, id')
        for payout in self.env['billpro.failure']._leave_out_waiting(to_book, 'book_payout'):
            alone._commit_alone(payout, 'book_payout', payout._book_locked, delays=backoff.PAYOUT)
        self.env['ir.cron']._commit_progress(len(to_book), remaining=0)

    def _prepare_failure(self):
        """Override of `billpro.job.record`."""
        return {'amount': abs(self.amount)}

    def _book_locked(self):
        """Book a payout if nobody else does.

        :return: Whether it was done.
        :rtype: bool
        :raise UserError: If it can't be booked yet.
        """
        if not self.try_lock_for_update():
            return False
        if self.state == 'to_book':
            self._book_payout()
        return True

    def _book_payout(self, takes_all=False):
        """Book a payout, and its failure; all of it or nothing.

        :param bool takes_all: Whether payments that aren't booked yet are left as differences.
        :raise UserError: If it can't be booked yet, or an account is missing.
        """
        self.ensure_one()
        payout = self.company_id._billing_date_by(self.with_company(self.company_id))
        if not payout.move_id:
            if not payout.line_ids:
                payout._ask_for_lines()
            payout._enter(payout.line_ids._match(takes_all))
        if payout.provider_status in FAILED and not payout.failure_move_id:
            payout._enter_failure()
        self.state = self._get_state()

    def _ask_for_lines(self):
        """Ask the provider what a payout is made of, and keep it.

        :raise UserError: If the provider can't tell yet, or doesn't answer.
        """
        self.ensure_one()
        values_list = self.provider_id._in_billing()._list_payout_parts(self)
        values_list += self._prepare_rest(values_list)
        self.env['billpro.payout.line'].create(
            [{**values, 'payout_id': self.id} for values in values_list]
        )

    def _prepare_rest(self, values_list):
        """Return the part that makes the others add up to what was paid out, if they don't.

        :param list[dict] values_list: The other parts.
        :rtype: list[dict]
        """
        self.ensure_one()
        total = sum(values['amount'] - values.get('fee', 0) for values in values_list)
        rest = self.currency_id.round(self.amount - total)
        if self.currency_id.is_zero(rest):
            return []
        return [{'kind': 'other', 'issue': 'sum', 'amount': rest}]

    # === STAFF === #

    @api.model
    def _check_may_book(self):
        """Check that the user may make the entries of payouts.

        :raise AccessError: If not.
        """
        if not self.env.user.has_group('account.group_account_invoice'):
            raise AccessError(self.env._("Only those who do invoicing can book payouts."))

    def action_book(self):
        """Book payouts now; what isn't booked of their payments is left as a difference.

        :raise AccessError: If the user may not book them.
        :raise UserError: If an account is missing, or the provider doesn't answer.
        """
        self._check_may_book()
        self.check_access('read')
        for payout in self.sudo():
            payout.lock_for_update()
            if payout.can_book:
                payout._book_payout(takes_all=True)
                self.env['billpro.failure']._forget(payout, 'book_payout')

    def action_reconcile_bank(self):
        """Reconcile payouts with the lines of bank statements that have their amounts.

        :raise AccessError: If the user may not book them.
        :raise UserError: If there is no such line, or more than one.
        """
        self._check_may_book()
        self.check_access('read')
        for payout in self.sudo():
            payout._reconcile_bank()

    def action_open_entry(self):
        """Open the journal entry.

        :rtype: dict
        """
        self.ensure_one()
        self.check_access('read')
        return self.sudo().move_id._get_records_action()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_booked(self):
        if self.move_id:
            raise UserError(self.env._("A payout that is booked can't be deleted."))

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
