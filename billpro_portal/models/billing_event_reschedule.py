from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..billing.calendar import due_datetime
from ..billing.lifecycle import MERGEABLE


class BillproBillingEvent(models.Model):
    """Giving a payment another day or another amount.

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

    def _reschedule(self, day, amount=None, is_lasting=False, reason=None):
        """Give a payment another day or amount, and tell the customer.

        :param datetime.date day: The day, in the customer's calendar; today or later.
        :param float amount: The amount, in the currency of the order; as it is if not given.
        :param bool is_lasting: Whether all later payments of a subscription follow.
        :param str reason: Why, for the chatter.
        :raise UserError: If the payment can't be changed, or not to that.
        """
        self.ensure_one()
        self._lock_for_change(MERGEABLE)
        self._check_card_is_not_spent()
        order = self.order_id
        old_day, old_amount = order._get_date(self.due_date), self.amount
        amount = self.currency_id.round(old_amount if amount is None else amount)
        is_moved = day != old_day
        is_changed = bool(self.currency_id.compare_amounts(amount, old_amount))
        if self.status == 'scheduled' and not is_moved and not is_changed:
            return
        order._check_collection_day(day)
        if is_lasting:
            order._get_purchase()._check_can_change_later(self)
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
        self._tell_of_change(self._describe_change_to_customer(env, *change))
        order._follow_payments()

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
            event._set_amount(new_amount)
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

    def _set_amount(self, amount):
        """Change the amount and remember by how much it differs from what the order says.

        :param float amount: The new amount, in the currency of the order.
        """
        self.ensure_one()
        difference = self.currency_id.round(amount - self.amount)
        self.write(
            {
                'amount': amount,
                'adjustment': self.currency_id.round(self.adjustment + difference),
            }
        )

    def _take_collected_amount(self, amount):
        """Correct the amount of a payment that was collected as it was before it was changed.

        The customer's bank, or a late message of the provider, may approve an attempt at any time.

        :param float amount: What was collected, in the currency of the order.
        """
        self.ensure_one()
        self._discard_affected_invoices()
        try:
            amounts = self._get_amounts_after_change(amount)
        except UserError:  # Nothing is left to balance it: the order is reviewed by a person.
            amounts = {self: amount}
        for event, new_amount in amounts.items():
            event._set_amount(new_amount)
        self._log_change(
            self.env._(
                "Payment %(event)s was collected with %(amount)s, as it was before it was changed.",
                event=self.display_name,
                amount=self.currency_id.format(amount),
            ),
            False,
        )

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

    def _tell_of_new_amount(self, old_amount, is_lasting=True):
        """Log that this payment has another amount, and tell the customer.

        :param float old_amount: The amount before, in the currency of the order.
        :param bool is_lasting: Whether all later ones have it, too.
        """
        self.ensure_one()
        order = self.order_id
        change = (order._get_date(self.due_date), old_amount, is_lasting, {})
        self._log_change(self._describe_change(self.env, *change), False)
        env = order.with_context(lang=order._get_payment_contact().lang).env
        self._tell_of_change(self._describe_change_to_customer(env, *change))

    def _tell_of_later_amount(self, amount):
        """Log that the payments after this one have another amount, and tell the customer.

        :param float amount: The new amount, in the currency of the order.
        """
        self.ensure_one()
        order = self.order_id
        for env in (self.env, order.with_context(lang=order._get_payment_contact().lang).env):
            text = env._(
                "The payments after that on %(day)s are %(amount)s: the tax has changed.",
                day=format_date(env, order._get_date(self.due_date)),
                amount=self.currency_id.with_env(env).format(amount),
            )
            if env == self.env:
                self._log_change(text, False)
        self._tell_of_change(text)

    # === WORDS === #

    def _describe_change(self, env, old_day, old_amount, is_lasting, others):
        """Return what was changed, for the chatter.

        :param api.Environment env: The environment of the language.
        :param datetime.date old_day: The day before.
        :param float old_amount: The amount before.
        :param bool is_lasting: Whether all later payments follow.
        :param dict others: What other payments became.
        :rtype: str
        """
        order = self.order_id
        format_amount = self.currency_id.with_env(env).format
        new_day = order._get_date(self.due_date)
        texts = []
        if new_day != old_day:
            texts.append(
                env._(
                    "Payment %(event)s was moved from %(old)s to %(new)s.",
                    event=self.display_name,
                    old=format_date(env, old_day),
                    new=format_date(env, new_day),
                )
            )
        if self.currency_id.compare_amounts(old_amount, self.amount):
            texts.append(
                env._(
                    "Payment %(event)s was changed from %(old)s to %(new)s.",
                    event=self.display_name,
                    old=format_amount(old_amount),
                    new=format_amount(self.amount),
                )
            )
        if not texts:
            texts.append(env._("Payment %s is scheduled again.", self.display_name))
        if is_lasting:
            texts.append(env._("All later payments follow."))
        for event, amount in others.items():
            texts.append(
                env._(
                    "Payment %(event)s is %(amount)s now.",
                    event=event.display_name,
                    amount=format_amount(amount),
                )
            )
        return ' '.join(texts)

    def _describe_change_to_customer(self, env, old_day, old_amount, is_lasting, others):
        """Return what was changed, in the customer's words; see `_describe_change`.

        :rtype: str
        """
        order = self.order_id
        format_amount = self.currency_id.with_env(env).format
        values = {
            'amount': format_amount(old_amount),
            'old': format_date(env, old_day),
            'new': format_date(env, order._get_date(self.due_date)),
            'new_amount': format_amount(self.amount),
        }
        is_changed = self.currency_id.compare_amounts(old_amount, self.amount)
        if is_changed and values['old'] == values['new']:
            texts = [
                env._("Your payment on %(old)s is %(new_amount)s instead of %(amount)s.", **values)
            ]
        elif is_changed:
            texts = [
                env._(
                    "Your payment of %(amount)s that was due on %(old)s is changed:"
                    " %(new_amount)s are collected on %(new)s.",
                    **values,
                )
            ]
        else:
            texts = [
                env._(
                    "Your payment of %(amount)s that was due on %(old)s is collected on %(new)s.",
                    **values,
                )
            ]
        if is_lasting and is_changed:
            later = format_amount(self.amount - self.added_amount)
            texts.append(
                env._("Your later payments are %s.", later)
                if self.added_amount
                else env._("Your later payments are %s, too.", later)
            )
        if is_lasting and values['old'] != values['new']:
            texts.append(
                env._(
                    "Your later payments are counted from that day, %s.",
                    order._get_purchase().with_env(env)._get_interval_text(order.with_env(env)),
                )
            )
        if others:
            texts.append(
                env._(
                    "Your later payments are now: %s.",
                    ', '.join(
                        f'{format_date(env, order._get_date(event.due_date))}'
                        f' {format_amount(amount)}'
                        for event, amount in others.items()
                    ),
                )
            )
        return ' '.join(texts)
