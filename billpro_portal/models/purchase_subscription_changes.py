from odoo import api, models
from odoo.exceptions import AccessError, ValidationError

from ..billing.lifecycle import OPEN


class BillproPurchaseSubscription(models.AbstractModel):
    """What becomes of the payments of a live subscription when staff change its lines."""

    _inherit = 'billpro.purchase.subscription'

    @api.model
    def _follow_lines(self, order):
        """Let the payments to come be what the lines add up to, and tell the customer.

        What is owed already stays as it is, and so do the amounts that staff have set: how much
        they differ from the lines is remembered, so that their invoices come out right.
        """
        amount = self._get_lines_amount(order)
        order._lock_billing()
        open_events = order.billing_event_ids.filtered(lambda event: event.status in OPEN)
        changed = open_events.browse()
        for event in open_events:
            changed |= event._get_leaves().filtered(
                lambda leaf: order.currency_id.compare_amounts(
                    leaf.amount - leaf.adjustment, amount
                )
            )
        if not changed:
            return
        self._check_lines_can_change(order, amount)
        followers = changed.filtered(self._is_following).sorted('due_date')
        for event in changed - followers:
            event.adjustment = order.currency_id.round(event.amount - amount)
        old_amount = followers[:1].amount
        followers._discard_draft_invoices()
        followers.write({'amount': amount, 'status_message': False})
        if followers:
            followers[0]._tell_of_new_amount(old_amount)
        else:
            order._message_log(
                body=self.env._(
                    "The lines of the order add up to %s now. Its payments stay as they are:"
                    " change the next one and all later ones to that amount to let them follow.",
                    order.currency_id.format(amount),
                )
            )

    @api.model
    def _check_lines_can_change(self, order, amount):
        """Check that the user may change what a period costs, and that it costs something.

        :param sale.order order: The order.
        :param float amount: What the lines add up to now.
        :raise AccessError: If the user may not.
        :raise ValidationError: If nothing would be left to collect.
        """
        if not self.env.user.has_group('billpro_portal.group_billing_user'):
            raise AccessError(
                self.env._(
                    "Order %s is charged by its lines: only billing users can change what it"
                    " costs.",
                    order.name,
                )
            )
        if order.currency_id.compare_amounts(amount, 0) <= 0:
            raise ValidationError(
                self.env._("The recurring amount of order %s must be positive.", order.name)
            )

    @api.model
    def _is_following(self, event):
        """Return whether a payment is to come, and is what the lines of the order add up to.

        :param billpro.billing.event event: An open payment, or one that is merged into one.
        :rtype: bool
        """
        return (
            event.status in {'scheduled', 'paused'}
            and not event.first_declined_date
            and not event.requested_date
            and not event.adjustment
            and not event.order_id.billing_period_amount
        )
