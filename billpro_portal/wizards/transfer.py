from odoo import api, fields, models
from odoo.exceptions import UserError


class BillproTransfer(models.TransientModel):
    """Enter what has arrived of a transfer: just what was asked for, a part of it, or more."""

    _name = 'billpro.transfer'
    _inherit = 'billpro.dialog'
    _description = "Transfer Received"

    order_id = fields.Many2one(comodel_name='sale.order', required=True, readonly=True)
    transaction_id = fields.Many2one(
        string="Payment", comodel_name='payment.transaction', required=True, readonly=True
    )
    currency_id = fields.Many2one(comodel_name='res.currency', compute='_compute_due')
    due = fields.Monetary(string="To Be Paid", compute='_compute_due')
    seen = fields.Char(
        compute='_compute_seen',
        store=True,
        precompute=True,
        help="How the transfer stood when the dialog was opened: it is decided upon once.",
    )
    amount = fields.Monetary(
        string="Received",
        compute='_compute_amount',
        store=True,
        readonly=False,
        precompute=True,
        help="What the bank statement says.",
    )
    journal_id = fields.Many2one(
        string="Received In",
        comodel_name='account.journal',
        compute='_compute_amount',
        store=True,
        readonly=False,
        precompute=True,
        domain="[('id', 'in', possible_journal_ids)]",
    )
    possible_journal_ids = fields.Many2many(
        comodel_name='account.journal', compute='_compute_possible_journal_ids'
    )
    difference = fields.Monetary(compute='_compute_difference')
    consequence = fields.Char(string="What Becomes of It", compute='_compute_difference')

    @api.depends('transaction_id')
    def _compute_due(self):
        for dialog in self:
            tx = dialog._get_transfer()
            dialog.currency_id = tx.currency_id
            dialog.due = tx._billing_get_transfer_due()

    @api.depends('transaction_id')
    def _compute_seen(self):
        for dialog in self:
            dialog.seen = dialog._get_transfer()._billing_get_transfer_standing()

    @api.depends('transaction_id')
    def _compute_amount(self):
        for dialog in self:
            tx = dialog._get_transfer()
            dialog.amount = tx._billing_get_transfer_due() or tx.amount
            dialog.journal_id = tx.provider_id.journal_id

    @api.depends('transaction_id')
    def _compute_possible_journal_ids(self):
        for dialog in self:
            dialog.possible_journal_ids = dialog._get_transfer()._billing_get_transfer_journals()

    @api.depends('amount', 'due')
    def _compute_difference(self):
        for dialog in self:
            tx = dialog._get_transfer()
            dialog.difference = dialog.due and dialog.amount - dialog.due
            dialog.consequence = tx._billing_get_transfer_consequence(dialog.amount)

    def _get_transfer(self):
        """Return the transfer, for those who may change its order.

        :rtype: payment.transaction
        :raise AccessError: If the user may not.
        """
        self.order_id._origin._check_billing_may_be_changed()
        return self.transaction_id._origin.sudo()

    def action_book(self):
        """Book what has arrived.

        :return: An action that closes the dialog.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If somebody has decided upon it meanwhile, or there is no amount.
        """
        self.ensure_one()
        self.order_id._check_billing_user()
        tx = self.transaction_id.sudo()
        self.order_id.sudo()._lock_billing()
        if not tx.billing_can_receive_transfer or tx._billing_get_transfer_standing() != self.seen:
            raise UserError(
                self.env._(
                    "Transfer %s, or its order, was changed meanwhile. Close this dialog, and look"
                    " at the order before you go on.",
                    tx.reference,
                )
            )
        amount = tx.currency_id.round(self.amount)
        if amount <= 0:
            raise UserError(self.env._("Enter an amount above zero."))
        journal = self.journal_id.sudo()
        if journal not in tx._billing_get_transfer_journals():
            raise UserError(
                self.env._(
                    "Choose where the money has arrived: a bank or cash journal with a payment"
                    " method for incoming payments that belongs to no provider."
                )
            )
        tx._billing_receive_transfer(amount, journal)
        return {'type': 'ir.actions.act_window_close'}
