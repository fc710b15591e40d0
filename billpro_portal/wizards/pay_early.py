from odoo import api, fields, models

from ..billing.agreement import agreement_text
from ..models.early.sale_order import ALL, NEXT


class BillproPayEarly(models.TransientModel):
    """Collect before its day what is to come, for a customer who asks for it."""

    _name = 'billpro.pay.early'
    _inherit = 'billpro.dialog'
    _description = "Pay Early"

    order_id = fields.Many2one(comodel_name='sale.order', required=True, readonly=True)
    has_instalments = fields.Boolean(related='order_id.billing_has_instalments', related_sudo=False)
    what = fields.Selection(
        string="Payments",
        selection=[(NEXT, "The next one"), (ALL, "All that are left")],
        default=NEXT,
    )
    shown = fields.Text(
        compute='_compute_shown',
        store=True,
        readonly=False,
        help="What is agreed to: nothing is collected if it comes to something else.",
    )
    preview = fields.Html(compute='_compute_preview', sanitize=False)
    problem = fields.Char(compute='_compute_preview')

    @api.depends('order_id', 'what')
    def _compute_shown(self):
        for wizard in self:
            wizard.shown = agreement_text(wizard._get_rows()[0])

    @api.depends('order_id', 'what')
    def _compute_preview(self):
        for wizard in self:
            rows, wizard.problem = wizard._get_rows()
            wizard.preview = rows and self.env['ir.qweb']._render(
                'billpro_portal.change_preview', {'rows': rows}
            )

    def _get_rows(self):
        """Return what is shown, as pairs of label and value, or why it isn't possible.

        :rtype: tuple[list, str|bool]
        """
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
