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
        'account.move.line': ['move_id', 'price_subtotal', 'product_id'],
        'billpro.billing.event': [
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
            -- Materialized: amounts are used several times, and worked out once.
            spread AS MATERIALIZED (%(spread)s),
            part AS MATERIALIZED (%(parts)s)
            SELECT part.id AS id, part.invoice_id AS invoice_id, part.month AS month,
                   part.first_day AS period_start, part.last_day AS period_end,
                   part.until_end - part.before AS amount,
                   part.until_today - part.before_today AS earned,
                   part.until_end - part.before - part.until_today + part.before_today
                   AS deferred,
                   %(columns)s
              FROM part
              JOIN sale_order o ON o.id = part.order_id
              JOIN res_company c ON c.id = o.company_id
            """,
            merged=self._get_merged(),
            last_merged=self._get_last_merged(),
            periods=self._get_periods(),
            spread=self._get_spread(),
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
                   billed.net AS net
              FROM sale_order o
              JOIN (%(billed)s) billed ON billed.order_id = o.id
             WHERE o.purchase_type IN %(types)s
               AND o.billing_anchor_date IS NOT NULL
               AND COALESCE(o.billing_trial_days, 0) = 0
             UNION ALL
            SELECT 2 * e.id::bigint, e.order_id, final.invoice_id, e.period_start, e.period_end,
                   invoice.amount_untaxed * e.amount / final.amount
              FROM billpro_billing_event e
              JOIN sale_order o ON o.id = e.order_id
              LEFT JOIN last_merged ON last_merged.event_id = e.id
              JOIN billpro_billing_event final ON final.id = COALESCE(last_merged.into_id, e.id)
              JOIN account_move invoice ON invoice.id = final.invoice_id
             WHERE o.purchase_type IN %(types)s
               AND e.number > 0
               AND e.period_end IS NOT NULL
               AND final.status IN %(paid)s
               AND invoice.state = 'posted'
            """,
            first_day=first_day,
            last_day=last_day,
            billed=self._get_initial_invoices(),
            types=self.env['billpro.purchase.type']._get_perpetual_types(),
            paid=tuple(sorted(PAID)),
        )

    def _get_spread(self):
        """Return the query of the net amounts to be spread, credit notes taken off.

        :rtype: SQL
        """
        return SQL(
            """
            SELECT period.id, period.order_id, period.invoice_id,
                   period.first_day, period.last_day, currency.decimal_places,
                   CASE WHEN o.billing_cancel_date < %(today)s
                        THEN period.last_day ELSE %(today)s END AS earned_day,
                   ROUND(
                       period.net * (
                           1 - COALESCE(credited.net / NULLIF(invoice.amount_untaxed, 0), 0)
                       ),
                       currency.decimal_places
                   ) AS net
              FROM period
              JOIN sale_order o ON o.id = period.order_id
              JOIN res_currency currency ON currency.id = o.currency_id
              JOIN account_move invoice ON invoice.id = period.invoice_id
              LEFT JOIN credited ON credited.invoice_id = period.invoice_id
            """,
            today=fields.Date.today(),
        )

    def _get_parts(self):
        """Return the query of the periods cut at the ends of months.

        Amounts until a day are rounded, not those of a part, so that the parts add up.

        :rtype: SQL
        """
        month_end = SQL("(m.month + INTERVAL '1 month')::date - 1")
        day_before = SQL("m.month::date - 1")
        return SQL(
            """
            SELECT spread.id * 4096 + (EXTRACT(year FROM m.month)::int - 2000) * 16
                   + EXTRACT(month FROM m.month)::int AS id,
                   spread.order_id, spread.invoice_id, spread.first_day, spread.last_day,
                   m.month::date AS month,
                   %(until_end)s AS until_end, %(before)s AS before,
                   %(until_today)s AS until_today, %(before_today)s AS before_today
              FROM spread
             CROSS JOIN LATERAL generate_series(
                   date_trunc('month', spread.first_day), spread.last_day, INTERVAL '1 month'
             ) m(month)
            """,
            until_end=self._get_amount_until(month_end),
            before=self._get_amount_until(day_before),
            until_today=self._get_amount_until(SQL("LEAST(%s, spread.earned_day)", month_end)),
            before_today=self._get_amount_until(SQL("LEAST(%s, spread.earned_day)", day_before)),
        )

    def _get_amount_until(self, day):
        """Return what of a period's net amount its days until one earn.

        :param SQL day: The day.
        :rtype: SQL
        """
        return SQL(
            """
            CASE
                WHEN %(day)s < spread.first_day THEN 0
                WHEN %(day)s >= spread.last_day THEN spread.net
                ELSE ROUND(
                    spread.net * (%(day)s - spread.first_day + 1)
                    / (spread.last_day - spread.first_day + 1),
                    spread.decimal_places
                )
            END
            """,
            day=SQL("(%s)", day),
        )
