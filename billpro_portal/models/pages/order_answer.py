from odoo import models

from ...billing.lifecycle import BEFORE_APPROVAL, LIVE, PAID

_LEVELS = {
    'complete': 'success',
    'active': 'success',
    'failed': 'warning',
    'suspended': 'danger',
    'paused': 'secondary',
    'cancelled': 'secondary',
}
_MAX_STEPS = 12  # More don't fit beside each other on a phone.


class BillproOrderAnswer(models.AbstractModel):
    """The one answer on top of an order's page: what is owed or that nothing is, and what to do."""

    _name = 'billpro.order.answer'
    _description = "Answer on the Page of an Order"

    def _get_answer(self, order):
        """Return the answer: what needs the customer, or that nothing does.

        :param sale.order order: The order.
        :return: The ``status`` in words and its ``level``; ``label``, ``title``, ``text`` and
                 ``actions``; whether it ``needs_customer``; ``progress`` and ``document``, if any.
        :rtype: dict
        """
        attention = self.env['billpro.order.attention']._get_attention(order)
        page = self.env['billpro.order.page']
        authorization = page._get_authorization_status(order)
        level = 'secondary' if order.billing_cancel_date else _LEVELS.get(order.billing_status)
        return {
            'status': page._get_billing_status_text(order),
            'level': authorization['css'] if authorization else level or 'info',
            'needs_customer': bool(attention),
            'label': False,
            'actions': [],
            'progress': self._get_progress(order),
            'document': not attention and self._get_latest_invoice_link(order),
            **(attention[0] if attention else self._get_calm_answer(order)),
        }

    def _get_list_text(self, order):
        """Return the answer in one line, as lists of orders show it.

        :param sale.order order: The order.
        :rtype: str
        """
        if order.billing_status in BEFORE_APPROVAL | {'cancelled'}:
            return self.env['billpro.order.page']._get_billing_status_text(order)
        answer = self._get_answer(order)
        label = answer['label']
        return self.env._(
            "%(status)s: %(answer)s",
            status=label or answer['status'],
            answer=answer['title'],
        )

    # === NOTHING TO DO === #

    def _get_calm_answer(self, order):
        """Return what is paid next, or that nothing is.

        :param sale.order order: The order.
        :return: The ``title``, ``text`` and, if there is one, ``label``.
        :rtype: dict
        """
        if payment := self.env['billpro.order.payments']._get_next_payment(order):
            return self._get_next_answer(order, payment)
        if order.billing_status == 'review':
            return {
                'title': self.env._("We are looking at this order"),
                'text': self.env._(
                    "One payment needs a person to look at it. You have nothing to do: we write to"
                    " you when it is settled."
                ),
            }
        if order.billing_status in LIVE and not order._billing_is_collection_over():
            return {
                'title': self.env._("Nothing is to be paid now"),
                'text': self.env._("There is nothing to do."),
            }
        return self._get_final_answer(order)

    def _get_next_answer(self, order, payment):
        """Return the answer of an order on which nothing is owed, and which goes on.

        :param sale.order order: The order.
        :param dict payment: The payment to expect next.
        :rtype: dict
        """
        is_trial = order.billing_next_event_id._ends_trial()
        if not payment['card']:
            text = self.env._("There is nothing to do.")
        elif is_trial:
            text = self.env._(
                "From %s, when your free trial ends. Cancel before then and you pay nothing.",
                payment['card'],
            )
        elif order._get_purchase()._has_total():  # Some of it is still to come.
            text = self.env._("From %s. There is nothing to do.", payment['card'])
        else:
            text = self.env._(
                "From %s. Everything is paid, and there is nothing to do.", payment['card']
            )
        return {
            'label': self.env._("First payment") if is_trial else self.env._("Next payment"),
            'title': self.env._(
                "%(amount)s on %(date)s", amount=payment['amount'], date=payment['day']
            ),
            'text': text,
        }

    def _get_final_answer(self, order):
        """Return the answer of an order that is over.

        :param sale.order order: The order.
        :rtype: dict
        """
        currency = order.currency_id
        if not currency.is_zero(order.billing_refunded):
            return {
                'title': self.env._("%s refunded", currency.format(order.billing_refunded)),
                'text': self.env._(
                    "You paid %(paid)s; after the refund that is %(net)s. Banks take up to 10 days"
                    " to show a refund.",
                    paid=currency.format(order.billing_paid),
                    net=currency.format(order.billing_paid - order.billing_refunded),
                ),
            }
        if order._get_purchase()._has_total() and not currency.is_zero(order.billing_paid):
            return {
                'title': self.env._(
                    "%s paid, nothing left to pay", currency.format(order.billing_paid)
                ),
                'text': self.env._("Nothing more is charged. Your documents stay here."),
            }
        # What is withdrawn from ends then; the last day that was used was the day before.
        withdrawn = order._billing_get_withdrawal().date
        ended = (
            (withdrawn and order._billing_get_date(withdrawn))
            or order.billing_cancel_date
            or (order.billing_ended_date and order._billing_get_date(order.billing_ended_date))
        )
        return {
            'title': self.env._(
                "Ended on %s", self.env['billpro.page.words']._get_day(order, ended)
            )
            if ended
            else self.env._("Nothing is to be paid any more"),
            'text': self.env._("Nothing more is charged. Your documents stay here."),
        }

    # === BESIDE IT === #

    def _get_progress(self, order):
        """Return how much of an order in instalments is paid, or False.

        :param sale.order order: The order.
        :return: The ``text``, ``paid`` and ``left``; the ``steps``, each `done`, `next` or `later`;
                 if they are too many, none, and the ``percent`` that is paid.
        :rtype: dict|bool
        """
        if not order._get_purchase()._has_instalments:
            return False
        currency = order.currency_id
        states = [
            'done' if event.status in PAID else 'later'
            for event in order.billing_event_ids
            if event.status not in {'merged', 'skipped', 'cancelled'}
            for _leaf in event._get_leaves()
        ]
        if not states:
            return False
        done = states.count('done')
        if 'later' in states:
            states[states.index('later')] = 'next'
        paid = order.billing_paid - order.billing_refunded
        total = paid + order.billing_balance
        return {
            'text': self.env._(
                "%(done)s of %(count)s instalments are paid", done=done, count=len(states)
            ),
            'paid': self.env._("%s paid", currency.format(paid)),
            'left': self.env._("%s to go", currency.format(order.billing_balance)),
            'steps': states if len(states) <= _MAX_STEPS else [],
            'percent': 0 if currency.is_zero(total) else round(100 * paid / total),
        }

    def _get_latest_invoice_link(self, order):
        """Return the link to the invoice of the last payment, or False.

        :param sale.order order: The order.
        :return: The ``label`` and ``url``.
        :rtype: dict|bool
        """
        invoice = order.billing_move_ids.filtered(
            lambda move: move.state == 'posted' and move.move_type == 'out_invoice'
        ).sorted(lambda move: (move.invoice_date, move.id))[-1:]
        if not invoice:
            return False
        return {
            'label': self.env._(
                "Latest invoice, %s",
                self.env['billpro.page.words']._get_day(order, invoice.invoice_date),
            ),
            'url': order._billing_get_order_link(f'/document/invoice/{invoice.id}'),
        }
