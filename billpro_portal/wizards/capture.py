from odoo import api, fields, models
from odoo.exceptions import AccessError


class BillproCapture(models.TransientModel):
    """Capture the authorised payment of an order, in whole or in part."""

    _name = 'billpro.capture'
    _inherit = 'billpro.dialog'
    _description = "Capture"

    order_id = fields.Many2one(comodel_name='sale.order', required=True, readonly=True)
    transaction_id = fields.Many2one(
        string="Payment", comodel_name='payment.transaction', required=True, readonly=True
    )
    currency_id = fields.Many2one(related='transaction_id.currency_id', related_sudo=False)
    authorized_amount = fields.Monetary(
        string="Authorised", related='transaction_id.amount', related_sudo=False
    )
    capture_deadline = fields.Datetime(
        string="Capture Before", related='order_id.billing_capture_deadline', related_sudo=False
    )
    amount = fields.Monetary(
        string="Capture", compute='_compute_amount', store=True, readonly=False
    )
    released_amount = fields.Monetary(
        string="Released",
        compute='_compute_released_amount',
        help="Given back to the customer, and never charged.",
    )
    support_capture = fields.Selection(
        selection=[('full_only', "Full only"), ('partial', "Partial")],
        compute='_compute_support_capture',
    )
    capture_transaction_id = fields.Many2one(
        comodel_name='payment.transaction',
        readonly=True,
        help="The capture this dialog made: it makes one only, however often it is sent.",
    )

    @api.depends('order_id')
    def _compute_amount(self):
        for wizard in self:
            wizard.order_id._origin._check_billing_may_be_changed()
            wizard.amount = wizard.order_id.sudo()._billing_get_capturable_amount()

    @api.depends('amount')
    def _compute_released_amount(self):
        for wizard in self:
            wizard.released_amount = wizard.currency_id.round(
                wizard.authorized_amount - wizard.amount
            )

    @api.depends('transaction_id')
    def _compute_support_capture(self):
        for wizard in self:
            wizard.transaction_id._origin.check_access('read')
            wizard.support_capture = wizard.transaction_id.sudo()._billing_get_support_capture()

    def action_capture(self):
        """Send the capture to the provider and tell how it ended.

        :return: A notification for the user.
        :rtype: dict
        :raise AccessError: If the user may not capture.
        :raise UserError: If there is nothing to capture any more.
        :raise ValidationError: If the amount can't be captured.
        """
        self.ensure_one()
        if not self.env.user.has_group('billpro_portal.group_billing_user'):
            raise AccessError(self.env._("Only billing users can capture payments."))
        self.order_id._check_billing_may_be_changed()
        capture_tx = self.sudo().capture_transaction_id
        if not capture_tx:
            capture_tx = self.order_id.sudo()._billing_create_capture(self.amount)
            self.sudo().capture_transaction_id = capture_tx
            capture_tx._billing_send_capture_or_void()
        return capture_tx._billing_get_capture_or_void_notification()
