from odoo import fields, models


class AccountMoveLine(models.Model):
    _inherit = 'account.move.line'

    # Odoo's own link counts what is invoiced of an order, of which later periods are no part.
    billpro_period_line_ids = fields.Many2many(
        string="Charged for a Period",
        comodel_name='sale.order.line',
        relation='billpro_period_line_rel',
        column1='invoice_line_id',
        column2='order_line_id',
        readonly=True,
        copy=False,
        # It decides what is delivered: no request writes it.
        groups=fields.NO_ACCESS,
        help="The line of the subscription whose period it charges.",
    )
