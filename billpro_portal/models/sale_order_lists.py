from odoo import api, fields, models
from odoo.exceptions import UserError

from ..billing.lifecycle import BEFORE_APPROVAL

LINK_KINDS = ('order_ready', 'order_reminder')


class SaleOrder(models.Model):
    """What the lists of orders show and do: how long an order is unpaid, and many at once."""

    _inherit = 'sale.order'

    billing_pending_date = fields.Datetime(
        string="Pending Since",
        compute='_compute_billing_pending',
        help="When the customer was first given the order link.",
    )
    billing_pending_days = fields.Integer(string="Days Pending", compute='_compute_billing_pending')
    billing_reminder_count = fields.Integer(
        string="Reminders",
        compute='_compute_billing_pending',
        help="How many reminders were sent by mail.",
    )
    billing_mail_state = fields.Selection(
        string="Last Mail",
        selection=lambda self: (
            self.env['billpro.notification']._fields['state']._description_selection(self.env)
        ),
        compute='_compute_billing_pending',
        help="What became of the last mail with the order link.",
    )

    @api.model
    def _group_expand_billing_status(self, statuses, _domain):
        """Return the statuses that there are in the order of an order's life."""
        return [
            status
            for status, _label in self._fields['billing_status'].selection
            if status in statuses
        ]

    @api.depends(
        'order_link_first_sent_date', 'order_link_sent_date', 'billing_notification_ids.state'
    )
    def _compute_billing_pending(self):
        """Read the notices of all orders at once."""
        notices = (
            self.env['billpro.notification']
            .sudo()
            .search_fetch(
                [('order_id', 'in', self.ids), ('kind', 'in', LINK_KINDS)],
                ['order_id', 'kind', 'channel', 'state'],
                order='id',
            )
        )
        by_order = notices.grouped('order_id')
        now = fields.Datetime.now()
        for order in self:
            told = by_order.get(order, notices.browse())
            mails = told.filtered(lambda notice: notice.channel == 'mail')
            # Orders from before the first date was kept have the last one only.
            since = order.order_link_first_sent_date or order.order_link_sent_date
            order.billing_pending_date = since
            order.billing_pending_days = (now - since).days if since else 0
            order.billing_reminder_count = len(
                mails.filtered(
                    lambda notice: (
                        notice.kind == 'order_reminder' and notice.state in {'handed_over', 'sent'}
                    )
                )
            )
            order.billing_mail_state = mails[-1:].state

    def action_cancel_unpaid(self):
        """Cancel orders that wait for their first payment.

        :raise AccessError: If the user may not write to them.
        :raise UserError: If one of them isn't waiting, or a payment of it is under way.
        """
        self.check_access('write')
        for order in self:
            if order.billing_status not in BEFORE_APPROVAL:
                raise UserError(self.env._("Order %s is not waiting for a payment.", order.name))
        self.action_cancel()

    def _request_card_updates(self):
        """Ask the customers of several orders for another card.

        :return: A notification, if there are orders.
        :rtype: dict|bool
        :raise UserError: If one of the orders has no card, or its customer no address.
        """
        action = False
        for order in self:
            action = order.action_request_card_update()
        if len(self) > 1:
            action['params']['message'] = self.env._(
                "The customers of %s orders will be asked for another card.", len(self)
            )
        return action
