from odoo import fields, models


class BillproReschedule(models.TransientModel):
    """Move a scheduled payment to another day."""

    _name = 'billpro.reschedule'
    _description = "Reschedule Payment"

    event_id = fields.Many2one(
        string="Payment", comodel_name='billpro.billing.event', required=True, readonly=True
    )
    day = fields.Date(
        string="Collect On",
        required=True,
        help="The day on which the card is charged, where the customer is.",
    )

    def action_reschedule(self):
        """Move the payment and tell the customer.

        :return: The action that closes the dialog.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If the payment can't be moved, or not to that day.
        """
        self.ensure_one()
        self.event_id.order_id._check_billing_user()
        self.event_id.sudo()._reschedule(self.day)
        return {'type': 'ir.actions.act_window_close'}
