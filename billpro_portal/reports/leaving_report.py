from odoo import fields, models
from odoo.tools import SQL

from ..billing.lifecycle import FINAL, PAID


class BillproLeavingReport(models.Model):
    """What came of offers to customers who thought of leaving, by the day on which they saw them.

    A customer has left from the day on which they cancel, or on which the order ends in another
    way. Whether they stayed some days is empty until as many have passed.
    """

    _name = 'billpro.leaving.report'
    _inherit = 'billpro.order.report'
    _description = "Offers before Leaving"
    _auto = False
    _order = 'shown_date desc, id desc'
    _rec_name = 'order_id'
    _depends = {
        'billpro.billing.event': ['amount', 'completed_date', 'order_id', 'status'],
        'billpro.leaving.offer': ['offer', 'order_id', 'reason_id', 'shown_date', 'taken_date'],
        'res.company': ['currency_id'],
        'sale.order': [
            'billing_cancel_requested_date',
            'billing_ended_date',
            'billing_status',
            'company_id',
            'currency_id',
            'currency_rate',
            'partner_id',
            'purchase_type',
            'user_id',
        ],
    }

    reason_id = fields.Many2one(comodel_name='billpro.cancel.reason', readonly=True)
    offer = fields.Selection(
        selection=lambda self: (
            self.env['billpro.cancel.reason']._fields['offer']._description_selection(self.env)
        ),
        readonly=True,
    )
    shown_date = fields.Datetime(string="Shown On", readonly=True)
    taken_date = fields.Datetime(string="Taken On", readonly=True)
    taken_rate = fields.Float(string="Taken (%)", readonly=True, aggregator='avg')
    left_date = fields.Datetime(
        string="Left On", readonly=True, help="Cancelled since, or ended in another way."
    )
    outcome = fields.Selection(
        selection=[('stays', "Still a customer"), ('left', "Left")], readonly=True
    )
    days = fields.Integer(
        string="Days Since",
        readonly=True,
        aggregator='avg',
        help="From the offer until the customer left, or until today.",
    )
    stayed_30 = fields.Float(string="Stayed 30 Days (%)", readonly=True, aggregator='avg')
    stayed_90 = fields.Float(string="Stayed 90 Days (%)", readonly=True, aggregator='avg')
    revenue = fields.Monetary(
        string="Collected Since", readonly=True, help="Payments since the offer, taxes included."
    )
    company_revenue = fields.Monetary(
        string="Collected Since (Company Currency)",
        readonly=True,
        currency_field='company_currency_id',
    )

    @property
    def _table_query(self):
        return SQL(
            """
            WITH seen AS (
                SELECT f.id, f.order_id, f.reason_id, f.offer, f.shown_date, f.taken_date,
                       CASE
                           WHEN o.billing_cancel_requested_date >= f.shown_date
                           THEN o.billing_cancel_requested_date
                           WHEN o.billing_status IN %(final)s THEN o.billing_ended_date
                       END AS left_date,
                       (
                           SELECT COALESCE(SUM(e.amount), 0) FROM billpro_billing_event e
                            WHERE e.order_id = f.order_id
                              AND e.status IN %(paid)s
                              AND e.completed_date >= f.shown_date
                       ) AS revenue
                  FROM billpro_leaving_offer f
                  JOIN sale_order o ON o.id = f.order_id
            )
            SELECT s.id AS id, s.reason_id AS reason_id, s.offer AS offer,
                   s.shown_date AS shown_date, s.taken_date AS taken_date,
                   CASE WHEN s.taken_date IS NULL THEN 0.0 ELSE 100.0 END AS taken_rate,
                   s.left_date AS left_date,
                   CASE WHEN s.left_date IS NULL THEN 'stays' ELSE 'left' END AS outcome,
                   EXTRACT(day FROM COALESCE(s.left_date, %(now)s) - s.shown_date)::int AS days,
                   %(stayed_30)s AS stayed_30,
                   %(stayed_90)s AS stayed_90,
                   s.revenue AS revenue,
                   ROUND(s.revenue / %(rate)s::numeric, company_currency.decimal_places)
                   AS company_revenue,
                   %(columns)s
              FROM seen s
              JOIN sale_order o ON o.id = s.order_id
              JOIN res_company c ON c.id = o.company_id
              JOIN res_currency company_currency ON company_currency.id = c.currency_id
            """,
            final=tuple(sorted(FINAL)),
            paid=tuple(sorted(PAID)),
            now=fields.Datetime.now(),
            stayed_30=self._get_share_that_stayed(30),
            stayed_90=self._get_share_that_stayed(90),
            rate=self._get_rate(),
            columns=self._get_order_columns(),
        )

    def _get_share_that_stayed(self, days):
        """Return whether the customer was still one after some days, as 100 or 0; else nothing.

        :param int days: How many.
        :rtype: SQL
        """
        return SQL(
            """
            CASE
                WHEN s.left_date < s.shown_date + make_interval(days => %(days)s) THEN 0.0
                WHEN s.shown_date + make_interval(days => %(days)s) <= %(now)s THEN 100.0
            END
            """,
            days=days,
            now=fields.Datetime.now(),
        )
