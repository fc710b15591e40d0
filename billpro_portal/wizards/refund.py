from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError


class BillproRefund(models.TransientModel):
    """Pay back a payment of an order, whole or in part."""

    _name = 'billpro.refund'
    _inherit = 'billpro.dialog'
    _description = "Refund"

    order_id = fields.Many2one(comodel_name='sale.order', required=True, readonly=True)
    transaction_id = fields.Many2one(
        string="Payment",
        comodel_name='payment.transaction',
        required=True,
        domain="[('id', 'in', refundable_transaction_ids)]",
    )
    refundable_transaction_ids = fields.Many2many(
        comodel_name='payment.transaction', compute='_compute_refundable_transaction_ids'
    )
    currency_id = fields.Many2one(related='transaction_id.currency_id', related_sudo=False)
    paid_amount = fields.Monetary(
        string="Paid", related='transaction_id.amount', related_sudo=False
    )
    refundable_amount = fields.Monetary(
        string="Left to Refund", compute='_compute_refundable_amount'
    )
    amount = fields.Monetary(string="Refund", compute='_compute_amount', store=True, readonly=False)
    support_refund = fields.Selection(
        selection=[('none', "Unsupported"), ('full_only', "Full only"), ('partial', "Partial")],
        compute='_compute_support_refund',
    )
    refund_transaction_id = fields.Many2one(
        comodel_name='payment.transaction',
        readonly=True,
        help="The refund this dialog made: it makes one only, however often it is sent.",
    )

    @api.depends('order_id')
    def _compute_refundable_transaction_ids(self):
        for wizard in self:
            wizard.order_id._origin._check_billing_may_be_changed()
            wizard.refundable_transaction_ids = (
                wizard.order_id.sudo()._billing_get_refundable_transactions()
            )

    @api.depends('transaction_id')
    def _compute_refundable_amount(self):
        for wizard in self:
            wizard.transaction_id._origin.check_access('read')
            tx_sudo = wizard.transaction_id.sudo()
            wizard.refundable_amount = tx_sudo and tx_sudo._billing_get_refundable_amount()

    @api.depends('refundable_amount')
    def _compute_amount(self):
        for wizard in self:
            wizard.amount = wizard.refundable_amount

    @api.depends('transaction_id')
    def _compute_support_refund(self):
        for wizard in self:
            wizard.transaction_id._origin.check_access('read')
            wizard.support_refund = wizard.transaction_id.sudo()._billing_get_support_refund()

    def action_refund(self):
        """Send the refund to the provider and tell how it ended.

        :return: A notification for the user.
        :rtype: dict
        :raise AccessError: If the user may not refund.
        :raise UserError: If the provider can't refund this amount.
        """
        self.ensure_one()
        if not self.env.user.has_group('billpro_portal.group_billing_manager'):
            raise AccessError(self.env._("Only billing managers can refund payments."))
        self.order_id.check_access('write')
        if self.transaction_id not in self.refundable_transaction_ids:
            raise UserError(self.env._("This payment can't be refunded."))
        if self.support_refund == 'none':
            raise UserError(
                self.env._(
                    "The payment provider can't refund this payment. Pay it back by other means"
                    " and make the credit note from the invoice."
                )
            )
        refund_tx = self.sudo().refund_transaction_id
        if not refund_tx:
            refund_tx = self.transaction_id.sudo()._billing_create_order_refund(self.amount)
            self.sudo().refund_transaction_id = refund_tx
            refund_tx._billing_send_order_refund()
        return refund_tx._billing_get_refund_notification()
