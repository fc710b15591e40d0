from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_date

from ..models.settings.res_company import CANCEL_MODES


class BillproCancelSubscription(models.TransientModel):
    """Cancel a subscription for the customer, when the paid period ends or at once."""

    _name = 'billpro.cancel.subscription'
    _inherit = 'billpro.dialog'
    _description = "Cancel Subscription"
    _check_company_auto = True

    order_id = fields.Many2one(comodel_name='sale.order', required=True, readonly=True)
    company_id = fields.Many2one(related='order_id.company_id', related_sudo=False)
    cancel_date = fields.Date(related='order_id.billing_cancel_date', related_sudo=False)
    when = fields.Selection(
        selection=CANCEL_MODES,
        compute='_compute_when',
        store=True,
        readonly=False,
        precompute=True,
        required=True,
    )
    last_day = fields.Char(compute='_compute_last_day')
    currency_id = fields.Many2one(related='order_id.currency_id', related_sudo=False)
    pays_back = fields.Boolean(
        string="Pay back the days that are left",
        help="With a credit note, as any refund. Only billing managers can.",
    )
    unused_amount = fields.Monetary(
        string="For Days That Are Left",
        compute='_compute_unused',
        store=True,
        help="What is paid for the days from today to the end of the period, taxes included.",
    )
    unused_days = fields.Char(compute='_compute_unused', store=True)
    charges = fields.Char(compute='_compute_charges')
    reason_id = fields.Many2one(
        comodel_name='billpro.cancel.reason',
        compute='_compute_reason',
        store=True,
        readonly=False,
        check_company=True,
    )
    note = fields.Text(
        compute='_compute_reason',
        store=True,
        readonly=False,
        help="Kept on the order; the customer doesn't see it.",
    )

    @api.depends('order_id')
    def _compute_when(self):
        """Follow the company; what is cancelled already can only be ended earlier."""
        for wizard in self:
            order = wizard.order_id
            at_once = order.billing_cancel_date or order.sudo()._billing_cancels_at_once()
            wizard.when = 'now' if at_once else 'period_end'

    @api.depends('order_id')
    def _compute_reason(self):
        """Keep what was said before when a cancelled subscription is ended earlier."""
        for wizard in self:
            wizard.reason_id = wizard.order_id.billing_cancel_reason_id
            wizard.note = wizard.order_id.billing_cancel_note

    @api.depends('order_id', 'when')
    def _compute_unused(self):
        """Tell what can be paid back; whoever leaves freely by law is paid back by that law."""
        for wizard in self:
            wizard.order_id._origin._check_billing_may_be_changed()
            order = wizard.order_id.sudo()
            unused = None
            if wizard.when == 'now' and not order._billing_is_exit_free():
                unused = order._billing_get_unused()
            wizard.unused_amount = unused[2] if unused else 0
            wizard.unused_days = bool(unused) and self.env._(
                "%(left)s of the %(all)s days of the period that ends on %(day)s are left",
                left=unused[0].days,
                all=unused[1],
                day=format_date(self.env, unused[0].last),
            )

    @api.depends('order_id', 'when', 'pays_back')
    def _compute_last_day(self):
        for wizard in self:
            wizard.order_id._origin._check_billing_may_be_changed()
            order = wizard.order_id.sudo()
            last_day = order._billing_get_cancel_date(at_once=wizard.when == 'now')
            if last_day >= order._billing_get_today():
                owed = order._billing_get_arrears_to_owe()._get_last_days_charged()
                is_paid = last_day not in owed and not order._get_purchase()._is_billed_after_end(
                    order
                )
                wizard.last_day = (
                    self.env._(
                        "The customer keeps access until %s. Until then the cancellation can be"
                        " undone.",
                        format_date(self.env, last_day),
                    )
                    if not is_paid
                    else self.env._(
                        "The customer keeps access until %s, the last day that is paid for. Until"
                        " then the cancellation can be undone.",
                        format_date(self.env, last_day),
                    )
                )
            elif wizard.when == 'now' and wizard.pays_back:
                wizard.last_day = self.env._(
                    "The subscription ends at once, and this can't be undone."
                )
            elif wizard.when == 'now':
                wizard.last_day = self.env._(
                    "The subscription ends at once, and this can't be undone. What is paid is not"
                    " paid back."
                )
            else:
                wizard.last_day = self.env._(
                    "Nothing is paid ahead: the subscription ends at once, and this can't be"
                    " undone."
                )

    @api.depends('order_id')
    def _compute_charges(self):
        """Tell what is still charged, and what becomes of what is owed."""
        for wizard in self:
            wizard.order_id._origin._check_billing_may_be_changed()
            order = wizard.order_id.sudo()
            outstanding = order._billing_get_outstanding_events()
            amount = order.currency_id.format(sum(outstanding.mapped('amount')))
            if order._get_purchase()._is_billed_after_end(order):
                wizard.charges = self.env._(
                    "What is used until the last day is still charged, and what is outstanding is"
                    " still owed."
                )
            elif not outstanding:
                wizard.charges = self.env._("Nothing more is charged from now on.")
            elif order._billing_get_arrears_to_owe():
                wizard.charges = self.env._(
                    "%s are outstanding and still owed: they are collected as before. Nothing else"
                    " is charged from now on.",
                    amount,
                )
            else:
                wizard.charges = self.env._(
                    "Nothing more is charged from now on. %s are outstanding, and waived.", amount
                )

    def action_cancel(self):
        """Cancel the subscription, and pay back what isn't used if that was chosen.

        :return: The action that closes the dialog, or tells how the refund ended.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If it can't be cancelled any more, or something else would be paid back.
        """
        self.ensure_one()
        self.order_id._check_billing_user()
        order = self.order_id.sudo()
        order._lock_billing()
        unused = self._get_agreed_refund()
        order._billing_cancel_subscription(
            at_once=self.when == 'now', reason=self.reason_id, note=self.note
        )
        return self._pay_back(*unused) if unused else {'type': 'ir.actions.act_window_close'}

    def _get_agreed_refund(self):
        """Return what is paid back, and of which payments, if that was chosen.

        :rtype: tuple[float, payment.transaction]|None
        :raise AccessError: If the user may not refund.
        :raise UserError: If it isn't what was shown.
        """
        if not self.pays_back or not self.unused_amount:
            return None
        if not self.env.user.has_group('billpro_portal.group_billing_manager'):
            raise AccessError(self.env._("Only billing managers can refund payments."))
        unused = self.when == 'now' and self.order_id.sudo()._billing_get_unused()
        if not unused or self.currency_id.compare_amounts(unused[2], self.unused_amount):
            raise UserError(
                self.env._("Another amount would be paid back by now. Open the dialog anew.")
            )
        return unused[2:]

    def _pay_back(self, amount, txs):
        """Pay back what isn't used, and ask a person for what no provider can.

        :param float amount: How much.
        :param payment.transaction txs: Of which payments.
        :return: What tells how it ended.
        :rtype: dict
        """
        order = self.order_id.sudo()
        refund_txs, left = order._billing_pay_back(amount, txs)
        if left:
            order._billing_ask_staff(
                'unused',
                self.env._("Pay back what is not used: %s", order.name),
                self.env._(
                    "No provider can refund %s for the days that are left. Pay it back by other"
                    " means, and make the credit note from the invoice.",
                    order.currency_id.format(left),
                ),
            )
        if refund_txs:
            return refund_txs[-1]._billing_get_refund_notification()
        return {'type': 'ir.actions.act_window_close'}
