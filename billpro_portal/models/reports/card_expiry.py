from odoo import api, fields, models
from odoo.tools import SQL

from ...billing.lifecycle import LIVE
from ..cards.payment_token import CARD_STATES


class BillproCardExpiry(models.Model):
    """When the selected cards of live orders expire.

    The cards themselves stay closed to staff: what is needed to charge them is on them.
    """

    _name = 'billpro.card.expiry'
    _inherit = 'billpro.order.report'
    _description = "Card Expiry"

    _auto = False
    _order = 'expiry_date, id'
    _rec_name = 'order_id'
    _depends = {
        'billpro.billing.event': ['order_id', 'status', 'due_date', 'amount'],
        'billpro.notification': ['order_id', 'kind'],
        'payment.token': ['card_expiry_date'],
        'res.company': ['currency_id'],
        'sale.order': [
            'billing_status',
            'billing_cancel_date',
            'billing_token_id',
            'partner_id',
            'user_id',
            'company_id',
            'currency_id',
            'purchase_type',
        ],
    }
    card_name = fields.Char(string="Card", compute='_compute_card_name')
    expiry_date = fields.Date(string="Expires", readonly=True)
    state = fields.Selection(
        selection=CARD_STATES,
        readonly=True,
    )
    billing_status = fields.Selection(
        string="Order Status",
        selection=lambda self: (
            self.env['sale.order']._fields['billing_status']._description_selection(self.env)
        ),
        readonly=True,
    )
    next_date = fields.Datetime(string="Next Payment", readonly=True)
    amount = fields.Monetary(string="Next Amount", readonly=True)
    asked_date = fields.Datetime(
        string="Last Asked",
        readonly=True,
        help="When the customer was last told of the expiry or asked for another card.",
    )

    @property
    def _table_query(self):
        # The customer is told from the 15th of the month before, see `notice_dates`.
        return SQL(
            """
            SELECT o.id AS id, t.card_expiry_date AS expiry_date,
                   CASE
                       WHEN t.card_expiry_date < %(today)s THEN 'expired'
                       WHEN (
                           date_trunc('month', t.card_expiry_date) - INTERVAL '1 month 1 day'
                       )::date + 15 <= %(today)s THEN 'expiring'
                       ELSE 'valid'
                   END AS state,
                   o.billing_status AS billing_status,
                   next.due_date AS next_date, next.amount AS amount,
                   (
                       SELECT MAX(n.create_date) FROM billpro_notification n
                        WHERE n.order_id = o.id
                          AND n.kind IN ('card_expiring', 'card_expired', 'card_update')
                   ) AS asked_date,
                   %(columns)s
              FROM sale_order o
              JOIN res_company c ON c.id = o.company_id
              JOIN payment_token t ON t.id = o.billing_token_id
              LEFT JOIN LATERAL (
                   SELECT e.due_date, e.amount FROM billpro_billing_event e
                    WHERE e.order_id = o.id AND e.status = 'scheduled'
                    ORDER BY e.due_date LIMIT 1
              ) next ON TRUE
             WHERE o.billing_status IN %(live)s
               AND o.billing_cancel_date IS NULL
               AND t.card_expiry_date IS NOT NULL
            """,
            columns=self._get_order_columns(),
            today=fields.Date.today(),
            live=tuple(sorted(LIVE)),
        )

    @api.depends('order_id')
    def _compute_card_name(self):
        for row in self:
            row.card_name = row.order_id.sudo().billing_token_id._get_card_name()

    def action_request_card_update(self):
        """Ask the customers for another card.

        :return: A notification.
        :rtype: dict
        """
        return self.order_id._billing_request_card_updates()
