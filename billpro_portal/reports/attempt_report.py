from odoo import fields, models
from odoo.tools import SQL


class BillproAttemptReport(models.Model):
    """How often attempts succeed: the first ones, and retries by the decline that they follow.

    A row is one attempt that a provider answered. Its number counts the attempts to collect the
    same payment; *after* is the class of the decline before it, for a payment merged from others
    the last one of those.
    """

    _name = 'billpro.attempt.report'
    _inherit = 'billpro.order.report'
    _description = "Attempts to Collect"
    _auto = False
    _order = 'date desc, id desc'
    _rec_name = 'reference'
    _depends = {
        'billpro.billing.event': ['number', 'merged_into_id', 'decline_class'],
        'payment.transaction': [
            'amount',
            'billing_attempt',
            'billing_decline_class',
            'billing_decline_code',
            'billing_event_id',
            'billing_order_id',
            'billing_sent_date',
            'operation',
            'reference',
            'state',
        ],
        'res.company': ['currency_id'],
        'sale.order': ['partner_id', 'user_id', 'company_id', 'currency_id', 'purchase_type'],
    }

    reference = fields.Char(readonly=True)
    event_id = fields.Many2one(
        string="Payment", comodel_name='billpro.billing.event', readonly=True
    )
    date = fields.Datetime(readonly=True)
    attempt = fields.Integer(readonly=True, aggregator=None)
    after_class = fields.Selection(
        string="After",
        selection=[
            ('none', "First attempt"),
            ('soft', "Soft decline"),
            ('hard', "Hard decline"),
            ('authentication', "Authentication"),
        ],
        readonly=True,
    )
    decline_class = fields.Selection(
        selection=lambda self: (
            self.env['billpro.billing.event']
            ._fields['decline_class']
            ._description_selection(self.env)
        ),
        readonly=True,
    )
    decline_code = fields.Char(readonly=True)
    amount = fields.Monetary(string="Tried", readonly=True)
    collected = fields.Monetary(readonly=True)
    success_rate = fields.Float(string="Success Rate (%)", readonly=True, aggregator='avg')

    @property
    def _table_query(self):
        return SQL(
            """
            SELECT tx.id AS id, tx.reference AS reference, tx.billing_event_id AS event_id,
                   tx.billing_sent_date AS date, tx.billing_attempt AS attempt,
                   COALESCE(
                       LAG(tx.billing_decline_class) OVER (
                           PARTITION BY tx.billing_event_id ORDER BY tx.id
                       ),
                       CASE WHEN e.number = 0 THEN (
                           SELECT source.decline_class FROM billpro_billing_event source
                            WHERE source.merged_into_id = e.id
                              AND source.decline_class IS NOT NULL
                            ORDER BY source.id DESC LIMIT 1
                       ) END,
                       'none'
                   ) AS after_class,
                   tx.billing_decline_class AS decline_class,
                   tx.billing_decline_code AS decline_code,
                   tx.amount AS amount,
                   CASE tx.state WHEN 'done' THEN tx.amount ELSE 0 END AS collected,
                   CASE tx.state WHEN 'done' THEN 100.0 ELSE 0.0 END AS success_rate,
                   %(columns)s
              FROM payment_transaction tx
              JOIN billpro_billing_event e ON e.id = tx.billing_event_id
              JOIN sale_order o ON o.id = tx.billing_order_id
              JOIN res_company c ON c.id = o.company_id
             WHERE tx.operation != 'refund'
               AND tx.billing_sent_date IS NOT NULL
               AND (
                   tx.state = 'done'
                   OR (
                       tx.state IN ('error', 'cancel', 'pending')
                       AND tx.billing_decline_class IS NOT NULL
                   )
               )
            """,
            columns=self._get_order_columns(),
        )
