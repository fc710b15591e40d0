from odoo import api, models
from odoo.exceptions import ValidationError

from ..billing.lifecycle import OPEN


class BillproPurchaseSubscription(models.AbstractModel):
    """What becomes of the payments of a live subscription when staff change its lines."""

    _inherit = 'billpro.purchase.subscription'

    @api.model
    def _get_lines_to_tax(self, order):
        return order._get_period_lines() | order.order_line.filtered(
            lambda line: line.billing_is_added and not line._is_on_invoice()
        )

    @api.model
    def _follow_lines(self, order, kept=None):
        """Let the payments to come be what the lines add up to, and tell the customer.

        What is owed already stays as it is, and so do the amounts that staff have set: how much
        they differ from the lines is remembered, so that their invoices come out right.
        """
        amount = self._get_lines_amount(order)
        order._lock_billing()
        open_events = order.billing_event_ids.filtered(lambda event: event.status in OPEN)
        leaves = open_events._get_leaves()
        added_lines = order._get_added_lines()
        changed = leaves.filtered(
            lambda leaf: order.currency_id.compare_amounts(
                leaf.amount - leaf.adjustment - leaf.added_amount, amount
            )
        )
        old_amounts = {leaf: leaf.amount for leaf in leaves}
        followers = changed.filtered(
            lambda leaf: self._is_following(leaf) and leaf not in (kept or ())
        )
        if changed:
            self._check_lines_can_change(order, amount)
            for event in followers:
                event.amount = order.currency_id.round(amount + event.added_amount)
            for event in changed - followers:
                event.adjustment = order.currency_id.round(
                    event.amount - event.added_amount - amount
                )
        self._follow_added_lines(order, leaves, added_lines, kept or leaves.browse())
        new = leaves.filtered(lambda leaf: leaf.amount != old_amounts[leaf]).sorted('due_date')
        if not new and not changed:
            return
        self._check_amounts_left(new)
        (new | followers)._discard_draft_invoices()
        new.write({'status_message': False})
        if new:
            new[0]._tell_of_new_amount(old_amounts[new[0]], is_lasting=bool(followers))
        elif kept and not order.billing_period_amount:
            leaves.sorted('number')[-1]._tell_of_later_amount(amount)
        else:
            order._message_log(
                body=self.env._(
                    "The lines of the order add up to %s now. Its payments stay as they are:"
                    " change the next one and all later ones to that amount to let them follow.",
                    order.currency_id.format(amount),
                )
            )

    @api.model
    def _check_payment_is_to_come(self, order, lines):
        """Check that another payment will charge what was added.

        :param sale.order order: The order.
        :param sale.order.line lines: What was added.
        :raise ValidationError: If the subscription ends before.
        """
        last = max(order.billing_event_ids.mapped('number'), default=0)
        number = last or (0 if order.billing_trial_days else 1)
        if order.billing_cancel_date or not self._has_period(
            order, order.billing_anchor_date, number
        ):
            raise ValidationError(
                self.env._(
                    "No payment of order %(order)s is to come that could charge “%(line)s”. Make"
                    " another order for it.",
                    order=order.name,
                    line=lines[0].name,
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
        self._check_is_billing_user(order)
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

    # === TAXES OF THE BOOKS === #

    @api.model
    def _is_changed_since(self, event):
        """Override: what the lines added up to is what the payment is made of.

        Rounded together they may differ by a minor unit each.
        """
        lines = event.order_id._get_period_lines()
        total = sum(lines.mapped('price_total'))
        return any(
            abs(leaf.amount - leaf.adjustment - leaf.added_amount - total)
            > len(lines) * event.currency_id.rounding
            for leaf in event._get_leaves()
        )

    @api.model
    def _keep_amount_shown(self, event):
        if self._is_changed_since(event):
            return False
        order = event.order_id
        amount = self._get_lines_amount(order)
        for leaf in event._get_leaves():
            added = self._get_added_amount(order, leaf._get_added_lines())
            leaf.write(
                {
                    'added_amount': added,
                    'adjustment': order.currency_id.round(leaf.amount - added - amount),
                }
            )
        return True
