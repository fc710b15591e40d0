from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..billing.calendar import due_datetime
from ..billing.lifecycle import IN_FLIGHT, LIVE, MERGEABLE, PAID, SKIPPABLE


class BillproBillingEvent(models.Model):
    """What staff may change of payments that aren't collected yet: skipping and merging them.

    Every change takes the lock of the order, so that none can interleave with a charge.
    """

    _inherit = 'billpro.billing.event'

    # === WHAT MAY BE CHANGED === #

    def _lock_for_change(self, statuses):
        """Lock the order and check that its payments may be changed now.

        :param tuple[str] statuses: The statuses in which they may be changed.
        :raise UserError: If one of them may not; the message says why.
        """
        order = self.order_id
        order.ensure_one()
        order._lock_billing()
        order._withdraw_unsent_attempts()
        for event in self:
            if refusal := event._get_refusal_to_change(statuses):
                raise UserError(refusal)

    def _get_refusal_to_change(self, statuses):
        """Return why staff may not change a payment.

        :param tuple[str] statuses: The statuses in which it may be changed.
        :return: The reason, or False if they may.
        :rtype: str|bool
        """
        self.ensure_one()
        order = self.order_id
        if refusal := self._get_refusal_by_outcome():
            return refusal
        if order.billing_status not in LIVE:
            return self.env._(
                "The payments of order %(order)s can't be changed: its billing status is"
                " “%(status)s”.",
                order=order.name,
                status=order._get_billing_status_label(),
            )
        reason = False
        if self.status not in statuses:
            reason = self.env._(
                "Payment %(event)s can't be changed: it is “%(status)s”.",
                event=self.display_name,
                status=self._get_status_label(),
            )
        elif order.billing_status == 'paused' and 'paused' not in statuses:
            reason = self.env._(
                "Order %s is paused, so its payments wait. Resume it first.", order.name
            )
        if reason:
            return reason
        if order.billing_collection_date or self.requested_date:
            return self.env._(
                "The customer of order %s has just asked to pay what is outstanding. Please wait"
                " for the result.",
                order.name,
            )
        if self._is_paid_but_not_booked():
            return self.env._(
                "An earlier attempt of payment %s was approved after all.", self.display_name
            )
        return False

    def _get_refusal_by_outcome(self):
        """Return why a payment can't be changed whose outcome is known, or about to be.

        :return: The reason, or False if it isn't so.
        :rtype: str|bool
        """
        if self.status in IN_FLIGHT:
            return self.env._(
                "The outcome of payment %s isn't known yet. Please wait for it.",
                self.display_name,
            )
        if self.status in PAID:
            return self.env._(
                "Payment %s is collected: it can only be refunded.", self.display_name
            )
        if self.status == 'merged':
            return self.env._(
                "Payment %(event)s was merged into %(merged)s. Change that one.",
                event=self.display_name,
                merged=self.merged_into_id.display_name,
            )
        return False

    def _get_refusal_to_charge(self):
        """Return why a payment can't be charged to the order's card.

        :return: The reason, or False if it can.
        :rtype: str|bool
        """
        self.ensure_one()
        token = self.order_id.billing_token_id
        if not token:
            return self.env._("The order has no stored card.")
        if not token.active:
            return self.env._(
                "%s can't be charged any more: it was removed, or its provider was switched off or"
                " changed between test and live. Ask the customer for another card.",
                token._get_card_name(),
            )
        if token.provider_id.state == 'disabled':
            return self.env._("The payment provider is switched off.")
        if not self.order_id._is_card_of_customer(token):
            return self.env._(
                "%(card)s belongs to %(owner)s, who is not the customer of order %(order)s.",
                card=token._get_card_name(),
                owner=token.partner_id.display_name,
                order=self.order_id.name,
            )
        return self._get_refusal_by_invoice() or self._get_refusal_to_attempt()

    def _get_status_label(self):
        """Return the payment's status as staff read it.

        :rtype: str
        """
        self.ensure_one()
        return dict(self._fields['status']._description_selection(self.env))[self.status]

    def _check_order_is_not_in_flight(self):
        """Check that no payment of the order is on its way that the change would affect.

        :raise UserError: If the outcome of one is open whose invoice is made along with the others.
        """
        events = self.order_id._get_purchase()._get_events_invoiced_along(self)
        if in_flight := events.filtered(lambda event: event.status in IN_FLIGHT):
            raise UserError(
                self.env._(
                    "The outcome of payment %s isn't known yet. Please wait for it.",
                    in_flight[0].display_name,
                )
            )

    def _discard_affected_invoices(self):
        """Delete the draft invoices that don't fit any more; the next attempt makes them anew."""
        events = self.order_id._get_purchase()._get_events_invoiced_along(self)
        affected = events.filtered(lambda event: event in self or event.status not in IN_FLIGHT)
        affected._discard_draft_invoices()

    # === SKIPPING === #

    def _skip(self, reason=None):
        """Leave a payment out for good, and tell the customer.

        Its amount isn't collected, neither now nor later, and there is no invoice for it. What was
        added to it to be charged once isn't part of that: the next payment charges it.

        :param str reason: Why, for the chatter.
        :raise UserError: If it can't be skipped.
        """
        self.ensure_one()
        self._lock_for_change(SKIPPABLE)
        self._check_order_is_not_in_flight()
        order = self.order_id
        self._discard_affected_invoices()
        added_lines = self._release_added_lines()
        self._apply_trigger('skip')
        self.retry_date = False
        self._schedule_next_events()
        self._pass_on_added_lines(added_lines)
        self._log_change(
            self.env._(
                "Payment %(event)s of %(amount)s was skipped.",
                event=self.display_name,
                amount=self.currency_id.format(self.amount),
            ),
            reason,
        )
        env = order.with_context(lang=order._get_payment_contact().lang).env
        self._tell_of_change(
            env._(
                "Your payment of %(amount)s that was due on %(date)s is skipped: it is not"
                " collected.",
                amount=self.currency_id.with_env(env).format(self.amount),
                date=format_date(env, order._get_date(self.due_date)),
            )
        )
        order._follow_payments()
        order._get_purchase()._close_invoices(order)
        # What waits for the customer's bank is withdrawn there.
        self.env.ref('billpro_portal.cron_billing_run')._trigger()

    # === MERGING === #

    def _merge_by_staff(self, day, reason=None):
        """Merge payments of one order into a new one on a day, and tell the customer.

        :param datetime.date day: The day, in the customer's calendar; today or later.
        :param str reason: Why, for the chatter.
        :return: The new payment.
        :rtype: billpro.billing.event
        :raise UserError: If they can't be merged, or not on that day.
        """
        if len(self) < 2:
            raise UserError(self.env._("Choose at least two payments to merge."))
        if len(self.order_id) > 1:
            raise UserError(self.env._("Only payments of the same order can be merged."))
        self._lock_for_change(MERGEABLE)
        self._check_order_is_not_in_flight()
        order = self.order_id
        for event in self:
            event._check_card_is_not_spent()
        order._check_collection_day(day)
        self._discard_affected_invoices()
        merged = self._merge(due_datetime(day, order._get_time_zone()))
        self._schedule_next_events()
        self._log_change(
            self.env._(
                "Payment %(event)s is due on %(day)s.",
                event=merged.display_name,
                day=format_date(self.env, day),
            ),
            reason,
        )
        merged._tell_of_change(merged._describe_merge_to_customer())
        order._follow_payments()
        return merged

    def _describe_merge_to_customer(self):
        """Return which payments were merged into this one, in the customer's words.

        :rtype: str
        """
        order = self.order_id
        env = order.with_context(lang=order._get_payment_contact().lang).env
        format_amount = self.currency_id.with_env(env).format
        sources = self.merged_event_ids.sorted('due_date')
        return env._(
            "Your payments of %(payments)s are merged into one: %(amount)s are collected on"
            " %(day)s.",
            payments=', '.join(
                f'{format_amount(event.amount)}'
                f' ({format_date(env, order._get_date(event.due_date))})'
                for event in sources
            ),
            amount=format_amount(self.amount),
            day=format_date(env, order._get_date(self.due_date)),
        )

    def _check_card_is_not_spent(self):
        """Check that the selected card may still be charged for a payment.

        :raise UserError: If it was declined for good: only the customer can help.
        """
        self.ensure_one()
        if self._is_card_spent():
            raise UserError(
                self.env._(
                    "The card was declined for good for payment %s: another card is needed.",
                    self.display_name,
                )
            )

    # === TELLING === #

    def _log_change(self, text, reason):
        """Log on the order what the user has changed of its schedule, and why.

        :param str text: What was changed.
        :param str|bool reason: Why, in the words of the user.
        """
        self.order_id._message_log(body=f'{text} {reason}' if reason else text)

    def _tell_of_change(self, text):
        """Queue the notice of a change.

        :param str text: What was changed, in the customer's language.
        """
        self.ensure_one()
        self.env['billpro.notification']._queue(
            'payment_changed',
            self.order_id,
            f'event-{self.id}-{fields.Datetime.now()}-{self.status}',
            event_id=self.id,
            text=text,
        )
