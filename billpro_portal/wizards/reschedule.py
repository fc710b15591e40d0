from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_date


class BillproReschedule(models.TransientModel):
    """Give a payment another day or another amount."""

    _name = 'billpro.reschedule'
    _inherit = 'billpro.dialog'
    _description = "Reschedule Payment"

    event_id = fields.Many2one(
        string="Payment", comodel_name='billpro.billing.event', required=True, readonly=True
    )
    currency_id = fields.Many2one(related='event_id.currency_id', related_sudo=False)
    day = fields.Date(
        string="Collect On",
        required=True,
        help="The day on which the card is charged, where the customer is.",
    )
    amount = fields.Monetary(help="Taxes included.")
    scope = fields.Selection(
        string="Change",
        selection=[('one', "This payment only"), ('later', "This and all later ones")],
        default='one',
        required=True,
    )
    can_change_later = fields.Boolean(compute='_compute_can_change_later')
    effect = fields.Char(compute='_compute_effect')
    reason = fields.Char(help="Why; it is logged on the order, and the customer doesn't see it.")

    @api.depends('event_id')
    def _compute_can_change_later(self):
        for wizard in self:
            event = wizard.event_id
            purchase = event.order_id._get_purchase()
            wizard.can_change_later = bool(event.number) and purchase._can_change_later()

    @api.depends('event_id', 'amount')
    def _compute_effect(self):
        """Tell before it is done what becomes of the other payments."""
        for wizard in self:
            event = wizard.event_id
            try:
                amounts = event.sudo()._get_amounts_after_change(
                    event.currency_id.round(wizard.amount)
                )
            except AccessError:
                raise
            except UserError as error:
                wizard.effect = str(error)
                continue
            others = [
                f'{format_date(self.env, event.order_id._billing_get_date(other.due_date))}:'
                f' {event.currency_id.format(amount)}'
                for other, amount in amounts.items()
                if other != event
            ]
            wizard.effect = ', '.join(others)

    def action_reschedule(self):
        """Change the payment and tell the customer.

        :return: The action that closes the dialog.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If the payment can't be changed, or not to that.
        """
        self.ensure_one()
        self.event_id.order_id._check_billing_user()
        self.event_id.sudo()._reschedule(
            self.day, self.amount, is_lasting=self.scope == 'later', reason=self.reason
        )
        return {'type': 'ir.actions.act_window_close'}
