from odoo import fields, models
from odoo.tools import SQL


class BillproMrrReport(models.Model):
    """Monthly recurring revenue (MRR) and what moved it, month by month and order by order.

    **The value of a subscription.** At the end of a month, or today in the present one, a
    subscription is worth what the period costs that covers that day, without taxes, turned into a
    month: an interval of *n* months counts 1/*n*, of *n* years 1/(12 *n*), of *n* weeks
    365/(84 *n*), of *n* days 365/(12 *n*); rounded to the minor unit of the order's currency.

    **The periods.** The first one, unless it is a free trial, is what the initial invoice bills of
    the recurring lines. Each later one is a scheduled payment with its period; its own amount,
    also where staff changed it from what the lines add up to, is freed of taxes in the proportion
    of the order's recurring lines; one that another billing day made shorter is worth what the
    lines are. A period counts while its payment is collected, skipped or still to be had, and no
    longer when the payment is cancelled or paused. It lasts until the one with the next number,
    also where staff moved that one. From the day on which plan or quantity was changed within it,
    it counts with its new price. After the last day of a cancelled subscription nothing counts. A
    discount for some payments, down to free ones, ends by itself and lowers nothing, as a skipped
    payment doesn't. Discounts and fees that are charged once, instalments and metered payments are
    no recurring revenue.

    **The movements.** A row is an order in a month in which it has, or has just lost, a value:
    *new* from nothing, for the first time; *reactivation* from nothing, again; *expansion* and
    *contraction* between two values; *churn* to nothing; *unchanged*. The changes of a month add
    up to its MRR less that of the month before. What begins and ends between two month ends
    appears in neither.

    Values in the company's currency use the rate of the order's date: exchange rates move nothing.
    """

    _name = 'billpro.mrr.report'
    _inherit = 'billpro.order.report'
    _description = "Monthly Recurring Revenue"
    _auto = False
    _order = 'month desc, id desc'
    _rec_name = 'order_id'
    _depends = {
        'account.move': ['billing_order_id', 'invoice_date', 'move_type', 'state'],
        'account.move.line': ['move_id', 'price_subtotal', 'product_id', 'sale_line_ids'],
        'billpro.billing.event': [
            'added_amount',
            'amount',
            'credit_amount',
            'discount_amount',
            'full_days',
            'invoice_id',
            'merged_into_id',
            'number',
            'order_id',
            'period_end',
            'period_start',
            'status',
        ],
        'billpro.change': [
            'credited_until',
            'first_day',
            'interval_unit',
            'last_day',
            'old_interval_count',
            'old_interval_unit',
            'order_id',
            'period_net',
            'period_number',
            'state',
            'when',
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
            'currency_rate',
            'date_order',
            'partner_id',
            'purchase_type',
            'user_id',
        ],
        'sale.order.line': [
            'billing_each_period',
            'billing_every_periods',
            'order_id',
            'price_subtotal',
            'price_total',
            'product_id',
        ],
    }

    month = fields.Date(readonly=True, help="Its first day.")
    movement = fields.Selection(
        selection=[
            ('new', "New"),
            ('reactivation', "Reactivation"),
            ('expansion', "Expansion"),
            ('contraction', "Contraction"),
            ('churn', "Churn"),
            ('unchanged', "Unchanged"),
        ],
        readonly=True,
    )
    mrr = fields.Monetary(
        string="MRR", readonly=True, help="At the end of the month, without taxes."
    )
    change = fields.Monetary(readonly=True, help="Since the end of the month before.")
    mrr_company = fields.Monetary(
        string="MRR in Company Currency", currency_field='company_currency_id', readonly=True
    )
    change_company = fields.Monetary(
        string="Change in Company Currency", currency_field='company_currency_id', readonly=True
    )

    @property
    def _table_query(self):
        return SQL(
            """
            WITH RECURSIVE merged AS (%(merged)s),
            last_merged AS (%(last_merged)s),
            recurring AS (%(recurring)s),
            billed_period AS (%(first_periods)s UNION ALL %(later_periods)s
                              UNION ALL %(begun_periods)s),
            whole_period AS (%(whole_periods)s),
            period AS (%(periods)s),
            value AS (%(values)s),
            step AS (%(steps)s),
            moved AS (%(rows)s)
            SELECT moved.order_id::bigint * 4096 + (EXTRACT(year FROM moved.month)::int - 2000) * 16
                   + EXTRACT(month FROM moved.month)::int AS id,
                   moved.month AS month, moved.movement AS movement,
                   moved.mrr AS mrr, moved.change AS change,
                   ROUND(moved.mrr / %(rate)s::numeric, company_currency.decimal_places)
                   AS mrr_company,
                   ROUND(moved.change / %(rate)s::numeric, company_currency.decimal_places)
                   AS change_company,
                   %(columns)s
              FROM moved
              JOIN sale_order o ON o.id = moved.order_id
              JOIN res_company c ON c.id = o.company_id
              JOIN res_currency company_currency ON company_currency.id = c.currency_id
            """,
            merged=self._get_merged(),
            last_merged=self._get_last_merged(),
            recurring=self._get_recurring_amounts(),
            first_periods=self._get_first_periods(),
            later_periods=self._get_later_periods(),
            begun_periods=self._get_begun_periods(),
            whole_periods=self._get_whole_periods(),
            periods=self._get_changed_periods(),
            values=self._get_values(),
            steps=self._get_steps(),
            rows=self._get_rows(),
            rate=self._get_rate(),
            columns=self._get_order_columns(),
        )

    def _get_first_periods(self):
        """Return the query of the periods that initial payments paid.

        :rtype: SQL
        """
        first_day, last_day = self._get_first_period()
        return SQL(
            """
            SELECT o.id AS order_id, 1 AS number,
                   %(first_day)s AS first_day, %(last_day)s AS last_day,
                   billed.net AS net, NULL AS gross
              FROM sale_order o
              LEFT JOIN (%(billed)s) billed ON billed.order_id = o.id
             WHERE o.purchase_type IN %(types)s
               AND o.billing_anchor_date IS NOT NULL
               AND (o.billing_trial_days IS NULL OR o.billing_trial_days = 0)
            """,
            first_day=first_day,
            last_day=last_day,
            billed=self._get_initial_invoices(),
            types=self.env['billpro.purchase.type']._get_perpetual_types(),
        )

    def _get_later_periods(self):
        """Return the query of the periods of scheduled payments.

        :rtype: SQL
        """
        return SQL(
            """
            SELECT e.order_id, e.number, e.period_start, e.period_end, NULL,
                   CASE WHEN COALESCE(e.full_days, 0) = 0
                        THEN e.amount + COALESCE(e.credit_amount, 0)
                             + COALESCE(e.discount_amount, 0) - COALESCE(e.added_amount, 0) END
              FROM billpro_billing_event e
              LEFT JOIN last_merged ON last_merged.event_id = e.id
             WHERE e.number > 0
               AND e.period_end IS NOT NULL
               AND COALESCE(last_merged.status, e.status) NOT IN ('cancelled', 'paused')
            """
        )

    def _get_begun_periods(self):
        """Return the query of the periods that changes of the interval have begun.

        :rtype: SQL
        """
        return SQL(
            """
            SELECT c.order_id, c.period_number, c.first_day, c.last_day, c.period_net, NULL
              FROM billpro_change c
             WHERE c.state = 'done' AND c.interval_unit IS NOT NULL AND c.period_number > 0
            """
        )

    def _get_whole_periods(self):
        """Return the query of the periods with their intervals, each until another one began.

        :rtype: SQL
        """
        return SQL(
            """
            SELECT p.order_id, p.number, p.first_day,
                   LEAST(p.last_day, begun.first_day - 1) AS last_day, p.net, p.gross,
                   COALESCE(changed.old_interval_count, o.billing_interval_count) AS interval_count,
                   COALESCE(changed.old_interval_unit, o.billing_interval_unit) AS interval_unit
              FROM billed_period p
              JOIN sale_order o ON o.id = p.order_id
              LEFT JOIN LATERAL (
                   SELECT MIN(c.first_day) AS first_day FROM billpro_change c
                    WHERE c.order_id = p.order_id AND c.state = 'done'
                      AND c.interval_unit IS NOT NULL AND c.period_number > p.number
                   ) begun ON TRUE
              LEFT JOIN LATERAL (
                   SELECT c.old_interval_count, c.old_interval_unit FROM billpro_change c
                    WHERE c.order_id = p.order_id AND c.state = 'done'
                      AND c.interval_unit IS NOT NULL AND c.first_day > p.first_day
                    ORDER BY c.first_day, c.id LIMIT 1
                   ) changed ON TRUE
            """
        )

    def _get_changed_periods(self):
        """Return the query of all periods; one that was changed within is several.

        :rtype: SQL
        """
        return SQL(
            """
            SELECT *, 0 AS change_id FROM whole_period
             UNION ALL
            SELECT c.order_id, p.number, c.first_day, p.last_day, c.period_net, NULL,
                   p.interval_count, p.interval_unit, c.id
              FROM billpro_change c
              JOIN whole_period p ON p.order_id = c.order_id
             WHERE c.state = 'done' AND c."when" = 'now' AND c.credited_until IS NULL
               AND c.first_day BETWEEN p.first_day AND p.last_day
            """
        )

    def _get_values(self):
        """Return the query of what each order is worth in a period, and from when until when.

        Each day counts once: a period ends where the next one begins.

        :rtype: SQL
        """
        return SQL(
            """
            SELECT p.order_id, p.first_day,
                   LEAST(
                       CASE p.next_number WHEN p.number + 1 THEN p.next_day - 1
                       ELSE LEAST(p.last_day, p.next_day - 1) END,
                       o.billing_cancel_date
                   ) AS last_day,
                   ROUND(
                       CASE WHEN r.has_longer THEN r.net
                       ELSE COALESCE(p.net, p.gross * r.net / NULLIF(r.gross, 0), r.net) END
                       / p.interval_count * CASE p.interval_unit
                           WHEN 'day' THEN 365.0 / 12
                           WHEN 'week' THEN 365.0 / 84
                           WHEN 'month' THEN 1
                           ELSE 1 / 12.0
                       END,
                       currency.decimal_places
                   ) AS mrr
              FROM (
                   SELECT period.*, LEAD(number) OVER w AS next_number,
                          LEAD(first_day) OVER w AS next_day
                     FROM period
                   WINDOW w AS (PARTITION BY order_id ORDER BY number, first_day, change_id, net)
                   ) p
              JOIN sale_order o ON o.id = p.order_id
              JOIN recurring r ON r.order_id = p.order_id
              JOIN res_currency currency ON currency.id = o.currency_id
             WHERE p.interval_count > 0
            """
        )

    def _get_steps(self):
        """Return the query of what orders are worth at the ends of months, beside their next ones.

        The present month ends today.

        :rtype: SQL
        """
        return SQL(
            """
            SELECT order_id, month, mrr,
                   LAG(month) OVER w AS last_month, LAG(mrr) OVER w AS last_mrr,
                   LEAD(month) OVER w AS next_month
              FROM (
                   SELECT order_id, mrr, generate_series(
                              date_trunc('month', first_day::timestamp),
                              CASE WHEN last_day < %(today)s
                                   THEN last_day + 1 - INTERVAL '1 month'
                                   ELSE %(today)s END,
                              INTERVAL '1 month'
                          )::date AS month
                     FROM value
                    WHERE mrr > 0 AND first_day <= %(today)s
                   ) monthly
            WINDOW w AS (PARTITION BY order_id ORDER BY month)
            """,
            today=fields.Date.today(),
        )

    def _get_rows(self):
        """Return the query of the values with what they changed, and of the months of churn.

        :rtype: SQL
        """
        return SQL(
            """
            SELECT order_id, month, mrr,
                   CASE
                       WHEN last_month IS NULL THEN 'new'
                       WHEN last_month < month - INTERVAL '1 month' THEN 'reactivation'
                       WHEN mrr > last_mrr THEN 'expansion'
                       WHEN mrr < last_mrr THEN 'contraction'
                       ELSE 'unchanged'
                   END AS movement,
                   CASE WHEN last_month >= month - INTERVAL '1 month'
                        THEN mrr - last_mrr ELSE mrr END AS change
              FROM step
             UNION ALL
            SELECT order_id, (month + INTERVAL '1 month')::date, 0, 'churn', -mrr
              FROM step
             WHERE month + INTERVAL '1 month' <= %(today)s
               AND (next_month IS NULL OR next_month > month + INTERVAL '1 month')
            """,
            today=fields.Date.today(),
        )
