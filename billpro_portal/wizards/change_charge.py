from odoo import fields, models
from odoo.exceptions import UserError


class BillproChangeCharge(models.TransientModel):
    """Change how the usage of a live order is charged, from a day on."""

    _name = 'billpro.change.charge'
    _inherit = 'billpro.dialog'
    _description = "Change a Usage Charge"

    order_id = fields.Many2one(comodel_name='sale.order', required=True, readonly=True)
    company_id = fields.Many2one(related='order_id.company_id')
    currency_id = fields.Many2one(related='order_id.currency_id', related_sudo=False)
    line_id = fields.Many2one(
        string="Order Line",
        comodel_name='sale.order.line',
        domain="[('order_id', '=', order_id), ('billing_charge_id', '!=', False)]",
    )
    charge_id = fields.Many2one(
        string="New Charge",
        comodel_name='billpro.usage.charge',
        domain="[('company_id', '=', company_id), ('currency_id', '=', currency_id)]",
    )
    day = fields.Date(
        string="From", help="It begins with the first period that begins on this day or later."
    )

    def action_change(self):
        """Let the usage be charged so from the day on.

        :return: The action that closes the dialog.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If the line can't be charged so, or the day has passed.
        """
        self.ensure_one()
        self.order_id._check_billing_user()
        wizard = self.sudo()
        if not wizard.line_id or wizard.line_id not in wizard.order_id.billing_usage_line_ids:
            raise UserError(
                self.env._("Choose a line of order %s whose usage is charged.", self.order_id.name)
            )
        wizard.line_id._billing_change_charge(wizard.charge_id, self.day)
        return {'type': 'ir.actions.act_window_close'}
