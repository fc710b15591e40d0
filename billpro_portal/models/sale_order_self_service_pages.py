from odoo import models
from odoo.tools import format_date

from ..billing.declines import RETRY
from ..billing.lifecycle import DECLINED, LIVE

_CARD_BADGES = {'expiring': 'warning', 'expired': 'danger'}


class SaleOrder(models.Model):
    """What the customer's pages show of cards, declined payments and cancellation.

    The templates decide nothing: rows, texts and buttons are ready to print.
    """

    _inherit = 'sale.order'

    # === CARDS === #

    def _get_card_values(self):
        """Return the stored cards and what the customer may do with them, or False.

        :rtype: dict|bool
        """
        is_charged = self.billing_status in LIVE and not self.billing_cancel_date
        if not is_charged or not self.billing_token_id:
            return False
        can_change = self._can_change_cards()
        return {
            'rows': [self._get_card_row(card, can_change) for card in self._get_available_cards()],
            'add_url': can_change and self._get_order_link('/card'),
            'select_url': self._get_order_link('/card/select'),
            'remove_url': self._get_order_link('/card/remove'),
            'offer_all_orders': can_change and bool(self._get_other_orders_with_cards()),
        }

    def _get_card_row(self, card, can_change):
        """Return a stored card as a row.

        :param payment.token card: The card.
        :param bool can_change: Whether the customer may change cards.
        :rtype: dict
        """
        is_selected = card == self.billing_token_id
        other_orders = card._get_charged_orders() - self
        state = dict(card._fields['card_state']._description_selection(self.env))[card.card_state]
        return {
            'id': card.id,
            'name': card._get_card_name(),
            'expiry': card.card_expiry_date
            and self.env._("Expires %s", card.card_expiry_date.strftime('%m/%Y')),
            'badge': card.card_state in _CARD_BADGES
            and {'text': state, 'css': _CARD_BADGES[card.card_state]},
            'is_selected': is_selected,
            'can_select': can_change and not is_selected and card.card_state != 'expired',
            'can_remove': can_change and not is_selected and not other_orders,
            'note': self.env._("Charged for %s, too.", ', '.join(other_orders.mapped('name')))
            if other_orders
            else '',
        }

    # === ATTENTION === #

    def _get_attention(self):
        """Return what needs the customer: what happened, how much, and one way on.

        :rtype: list[dict]
        """
        self.ensure_one()
        if self._can_cancellation_be_undone():
            return [self._get_cancelled_attention()]
        if self.billing_status not in LIVE - {'paused'}:
            return []
        if authorized := self._get_authorization_attention():
            return authorized
        if self._is_collection_under_way():
            return [
                {
                    'level': 'info',
                    'title': self.env._("Payment in progress"),
                    'text': self.env._(
                        "We are collecting a payment. You will find the result here; nothing is"
                        " charged twice."
                    ),
                    'actions': [],
                }
            ]
        items = []
        declined = self._get_outstanding_events()
        if declined:
            items.append(self._get_declined_attention(declined))
        card = self.billing_token_id
        if card and (card.card_state != 'valid' or not card.active) and not declined:
            items.append(self._get_expiry_attention(card))
        return items

    def _get_cancelled_attention(self):
        return {
            'level': 'info',
            'title': self.env._("Your subscription is cancelled"),
            'text': self.env._(
                "You have access until %s. Nothing more is charged.",
                format_date(self.env, self.billing_cancel_date),
            ),
            'actions': [
                self._get_action(self.env._("Keep my subscription"), '/cancel/undo', 'post')
            ],
        }

    def _get_declined_attention(self, events):
        """Return the notice about payments that were declined or are overdue.

        :param billpro.billing.event events: The payments.
        :rtype: dict
        """
        amount = self.currency_id.round(sum(events.mapped('amount')))
        total = self.currency_id.format(amount)
        actions = []
        waiting = self._get_open_authentication()
        update = self._get_action(
            self.env._("Update card"), '/card', 'get', fields={'collect': '1'}
        )
        if waiting:
            text = self.env._(
                "Your bank wants you to confirm the payment of %s.",
                self.currency_id.format(waiting[0].amount),
            )
            title = self.env._("Please confirm your payment")
            actions.append(
                self._get_action(
                    self.env._("Confirm with your bank"), f'/authenticate/{waiting[0].id}', 'get'
                )
            )
        else:
            title = self.env._("Your payment was declined")
            refusal = self._get_refusal_to_collect()
            text = refusal or self._get_declined_text(events, total)
            if not refusal:
                actions.append(
                    self._get_action(
                        self.env._(
                            "Pay %(amount)s with %(card)s",
                            amount=total,
                            card=self.billing_token_id._get_card_name(),
                        ),
                        '/pay',
                        'post',
                        fields={'amount': amount},
                    )
                )
            if refusal:
                text = f'{self.env._("%s are outstanding.", total)} {refusal}'
        actions.append(update)
        actions[0]['primary'] = True
        return {
            'level': 'danger' if self.billing_status == 'suspended' else 'warning',
            'title': title,
            'text': text,
            'actions': actions,
        }

    def _get_declined_text(self, events, total):
        retries = events.filtered('retry_date').mapped('retry_date')
        if retries and self.billing_status != 'suspended':
            return self.env._(
                "%(amount)s are outstanding. We will try again on %(date)s; you can also pay now.",
                amount=total,
                date=self._get_date_text(min(retries)),
            )
        return self.env._(
            "%s are outstanding. We don't try again by ourselves: please pay now or update your"
            " card.",
            total,
        )

    def _get_expiry_attention(self, card):
        """Return the notice about a card that expires, has expired or was switched off.

        :param payment.token card: The selected card.
        :rtype: dict
        """
        if card.active and card.card_state == 'expiring':
            title = self.env._("Your card expires soon")
            text = self.env._(
                "%(card)s expires on %(date)s. Please enter a new one in time.",
                card=card._get_card_name(),
                date=format_date(self.env, card.card_expiry_date),
            )
        elif card.active:
            title = self.env._("Your card has expired")
            text = self.env._(
                "%s can't be charged any more. Please enter a new one.", card._get_card_name()
            )
        else:
            title = self.env._("Your card can't be charged any more")
            text = self.env._("Please enter a new one for the payments of this order.")
        return {
            'level': 'warning' if card.card_state == 'expiring' else 'danger',
            'title': title,
            'text': text,
            'actions': [self._get_action(self.env._("Update card"), '/card', 'get', primary=True)],
        }

    def _get_action(self, label, suffix, method, fields=None, primary=False):
        return {
            'label': label,
            'url': self._get_order_link(suffix),
            'method': method,
            'fields': fields or {},
            'primary': primary,
        }

    # === WORDS === #

    def _get_cancelled_status_text(self):
        """Return the status of a cancelled subscription in the customer's words.

        :rtype: str
        """
        if self.billing_cancel_date < self._get_today():
            return self.env._("Cancelled")
        return self.env._(
            "Cancelled – access until %s", format_date(self.env, self.billing_cancel_date)
        )

    def _get_event_explanation(self, event):
        """Return what happens next to a declined payment, in the customer's words.

        :param billpro.billing.event event: A scheduled payment.
        :rtype: str
        """
        if event.status not in DECLINED or self.billing_status not in LIVE:
            return ''
        if event.status == 'action_required':
            return self.env._("Your bank wants you to confirm it.")
        if event.retry_verdict == RETRY and event.retry_date and self.billing_status != 'suspended':
            return self.env._("We will try again on %s.", self._get_date_text(event.retry_date))
        if event._is_card_spent():
            return self.env._(
                "This card can't be charged for this payment any more. Please update your card."
            )
        return self.env._("We don't try again by ourselves. Please pay now or update your card.")

    def _get_attempt_explanation(self, tx):
        """Return what happened to a declined attempt, in the customer's words.

        :param payment.transaction tx: A payment.
        :rtype: str
        """
        event = tx.billing_event_id
        is_open = tx.billing_action_required or tx.state in {'error', 'cancel'}
        is_last = event and tx == event.transaction_ids.sorted('id')[-1:]
        return self._get_event_explanation(event) if is_open and is_last else ''

    def _get_notice(self, key):
        """Return what the last action did, in the customer's words.

        :param str key: What was done, from a request: only known keys say something.
        :return: The ``level`` and ``text``, or False.
        :rtype: dict|bool
        """
        notices = {
            'card_added': ('success', self.env._("Your card is saved and charged from now on.")),
            'card_failed': (
                'danger',
                self.env._("The card could not be saved. Please try again or use another one."),
            ),
            'card_selected': ('success', self.env._("The card is charged from now on.")),
            'card_removed': ('success', self.env._("The card was removed.")),
            'paid': ('success', self.env._("Thank you, your payment was received.")),
            'not_paid': (
                'danger',
                self.env._("The payment was not collected. Nothing was charged."),
            ),
            'cancelled': (
                'success',
                self.env._("Your subscription is cancelled. A confirmation is on its way."),
            ),
            'cancel_undone': ('success', self.env._("Your subscription continues.")),
            'text_messages_off': (
                'success',
                self.env._("You get no more text messages from us."),
            ),
            'text_messages_on': ('success', self.env._("You get text messages again.")),
            'message_sent': ('success', self.env._("Your message was sent. We will answer it.")),
        }
        level, text = notices.get(key, (False, False))
        return bool(level) and {'level': level, 'text': text}

    def _get_menu(self):
        """Return what the customer may do besides: cancel, or write to us.

        :rtype: list[dict]
        """
        if self.billing_status not in LIVE:
            return []
        if self._can_be_cancelled():
            return [
                {
                    'label': self.env._("Cancel subscription"),
                    'url': self._get_order_link('/cancel'),
                    'danger': True,
                }
            ]
        return [
            {
                'label': self.env._("Contact us about this order"),
                'url': self._get_order_link('/contact'),
                'danger': False,
            }
        ]

    # === PAGES === #

    def _get_card_page_values(self, wants_to_collect):
        """Return the values of the page on which the customer enters another card.

        :param bool wants_to_collect: Whether outstanding payments are to be collected with it.
        :rtype: dict
        """
        outstanding = self._get_outstanding_events()
        is_card_spent = self.billing_token_id.card_state != 'valid'
        update = wants_to_collect or is_card_spent or outstanding
        values = {
            **self._get_page_values(),
            'title': self.env._("Update card") if update else self.env._("Add a card"),
            'text': self.env._(
                "The new card is charged for the payments of this order from now on. Nothing is"
                " charged today."
            ),
            'back_url': self._get_order_link(),
            'outstanding': False,
            'confirm': False,
            'offer_all_orders': bool(self._get_other_orders_with_cards()),
            'submit_label': self.env._("Save card"),
            'limit_reached': False,
        }
        if not outstanding or self._is_collection_under_way():
            return values
        amount = self.currency_id.round(sum(outstanding.mapped('amount')))
        total = self.currency_id.format(amount)
        purchase = self._get_purchase()
        return {
            **values,
            'text': self.env._(
                "The new card is charged for the payments of this order from now on. %s are"
                " outstanding and are collected at once.",
                total,
            ),
            'outstanding': {
                'amount': total,
                'rows': [
                    {
                        'description': purchase._get_event_terms(leaf),
                        'date': self._get_due_date_text(leaf),
                        'amount': self.currency_id.format(leaf.amount),
                    }
                    for event in outstanding
                    for leaf in event._get_leaves()
                ],
            },
            'confirm': {
                'label': self.env._("Charge %s to this card now", total),
                'amount': amount,
            },
            'submit_label': self.env._("Save card and pay %s", total),
        }

    def _get_progress_values(self):
        """Return the values of the page on which the customer waits for a payment.

        :rtype: dict
        """
        return {
            **self._get_page_values(),
            'message': self.env._("We are collecting your payment. Please stay on this page."),
            'amount': self.currency_id.format(
                self.billing_collection_amount
                or sum(self._get_open_authentication().mapped('amount'))
                or self.billing_outstanding
            ),
            'card': self.billing_token_id._get_card_name(),
            'progress_route': self._get_order_link('/progress/state'),
            'slow_message': self.env._(
                "This takes longer than usual. The result will be on your order's page; nothing is"
                " charged twice."
            ),
        }

    def _get_authenticate_values(self, tx, inline):
        """Return the values of the page on which the customer confirms a payment with the bank.

        :param payment.transaction tx: The payment that waits for it.
        :param dict inline: The values of Stripe.js.
        :rtype: dict
        """
        return {
            **self._get_page_values(),
            'message': self.env._(
                "Your bank asks you to confirm this payment. It is the same payment: you are"
                " charged once."
            ),
            'amount': tx.currency_id.format(tx.amount),
            'card': tx._get_card_name(),
            'back_url': self._get_order_link(),
            'button_label': self.env._("Confirm with your bank"),
            'inline': inline,
            'result_url': self._get_order_link('/progress'),
        }

    def _get_cancel_values(self):
        """Return the values of the page on which the customer cancels the subscription.

        :rtype: dict
        """
        at_once = self.company_id.billing_cancel_mode == 'now'
        last_day = self._get_cancel_date(at_once)
        has_access = last_day >= self._get_today()
        reasons = (
            self.env['billpro.cancel.reason']
            .sudo()
            .search([('company_id', 'in', [False, self.company_id.id])])
        )
        return {
            **self._get_page_values(),
            'title': self.env._("Cancel your subscription"),
            'text': [
                self.env._(
                    "You keep access until %s, the last day you have paid for.",
                    format_date(self.env, last_day),
                )
                if has_access
                else self.env._("Your subscription ends at once."),
                self.env._("Nothing more is charged to your card."),
                self.env._("What you have paid already is not refunded."),
                *([self.env._("You can change your mind until then.")] if has_access else []),
            ],
            'reasons': [{'id': reason.id, 'name': reason.name} for reason in reasons],
            'cancel_url': self._get_order_link('/cancel'),
            'back_url': self._get_order_link(),
            'confirm_label': self.env._("Cancel subscription"),
        }

    def _get_contact_values(self, value='', error=False):
        """Return the values of the page on which the customer writes to the salesperson.

        :param str value: What was typed.
        :param str|bool error: Why it was not sent.
        :rtype: dict
        """
        return {
            **self._get_page_values(),
            'title': self.env._("Contact us about this order"),
            'text': self.env._(
                "Do you want to end or change this order? Write to us: we will answer by mail."
            ),
            'contact_url': self._get_order_link('/contact'),
            'back_url': self._get_order_link(),
            'error': error,
            'value': value,
        }
