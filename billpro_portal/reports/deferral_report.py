from odoo import fields, models
from odoo.tools import SQL

from ..billing.lifecycle import PAID


class BillproDeferralReport(models.Model):
    """What of the paid periods of subscriptions is earned by today, and what is deferred.

    Odoo Community books revenue on the invoice date and has no deferred entries. This report
    shows the difference that they would make: the net amount that the posted invoices bill for
    each paid period, less what credit notes took back, spread over the period's days. A row is a
    period in a month; the days until today are *earned*, later ones *deferred*. The rows of a
    period add up to its net amount to the minor unit. When the access to a cancelled subscription
    has ended, nothing is left to be earned.
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
            'billing_order_id',
            'invoice_date',
            'move_type',
            'reversed_entry_id',
            'state',
        ],
        'account.move.line': ['move_id', 'price_subtotal', 'product_id', 'sale_line_ids'],
        'billpro.billing.event': [
            'added_amount',
            'amount',
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

    @property
    def _table_query(self):
        return SQL(
            """
            WITH RECURSIVE merged AS (%(merged)s),
            last_merged AS (%(last_merged)s),
            credited AS (
                SELECT reversed_entry_id AS invoice_id, SUM(amount_untaxed) AS net
                  FROM account_move
                 WHERE move_type = 'out_refund' AND state = 'posted'
                   AND reversed_entry_id IS NOT NULL AND billing_order_id IS NOT NULL
                 GROUP BY reversed_entry_id
            ),
            period AS (%(periods)s),
            spread AS (%(spread)s),
            monthly AS (%(months)s),
            part AS (%(parts)s)
            SELECT part.id * 4096 + (EXTRACT(year FROM part.month)::int - 2000) * 16
                   + EXTRACT(month FROM part.month)::int AS id,
                   part.invoice_id AS invoice_id, part.month AS month,
                   part.first_day AS period_start, part.last_day AS period_end,
                   part.amount AS amount, part.earned AS earned,
                   part.amount - part.earned AS deferred,
                   %(columns)s
              FROM part
              JOIN sale_order o ON o.id = part.order_id
              JOIN res_company c ON c.id = o.company_id
            """,
            merged=self._get_merged(),
            last_merged=self._get_last_merged(),
            periods=self._get_periods(),
            spread=self._get_spread(),
            months=self._get_months(),
            parts=self._get_parts(),
            columns=self._get_order_columns(),
        )

    def _get_periods(self):
        """Return the query of the paid periods and their net amounts.

        Payments that were merged share their common invoice in proportion.

        :rtype: SQL
        """
        first_day, last_day = self._get_first_period()
        return SQL(
            """
            SELECT 2 * o.id::bigint + 1 AS id, o.id AS order_id, billed.invoice_id,
                   %(first_day)s AS first_day, %(last_day)s AS last_day,
                   billed.net AS net, billed.amount_untaxed AS invoiced
              FROM sale_order o
              JOIN (%(billed)s) billed ON billed.order_id = o.id
             WHERE o.billing_anchor_date IS NOT NULL
               AND (o.billing_trial_days IS NULL OR o.billing_trial_days = 0)
             UNION ALL
            SELECT 2 * e.id::bigint, e.order_id, invoice.id, e.period_start, e.period_end,
                   invoice.amount_untaxed * (e.amount - COALESCE(e.added_amount, 0))
                   / COALESCE(final.amount, e.amount),
                   invoice.amount_untaxed
              FROM billpro_billing_event e
              LEFT JOIN last_merged final ON final.event_id = e.id
              JOIN account_move invoice ON invoice.id = COALESCE(final.invoice_id, e.invoice_id)
             WHERE e.number > 0
               AND e.period_end IS NOT NULL
               AND (e.status IN %(paid)s OR final.status IN %(paid)s)
               AND invoice.state = 'posted'
            """,
            first_day=first_day,
            last_day=last_day,
            billed=self._get_initial_invoices(),
            paid=tuple(sorted(PAID)),
        )

    def _get_spread(self):
        """Return the query of the net amounts to be spread over days, credit notes taken off.

        :rtype: SQL
        """
        return SQL(
            """
            SELECT period.id, period.order_id, period.invoice_id,
                   period.first_day, period.last_day, currency.decimal_places,
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
              LEFT JOIN credited ON credited.invoice_id = period.invoice_id
             WHERE o.purchase_type IN %(types)s
            """,
            today=fields.Date.today(),
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
