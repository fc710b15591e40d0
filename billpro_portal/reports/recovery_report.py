from odoo import fields, models
from odoo.tools import SQL

from ..billing.lifecycle import PAID

LOST = ('cancelled', 'skipped')


class BillproRecoveryReport(models.Model):
    """What became of declined payments, by the day on which they were first declined.

    A row is one scheduled payment that was declined at least once; retries don't count it again,
    and neither does a payment that it was merged into: what became of that one became of it. Its
    amount is *recovered* if it was collected after all, *lost* if it was cancelled or skipped, and
    *open* until then. The recovery rate is the share of the payments that were recovered.
    """

    _name = 'billpro.recovery.report'
    _inherit = 'billpro.order.report'
    _description = "Declined Payments"
    _auto = False
    _order = 'date desc, id desc'
    _rec_name = 'event_id'
    _depends = {
        'billpro.billing.event': [
            'amount',
            'attempt_count',
            'completed_date',
            'merged_into_id',
            'number',
            'order_id',
            'status',
        ],
        'payment.transaction': [
            'billing_decline_class',
            'billing_decline_code',
            'billing_event_id',
            'billing_sent_date',
            'operation',
        ],
        'res.company': ['currency_id'],
        'sale.order': ['partner_id', 'user_id', 'company_id', 'currency_id', 'purchase_type'],
    }

    event_id = fields.Many2one(
        string="Payment", comodel_name='billpro.billing.event', readonly=True
    )
    date = fields.Datetime(string="Declined On", readonly=True)
    decline_class = fields.Selection(
        selection=lambda self: (
            self.env['billpro.billing.event']
            ._fields['decline_class']
            ._description_selection(self.env)
        ),
        readonly=True,
        help="Of the first decline.",
    )
    decline_code = fields.Char(readonly=True)
    outcome = fields.Selection(
        selection=[('recovered', "Recovered"), ('open', "Open"), ('lost', "Lost")], readonly=True
    )
    attempt_count = fields.Integer(string="Attempts", readonly=True, aggregator='avg')
    amount = fields.Monetary(string="Declined", readonly=True)
    recovered = fields.Monetary(readonly=True)
    lost = fields.Monetary(readonly=True)
    open_amount = fields.Monetary(string="Open", readonly=True)
    recovery_rate = fields.Float(
        string="Recovery Rate (%)",
        readonly=True,
        aggregator='avg',
        help="The share of the declined payments that were collected after all.",
    )
    recovery_days = fields.Float(
        string="Days to Recovery",
        readonly=True,
        aggregator='avg',
        help="From the first decline to the payment, of those that were recovered.",
    )

    @property
    def _table_query(self):
        return SQL(
            """
            WITH RECURSIVE merged AS (%(merged)s),
            last_merged AS (%(last_merged)s),
            tried AS (
                SELECT id AS event_id, id AS tried_id FROM billpro_billing_event
                 UNION ALL
                SELECT event_id, into_id FROM merged
            ),
            declined AS (
                SELECT DISTINCT ON (tried.event_id) tried.event_id,
                       COALESCE(tx.billing_sent_date, tx.create_date) AS date,
                       tx.billing_decline_class, tx.billing_decline_code
                  FROM payment_transaction tx
                  JOIN tried ON tried.tried_id = tx.billing_event_id
                 WHERE tx.billing_decline_class IS NOT NULL
                   AND tx.billing_event_id IS NOT NULL
                   AND tx.operation != 'refund'
                 ORDER BY tried.event_id, tx.id
            ),
            result AS (
                SELECT e.id, e.order_id, e.amount, declined.*,
                       final.attempt_count, final.completed_date,
                       CASE
                           WHEN final.status IN %(paid)s THEN 'recovered'
                           WHEN final.status IN %(lost)s THEN 'lost'
                           ELSE 'open'
                       END AS outcome
                  FROM declined
                  JOIN billpro_billing_event e ON e.id = declined.event_id
                  LEFT JOIN last_merged ON last_merged.event_id = e.id
                  JOIN billpro_billing_event final
                    ON final.id = COALESCE(last_merged.into_id, e.id)
                 WHERE e.number > 0
            )
            SELECT r.id AS id, r.id AS event_id, r.date AS date,
                   r.billing_decline_class AS decline_class,
                   r.billing_decline_code AS decline_code,
                   r.outcome AS outcome, r.attempt_count AS attempt_count, r.amount AS amount,
                   CASE r.outcome WHEN 'recovered' THEN r.amount ELSE 0 END AS recovered,
                   CASE r.outcome WHEN 'lost' THEN r.amount ELSE 0 END AS lost,
                   CASE r.outcome WHEN 'open' THEN r.amount ELSE 0 END AS open_amount,
                   CASE r.outcome WHEN 'recovered' THEN 100.0 ELSE 0.0 END AS recovery_rate,
                   CASE r.outcome WHEN 'recovered'
                        THEN EXTRACT(epoch FROM r.completed_date - r.date) / 86400
                   END AS recovery_days,
                   %(columns)s
              FROM result r
              JOIN sale_order o ON o.id = r.order_id
              JOIN res_company c ON c.id = o.company_id
            """,
            merged=self._get_merged(),
            last_merged=self._get_last_merged(),
            paid=tuple(sorted(PAID)),
            lost=LOST,
            columns=self._get_order_columns(),
        )
