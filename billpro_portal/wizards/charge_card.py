from odoo import api, fields, models


class BillproChargeCard(models.TransientModel):
    """Charge a stored card of the customer for the initial payment of an order."""

    _name = 'billpro.charge.card'
    _inherit = 'billpro.dialog'
    _description = "Charge a Stored Card"

    order_id = fields.Many2one(comodel_name='sale.order', required=True, readonly=True)
    currency_id = fields.Many2one(related='order_id.currency_id', related_sudo=False)
    amount = fields.Monetary(string="To Pay Now", compute='_compute_amount')
    shown = fields.Text(
        compute='_compute_shown',
        store=True,
        precompute=True,
        help="The order as it was when the dialog was opened: the customer agreed to that.",
    )
    token_id = fields.Many2one(
        string="Card",
        comodel_name='payment.token',
        domain="[('id', 'in', chargeable_token_ids)]",
    )
    chargeable_token_ids = fields.Many2many(
        comodel_name='payment.token', compute='_compute_chargeable_token_ids'
    )
    has_consent = fields.Boolean(
        string="The customer agreed", help="To the order and to charging this card, by other means."
    )
    transaction_id = fields.Many2one(
        comodel_name='payment.transaction',
        readonly=True,
        help="The payment this dialog made: it makes one only, however often it is sent.",
    )

    @api.depends('order_id')
    def _compute_amount(self):
        for wizard in self:
            wizard.amount = wizard.order_id._billing_get_amount_asked()

    @api.depends('order_id')
    def _compute_shown(self):
        for wizard in self:
            wizard.order_id._origin._check_billing_may_be_changed()
            wizard.shown = wizard.order_id.sudo()._billing_get_shown()

    @api.depends('order_id')
    def _compute_chargeable_token_ids(self):
        for wizard in self:
            wizard.order_id._origin._check_billing_may_be_changed()
            wizard.chargeable_token_ids = (
                wizard.order_id.sudo()._billing_get_cards_for_initial_payment()
            )

    def action_charge(self):
        """Charge the card.

        :return: A notification with the result.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If the order can't be paid now, or not with this card, or was changed
                          since the dialog was opened.
        """
        self.ensure_one()
        self.order_id._check_billing_user()
        tx = self.sudo().transaction_id
        if not tx:
            self.order_id.sudo()._lock_billing()
            self.order_id.sudo()._check_billing_shown(self.shown)
            tx = self.order_id.sudo()._billing_create_initial_charge(
                self.token_id.sudo(), self.has_consent
            )
            self.sudo().transaction_id = tx
            tx._billing_charge_by_staff()
        return tx._billing_get_initial_charge_notification()
