from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError


class BillproTakePayment(models.TransientModel):
    """Take a payment of a metered order now, or schedule it."""

    _name = 'billpro.take.payment'
    _inherit = 'billpro.dialog'
    _description = "Take a Payment"

    order_id = fields.Many2one(comodel_name='sale.order', required=True, readonly=True)
    currency_id = fields.Many2one(related='order_id.currency_id', related_sudo=False)
    token_id = fields.Many2one(related='order_id.billing_token_id', related_sudo=False)
    amount = fields.Monetary(help="Taxes included.")
    added_amount = fields.Monetary(
        string="Charged Once Along",
        compute='_compute_added_amount',
        compute_sudo=True,
        help="What was added to the order to be charged once, taxes included.",
    )
    note = fields.Char(help="What the payment is for; it stands on the invoice.")
    when = fields.Selection(
        selection=[('now', "Now"), ('later', "Later")], default='later', required=True
    )
    due_date = fields.Datetime(
        string="Collect On",
        default=lambda self: fields.Datetime.add(fields.Datetime.now(), hours=24),
    )
    event_id = fields.Many2one(
        comodel_name='billpro.billing.event',
        readonly=True,
        help="The payment this dialog made: it makes one only, however often it is sent.",
    )

    @api.depends('order_id', 'amount')
    def _compute_added_amount(self):
        for wizard in self:
            order = wizard.order_id
            lines = order._billing_get_added_lines()
            added = lines and order._get_purchase()._get_added_amount(order, lines)
            # A credit that leaves nothing to pay waits for a payment that is larger.
            is_left = order.currency_id.compare_amounts(wizard.amount + (added or 0), 0) > 0
            wizard.added_amount = added if is_left else 0

    def action_take_payment(self):
        """Schedule the payment, and collect it at once if that was asked for.

        :return: A notification with the result.
        :rtype: dict
        :raise AccessError: If the user may not take payments.
        :raise UserError: If the order can't be charged or amount or date are impossible.
        """
        self.ensure_one()
        if not self.env.user.has_group('billpro_portal.group_billing_user'):
            raise AccessError(self.env._("Only billing users can take payments."))
        self.order_id.check_access('write')
        wizard = self.sudo()
        if not wizard.event_id:
            self._check_payment()
            wizard.event_id = wizard.event_id.create(self._prepare_event())
            wizard.event_id._take_up_added_lines()
            wizard.event_id._ask_above_cap()
        if self.when == 'now' and wizard.event_id.status == 'scheduled':
            event, Run = wizard.event_id, wizard.env['billpro.billing.run']
            # Nothing is charged without the customer's word.
            reason = event.is_above_cap and event._describe_cap(self.env)
            return Run._run_events(event)._get_notification(reason)
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': 'success',
                'message': self.env._("The payment is scheduled."),
                'next': {'type': 'ir.actions.act_window_close'},
            },
        }

    def _check_payment(self):
        order = self.order_id
        order.sudo()._lock_billing()
        order._check_billing_payments_are_taken()
        if order.currency_id.compare_amounts(self.amount, 0) <= 0:
            raise UserError(self.env._("Enter an amount above zero."))
        if self.when == 'later' and (not self.due_date or self.due_date <= fields.Datetime.now()):
            raise UserError(self.env._("Choose a time in the future, or collect now."))

    def _prepare_event(self):
        """Return the values of the billing event.

        :rtype: dict
        """
        return {
            'order_id': self.order_id.id,
            'number': max(self.order_id.sudo().billing_event_ids.mapped('number'), default=0) + 1,
            'due_date': fields.Datetime.now() if self.when == 'now' else self.due_date,
            'amount': self.order_id.currency_id.round(self.amount),
            'note': self.note,
        }
