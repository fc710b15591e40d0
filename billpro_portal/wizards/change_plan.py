from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError


class BillproChangePlan(models.TransientModel):
    """Change plan or quantity of a live subscription, as it is shown before."""

    _name = 'billpro.change.plan'
    _inherit = 'billpro.agreed.dialog'
    _description = "Change Subscription"

    _terms = ('line_id', 'product_id', 'quantity', 'when')
    possible_line_ids = fields.Many2many(
        comodel_name='sale.order.line', compute='_compute_possible', compute_sudo=True
    )
    possible_product_ids = fields.Many2many(
        comodel_name='product.product', compute='_compute_possible', compute_sudo=True
    )
    line_id = fields.Many2one(
        comodel_name='sale.order.line',
        domain="[('id', 'in', possible_line_ids)]",
        help="None, to add something.",
    )
    product_id = fields.Many2one(
        string="Plan",
        comodel_name='product.product',
        domain="[('id', 'in', possible_product_ids)]",
        help="A product of the same plan family, or an add-on.",
    )
    quantity = fields.Float(digits='Product Unit', help="0 drops the line.")
    when = fields.Selection(
        selection=[('now', "At once"), ('period_end', "When the paid period ends")],
        compute='_compute_when',
        store=True,
        readonly=False,
        help="As the company's settings say, unless you choose otherwise.",
    )

    @api.depends('order_id', 'line_id')
    def _compute_possible(self):
        for wizard in self:
            lines = wizard.order_id._billing_get_plan_lines()
            wizard.possible_line_ids = lines
            wizard.possible_product_ids = (
                wizard.order_id._billing_get_plans(wizard.line_id)
                if wizard.line_id in lines
                else not wizard.line_id and wizard.order_id._billing_get_addons()
            )

    @api.depends('line_id', 'product_id', 'quantity')
    def _compute_when(self):
        for wizard in self:
            wizard.when = (
                # While the dialog is filled in, those are records that aren't stored.
                wizard.product_id in wizard.possible_product_ids._origin
                and wizard.order_id.sudo()._billing_get_usual_time(
                    wizard.line_id.sudo(), wizard.product_id.sudo(), wizard.quantity
                )
            )

    @api.onchange('line_id')
    def _onchange_line_id(self):
        """Begin with what the line is, or with the first add-on."""
        self.product_id = self.line_id.product_id or self.possible_product_ids[:1]._origin
        self.quantity = self.line_id.product_uom_qty or 1

    def _get_rows(self):
        self.ensure_one()
        wizard = self.sudo()
        if not wizard.product_id or not wizard.when:
            return [], False
        Change = wizard.env['billpro.change']
        try:
            values = Change._propose(
                wizard.order_id, wizard.line_id, wizard.product_id, wizard.quantity, wizard.when
            )
        except AccessError:
            raise
        except UserError as error:
            return [], str(error)
        return Change.new(values)._get_rows(), False

    def action_change(self):
        """Change the subscription as it was shown, and collect what is to be paid for it.

        :return: A notification with the result.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If it can't be changed, or comes to something else than was shown.
        """
        self.ensure_one()
        self.order_id._check_billing_user()
        wizard = self.sudo()
        change = wizard.order_id._billing_change(
            wizard.line_id, wizard.product_id, wizard.quantity, wizard.when, wizard.shown
        )
        wizard.env['billpro.billing.run']._collect_change(change)
        message = {
            'planned': self.env._("The change is planned."),
            'done': self.env._("The subscription is changed."),
            'declined': self.env._(
                "Not changed, as it could not be paid: %s", change.event_ids.status_message or ''
            ),
        }.get(change.state, self.env._("The payment is being processed. It is changed when paid."))
        if change._is_waiting():
            message = self.env._(
                "Not changed yet: the customer's bank wants them to confirm the payment. They are"
                " asked to, and nothing changes before."
            )
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': 'success' if change.state in {'planned', 'done'} else 'warning',
                'message': message,
                'next': {'type': 'ir.actions.act_window_close'},
            },
        }
