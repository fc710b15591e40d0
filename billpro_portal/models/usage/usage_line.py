from odoo import fields, models

from ...billing import rating


class BillproUsageLine(models.Model):
    """A line of what the usage of a period costs, or of its base fee; frozen when it is made.

    A payment bills it. Without one it waits: what is less than nothing is carried on to the next.
    """

    _name = 'billpro.usage.line'
    _description = "Line of a Usage Bill"

    _order = 'period_id, id'
    _rec_name = 'kind'
    period_id = fields.Many2one(
        comodel_name='billpro.usage.period',
        required=True,
        readonly=True,
        index=True,
        ondelete='restrict',
        help="Whose usage it is; of a base fee the period that it pays.",
    )
    order_id = fields.Many2one(related='period_id.order_id', store=True, index=True)
    company_id = fields.Many2one(related='period_id.company_id', store=True, index=True)
    currency_id = fields.Many2one(related='order_id.currency_id')
    order_line_id = fields.Many2one(
        comodel_name='sale.order.line',
        required=True,
        readonly=True,
        index=True,
        ondelete='restrict',
    )
    charge_id = fields.Many2one(
        comodel_name='billpro.usage.charge',
        readonly=True,
        index='btree_not_null',
        ondelete='restrict',
        help="By what the usage was rated; empty for a base fee.",
    )
    event_id = fields.Many2one(
        string="Billed With",
        comodel_name='billpro.billing.event',
        readonly=True,
        index='btree_not_null',
        ondelete='restrict',
    )
    kind = fields.Selection(
        selection=[
            (rating.INCLUDED, "Included"),
            (rating.UNITS, "Units"),
            (rating.PACKAGES, "Packages"),
            (rating.FLAT_FEE, "Flat fee"),
            (rating.PERCENTAGE, "Percentage"),
            (rating.EVENT_FEES, "Fees per record"),
            (rating.EVENTS, "Records"),
            (rating.MINIMUM, "Up to the minimum"),
            (rating.MAXIMUM, "Beyond the maximum"),
            (rating.BILLED, "Billed before"),
            ('late', "Late or taken back"),
            ('base', "Base fee"),
        ],
        required=True,
        readonly=True,
    )
    tier = fields.Integer(readonly=True, help="The number of the tier, from 1; 0 if none.")
    quantity = fields.Float(min_display_digits=0, readonly=True)
    unit_price = fields.Float(min_display_digits='Product Price', readonly=True)
    amount = fields.Monetary(
        readonly=True, help="As prices are in the books: with or without taxes."
    )
