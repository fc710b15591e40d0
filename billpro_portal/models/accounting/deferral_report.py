from odoo import fields, models
from odoo.tools import SQL

from ...billing.lifecycle import PAID


class BillproDeferralReport(models.Model):
    """What of the paid periods of subscriptions is earned by today, and what is deferred.

    Odoo Community books revenue on the invoice date and has no deferred entries. This report
    shows the difference that they make: the net amount that the posted invoices bill for each paid
    period, less what credit notes took back, spread over the period's days. A row is a period in a
    month; the days until today are *earned*, later ones *deferred*. The rows of a period add up to
    its net amount to the minor unit. When the access to a cancelled subscription has ended, nothing
    is left to be earned. `billpro.deferral` posts what is deferred at the end of a month.
    """

    _name = 'billpro.deferral.report'
    _inherit = 'billpro.order.report'
    _description = "Deferred Revenue"

    _auto = False
    _order = 'month desc, id desc'
    _rec_name = 'invoice_id'
    _depends = {
        'account.move': [
            'amount_untaxed',
            'amount_untaxed_signed',
            'billing_order_id',
            'date',
            'invoice_date',
            'move_type',
            'reversed_entry_id',
            'state',
        ],
        'account.move.line': [
            'billing_period_end',
            'billing_period_start',
            'display_type',
            'move_id',
            'price_subtotal',
            'product_id',
            'sale_line_ids',
        ],
        'billpro.change': [
            'credit_note_id',
            'credited_until',
            'first_day',
            'interval_unit',
            'last_day',
            'order_id',
            'period_number',
            'state',
        ],
        'billpro.billing.event': [
            'added_amount',
            'amount',
            'change_id',
            'credit_amount',
            'invoice_id',
            'merged_into_id',
            'number',
            'order_id',
            'period_end',
            'period_start',
            'status',
        ],
        'product.template': ['purchase_type'],
        'res.company': ['currency_id'],
        'sale.order': [
            'billing_anchor_date',
            'billing_anchor_number',
            'billing_cancel_date',
            'billing_interval_count',
            'billing_interval_unit',
            'billing_trial_days',
            'company_id',
            'currency_id',
            'date_order',
            'partner_id',
            'purchase_type',
            'user_id',
        ],
        'sale.order.line': ['billing_each_period'],
    }
    invoice_id = fields.Many2one(comodel_name='account.move', readonly=True)
    month = fields.Date(readonly=True, help="Its first day.")
    period_start = fields.Date(readonly=True)
    period_end = fields.Date(readonly=True)
    amount = fields.Monetary(string="Net Amount", readonly=True)
    earned = fields.Monetary(readonly=True, help="For the days until today.")
    deferred = fields.Monetary(readonly=True, help="For the days after today.")
    deferred_company = fields.Monetary(
        string="Deferred in Company Currency",
        currency_field='company_currency_id',
        readonly=True,
        help="At the rate of the invoice. At the end of a month it is what the account of deferred"
        " revenue holds, if entries are posted.",
    )

    @property
    def _table_query(self):
        return SQL(
            """
            WITH RECURSIVE %(paid_periods)s,
            monthly AS (%(months)s),
            part AS (%(parts)s)
            SELECT part.id * 4096 + (EXTRACT(year FROM part.month)::int - 2000) * 16
                   + EXTRACT(month FROM part.month)::int AS id,
                   part.invoice_id AS invoice_id, part.month AS month,
                   part.first_day AS period_start, part.last_day AS period_end,
                   part.amount AS amount, part.earned AS earned,
                   part.amount - part.earned AS deferred,
                   %(company_until)s - %(company_earned)s AS deferred_company,
                   %(columns)s
              FROM part
              JOIN sale_order o ON o.id = part.order_id
              JOIN res_company c ON c.id = o.company_id
            """,
            paid_periods=self._get_paid_periods(),
            months=self._get_months(),
            parts=self._get_parts(),
            company_until=self._get_in_company_currency(SQL("part.net_until")),
            company_earned=self._get_in_company_currency(
                SQL("(part.net_until - part.amount + part.earned)")
            ),
            columns=self._get_order_columns(),
        )

    def _get_paid_periods(self, day=None):
        """Return the beginning of a recursive query: the paid periods, to be read as `spread`.

        :param datetime.date day: The end of which day it is worked out for, with what is booked
                                  until then; else the end of today, with all that is booked.
        :rtype: SQL
        """
        return SQL(
            """
            merged AS (%(merged)s),
            last_merged AS (%(last_merged)s),
            credited AS (
                SELECT reversed_entry_id AS invoice_id, SUM(amount_untaxed) AS net
                  FROM account_move
                 WHERE move_type = 'out_refund' AND state = 'posted'
                   AND reversed_entry_id IS NOT NULL AND billing_order_id IS NOT NULL
                   AND NOT EXISTS (
                       SELECT FROM billpro_change c
                        WHERE c.credit_note_id = account_move.id AND c.credited_until IS NOT NULL
                   )
                   AND %(is_booked)s
                 GROUP BY reversed_entry_id
            ),
            with_own_periods AS (
                SELECT DISTINCT move_id AS invoice_id
                  FROM account_move_line
                 WHERE billing_period_end IS NOT NULL
            ),
            period AS (%(periods)s UNION ALL %(own_periods)s),
            spread AS (%(spread)s)
            """,
            merged=self._get_merged(),
            last_merged=self._get_last_merged(),
            is_booked=self._get_booked_by(SQL("date"), day),
            periods=self._get_periods(day),
            own_periods=self._get_own_periods(day),
            spread=self._get_spread(day or fields.Date.today()),
        )

    def _get_booked_by(self, date, day):
        """Return the condition that something is in the books at the end of a day.

        :param SQL date: Its accounting date.
        :param datetime.date|None day: The day; None for all that there is.
        :rtype: SQL
        """
        return SQL("%s <= %s", date, day) if day else SQL("TRUE")

    def _get_in_company_currency(self, amount):
        """Return an amount of a paid period, at the rate of its invoice.

        :param SQL amount: The amount in the currency of the invoice.
        :rtype: SQL
        """
        return SQL("ROUND(%s * rate / company_rounding) * company_rounding", amount)

    def _get_periods(self, day):
        """Return the query of the paid periods and their net amounts.

        Payments that were merged share their common invoice in proportion. A change of the interval
        bills the days of its new period, and credits those that are left of the one before.

        :param datetime.date|None day: Until when invoices are booked.
        :rtype: SQL
        """
        first_day, last_day = self._get_first_period()
        return SQL(
            """
            SELECT 4 * o.id::bigint + 1 AS id, o.id AS order_id, billed.invoice_id,
                   %(first_day)s AS first_day, %(last_day)s AS last_day,
                   billed.net AS net, billed.amount_untaxed AS invoiced,
                   billed.amount_untaxed_signed / NULLIF(billed.amount_untaxed, 0) AS rate
              FROM sale_order o
              JOIN (%(billed)s) billed ON billed.order_id = o.id
             WHERE o.billing_anchor_date IS NOT NULL
               AND billed.invoice_id NOT IN (SELECT invoice_id FROM with_own_periods)
               AND %(is_initial_booked)s
               AND (o.billing_trial_days IS NULL OR o.billing_trial_days = 0)
             UNION ALL
            SELECT 4 * e.id::bigint, e.order_id, invoice.id, e.period_start, e.period_end,
                   COALESCE(
                       invoice.amount_untaxed
                       * (e.amount + COALESCE(e.credit_amount, 0) - COALESCE(e.added_amount, 0))
                       / NULLIF(
                           CASE WHEN final.amount IS NULL
                                THEN e.amount + COALESCE(e.credit_amount, 0)
                                ELSE final.amount + COALESCE(final.credit_amount, 0) END, 0
                       ), 0
                   ),
                   invoice.amount_untaxed,
                   invoice.amount_untaxed_signed / NULLIF(invoice.amount_untaxed, 0)
              FROM billpro_billing_event e
              LEFT JOIN last_merged final ON final.event_id = e.id
              JOIN account_move invoice ON invoice.id = COALESCE(final.invoice_id, e.invoice_id)
              LEFT JOIN billpro_change c ON c.id = e.change_id
             WHERE (e.number > 0 OR c.credited_until IS NULL AND c.id IS NOT NULL)
               AND e.period_end IS NOT NULL
               AND (e.status IN %(paid)s OR final.status IN %(paid)s)
               AND invoice.state = 'posted'
               AND invoice.id NOT IN (SELECT invoice_id FROM with_own_periods)
               AND %(is_booked)s
             UNION ALL
            SELECT 4 * l.id::bigint + 2, c.order_id, invoice.id, c.first_day,
                   CASE WHEN signed.net < 0 THEN c.credited_until ELSE c.last_day END,
                   signed.net, invoice.amount_untaxed,
                   ABS(invoice.amount_untaxed_signed / NULLIF(invoice.amount_untaxed, 0))
              FROM billpro_change c
              LEFT JOIN billpro_billing_event e ON e.change_id = c.id
              JOIN account_move invoice ON invoice.id = COALESCE(e.invoice_id, c.credit_note_id)
              JOIN account_move_line l ON l.move_id = invoice.id AND l.display_type = 'product'
             CROSS JOIN LATERAL (
                   SELECT CASE invoice.move_type WHEN 'out_refund' THEN - l.price_subtotal
                          ELSE l.price_subtotal END AS net
                   ) signed
             WHERE c.interval_unit IS NOT NULL AND c.credited_until IS NOT NULL
               AND c.state = 'done'
               AND (e.id IS NULL OR e.status IN %(paid)s)
               AND invoice.state = 'posted'
               AND %(is_booked)s
            """,
            first_day=first_day,
            last_day=last_day,
            billed=self._get_initial_invoices(),
            is_initial_booked=self._get_booked_by(SQL("billed.date"), day),
            is_booked=self._get_booked_by(SQL("invoice.date"), day),
            paid=tuple(sorted(PAID)),
        )

    def _get_own_periods(self, day):
        """Return the query of the net amounts of lines that tell their period on their invoice.

        What staff have changed of a payment stands on lines of its own, which name no order line:
        each period has a part of it. Rounded are the sums until a period, so that they add up.

        :param datetime.date|None day: Until when invoices are booked.
        :rtype: SQL
        """
        return SQL(
            """
            SELECT 4 * own.line_id::bigint + 3, own.order_id, own.invoice_id,
                   own.first_day, own.last_day,
                   ROUND(own.net_until * own.part, own.decimal_places)
                   - ROUND((own.net_until - own.net) * own.part, own.decimal_places),
                   own.amount_untaxed,
                   own.amount_untaxed_signed / NULLIF(own.amount_untaxed, 0)
              FROM (
                   SELECT MIN(l.id) AS line_id, invoice.billing_order_id AS order_id,
                          invoice.id AS invoice_id, l.billing_period_start AS first_day,
                          l.billing_period_end AS last_day, SUM(l.price_subtotal) AS net,
                          SUM(SUM(l.price_subtotal)) OVER (
                              PARTITION BY invoice.id
                              ORDER BY l.billing_period_end, l.billing_period_start
                          ) AS net_until,
                          1 + COALESCE(lines.changed / NULLIF(lines.net, 0), 0) AS part,
                          currency.decimal_places, invoice.amount_untaxed,
                          invoice.amount_untaxed_signed
                     FROM with_own_periods
                     JOIN account_move invoice ON invoice.id = with_own_periods.invoice_id
                     JOIN account_move_line l ON l.move_id = invoice.id
                      AND l.billing_period_end IS NOT NULL
                     JOIN res_currency currency ON currency.id = invoice.currency_id
                     LEFT JOIN LATERAL (
                          SELECT BOOL_OR(e.status IN %(paid)s) AS is_paid
                            FROM billpro_billing_event e WHERE e.invoice_id = invoice.id
                          ) event ON TRUE
                    CROSS JOIN LATERAL (
                          SELECT SUM(part.price_subtotal) FILTER (
                                     WHERE part.billing_period_end IS NOT NULL
                                 ) AS net,
                                 SUM(part.price_subtotal) FILTER (
                                     WHERE part.billing_period_end IS NULL
                                       AND event.is_paid IS NOT NULL
                                       AND NOT EXISTS (
                                           SELECT FROM sale_order_line_invoice_rel rel
                                            WHERE rel.invoice_line_id = part.id
                                       )
                                 ) AS changed
                            FROM account_move_line part
                           WHERE part.move_id = invoice.id AND part.display_type = 'product'
                          ) lines
                    WHERE invoice.move_type = 'out_invoice'
                      AND invoice.state = 'posted'
                      AND COALESCE(event.is_paid, TRUE)
                      AND %(is_booked)s
                    GROUP BY invoice.id, l.billing_period_start, l.billing_period_end,
                          lines.changed, lines.net, currency.decimal_places
                   ) own
            """,
            paid=tuple(sorted(PAID)),
            is_booked=self._get_booked_by(SQL("invoice.date"), day),
        )

    def _get_spread(self, today):
        """Return the query of the net amounts to be spread over days, credit notes taken off.

        :param datetime.date today: The last day that is earned.
        :rtype: SQL
        """
        return SQL(
            """
            SELECT period.id, period.order_id, period.invoice_id, o.company_id,
                   period.first_day, period.last_day, currency.decimal_places,
                   COALESCE(period.rate, 1) AS rate,
                   company_currency.rounding AS company_rounding,
                   period.last_day - period.first_day + 1 AS days,
                   CASE WHEN o.billing_cancel_date < %(today)s
                        THEN period.last_day ELSE LEAST(period.last_day, %(today)s) END
                   - period.first_day + 1 AS days_earned,
                   ROUND(
                       period.net
                       * (1 - COALESCE(credited.net / NULLIF(period.invoiced, 0), 0)),
                       currency.decimal_places
                   ) AS net
              FROM period
              JOIN sale_order o ON o.id = period.order_id
              JOIN res_currency currency ON currency.id = o.currency_id
              JOIN res_company company ON company.id = o.company_id
              JOIN res_currency company_currency ON company_currency.id = company.currency_id
              LEFT JOIN credited ON credited.invoice_id = period.invoice_id
             WHERE o.purchase_type IN %(types)s
            """,
            today=today,
            types=self.env['billpro.purchase.type']._get_perpetual_types(),
        )

    def _get_months(self):
        """Return the query of the periods cut at the ends of months: a row is a part.

        :rtype: SQL
        """
        return SQL(
            """
            SELECT cut.*, GREATEST(month - first_day, 0) AS days_before,
                   LEAST(next_month - first_day, days) AS days_until
              FROM (
                   SELECT spread.*,
                          generate_series(
                              date_trunc('month', first_day::timestamp), last_day,
                              INTERVAL '1 month'
                          )::date AS month,
                          generate_series(
                              date_trunc('month', first_day::timestamp) + INTERVAL '1 month',
                              last_day + INTERVAL '1 month', INTERVAL '1 month'
                          )::date AS next_month
                     FROM spread
                   ) cut
            """
        )

    def _get_parts(self):
        """Return the query of what the parts of periods amount to.

        Amounts until a day are rounded, not those of a part, so that the parts add up. Each is
        needed several times, and worked out once: PostgreSQL doesn't look beyond an OFFSET.

        :rtype: SQL
        """
        return SQL(
            """
            SELECT rounded.*, net_until - net_before AS amount,
                   CASE
                       WHEN days_until <= days_earned THEN net_until - net_before
                       WHEN days_before >= days_earned THEN 0
                       ELSE %(net_earned)s - net_before
                   END AS earned
              FROM (
                   SELECT monthly.*, %(net_before)s AS net_before, %(net_until)s AS net_until
                     FROM monthly
                   OFFSET 0
                   ) rounded
            """,
            net_before=self._get_net_of_days(SQL("days_before")),
            net_until=self._get_net_of_days(SQL("days_until")),
            net_earned=self._get_net_of_days(SQL("days_earned")),
        )

    def _get_deferred_by_account(self, company, day):
        """Return the beginning of a recursive query: what is deferred, to be read as `deferred`.

        It has a row for each invoice, revenue account and analytic distribution, in the currency of
        the company. What is deferred of an invoice is that of the lines that it is about, in
        proportion; rounded are the sums until a line, so that they add up.

        :param res.company company: The company.
        :param datetime.date day: The end of which day it is worked out for.
        :rtype: SQL
        """
        return SQL(
            """
            %(paid_periods)s,
            of_invoice AS (
                SELECT order_id, invoice_id, company_rounding,
                       CASE MOD(id, 4) WHEN 3 THEN first_day END AS own_first_day,
                       CASE MOD(id, 4) WHEN 3 THEN last_day END AS own_last_day,
                       BOOL_OR(MOD(id, 4) = 1) AS is_initial,
                       SUM(%(company_net)s - %(company_earned)s) AS amount
                  FROM spread
                 WHERE company_id = %(company)s
                   AND days_earned < days
                 GROUP BY order_id, invoice_id, company_rounding, own_first_day, own_last_day
            ),
            of_line AS (
                SELECT i.order_id, i.invoice_id, i.company_rounding, i.amount,
                       i.own_first_day, i.own_last_day,
                       l.account_id, l.analytic_distribution, SUM(l.price_subtotal) AS weight
                  FROM of_invoice i
                  JOIN sale_order o ON o.id = i.order_id
                  JOIN account_move_line l ON l.move_id = i.invoice_id
                 WHERE i.amount != 0
                   AND l.display_type = 'product'
                   AND CASE WHEN i.own_last_day IS NOT NULL
                       THEN l.billing_period_start = i.own_first_day
                            AND l.billing_period_end = i.own_last_day
                       WHEN i.is_initial THEN %(is_recurring)s ELSE NOT EXISTS (
                       SELECT FROM sale_order_line_invoice_rel rel
                         JOIN sale_order_line sold ON sold.id = rel.order_line_id
                        WHERE rel.invoice_line_id = l.id AND sold.billing_event_id IS NOT NULL
                   ) END
                 GROUP BY i.order_id, i.invoice_id, i.company_rounding, i.amount,
                       i.own_first_day, i.own_last_day, l.account_id, l.analytic_distribution
            ),
            weighed AS (
                SELECT *, SUM(weight) OVER until_line AS weight_until,
                       SUM(weight) OVER (
                           PARTITION BY order_id, invoice_id, own_first_day, own_last_day
                       ) AS total
                  FROM of_line
                WINDOW until_line AS (
                       PARTITION BY order_id, invoice_id, own_first_day, own_last_day
                       ORDER BY account_id, analytic_distribution
                       )
            ),
            deferred AS (
                SELECT order_id, invoice_id, account_id, analytic_distribution,
                       (
                           ROUND(amount * weight_until / total / company_rounding)
                           - ROUND(
                               amount * (weight_until - weight) / total / company_rounding
                           )
                       ) * company_rounding AS amount
                  FROM weighed
                 WHERE total != 0
            )
            """,
            paid_periods=self._get_paid_periods(day),
            company=company.id,
            company_net=self._get_in_company_currency(SQL("net")),
            company_earned=self._get_in_company_currency(
                self._get_net_of_days(SQL("GREATEST(days_earned, 0)"))
            ),
            is_recurring=self._get_recurring_condition(),
        )

    def _get_net_of_days(self, count):
        """Return what of a period's net amount its first days earn.

        :param SQL count: How many days.
        :rtype: SQL
        """
        return SQL(
            """
            CASE %(count)s
                WHEN 0 THEN 0
                WHEN days THEN net
                ELSE ROUND(net * %(count)s / days, decimal_places)
            END
            """,
            count=count,
        )
