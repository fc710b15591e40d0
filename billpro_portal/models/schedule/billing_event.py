from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_date

from ...billing.actions import (
    EventAction,
    EventFacts,
    EventRefusal,
    event_actions,
    refuse_event_action,
)
from ...billing.calendar import due_datetime
from ...billing.lifecycle import CHARGEABLE_EVENTS, DECLINED, IN_FLIGHT, OPEN


class BillproBillingEvent(models.Model):
    """What staff may change of payments to come: skip, merge, move them, change their amounts.

    Every change takes the lock of the order, so that none can interleave with a charge. What can't
    be changed is refused before a dialog opens.

    The later payments of a subscription stay as they are, since their dates are counted from the
    order's anchor, unless they are to follow. Those of an instalment order take or give what keeps
    its total true.
    """

    _inherit = 'billpro.billing.event'

    adjustment = fields.Monetary(
        readonly=True,
        help="What staff added to, or took off, what the lines of the order add up to.",
    )
    added_amount = fields.Monetary(
        string="Charged Once",
        readonly=True,
        help="What the lines add that were added to a live order, and that no later payment"
        " charges.",
    )

    can_execute = fields.Boolean(compute='_compute_actions', compute_sudo=True)
    can_retry = fields.Boolean(compute='_compute_actions', compute_sudo=True)
    can_reschedule = fields.Boolean(compute='_compute_actions', compute_sudo=True)
    can_merge = fields.Boolean(compute='_compute_actions', compute_sudo=True)
    can_skip = fields.Boolean(compute='_compute_actions', compute_sudo=True)
    can_decide = fields.Boolean(compute='_compute_actions', compute_sudo=True)

    # === WHAT MAY BE CHANGED === #

    @api.depends(
        'status',
        'requested_date',
        'is_early',
        'order_id.billing_status',
        'order_id.billing_collection_date',
    )
    def _compute_actions(self):
        for event in self:
            possible = event_actions(event._get_facts())
            for action in EventAction:
                event[f'can_{action.value}'] = action in possible

    def _get_facts(self):
        """Return what decides about what may be done with the payment.

        :rtype: billing.actions.EventFacts
        """
        self.ensure_one()
        order = self.order_id
        return EventFacts(
            status=self.status,
            order_status=order.billing_status,
            is_order_asked_for=bool(order.billing_collection_date),
            is_asked_for=bool(self.requested_date) or self.is_early,
            is_approved=self.status in OPEN and self._is_paid_but_not_booked(),
            is_disputed=order.billing_is_stopped,
            has_other_in_flight=self.status in CHARGEABLE_EVENTS
            and any(event.status in IN_FLIGHT for event in order.billing_event_ids),
        )

    def _refuse(self, action):
        """Return why something may not be done with the payment now, whoever asks.

        :param billing.actions.EventAction action: What is to be done.
        :return: The reason; None if it may be done.
        :rtype: billing.actions.EventRefusal|None
        """
        return refuse_event_action(action, self.sudo()._get_facts())

    def _get_refusal_to_change(self, action):
        """Return in words why a payment may not be changed now.

        :param billing.actions.EventAction action: What is to be done.
        :return: The reason, or False if it may be changed.
        :rtype: str|bool
        """
        refusal = self._refuse(action)
        if not refusal:
            return False
        order, name = self.sudo().order_id, self.display_name
        if refusal is EventRefusal.ORDER_STATUS:
            return self.env._(
                "The payments of order %(order)s can't be changed: its billing status is"
                " “%(status)s”.",
                order=order.name,
                status=order._get_billing_status_label(),
            )
        if refusal is EventRefusal.STATUS:
            return self.env._(
                "Payment %(event)s can't be changed: it is “%(status)s”.",
                event=name,
                status=self._get_status_label(),
            )
        if refusal is EventRefusal.MERGED:
            return self.env._(
                "Payment %(event)s was merged into %(merged)s. Change that one.",
                event=name,
                merged=self.merged_into_id.display_name,
            )
        if refusal is EventRefusal.ASKED_FOR:
            return self._get_wait_for_customer_text()
        return {
            EventRefusal.IN_FLIGHT: self.env._(
                "The outcome of payment %s isn't known yet. Please wait for it.", name
            ),
            EventRefusal.PAID: self.env._(
                "Payment %s is collected: it can only be refunded.", name
            ),
            EventRefusal.ORDER_PAUSED: self.env._(
                "Order %s is paused, so its payments wait. Resume it first.", order.name
            ),
            EventRefusal.APPROVED: self.env._(
                "An earlier attempt of payment %s was approved after all.", name
            ),
        }[refusal]

    def _get_wait_for_customer_text(self):
        return self.env._(
            "The customer of order %s has just asked to pay what is outstanding. Please wait"
            " for the result.",
            self.order_id.name,
        )

    def _lock_for_change(self, action):
        """Lock the order and check that its payments may be changed now.

        :param billing.actions.EventAction action: What is to be done with them.
        :raise UserError: If one of them may not; the message says why.
        """
        order = self.order_id
        order.ensure_one()
        order._lock_billing()
        order._billing_withdraw_unsent_attempts()
        for event in self:
            if refusal := event._get_refusal_to_change(action):
                raise UserError(refusal)

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

    # === SKIPPING === #

    def _skip(self, reason=None):
        """Leave a payment out for good, and tell the customer.

        Its amount isn't collected, neither now nor later, and there is no invoice for it. What was
        added to it to be charged once isn't part of that: the next payment charges it.

        :param str reason: Why, for the chatter.
        :raise UserError: If it can't be skipped.
        """
        self.ensure_one()
        self._lock_for_change(EventAction.SKIP)
        self._check_order_is_not_in_flight()
        self._check_may_be_skipped()
        order = self.order_id
        if self.period_start:
            order._billing_check_can_wait(self.period_start)
        self._discard_affected_invoices()
        added_lines = self._release_added_lines()
        self._apply_trigger('skip')
        self.retry_date = False
        self._schedule_next_events()
        others = order.billing_event_ids
        old_amounts = {event: event.amount for event in others}
        self._pass_on_added_lines(added_lines)
        others.filtered(lambda event: event.status in OPEN)._compare_with_cap(old_amounts)
        order._billing_follow_discount()
        order._billing_use_credit()
        self._log_change(
            self.env._(
                "Payment %(event)s of %(amount)s was skipped.",
                event=self.display_name,
                amount=self.currency_id.format(self.amount),
            ),
            reason,
        )
        env = order.with_context(lang=order._get_payment_contact().lang).env
        self._announce_change(
            env._(
                "Your payment of %(amount)s that was due on %(date)s is skipped: it is not"
                " collected.",
                amount=self.currency_id.with_env(env).format(self.amount),
                date=order.with_env(env)._billing_get_date_text(self.due_date),
            )
        )
        order._billing_follow_payments()
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
        self._lock_for_change(EventAction.MERGE)
        self._check_order_is_not_in_flight()
        order = self.order_id
        for event in self:
            event._check_card_is_not_spent()
            if event.is_above_cap:
                raise UserError(
                    self.env._(
                        "Payment %s is more than the customer agreed to: they are asked first.",
                        event.display_name,
                    )
                )
        if self.change_id:
            raise UserError(self.env._("What a change costs is collected by itself."))
        if order.currency_id.is_zero(sum(self.mapped('amount'))):
            raise UserError(self.env._("They are free, or paid by credit: nothing is collected."))
        order._check_billing_collection_day(day)
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
        merged._announce_change(merged._describe_merge_to_customer())
        merged._ask_above_cap()
        order._billing_follow_payments()
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
                f' ({order.with_env(env)._billing_get_date_text(event.due_date)})'
                for event in sources
            ),
            amount=format_amount(self.amount),
            day=order.with_env(env)._billing_get_date_text(self.due_date),
        )

    def _check_card_is_not_spent(self):
        """Check that the selected card may still be charged for a payment.

        :raise UserError: If it was declined for good: only the customer can help.
        """
        self.ensure_one()
        if self._is_card_spent():
            raise UserError(
                self.env._(
                    "The payment method was declined for good for payment %s: another one is"
                    " needed.",
                    self.display_name,
                )
            )

    # === ACTIONS === #

    def action_execute_now(self):
        """Collect scheduled or softly declined payments at once.

        :return: A notification with the result.
        :rtype: dict
        :raise AccessError: If the user may not collect payments.
        :raise UserError: If a payment can't be collected now; the message says why.
        """
        if not self.env.user.has_group('billpro_portal.group_billing_user'):
            raise AccessError(self.env._("Only billing users can collect payments."))
        self.order_id.check_access('write')
        events = self.sudo()
        for event in events:
            if refusal := event._get_refusal_to_execute():
                raise UserError(refusal)
        for order, order_events in events.grouped('order_id').items():
            order._message_log(
                body=self.env._(
                    "%(user)s collects %(events)s now.",
                    user=self.env.user.name,
                    events=', '.join(order_events.mapped('display_name')),
                )
            )
        events._forget_reversed_invoices()
        run = self.env['billpro.billing.run'].sudo()._run_events(events)
        reasons = events.filtered(lambda event: event.status in {'scheduled', 'soft_declined'})
        return run._get_notification(reasons.filtered('status_message')[:1].status_message)

    def _get_refusal_to_execute(self):
        """Return why staff can't collect a payment now.

        :return: The reason, or False if they can.
        :rtype: str|bool
        """
        self.ensure_one()
        is_declined = self.status == 'soft_declined'
        if refusal := self._refuse(EventAction.RETRY if is_declined else EventAction.EXECUTE):
            return self._describe_refusal_to_execute(refusal)
        if refusal := self._get_refusal_to_charge():
            return self.env._(
                "Payment %(event)s can't be collected now: %(reason)s",
                event=self.display_name,
                reason=refusal,
            )
        return False

    def _describe_refusal_to_execute(self, refusal):
        """Return in words why a payment may not be collected now.

        :param billing.actions.EventRefusal refusal: The reason.
        :rtype: str
        """
        order = self.order_id
        if refusal is EventRefusal.STATUS:
            return self.env._(
                "Payment %(event)s can't be collected now: it is “%(status)s”.",
                event=self.display_name,
                status=self._get_status_label(),
            )
        if refusal is EventRefusal.ORDER_STATUS:
            return self.env._(
                "Order %(order)s is not charged: its billing status is “%(status)s”.",
                order=order.name,
                status=order._get_billing_status_label(),
            )
        if refusal is EventRefusal.DISPUTED:
            return self.env._(
                "A payment of order %s is disputed as fraud. Resume its charges first, if it is to"
                " go on.",
                order.name,
            )
        if refusal is EventRefusal.ASKED_FOR:
            return self._get_wait_for_customer_text()
        in_flight = order.billing_event_ids.filtered(lambda event: event.status in IN_FLIGHT)
        return self.env._(
            "Payment %(event)s can't be collected now: the outcome of %(other)s isn't known yet.",
            event=self.display_name,
            other=in_flight[0].display_name,
        )

    def action_was_charged(self):
        """Book an unknown payment that a person found charged at the provider.

        :raise AccessError: If the user may not decide it.
        :raise UserError: If the payment isn't unknown.
        """
        self._resolve_unknown(charged=True)

    def action_was_not_charged(self):
        """Release an unknown payment that a person found not charged at the provider.

        :raise AccessError: If the user may not decide it.
        :raise UserError: If the payment isn't unknown.
        """
        self._resolve_unknown(charged=False)

    def _resolve_unknown(self, charged):
        """End the uncertainty about a payment by a person's word.

        :param bool charged: Whether the provider has charged it.
        :raise AccessError: If the user may not decide it.
        :raise UserError: If the payment isn't unknown.
        """
        self.ensure_one()
        if not self.env.user.has_group('billpro_portal.group_billing_manager'):
            raise AccessError(
                self.env._("Only billing managers can decide whether a payment was executed.")
            )
        tx = self.transaction_ids.filtered('billing_outcome_unknown')
        if self._refuse(EventAction.DECIDE) or not tx:
            raise UserError(self.env._("The outcome of payment %s is known.", self.display_name))
        tx._billing_resolve_outcome(executed=charged)

    # === DIALOGS === #

    def action_open_reschedule(self):
        """Open the dialog that gives a payment another day or amount.

        :raise UserError: If it can't be changed.
        """
        self.ensure_one()
        self._check_can_be_opened(EventAction.RESCHEDULE)
        return self._open_dialog(
            'billpro.reschedule',
            self.env._("Reschedule Payment %s", self.display_name),
            event_id=self.id,
            day=max(
                self.order_id._billing_get_date(self.due_date), self.order_id._billing_get_today()
            ),
            amount=self.amount,
        )

    def action_open_skip(self):
        """Open the dialog that leaves a payment out.

        :raise UserError: If it can't be skipped.
        """
        self.ensure_one()
        self._check_can_be_opened(EventAction.SKIP)
        self._check_may_be_skipped()
        return self._open_dialog(
            'billpro.skip', self.env._("Skip Payment %s", self.display_name), event_id=self.id
        )

    def action_open_merge(self):
        """Open the dialog that merges payments of one order.

        :raise AccessError: If the user may not.
        :raise UserError: If they can't be merged.
        """
        self.order_id._check_billing_user()
        if len(self.order_id) != 1:
            raise UserError(self.env._("Only payments of the same order can be merged."))
        if len(self) < 2:
            raise UserError(self.env._("Choose at least two payments to merge."))
        self._check_can_be_opened(EventAction.MERGE)
        return self._open_merge_dialog()

    def _open_merge_dialog(self):
        order = self.order_id
        return self._open_dialog(
            'billpro.merge',
            self.env._("Merge Payments of %s", order.name),
            order_id=order.id,
            event_ids=self.ids,
            day=order._billing_get_today(),
        )

    def _check_can_be_opened(self, action):
        """Check that the user may change the payments now.

        :param billing.actions.EventAction action: What is to be done with them.
        :raise AccessError: If the user may not.
        :raise UserError: If one of them can't be changed.
        """
        self.order_id._check_billing_user()
        for event in self:
            if refusal := event._get_refusal_to_change(action):
                raise UserError(refusal)

    def _open_dialog(self, model, name, **values):
        return {
            'type': 'ir.actions.act_window',
            'name': name,
            'res_model': model,
            'res_id': self.env[model].create(values).id,
            'view_mode': 'form',
            'target': 'new',
        }

    # === PAUSE === #

    def _is_of_paused_period(self):
        """Return whether the period that the payment is for began while its order was paused.

        :rtype: bool
        """
        self.ensure_one()
        return bool(self.period_start) and self.order_id._billing_was_paused_on(self.period_start)

    def _move_behind_pause(self):
        """Let the payment be for the first period that begins after the pause, if there is one.

        What was declined for a period that was paused then, or is followed by others, is cancelled.
        """
        self.ensure_one()
        values = None
        if self.status not in DECLINED:
            values = self.order_id._get_purchase()._prepare_event_after_pause(self)
        others = (self.order_id.billing_event_ids - self).mapped('number')
        self._part_from_invoice()
        if values is None or values.get('number') in others:
            self._apply_trigger('cancel')
            self._get_added_lines().billing_event_id = False
        else:
            self.write(values)

    def _part_from_invoice(self):
        """Delete the invoice of a payment that was paused; what staff have posted they credit."""
        self.ensure_one()
        if invoice := self._get_invoice_by_hand():
            self.invoice_id = False
            self.order_id._billing_ask_staff(
                f'paused-{invoice.id}',
                self.env._("Invoice %s bills what was paused", invoice.name),
                self.env._(
                    "It was posted for a period that began while the order was paused. The"
                    " period isn't charged: credit the invoice, or have it paid in another way."
                ),
            )
        self._discard_draft_invoices()

    def _leave_out_merged(self, leaves):
        """Take payments out of the one they were merged into; it is cancelled without any.

        :param billpro.billing.event leaves: Some of those that it stands for.
        """
        self.ensure_one()
        if not leaves:
            return
        self._part_from_invoice()
        emptied = leaves
        while emptied and self not in emptied:
            parents = emptied.merged_into_id
            emptied._apply_trigger('cancel')
            emptied.merged_into_id = False
            emptied = parents.filtered(lambda event: not event.merged_event_ids)
        if not self.merged_event_ids:
            self._apply_trigger('cancel')
            return
        left = self._get_leaves()
        self.write(
            {
                'amount': self.currency_id.round(sum(left.mapped('amount'))),
                'period_start': min(left.filtered('period_start').mapped('period_start')),
                'period_end': max(left.filtered('period_end').mapped('period_end')),
            }
        )

    # === RESCHEDULE === #

    def _check_can_be_moved(self, day):
        """Check that a payment can be given another day now.

        :param datetime.date day: The day, in the customer's calendar; today or later.
        :raise UserError: If it can't be changed, or not to that.
        """
        self.ensure_one()
        if refusal := self._get_refusal_to_change(EventAction.RESCHEDULE):
            raise UserError(refusal)
        self._check_card_is_not_spent()
        self.order_id._check_billing_collection_day(day)

    def _reschedule(self, day, amount=None, is_lasting=False, reason=None):
        """Give a payment another day or amount, and tell the customer.

        :param datetime.date day: The day, in the customer's calendar; today or later.
        :param float amount: The amount, in the currency of the order; as it is if not given.
        :param bool is_lasting: Whether all later payments of a subscription follow.
        :param str reason: Why, for the chatter.
        :raise UserError: If the payment can't be changed, or not to that.
        """
        self.ensure_one()
        self._lock_for_change(EventAction.RESCHEDULE)
        self._check_card_is_not_spent()
        order = self.order_id
        old_day, old_amount = order._billing_get_date(self.due_date), self.amount
        amount = self.currency_id.round(old_amount if amount is None else amount)
        is_moved = day != old_day
        is_changed = bool(self.currency_id.compare_amounts(amount, old_amount))
        if self.status == 'scheduled' and not is_moved and not is_changed:
            return
        order._check_billing_collection_day(day)
        if is_lasting:
            order._get_purchase()._check_can_change_later(self)
            if is_moved and self.full_days:
                raise UserError(
                    self.env._(
                        "This payment is for a short period: move it without the later ones."
                    )
                )
            if is_changed and (discount := order._billing_get_running_discount()):
                raise UserError(
                    self.env._("Take back the discount first: %s.", discount._describe())
                )
        others = self._change_amounts(amount) if is_changed else {}
        self.due_date = due_datetime(day, order._get_time_zone())
        self._apply_trigger('reschedule')
        self.write({'retry_date': False, 'retry_verdict': False, 'decline_class': False})
        if is_lasting:
            order._get_purchase()._change_later(
                self, day=is_moved and day, amount=is_changed and amount - self.added_amount
            )
        self._schedule_overtaken()
        change = (old_day, old_amount, is_lasting, others)
        self._log_change(self._describe_change(self.env, *change), reason)
        env = order.with_context(lang=order._get_payment_contact().lang).env
        self._announce_change(self._describe_change_to_customer(env, *change))
        order._billing_follow_payments()

    def _change_amounts(self, amount):
        """Change the amount of this payment, and of those that balance it.

        :param float amount: The new amount, in the currency of the order.
        :return: The new amounts of the other payments.
        :rtype: dict
        :raise UserError: If it isn't possible, or not now.
        """
        self.ensure_one()
        amounts = self._get_amounts_after_change(amount)
        self._check_order_is_not_in_flight()
        self._discard_affected_invoices()
        for event, new_amount in amounts.items():
            old_amounts = {event: event.amount}
            event._set_amount(new_amount)
            event._compare_with_cap(old_amounts)
        return {event: new for event, new in amounts.items() if event != self}

    def _get_amounts_after_change(self, amount):
        """Return what the payments of the order are if this one has another amount.

        :param float amount: The new amount, in the currency of the order.
        :return: The amounts by payment, this one first.
        :rtype: dict
        :raise UserError: If it isn't possible.
        """
        self.ensure_one()
        if self.currency_id.compare_amounts(amount, 0) <= 0:
            raise UserError(
                self.env._("Enter an amount above zero. To collect nothing, skip the payment.")
            )
        if not self.currency_id.compare_amounts(amount, self.amount):
            return {self: amount}
        if self.merged_event_ids:
            raise UserError(
                self.env._(
                    "Payment %s was merged from others: its amount can't be changed.",
                    self.display_name,
                )
            )
        return self.order_id._get_purchase()._get_amounts_after_change(self, amount)

    def _schedule_overtaken(self):
        """Schedule the payment that follows if this one was moved behind its day.

        It is made when this one is through, which is too late then.
        """
        self.ensure_one()
        if not self.number:
            return
        following = self.order_id._get_purchase()._prepare_next_events(self)
        if any(values['due_date'] <= self.due_date for values in following):
            self._schedule_next_events()

    def _announce_later_amount(self, amount):
        """Log that the payments after this one have another amount, and tell the customer.

        :param float amount: The new amount, in the currency of the order.
        """
        self.ensure_one()
        order = self.order_id
        purchase, has_longer = order._get_purchase(), bool(order._billing_get_longer_lines())
        for env in (self.env, order.with_context(lang=order._get_payment_contact().lang).env):
            text = env._(
                "The payments after that on %(day)s are %(amount)s: the tax has changed.",
                day=order.with_env(env)._billing_get_date_text(self.due_date),
                amount=purchase.with_env(env)._get_rates_text(order.with_env(env))
                if has_longer
                else self.currency_id.with_env(env).format(amount),
            )
            if env == self.env:
                self._log_change(text, False)
        self._announce_change(text)
