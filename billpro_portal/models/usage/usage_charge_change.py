from odoo import api, fields, models
from odoo.tools import format_date


class BillproUsageChargeChange(models.Model):
    """How a line of a live order is charged from the first period on that begins on a day or later.

    Until a period begins with it another one may take its place. Those that have begun stay.
    """

    _name = 'billpro.usage.charge.change'
    _description = "Change of a Usage Charge"

    _order = 'order_line_id, day, id'
    order_line_id = fields.Many2one(
        comodel_name='sale.order.line',
        required=True,
        readonly=True,
        index=True,
        ondelete='cascade',
    )
    company_id = fields.Many2one(related='order_line_id.company_id', store=True, index=True)
    charge_id = fields.Many2one(
        comodel_name='billpro.usage.charge',
        required=True,
        readonly=True,
        index=True,
        ondelete='restrict',
    )
    day = fields.Date(string="From", required=True, readonly=True)

    @api.depends('charge_id', 'day')
    def _compute_display_name(self):
        for change in self:
            change.display_name = self.env._(
                "%(charge)s from %(day)s",
                charge=change.charge_id.name,
                day=format_date(self.env, change.day),
            )
