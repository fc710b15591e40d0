from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Command
from odoo.tools import SQL
from odoo.tools.date_utils import end_of, start_of
from odoo.tools.misc import format_date


class BillproDeferral(models.Model):
    """What an entry of deferred revenue changes for the lines of an invoice.

    Entries are posted month by month, and each brings the books to what the report says: the
    account of deferred revenue holds what is deferred at the month's last day. So nothing has to
    be foreseen. A refund, a cancellation, a payment that was moved or booked late changes what the
    report says, and the next entry by the difference.

    The changes of an invoice add up to what is held for it, as long as their entries are posted.
    Whatever becomes of an entry (reset, reversed, deleted, posted again), the next pass of the job
    notices it, and works the months since then out anew.
    """

    _name = 'billpro.deferral'
    _inherit = 'analytic.mixin'
    _description = "Deferred Revenue Entry"

    _order = 'month desc, id desc'
    _rec_name = 'invoice_id'
    entry_id = fields.Many2one(
        string="Journal Entry", comodel_name='account.move', readonly=True, index=True
    )
    state = fields.Selection(related='entry_id.state')
    month = fields.Date(required=True, readonly=True, help="Its first day.")
    company_id = fields.Many2one(
        comodel_name='res.company', required=True, readonly=True, ondelete='cascade'
    )
    company_currency_id = fields.Many2one(related='company_id.currency_id')
    order_id = fields.Many2one(comodel_name='sale.order', readonly=True, index='btree_not_null')
    invoice_id = fields.Many2one(comodel_name='account.move', readonly=True, index='btree_not_null')
    account_id = fields.Many2one(
        string="Deferred Revenue Account",
        comodel_name='account.account',
        required=True,
        readonly=True,
        ondelete='restrict',
    )
    revenue_account_id = fields.Many2one(
        comodel_name='account.account', required=True, readonly=True, ondelete='restrict'
    )
    change = fields.Monetary(
        string="Deferred",
        currency_field='company_currency_id',
        readonly=True,
        help="What the entry adds to what is deferred of the invoice; less than zero where it is"
        " earned, or taken back.",
    )
    is_counted = fields.Boolean(
        readonly=True,
        help="Whether the entry was posted when the month was last worked out.",
    )
    _company_month_idx = models.Index("(company_id, month)")

    # === ENTRY POINTS === #

    @api.model
    def _cron_post(self):
        """Post the entries of the months that have ended, each company and month alone."""
        Company = self.env['res.company']
        deferring = Company.search(
            [
                ('billing_deferral_account_id', '!=', False),
                ('billing_deferral_journal_id', '!=', False),
            ]
        )
        for company in deferring:
            self._post_ended_months(company)
        others = Company.search([('id', 'not in', deferring.ids)])
        self.env['billpro.failure']._forget(others, 'defer')

    # === MONTHS === #

    @api.model
    def _post_ended_months(self, company):
        """Post the entries of a company and commit, month by month.

        What fails is told at once: until it is mended nothing is posted for the company.

        :param res.company company: The company, which defers revenue.
        """
        company = company._billing_date_by(company.with_company(company))
        company = company.with_context(lang=company.partner_id.lang)
        months = []

        def post_month():
            if not company.try_lock_for_update(allow_referencing=True):
                return False
            months.append(self.with_env(company.env)._post_next_month(company))
            return True

        own_transaction = self.env['billpro.own.transaction']
        while own_transaction._commit_alone(company, 'defer', post_month, delays=()):
            if not months[-1]:
                break

    @api.model
    def _post_next_month(self, company):
        """Post the first month that is to be posted, if one has ended.

        :param res.company company: The company, locked.
        :return: Whether there was one.
        :rtype: bool
        """
        today = company._billing_get_today_in_books()
        if not company.billing_deferral_month:
            company.billing_deferral_month = start_of(today, 'month')
        self._follow_reversals(company)
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                SELECT MIN(deferral.month)
                  FROM billpro_deferral deferral
                  LEFT JOIN account_move entry ON entry.id = deferral.entry_id
                 WHERE deferral.company_id = %s
                   AND deferral.is_counted != %s
                """,
                company.id,
                self._is_in_books(),
            )
        )
        (changed,) = self.env.cr.fetchone()
        month = start_of(company.billing_deferral_month, 'month')
        month = min(month, changed or month)
        if end_of(month, 'month') >= today:
            return False
        self._post_month(company, month)
        company.billing_deferral_month = end_of(month, 'month') + timedelta(days=1)
        return True

    @api.model
    def _is_in_books(self):
        """Return the condition that the entry `entry` of a change is posted.

        :rtype: SQL
        """
        return SQL("COALESCE(entry.state = 'posted', FALSE)")

    @api.model
    def _follow_reversals(self, company):
        """Let posted reversals of our entries count: they change the opposite.

        :param res.company company: The company.
        """
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO billpro_deferral (
                       entry_id, month, company_id, order_id, invoice_id, account_id,
                       revenue_account_id, analytic_distribution, change, is_counted,
                       create_uid, create_date, write_uid, write_date
                       )
                SELECT entry.id,
                       GREATEST(date_trunc('month', entry.date)::date, reversed.month),
                       reversed.company_id, reversed.order_id, reversed.invoice_id,
                       reversed.account_id, reversed.revenue_account_id,
                       reversed.analytic_distribution, -reversed.change, FALSE, %(log)s
                  FROM billpro_deferral reversed
                  JOIN account_move entry ON entry.reversed_entry_id = reversed.entry_id
                 WHERE reversed.company_id = %(company)s
                   AND entry.state = 'posted'
                   AND NOT EXISTS (
                       SELECT FROM billpro_deferral known WHERE known.entry_id = entry.id
                   )
                """,
                company=company.id,
                log=self._get_log_columns(),
            )
        )
        self.env.invalidate_all()

    @api.model
    def _get_log_columns(self):
        """Return what rows that a query makes have in the columns of Odoo's log.

        :rtype: SQL
        """
        uid, now = self.env.uid, fields.Datetime.now()
        return SQL("%(uid)s, %(now)s, %(uid)s, %(now)s", uid=uid, now=now)

    # === THE ENTRY OF A MONTH === #

    @api.model
    def _post_month(self, company, month):
        """Bring the books of a company to what the report says at the end of a month.

        :param res.company company: The company, locked.
        :param datetime.date month: Its first day.
        """
        drafts = self.search(
            [
                ('company_id', '=', company.id),
                ('month', '=', month),
                ('entry_id.state', '=', 'draft'),
            ]
        ).entry_id
        if drafts:
            drafts.button_cancel()  # Posted after all, they would count a second time.
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                UPDATE billpro_deferral deferral
                   SET is_counted = NOT counted.is_counted
                  FROM billpro_deferral counted
                  LEFT JOIN account_move entry ON entry.id = counted.entry_id
                 WHERE counted.id = deferral.id
                   AND deferral.company_id = %s
                   AND deferral.month = %s
                   AND deferral.is_counted != %s
                """,
                company.id,
                month,
                self._is_in_books(),
            )
        )
        if totals := self._insert_changes(company, month):
            entry = self._create_entry(company, month, totals)
            self.env.cr.execute(
                SQL(
                    "UPDATE billpro_deferral SET entry_id = %s WHERE id = ANY(%s)",
                    entry.id,
                    [row_id for *_total, row_ids in totals for row_id in row_ids],
                )
            )
            entry._post(soft=False)
            self.env.flush_all()
        self.env.invalidate_all()

    @api.model
    def _insert_changes(self, company, month):
        """Keep the difference between what is deferred at the end of a month and what is held.

        :param res.company company: The company.
        :param datetime.date month: Its first day.
        :return: What the changes add up to by account of deferred revenue, revenue account and
                 analytic distribution, those that defer apart from those that take back; and their
                 ids.
        :rtype: list[tuple[int, int, dict | None, decimal.Decimal, list[int]]]
        """
        self.env.cr.execute(
            SQL(
                """
                WITH RECURSIVE %(deferred)s,
                change AS (
                    SELECT order_id, invoice_id, account_id, revenue_account_id,
                           analytic_distribution, SUM(amount) AS amount
                      FROM (
                           SELECT order_id, invoice_id, %(account)s AS account_id,
                                  account_id AS revenue_account_id, analytic_distribution, amount
                             FROM deferred
                            UNION ALL
                           SELECT held.order_id, held.invoice_id, held.account_id,
                                  held.revenue_account_id, held.analytic_distribution, -held.change
                             FROM billpro_deferral held
                             JOIN account_move entry ON entry.id = held.entry_id
                            WHERE held.company_id = %(company)s
                              AND held.month <= %(month)s
                              AND %(is_in_books)s
                           ) amounts
                     GROUP BY order_id, invoice_id, account_id, revenue_account_id,
                           analytic_distribution
                    HAVING SUM(amount) != 0
                ),
                inserted AS (
                    INSERT INTO billpro_deferral (
                           month, company_id, order_id, invoice_id, account_id,
                           revenue_account_id, analytic_distribution, change, is_counted,
                           create_uid, create_date, write_uid, write_date
                           )
                    SELECT %(month)s, %(company)s, order_id, invoice_id, account_id,
                           revenue_account_id, analytic_distribution, amount, TRUE, %(log)s
                      FROM change
                    RETURNING id, account_id, revenue_account_id, analytic_distribution, change
                )
                SELECT account_id, revenue_account_id, analytic_distribution, SUM(change),
                       ARRAY_AGG(id)
                  FROM inserted
                 GROUP BY account_id, revenue_account_id, analytic_distribution, change > 0
                 ORDER BY account_id, revenue_account_id, analytic_distribution, change > 0 DESC
                """,
                deferred=self.env['billpro.deferral.report']._get_deferred_by_account(
                    company, end_of(month, 'month')
                ),
                account=company.billing_deferral_account_id.id,
                company=company.id,
                month=month,
                is_in_books=self._is_in_books(),
                log=self._get_log_columns(),
            )
        )
        return self.env.cr.fetchall()

    @api.model
    def _create_entry(self, company, month, totals):
        """Return the draft entry of a month.

        It has a line for what is deferred and one for what is taken back, by revenue account and
        analytic distribution, and their counterparts.

        :param res.company company: The company.
        :param datetime.date month: Its first day.
        :param list totals: See `_insert_changes`.
        :rtype: account.move
        """
        last_day = end_of(month, 'month')
        day = company._billing_get_open_day(last_day, company.billing_deferral_journal_id)
        name = self.env._(
            "Deferred revenue, %s", format_date(self.env, month, date_format='MMMM yyyy')
        )
        lines, counterparts = [], {}
        for account, revenue_account, distribution, total, _ids in totals:
            change = float(total)
            lines.append((revenue_account, distribution, change))
            key = account, change > 0
            counterparts[key] = counterparts.get(key, 0) - change
        lines += [(account, None, amount) for (account, _more), amount in counterparts.items()]
        return self.env['account.move'].create(
            {
                'move_type': 'entry',
                'company_id': company.id,
                'journal_id': company.billing_deferral_journal_id.id,
                'date': day,
                'ref': name
                if day == last_day
                else self.env._(
                    "%(entry)s – not dated %(last_day)s, which is locked",
                    entry=name,
                    last_day=format_date(self.env, last_day),
                ),
                'line_ids': [
                    Command.create(
                        {
                            'name': name,
                            'account_id': account,
                            'analytic_distribution': distribution,
                            'currency_id': company.currency_id.id,
                            'balance': balance,
                        }
                    )
                    for account, distribution, balance in lines
                ],
            }
        )
