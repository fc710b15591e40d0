from odoo import fields, models
from odoo.exceptions import AccessError, UserError


class BillproAdjust(models.TransientModel):
    """Give a discount on the next payments of a live subscription, as it is shown before."""

    _name = 'billpro.adjust'
    _inherit = 'billpro.agreed.dialog'
    _description = "Adjust Subscription"

    _terms = ('order_id', 'percent', 'count')
    percent = fields.Float(
        string="Discount (%)",
        digits=(5, 2),
        default=20.0,
        help="Of what each payment is by then; 100 makes it free.",
    )
    count = fields.Integer(string="Payments", default=1, help="How many of the next ones.")

    def _get_rows(self):
        self.ensure_one()
        wizard = self.sudo()
        try:
            discount = wizard.env['billpro.discount']._propose(
                wizard.order_id, wizard.percent, wizard.count
            )
        except AccessError:
            raise
        except UserError as error:
            return [], str(error)
        return discount._get_rows(), False

    def action_adjust(self):
        """Give it as it was shown.

        :return: The action that closes the dialog.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If it isn't possible, or comes to something else than was shown.
        """
        self.ensure_one()
        self.order_id._check_billing_user()
        wizard = self.sudo()
        wizard.order_id._billing_give_discount(wizard.percent, wizard.count, wizard.shown)
        return {'type': 'ir.actions.act_window_close'}
