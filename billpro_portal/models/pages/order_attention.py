from datetime import timedelta

from odoo import models

from ...billing.lifecycle import DECLINED, IN_FLIGHT, LIVE


class BillproOrderAttention(models.AbstractModel):
    """What needs the customer of an order, and the pages on which they see to it."""

    _name = 'billpro.order.attention'
    _description = "What Needs the Customer of an Order"

    def _get_attention(self, order):
        """Return what needs the customer: what happened, how much, and one way on.

        :param sale.order order: The order.
        :rtype: list[dict]
        """
        order.ensure_one()
        if order._can_cancellation_be_undone() and order._billing_is_collection_over():
            return [self._get_cancelled_attention(order)]
        if order.billing_status == 'paused':
            return [self._get_paused_attention(order)]
        if order.billing_status not in LIVE:
            return []
        if authorized := self._get_authorization_attention(order):
            return authorized
        if order._billing_is_collection_under_way():
            return [self._get_progress_attention(order)]
        items = self._get_waiting_attention(order)
        declined = order._billing_get_outstanding_events()
        if declined:
            items = [self._get_declined_attention(order, declined, items)]
        card = order.billing_token_id
        if card and (card.card_state != 'valid' or not card.active) and not declined:
            items.append(self._get_expiry_attention(order, card))
        if order._can_cancellation_be_undone():
            cancelled = self._get_cancelled_attention(order)
            if declined:  # The page shows the first one only.
                items[0]['actions'] += cancelled['actions']
            items.append(cancelled)
        return items

    def _get_progress_attention(self, order):
        """Return the notice about payments of which nobody knows yet what became of them.

        :param sale.order order: The order.
        :rtype: dict
        """
        events = order.billing_event_ids.filtered(lambda event: event.status in IN_FLIGHT)
        if 'unknown' in events.mapped('status'):
            title = self.env._("We don't know yet if your payment went through")
            text = self.env._(
                "We are asking. Please don't pay again: nothing is charged twice. You will find"
                " the result here."
            )
        else:
            amount = order.billing_collection_amount or sum(events.mapped('amount'))
            title = (
                self.env._("%s is being collected", order.currency_id.format(amount))
                if amount
                else self.env._("Payment in progress")
            )
            text = self._get_progress_text(order)
        return {'level': 'info', 'title': title, 'text': text, 'actions': []}

    def _get_progress_text(self, order):
        """Return what is known of a payment under way, in the customer's words.

        :param sale.order order: The order.
        :rtype: str
        """
        for tx in order.billing_event_ids.transaction_ids:
            if expected := tx._billing_get_expected_date():
                return self.env._(
                    "Your bank is asked for a payment by %(method)s. That takes some days: we"
                    " expect the money by %(date)s. Nothing is charged twice.",
                    method=tx.payment_method_id.name,
                    date=self._get_day(order, expected),
                )
        return self.env._(
            "We are collecting a payment. You will find the result here; nothing is charged twice."
        )

    def _get_result(self, order):
        """Return what became of the payment that the customer has waited for.

        :param sale.order order: The order.
        :return: A key of `billpro.order.page._get_notice`.
        :rtype: str
        """
        last = order.billing_event_ids.transaction_ids.sorted('id')[-1:]
        change = last.billing_event_id.change_id
        if last.billing_action_required and last.billing_event_id._is_optional():
            return 'change_waits'
        if last.billing_event_id.is_early and not last.billing_event_id.early_done_date:
            return 'not_paid'
        if change.state == 'declined':
            return 'not_changed'
        if order.billing_outstanding:
            return 'not_paid'
        return 'changed' if change.state == 'done' else 'paid'

    def _get_waiting_change_attention(self, order, change):
        """Return that the customer's bank wants them to confirm what a change costs.

        :param sale.order order: The order.
        :param billpro.change change: The change.
        :rtype: dict
        """
        payment = change.event_ids.transaction_ids.filtered('billing_action_required')[-1:]
        return {
            'level': 'warning',
            'title': self.env._(
                "%s waits for your OK", order.currency_id.format(change.event_ids.amount)
            ),
            'text': self.env._(
                "Your bank wants you to confirm the payment for your change: %s. Until then nothing"
                " is charged, and nothing changes.",
                change._describe(),
            ),
            'actions': [
                self._get_action(
                    order,
                    self.env._("Confirm with your bank"),
                    f'/authenticate/{payment.id}',
                    'get',
                    primary=True,
                ),
                self._get_action(order, self.env._("Don't change"), '/change/undo', 'post'),
            ],
        }

    def _get_waiting_attention(self, order):
        """Return what the customer has agreed to pay, and is to confirm with their bank.

        :param sale.order order: The order.
        :rtype: list[dict]
        """
        items = []
        if change := order._billing_get_waiting_change():
            items.append(self._get_waiting_change_attention(order, change))
        if early := order._billing_get_waiting_early():
            items.append(self._get_waiting_early_attention(order, early))
        return items

    def _get_waiting_early_attention(self, order, event):
        """Return that the customer's bank wants them to confirm what they pay early.

        :param sale.order order: The order.
        :param billpro.billing.event event: The payment.
        :rtype: dict
        """
        payment = event.transaction_ids.filtered('billing_action_required')[-1:]
        return {
            'level': 'warning',
            'title': self.env._("%s waits for your OK", order.currency_id.format(event.amount)),
            'text': self.env._(
                "Your bank wants you to confirm what you pay early. Until then nothing is charged."
            ),
            'actions': [
                self._get_action(
                    order,
                    self.env._("Confirm with your bank"),
                    f'/authenticate/{payment.id}',
                    'get',
                    primary=True,
                ),
                self._get_action(order, self.env._("Don't pay now"), '/pay-early/undo', 'post'),
            ],
        }

    def _get_cancelled_attention(self, order):
        if order._billing_is_collection_over():
            text = self.env._(
                "Nothing more is charged. Until then you can take the cancellation back."
            )
        elif order.billing_owes_arrears:
            text = self.env._(
                "What is outstanding is still to be paid. Until then you can take the cancellation"
                " back."
            )
        else:
            text = self.env._(
                "What you use until then is still charged. You can take the cancellation back"
                " until then."
            )
        return {
            'level': 'info',
            'title': self.env._("Yours until %s", self._get_day(order, order.billing_cancel_date)),
            'text': text,
            'actions': [
                self._get_action(order, self.env._("Keep my subscription"), '/cancel/undo', 'post')
            ],
        }

    def _get_paused_attention(self, order):
        """Return that the order is paused, until when, and what that means.

        :param sale.order order: The order.
        :rtype: dict
        """
        if not order.billing_pause_until:
            title = self.env._("Your order is paused")
            text = self.env._("Nothing is charged until we start it again.")
        else:
            title = self.env._(
                "Paused until %s",
                self._get_day(order, order.billing_pause_until - timedelta(days=1)),
            )
            text = self.env._(
                "Nothing is charged until then. It goes on by itself on %s.",
                self._get_day(order, order.billing_pause_until),
            )
        actions = []
        if day := order._billing_get_day_after_resuming():
            text = self.env._(
                "%(text)s If you resume it now, your next payment is on %(day)s.",
                text=text,
                day=self._get_day(order, day),
            )
            fields = {'day': day.isoformat()}
            actions = [
                self._get_action(order, self.env._("Resume now"), '/resume', 'post', fields=fields)
            ]
        return {'level': 'info', 'title': title, 'text': text, 'actions': actions}

    def _get_authorization_attention(self, order):
        """Return the notice about reserved money, as the order portal shows it.

        :param sale.order order: The order.
        :return: One notice; none if nothing is reserved.
        :rtype: list[dict]
        """
        order.ensure_one()
        if not order._get_open_authorization():
            return []
        return [
            {
                'level': 'info',
                'title': self.env._("Authorised, not charged yet"),
                'text': self._get_authorization_text(order),
                'actions': [],
            }
        ]

    def _get_authorization_text(self, order):
        """Return what becomes of the reserved money, in the customer's words.

        :param sale.order order: The order.
        :rtype: str
        """
        order.ensure_one()
        return self.env._(
            "%s are reserved on your card and not charged yet. They are charged when we confirm or"
            " deliver your order.",
            order.currency_id.format(order._get_open_authorization().amount),
        )

    def _get_declined_attention(self, order, events, others=()):
        """Return the notice about payments that were declined or are overdue.

        :param sale.order order: The order.
        :param billpro.billing.event events: The payments.
        :param list others: What else waits for the customer's bank: it can be confirmed, too.
        :rtype: dict
        """
        waiting = order._billing_get_open_authentication().filtered(
            lambda tx: not tx.billing_event_id._is_optional()
        )[:1]
        if waiting:
            title = self.env._("%s waits for your OK", order.currency_id.format(waiting.amount))
            text = self.env._("Your bank wants you to confirm it. Nothing is charged before.")
            actions = [
                self._get_action(
                    order,
                    self.env._("Confirm with your bank"),
                    f'/authenticate/{waiting.id}',
                    'get',
                )
            ]
        elif not self._is_declined(events) and self.env['billpro.failure']._search_of(
            events, 'invalid'
        ):
            return self._get_set_aside_attention(order, events)
        else:
            title, text, actions = self._get_way_to_pay(order, events)
        actions.append(
            self._get_action(
                order, self._get_update_label(order), '/card', 'get', fields={'collect': '1'}
            )
        )
        actions[0]['primary'] = True
        for other in others:
            text = f'{text} {other["title"]}: {other["text"]}'
            actions += [{**action, 'primary': False} for action in other['actions']]
        return {
            'level': 'danger' if order.billing_status == 'suspended' else 'warning',
            'title': title,
            'text': text,
            'actions': actions,
        }

    def _get_set_aside_attention(self, order, events):
        """Return the notice about payments that can't be had as they are, whoever's card it is.

        :param sale.order order: The order.
        :param billpro.billing.event events: The payments that are outstanding.
        :rtype: dict
        """
        amount = order.currency_id.round(sum(events.mapped('amount')))
        return {
            'level': 'info',
            'title': self.env._("We see to a payment"),
            'text': self.env._(
                "%s are outstanding, and could not be collected for a reason of ours. Your card is"
                " not to blame, and you need not do anything.",
                order.currency_id.format(amount),
            ),
            'actions': [],
        }

    def _is_declined(self, events):
        return any(event.status in DECLINED for event in events)

    def _get_way_to_pay(self, order, events):
        """Return what is owed, and the button that collects it with the selected card.

        :param sale.order order: The order.
        :param billpro.billing.event events: The payments that are outstanding.
        :return: The title, the text, and the button unless the card can't be charged.
        :rtype: tuple[str, str, list[dict]]
        """
        amount = order.currency_id.round(sum(events.mapped('amount')))
        total = order.currency_id.format(amount)
        refusal = order._billing_get_refusal_to_collect()
        above_cap = events.filtered('is_above_cap')
        sentences = self._get_decline_sentences(events)
        sentences += [event._describe_cap(self.env) for event in above_cap]
        if refusal:
            sentences.append(refusal)
        elif by_itself := events - above_cap:
            sentences.append(self._get_declined_text(order, by_itself))
        title = self.env._("%s is still to pay", total)
        if order.billing_status == 'suspended':
            title = self.env._("Pay %s and it goes on at once", total)
            sentences.append(self.env._("Nothing is charged by itself while it is stopped."))
        if refusal:
            return title, ' '.join(sentences), []
        label = self.env._(
            "Pay %(amount)s with %(card)s",
            amount=total,
            card=self._get_unbroken_name(order.billing_token_id),
        )
        pay = self._get_action(order, label, '/pay', 'post', fields={'amount': amount})
        return title, ' '.join(sentences), [pay]

    def _get_decline_sentences(self, events):
        """Return who declined payments with what, and why.

        :param billpro.billing.event events: The payments that are outstanding.
        :return: The sentences; none if no bank has declined any.
        :rtype: list[str]
        """
        last = events.transaction_ids.sorted('id')[-1:]
        reason = self.env['billpro.order.payments']._get_decline_reason(last)
        if not reason or not self._is_declined(events):
            return []
        return [self.env._("Your bank declined %s.", self._get_unbroken_name(last)), reason]

    def _get_declined_text(self, order, events):
        """Return what happens to outstanding payments if the customer does nothing.

        :param sale.order order: The order.
        :param billpro.billing.event events: The payments that are outstanding.
        :rtype: str
        """
        retries = events.filtered('retry_date').mapped('retry_date')
        if retries and order.billing_status != 'suspended':
            return self.env._(
                "If you do nothing, we try again on %s.",
                self._get_day(order, order._billing_get_date(min(retries))),
            )
        if not self._is_declined(events):
            return self.env._("We collect it as soon as we can; you can also pay now.")
        if not order._billing_speaks_of_cards():
            return self.env._(
                "We don't try again by ourselves: please pay now or enter another way to pay."
            )
        return self.env._("We don't try again by ourselves: please pay now or update your card.")

    def _get_update_label(self, order):
        """Return what the button says that leads to where another way to pay is entered.

        :param sale.order order: The order.
        :rtype: str
        """
        return (
            self.env._("Update card")
            if order._billing_speaks_of_cards()
            else self.env._("Update payment method")
        )

    def _get_expiry_attention(self, order, card):
        """Return the notice about a card that expires, has expired or was switched off.

        :param sale.order order: The order.
        :param payment.token card: The selected card.
        :rtype: dict
        """
        if card.active and card.card_state == 'expiring':
            title = self.env._("Your card expires soon")
            text = self.env._(
                "%(card)s expires on %(date)s. Please enter a new one in time.",
                card=card._get_card_name(),
                date=self._get_day(order, card.card_expiry_date),
            )
        elif card.active:
            title = self.env._("Your card has expired")
            text = self.env._(
                "%s can't be charged any more. Please enter a new one.", card._get_card_name()
            )
        else:
            title = self.env._("%s can't be charged any more", card._get_card_name())
            if card._billing_is_card():
                title = self.env._("Your card can't be charged any more")
            text = self.env._("Please enter a new one for the payments of this order.")
        return {
            'level': 'warning' if card.card_state == 'expiring' else 'danger',
            'title': title,
            'text': text,
            'actions': [
                self._get_action(order, self._get_update_label(order), '/card', 'get', primary=True)
            ],
        }

    def _get_unbroken_name(self, payment):
        return self.env['billpro.page.words']._keep_together(payment._get_card_name())

    def _get_day(self, order, day):
        return self.env['billpro.page.words']._get_day(order, day)

    def _get_action(self, order, label, suffix, method, fields=None, primary=False):
        return {
            'label': label,
            'url': order._billing_get_order_link(suffix),
            'method': method,
            'fields': fields or {},
            'primary': primary,
        }

    # === WAITING AND CONFIRMING === #

    def _get_progress_values(self, order):
        """Return the values of the page on which the customer waits for a payment.

        :param sale.order order: The order.
        :rtype: dict
        """
        return {
            **self.env['billpro.order.page']._get_page_values(order),
            'message': self.env._("We are collecting your payment. Please stay on this page."),
            'amount': order.currency_id.format(
                order.billing_collection_amount
                or sum(order._billing_get_open_authentication().mapped('amount'))
                or order.billing_outstanding
            ),
            'card': order.billing_token_id._get_card_name(),
            'progress_route': order._billing_get_order_link('/progress/state'),
            'slow_message': self.env._(
                "This takes longer than usual. The result will be on your order's page; nothing is"
                " charged twice."
            ),
        }

    def _get_authenticate_values(self, order, tx, inline):
        """Return the values of the page on which the customer confirms a payment with the bank.

        :param sale.order order: The order.
        :param payment.transaction tx: The payment that waits for it.
        :param dict inline: The values for the provider's script.
        :rtype: dict
        """
        return {
            **self.env['billpro.order.page']._get_page_values(order),
            'message': self.env._(
                "Your bank asks you to confirm this payment. It is the same payment: you are"
                " charged once."
            ),
            'amount': tx.currency_id.format(tx.amount),
            'card': tx._get_card_name(),
            'back_url': order._billing_get_order_link(),
            'button_label': self.env._("Confirm with your bank"),
            'inline': inline,
            'result_url': order._billing_get_order_link(self._get_confirmed_suffix(tx)),
        }

    def _get_confirmed_suffix(self, tx):
        """Return where customers go on who have confirmed a payment with the bank.

        :param payment.transaction tx: The payment.
        :return: The path below the order's own.
        :rtype: str
        """
        return '/progress' if tx.billing_event_id else '/result'
