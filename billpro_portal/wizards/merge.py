from odoo import api, fields, models


class BillproMerge(models.TransientModel):
    """Merge open payments of an order into one, on a day that staff choose."""

    _name = 'billpro.merge'
    _inherit = 'billpro.dialog'
    _description = "Merge Payments"

    order_id = fields.Many2one(comodel_name='sale.order', required=True, readonly=True)
    currency_id = fields.Many2one(related='order_id.currency_id', related_sudo=False)
    event_ids = fields.Many2many(
        string="Payments",
        comodel_name='billpro.billing.event',
        domain="[('id', 'in', mergeable_event_ids)]",
    )
    mergeable_event_ids = fields.Many2many(
        comodel_name='billpro.billing.event', compute='_compute_mergeable_event_ids'
    )
    day = fields.Date(
        string="Collect On",
        required=True,
        help="The day on which the card is charged, where the customer is.",
    )
    amount = fields.Monetary(string="Total", compute='_compute_amount')
    reason = fields.Char(help="Why; it is logged on the order, and the customer doesn't see it.")

    @api.depends('order_id')
    def _compute_mergeable_event_ids(self):
        for wizard in self:
            wizard.mergeable_event_ids = wizard.order_id._billing_get_mergeable_events()

    @api.depends('event_ids')
    def _compute_amount(self):
        for wizard in self:
            wizard.amount = wizard.currency_id.round(sum(wizard.event_ids.mapped('amount')))

    def action_merge(self):
        """Merge the payments and tell the customer.

        :return: The action that closes the dialog.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If the payments can't be merged, or not on that day.
        """
        self.ensure_one()
        self.event_ids.order_id._check_billing_user()
        self.event_ids.sudo().sorted('due_date')._merge_by_staff(self.day, self.reason)
        return {'type': 'ir.actions.act_window_close'}
