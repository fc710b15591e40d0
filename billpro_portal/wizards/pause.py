from odoo import fields, models


class BillproPause(models.TransientModel):
    """Pause a subscription, until a day or until somebody resumes it."""

    _name = 'billpro.pause'
    _inherit = 'billpro.dialog'
    _description = "Pause Subscription"

    order_id = fields.Many2one(comodel_name='sale.order', required=True, readonly=True)
    until = fields.Date(
        string="Paused Until",
        help="The day on which it goes on by itself, where the customer is. Empty: until somebody"
        " resumes it.",
    )

    def action_pause(self):
        """Pause the subscription.

        :return: The action that closes the dialog.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If it can't be paused, or the day has passed.
        """
        self.ensure_one()
        self.order_id._check_billing_user()
        self.order_id.sudo()._billing_pause(self.until)
        return {'type': 'ir.actions.act_window_close'}
