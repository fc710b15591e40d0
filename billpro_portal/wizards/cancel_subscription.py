from odoo import api, fields, models
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
    def _compute_last_day(self):
        for wizard in self:
            wizard.order_id._origin._check_billing_may_be_changed()
            order = wizard.order_id.sudo()
            last_day = order._billing_get_cancel_date(at_once=wizard.when == 'now')
            if last_day >= order._billing_get_today():
                wizard.last_day = (
                    self.env._(
                        "The customer keeps access until %s. Until then the cancellation can be"
                        " undone.",
                        format_date(self.env, last_day),
                    )
                    if order._get_purchase()._is_billed_after_end(order)
                    else self.env._(
                        "The customer keeps access until %s, the last day that is paid for. Until"
                        " then the cancellation can be undone.",
                        format_date(self.env, last_day),
                    )
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
            wizard.charges = (
                self.env._(
                    "What is used until the last day is still charged, and what is outstanding is"
                    " still owed."
                )
                if order._get_purchase()._is_billed_after_end(order)
                else self.env._(
                    "Nothing more is charged from now on, and what is outstanding is dropped."
                )
            )

    def action_cancel(self):
        """Cancel the subscription.

        :return: The action that closes the dialog.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If it can't be cancelled any more.
        """
        self.ensure_one()
        self.order_id._check_billing_user()
        self.order_id.sudo()._billing_cancel_subscription(
            at_once=self.when == 'now', reason=self.reason_id, note=self.note
        )
        return {'type': 'ir.actions.act_window_close'}
