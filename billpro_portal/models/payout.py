from datetime import timedelta
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

# After which times a payout that can't be booked yet is tried again; then a person hears of it.
RETRY_DELAYS = tuple(timedelta(minutes=minutes) for minutes in (5, 30, 120, 720, 1440))
# Payouts that banks refuse fail within five business days (Stripe API reference, "The Payout
# object", `status`): those of the last days are asked about again.
DAYS_ASKED_AGAIN = 10
# What was paid out, for good or not, in the words of Stripe.
PAID = ('paid', 'failed', 'canceled')
FAILED = ('failed', 'canceled')


class BillproPayout(models.Model):
    """What a provider has paid out to the bank, and what it is made of.

    Payments of customers are booked to the outstanding account of the provider's payment method:
    that is the money which the provider holds. A payout moves it to the bank, less fees, refunds
    and the like. Its entry is made in `payout_booking.py`; what Stripe says is understood in
    `payout_stripe.py`; other providers' payouts come from a file (`wizards/payout_import.py`).
    """

    _name = 'billpro.payout'
    _description = "Payout"
    _order = 'arrival_date desc, id desc'
    _rec_name = 'provider_reference'

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
        providers = self.env['payment.provider'].search(
            [('code', '=', 'stripe'), ('billpro_payouts_since', '!=', False)]
        )
        for provider in providers.filtered('stripe_secret_key'):
            alone._commit_alone(provider, 'ask_payouts', partial(self._ask_stripe, provider))
        to_book = self.search([('state', '=', 'to_book')], order='arrival_date, id')
        for payout in self.env['billpro.failure']._leave_out_waiting(to_book, 'book_payout'):
            alone._commit_alone(payout, 'book_payout', payout._book_locked, delays=RETRY_DELAYS)
        self.env['ir.cron']._commit_progress(len(to_book), remaining=0)

    def _book_locked(self):
        """Book a payout if nobody else does.

        :return: Whether it was done.
        :rtype: bool
        :raise UserError: If it can't be booked yet.
        """
        if not self.try_lock_for_update():
            return False
        if self.state == 'to_book':
            self._book()
        return True

    def _book(self, takes_all=False):
        """Book a payout, and its failure; all of it or nothing.

        :param bool takes_all: Whether payments that aren't booked yet are left as differences.
        :raise UserError: If it can't be booked yet, or an account is missing.
        """
        self.ensure_one()
        payout = self.company_id._billing_date_by(self.with_company(self.company_id))
        if not payout.move_id:
            if not payout.line_ids:
                payout._ask_stripe_for_lines()
            payout._enter(payout.line_ids._match(takes_all))
        if payout.provider_status in FAILED and not payout.failure_move_id:
            payout._enter_failure()
        self.state = self._get_state()

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
            if payout.state == 'to_book':
                payout._book(takes_all=True)
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
