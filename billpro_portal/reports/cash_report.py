from dateutil.relativedelta import relativedelta

from odoo import fields, models
from odoo.tools import SQL

from ..billing.lifecycle import CHARGEABLE_ORDERS

MONTHS_AHEAD = 12


class BillproCashReport(models.Model):
    """What orders are expected to bring in over the next twelve months, taxes included.

    *Scheduled* payments are on the schedule; what is overdue counts for today. *Retries* are
    softly declined payments on the day of their next retry. *Projected* ones are the periods of
    subscriptions after the last one on the schedule, which has one ahead only: each on its day,
    counted from the order's anchor as the schedule counts, for as many periods and until the day
    that were agreed, at the amount that staff changed it to or else the present price of the
    recurring lines, less the discount that is still to be had.

    Only orders that are charged count: *Active* and *Failed* ones that aren't cancelled. Nothing
    is taken off for declines to come. Of metered orders that is what is scheduled, also of those
    that are cancelled and still pay what they used, and what the running period is expected to
    bring when it closes, as it was estimated within the last hour.
    """

    _name = 'billpro.cash.report'
    _inherit = 'billpro.order.report'
    _description = "Scheduled Cash"
    _auto = False
    _order = 'date, id'
    _rec_name = 'order_id'
    _depends = {
        'billpro.billing.event': [
            'amount',
            'credit_amount',
            'discount_id',
            'due_date',
            'longer_line_ids',
            'number',
            'order_id',
            'retry_date',
            'status',
        ],
        'billpro.change': [
            'first_day',
            'interval_count',
            'interval_unit',
            'order_id',
            'state',
        ],
        'billpro.discount': ['count', 'order_id', 'percent', 'taken_back_date'],
        'billpro.usage.period': ['close_date', 'expected_amount', 'order_id', 'state'],
        'product.template': ['purchase_type'],
        'res.company': ['currency_id'],
        'res.partner': ['tz'],
        'sale.order': [
            'billing_anchor_date',
            'billing_anchor_number',
            'billing_cancel_date',
            'billing_cycles',
            'billing_end_date',
            'billing_interval_count',
            'billing_interval_unit',
            'billing_owes_arrears',
            'billing_period_amount',
            'billing_status',
            'company_id',
            'currency_id',
            'currency_rate',
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

    event_id = fields.Many2one(
        string="Payment", comodel_name='billpro.billing.event', readonly=True
    )
    date = fields.Date(readonly=True, help="In the customer's calendar.")
    kind = fields.Selection(
        selection=[
            ('scheduled', "Scheduled"),
            ('retry', "Retry"),
            ('projected', "Projected"),
        ],
        readonly=True,
    )
    amount = fields.Monetary(readonly=True)
    amount_company = fields.Monetary(
        string="Amount in Company Currency",
        currency_field='company_currency_id',
        readonly=True,
    )

    @property
    def _table_query(self):
        today = fields.Date.today()
        return SQL(
            """
            WITH recurring AS (%(recurring)s),
            expected AS (%(schedule)s UNION ALL %(projection)s UNION ALL %(usage)s)
            SELECT expected.id AS id, expected.event_id AS event_id,
                   expected.date AS date, expected.kind AS kind, expected.amount AS amount,
                   ROUND(expected.amount / %(rate)s::numeric, company_currency.decimal_places)
                   AS amount_company,
                   %(columns)s
              FROM expected
              JOIN sale_order o ON o.id = expected.order_id
              JOIN res_company c ON c.id = o.company_id
              JOIN res_currency company_currency ON company_currency.id = c.currency_id
             WHERE expected.date < %(horizon)s
            """,
            recurring=self._get_recurring_amounts(),
            schedule=self._get_schedule(today),
            projection=self._get_projection(today),
            usage=self._get_usage(today),
            rate=self._get_rate(),
            columns=self._get_order_columns(),
            horizon=today + relativedelta(months=MONTHS_AHEAD),
        )

    def _get_schedule(self, today):
        """Return the query of the payments that are on the schedule.

        :param datetime.date today: What is overdue counts for today.
        :rtype: SQL
        """
        return SQL(
            """
            SELECT 2 * e.id::bigint AS id, e.id AS event_id, o.id AS order_id, e.amount,
                   CASE e.status WHEN 'scheduled' THEN 'scheduled' ELSE 'retry' END AS kind,
                   GREATEST(
                       (
                           COALESCE(e.retry_date, e.due_date) AT TIME ZONE 'UTC' AT TIME ZONE
                           COALESCE(partner.tz, company_partner.tz, 'UTC')
                       )::date,
                       %(today)s
                   ) AS date
              FROM billpro_billing_event e
              JOIN sale_order o ON o.id = e.order_id
              JOIN res_partner partner ON partner.id = o.partner_id
              JOIN res_company company ON company.id = o.company_id
              JOIN res_partner company_partner ON company_partner.id = company.partner_id
             WHERE o.billing_status IN %(chargeable)s
               AND (
                   o.billing_cancel_date IS NULL
                   OR o.billing_owes_arrears
                   OR EXISTS (SELECT FROM billpro_usage_period p WHERE p.order_id = o.id)
               )
               AND (
                   e.status = 'scheduled'
                   OR (e.status = 'soft_declined' AND e.retry_date IS NOT NULL)
               )
            """,
            today=today,
            chargeable=CHARGEABLE_ORDERS,
        )

    def _get_usage(self, today):
        """Return the query of what running periods of usage bring when they close.

        :param datetime.date today: What closes late counts for today.
        :rtype: SQL
        """
        return SQL(
            """
            SELECT 2 * (o.id::bigint * 65536 + 65535) + 1, NULL, o.id, p.expected_amount,
                   'projected',
                   GREATEST(
                       (
                           p.close_date AT TIME ZONE 'UTC' AT TIME ZONE
                           COALESCE(partner.tz, company_partner.tz, 'UTC')
                       )::date,
                       %(today)s
                   )
              FROM billpro_usage_period p
              JOIN sale_order o ON o.id = p.order_id
              JOIN res_partner partner ON partner.id = o.partner_id
              JOIN res_company company ON company.id = o.company_id
              JOIN res_partner company_partner ON company_partner.id = company.partner_id
             WHERE p.state = 'open'
               AND p.expected_amount > 0
               AND o.billing_status IN %(chargeable)s
            """,
            today=today,
            chargeable=CHARGEABLE_ORDERS,
        )

    def _get_projection(self, today):
        """Return the query of the periods that follow the last one on the schedule.

        The payment with number *n* is that of period *n* - 1, so that its number is that of the
        next period. If another interval is planned, the last one on the schedule is the first that
        it counts for. What has a longer interval than the order is due so many periods after the
        one that charged it last, but not before the next one.

        :param datetime.date today: Periods from this day on are projected.
        :rtype: SQL
        """
        return SQL(
            """
            SELECT 2 * (o.id::bigint * 65536 + n.number) + 1, NULL, o.id,
                   %(price)s - CASE WHEN n.number - last.number < given.payments
                       THEN ROUND(%(price)s * given.percent / 100 / currency.rounding)
                            * currency.rounding
                       ELSE 0 END,
                   'projected', %(date)s
              FROM (
                   SELECT e.order_id, MAX(e.number) AS number
                     FROM billpro_billing_event e
                    GROUP BY e.order_id
                   ) last
             CROSS JOIN LATERAL (
                   SELECT s.id, s.currency_id, s.purchase_type, s.billing_status,
                          s.billing_cancel_date,
                          s.billing_cycles, s.billing_end_date, s.billing_period_amount,
                          COALESCE(c.interval_count, s.billing_interval_count)
                          AS billing_interval_count,
                          COALESCE(c.interval_unit, s.billing_interval_unit)
                          AS billing_interval_unit,
                          COALESCE(c.first_day, s.billing_anchor_date) AS billing_anchor_date,
                          CASE WHEN c.id IS NULL THEN COALESCE(s.billing_anchor_number, 0)
                          ELSE last.number - 1 END AS billing_anchor_number,
                          e.amount + COALESCE(e.credit_amount, 0) AS planned
                     FROM sale_order s
                     LEFT JOIN billpro_change c ON c.order_id = s.id
                      AND c.interval_unit IS NOT NULL AND c.state = 'planned'
                     LEFT JOIN billpro_billing_event e ON e.order_id = c.order_id
                      AND e.number = last.number
                    WHERE s.id = last.order_id
                   ) o
              JOIN recurring ON recurring.order_id = o.id
              JOIN res_currency currency ON currency.id = o.currency_id
              LEFT JOIN LATERAL (
                   SELECT d.percent, d.count - COUNT(e.id) AS payments
                     FROM billpro_discount d
                     LEFT JOIN billpro_billing_event e ON e.discount_id = d.id
                      AND e.status NOT IN ('skipped', 'cancelled')
                    WHERE d.order_id = o.id AND d.taken_back_date IS NULL
                    GROUP BY d.id
                   HAVING d.count > COUNT(e.id)
                    ORDER BY d.id DESC
                    LIMIT 1
                   ) given ON TRUE
             CROSS JOIN LATERAL generate_series(
                   last.number,
                   last.number + CASE o.billing_interval_unit
                       WHEN 'day' THEN 366 WHEN 'week' THEN 53 WHEN 'month' THEN 12 ELSE 1
                   END / o.billing_interval_count + 1
             ) n(number)
             CROSS JOIN LATERAL (
                   SELECT COALESCE(SUM(due.price_total), 0) AS gross
                     FROM (
                          SELECT l.price_total, l.billing_every_periods AS every,
                                 GREATEST(
                                     COALESCE(MAX(e.number) - 1, 0) + l.billing_every_periods,
                                     last.number
                                 ) AS number
                            FROM sale_order_line l
                            LEFT JOIN billpro_event_longer_line_rel rel ON rel.line_id = l.id
                            LEFT JOIN billpro_billing_event e ON e.id = rel.event_id
                             AND e.status NOT IN ('skipped', 'cancelled')
                           WHERE recurring.has_longer
                             AND l.order_id = o.id
                             AND l.billing_every_periods > 1
                           GROUP BY l.id
                          ) due
                    WHERE n.number >= due.number
                      AND MOD(n.number - due.number, due.every) = 0
                   ) longer
             WHERE o.purchase_type IN %(types)s
               AND o.billing_status IN %(chargeable)s
               AND o.billing_cancel_date IS NULL
               AND o.billing_interval_count > 0
               AND (COALESCE(o.billing_cycles, 0) = 0 OR n.number < o.billing_cycles)
               AND (o.billing_end_date IS NULL OR %(date)s <= o.billing_end_date)
               AND %(date)s >= %(today)s
            """,
            price=SQL(
                "COALESCE(o.planned, NULLIF(o.billing_period_amount, 0),"
                " recurring.gross + longer.gross)"
            ),
            date=self._get_nth_date(
                SQL("o.billing_anchor_date"),
                SQL("n.number - o.billing_anchor_number"),
            ),
            types=self.env['billpro.purchase.type']._get_perpetual_types(),
            chargeable=CHARGEABLE_ORDERS,
            today=today,
        )
