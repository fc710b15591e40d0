from odoo import fields, models
from odoo.tools import SQL


class BillproCollectionReport(models.Model):
    """Money that moved: each payment collected and each refund, with the ledger's date and value.

    A row is one confirmed transaction of an order. *Collected* is what customers paid, *refunded*
    what was paid back, *net* the difference; *recovered* is the part of the collected money that
    was declined before. Date and value in the company's currency are those of the payment in
    accounting, so that the figures of a period add up to the posted payments of that period.
    Money that accounting doesn't know yet is told apart by *Booked*.
    """

    _name = 'billpro.collection.report'
    _inherit = 'billpro.order.report'
    _description = "Collected Money"
    _auto = False
    _order = 'date desc, id desc'
    _rec_name = 'reference'
    _depends = {
        'account.payment': ['date', 'amount_company_currency_signed'],
        'billpro.billing.event': ['status'],
        'payment.transaction': [
            'amount',
            'billing_event_id',
            'billing_order_id',
            'currency_id',
            'last_state_change',
            'operation',
            'payment_id',
            'payment_method_id',
            'provider_id',
            'reference',
            'source_transaction_id',
            'state',
        ],
        'res.company': ['currency_id'],
        'sale.order': ['partner_id', 'user_id', 'company_id', 'currency_rate', 'purchase_type'],
    }

    reference = fields.Char(readonly=True)
    date = fields.Date(readonly=True)
    kind = fields.Selection(
        selection=[
            ('initial', "Initial payment"),
            ('scheduled', "Scheduled payment"),
            ('refund', "Refund"),
        ],
        readonly=True,
    )
    provider_id = fields.Many2one(comodel_name='payment.provider', readonly=True)
    payment_method_id = fields.Many2one(comodel_name='payment.method', readonly=True)
    payment_id = fields.Many2one(
        string="Payment in Accounting", comodel_name='account.payment', readonly=True
    )
    is_booked = fields.Boolean(string="Booked", readonly=True)
    collected = fields.Monetary(readonly=True)
    recovered = fields.Monetary(readonly=True, help="Collected after it had been declined.")
    refunded = fields.Monetary(readonly=True)
    net = fields.Monetary(readonly=True, help="Collected less refunded.")
    net_company = fields.Monetary(
        string="Net in Company Currency", currency_field='company_currency_id', readonly=True
    )

    @property
    def _table_query(self):
        return SQL(
            """
            SELECT tx.id AS id, tx.reference AS reference,
                   COALESCE(p.date, tx.last_state_change::date) AS date,
                   CASE
                       WHEN tx.operation = 'refund' THEN 'refund'
                       WHEN tx.billing_event_id IS NULL THEN 'initial'
                       ELSE 'scheduled'
                   END AS kind,
                   tx.provider_id AS provider_id, tx.payment_method_id AS payment_method_id,
                   p.id AS payment_id, p.id IS NOT NULL AS is_booked,
                   CASE WHEN tx.operation = 'refund' THEN 0 ELSE tx.amount END AS collected,
                   CASE WHEN tx.operation = 'refund' OR e.status IS DISTINCT FROM 'recovered'
                        THEN 0 ELSE tx.amount END AS recovered,
                   CASE WHEN tx.operation = 'refund' THEN -tx.amount ELSE 0 END AS refunded,
                   tx.amount AS net,
                   COALESCE(
                       p.amount_company_currency_signed,
                       ROUND(tx.amount / %(rate)s, company_currency.decimal_places)
                   ) AS net_company,
                   o.id AS order_id, o.partner_id AS partner_id, o.user_id AS user_id,
                   o.company_id AS company_id, o.purchase_type AS purchase_type,
                   tx.currency_id AS currency_id, c.currency_id AS company_currency_id
              FROM payment_transaction tx
              JOIN sale_order o ON o.id = tx.billing_order_id
              JOIN res_company c ON c.id = o.company_id
              JOIN res_currency company_currency ON company_currency.id = c.currency_id
              LEFT JOIN billpro_billing_event e ON e.id = tx.billing_event_id
              LEFT JOIN account_payment p ON p.id = tx.payment_id
             WHERE tx.state = 'done'
               AND tx.operation != 'validation'
               -- What was captured in parts is counted by its parts.
               AND NOT EXISTS (
                   SELECT FROM payment_transaction part
                    WHERE part.source_transaction_id = tx.id
                      AND part.operation != 'refund' AND part.state = 'done'
               )
            """,
            rate=SQL("%s::numeric", self._get_rate()),
        )
