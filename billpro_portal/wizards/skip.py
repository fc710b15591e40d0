from odoo import fields, models


class BillproSkip(models.TransientModel):
    """Leave a payment out for good."""

    _name = 'billpro.skip'
    _inherit = 'billpro.dialog'
    _description = "Skip Payment"

    event_id = fields.Many2one(
        string="Payment", comodel_name='billpro.billing.event', required=True, readonly=True
    )
    currency_id = fields.Many2one(related='event_id.currency_id', related_sudo=False)
    amount = fields.Monetary(related='event_id.amount', related_sudo=False)
    due_date = fields.Datetime(related='event_id.due_date', related_sudo=False)
    reason = fields.Char(help="Why; it is logged on the order, and the customer doesn't see it.")

    def action_skip(self):
        """Skip the payment and tell the customer.

        :return: The action that closes the dialog.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If the payment can't be skipped.
        """
        self.ensure_one()
        self.event_id.order_id._check_billing_user()
        self.event_id.sudo()._skip(self.reason)
        return {'type': 'ir.actions.act_window_close'}
