from odoo import api, fields, models


class BillproUsagePeriod(models.Model):
    """A period of an order that is charged by usage: it closes, and charges, by itself.

    What a row says of its days and moments stays, whatever becomes of the customer's time zone.
    Once it is closed, so does what was billed of it: what comes late, or is taken back, is billed
    by the difference with a later period.
    """

    _name = 'billpro.usage.period'
    _description = "Usage Period"

    _order = 'order_id, number'
    order_id = fields.Many2one(
        comodel_name='sale.order', required=True, readonly=True, ondelete='restrict'
    )
    company_id = fields.Many2one(related='order_id.company_id', store=True, index=True)
    partner_id = fields.Many2one(related='order_id.partner_id', store=True, index=True)
    currency_id = fields.Many2one(related='order_id.currency_id')
    number = fields.Integer(
        required=True, readonly=True, help="The place in the order's calendar, from 0."
    )
    first_day = fields.Date(required=True, readonly=True)
    next_day = fields.Date(required=True, readonly=True, help="The day after its last one.")
    start_date = fields.Datetime(
        string="Begins", required=True, readonly=True, help="Its first moment."
    )
    end_date = fields.Datetime(
        string="Ends", required=True, readonly=True, help="The first moment after it."
    )
    close_date = fields.Datetime(
        string="Closes", required=True, readonly=True, help="When it is rated and billed."
    )
    state = fields.Selection(
        selection=[('open', "Open"), ('closed', "Closed")],
        default='open',
        required=True,
        readonly=True,
    )
    amount = fields.Monetary(
        readonly=True,
        help="What its end has brought to pay, taxes included: its usage, the base fee of the next"
        " one, and what came late of earlier ones. 0 if nothing was due, or what was is carried"
        " on.",
    )
    event_id = fields.Many2one(
        string="Payment",
        comodel_name='billpro.billing.event',
        readonly=True,
        index='btree_not_null',
        ondelete='restrict',
    )
    move_id = fields.Many2one(
        string="Invoice", comodel_name='account.move', compute='_compute_move_id', compute_sudo=True
    )
    line_ids = fields.One2many(
        string="Lines",
        comodel_name='billpro.usage.line',
        inverse_name='period_id',
        readonly=True,
    )
    _order_number_unique = models.UniqueIndex(
        '(order_id, number)', "The order has a period with this number."
    )
    # The run looks for what closes: the few open periods among all that ever were.
    _close_idx = models.Index("(close_date) WHERE state = 'open'")

    @api.depends('order_id', 'number')
    def _compute_display_name(self):
        for period in self:
            period.display_name = f'{period.order_id.name}-U{period.number}'

    @api.depends('event_id.invoice_id', 'event_id.merged_into_id.invoice_id')
    def _compute_move_id(self):
        for period in self:
            event = period.event_id
            while event.merged_into_id:
                event = event.merged_into_id
            period.move_id = event.invoice_id
