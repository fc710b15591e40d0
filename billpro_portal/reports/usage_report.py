from odoo import fields, models
from odoo.tools import SQL


class BillproUsageReport(models.Model):
    """How much of what was used by whom, and when: the records that count."""

    _name = 'billpro.usage.report'
    _inherit = 'billpro.order.report'
    _description = "Usage"
    _auto = False
    _order = 'moment desc, id desc'
    _rec_name = 'order_id'
    _depends = {
        'billpro.usage.record': ['meter_id', 'moment', 'order_id', 'quantity'],
        'billpro.usage.void': ['record_id'],
        'res.company': ['currency_id'],
        'sale.order': ['company_id', 'currency_id', 'partner_id', 'purchase_type', 'user_id'],
    }

    meter_id = fields.Many2one(comodel_name='billpro.usage.meter', readonly=True)
    moment = fields.Datetime(string="When", readonly=True)
    quantity = fields.Float(readonly=True, min_display_digits=0)
    highest = fields.Float(
        string="Largest Quantity", readonly=True, min_display_digits=0, aggregator='max'
    )

    @property
    def _table_query(self):
        return SQL(
            """
            SELECT r.id AS id, r.meter_id AS meter_id, r.moment AS moment,
                   r.quantity AS quantity, r.quantity AS highest, %(columns)s
              FROM billpro_usage_record r
              JOIN sale_order o ON o.id = r.order_id
              JOIN res_company c ON c.id = o.company_id
             WHERE NOT EXISTS (SELECT FROM billpro_usage_void v WHERE v.record_id = r.id)
            """,
            columns=self._get_order_columns(),
        )
