from odoo import fields, models

from ..models.early.sale_order import ALL, NEXT


class BillproPayEarly(models.TransientModel):
    """Collect before its day what is to come, for a customer who asks for it."""

    _name = 'billpro.pay.early'
    _inherit = 'billpro.agreed.dialog'
    _description = "Pay Early"

    _terms = ('order_id', 'what')
    has_instalments = fields.Boolean(related='order_id.billing_has_instalments', related_sudo=False)
    what = fields.Selection(
        string="Payments",
        selection=[(NEXT, "The next one"), (ALL, "All that are left")],
        default=NEXT,
    )

    def _get_rows(self):
        self.ensure_one()
        order = self.order_id.sudo()
        if refusal := order._billing_get_refusal_to_pay_early(self.what):
            return [], refusal
        return order._billing_get_early_rows(self.what), False

    def action_pay(self):
        """Collect it as it was shown.

        :return: A notification with the result.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If it can't be collected, or comes to something else than was shown.
        """
        self.ensure_one()
        self.order_id._check_billing_user()
        wizard = self.sudo()
        event = wizard.order_id._billing_pay_early(wizard.what, wizard.shown)
        wizard.order_id._message_log(
            body=self.env._(
                "%(user)s collects %(events)s early.",
                user=self.env.user.name,
                events=', '.join(event.merged_event_ids.mapped('display_name')),
            )
        )
        wizard.env['billpro.billing.run']._collect_early(event)
        message = {
            'completed': self.env._("The payment was collected."),
            'cancelled': self.env._(
                "Not collected, and nothing has changed: %s", event.status_message or ''
            ),
            'action_required': self.env._(
                "Not collected yet: the customer's bank wants them to confirm the payment. They are"
                " asked to, and nothing changes before."
            ),
        }.get(event.status, self.env._("The payment is being processed."))
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': 'success' if event.status == 'completed' else 'warning',
                'message': message,
                'next': {'type': 'ir.actions.act_window_close'},
            },
        }
