from datetime import datetime

from odoo import models

from ...billing.lifecycle import BEFORE_APPROVAL, LIVE
from ..lifecycle.plurals import choose_plural


class BillproOrderHome(models.AbstractModel):
    """All orders of a customer with a company on one page: what is owed, what comes, and the cards.

    It is reached by the link of any of them. The link was sent to one contact, and opens the orders
    of that contact; only a login opens those of the whole company it belongs to.
    """

    _name = 'billpro.order.home'
    _description = "All Orders of a Customer"

    # === WHICH ORDERS === #

    def _get_orders(self, order, user=None):
        """Return the orders that may be shown to who has opened one of them, newest first.

        :param sale.order order: The order that was opened, in superuser mode.
        :param res.users|None user: The login, if it is the customer's; None for a link alone.
        :return: The orders in superuser mode, the one that was opened among them.
        :rtype: sale.order
        """
        domain = [
            ('purchase_type', '!=', False),
            ('billing_status', '!=', 'draft'),
            ('company_id', '=', order.company_id.id),
        ]
        of_contact = order.search([*domain, ('partner_id', '=', order.partner_id.id)])
        if not user:
            return of_contact.filtered(lambda one: not one._billing_is_link_over()) | order
        company = order.partner_id.commercial_partner_id
        of_company = order.search([*domain, ('partner_id.commercial_partner_id', '=', company.id)])
        readable = of_company.with_user(user)._filtered_access('read')
        return (of_contact | of_company.browse(readable.ids)).sorted('id', reverse=True)

    def _get_amounts_to_pay(self, answers):
        """Return what the customer can pay at once, order by order, as the order's page offers it.

        :param dict answers: The answer of each order.
        :return: The amounts of those that can be paid, in their own currencies.
        :rtype: dict[sale.order, float]
        """
        return {
            order: action['fields']['amount']
            for order, answer in answers.items()
            for action in answer['actions']
            if 'amount' in action['fields']
        }

    def _get_under_way(self, orders):
        """Return the orders of which money is moving, or about to.

        :param sale.order orders: The orders.
        :rtype: sale.order
        """
        return orders.filtered(
            lambda order: order.billing_status in LIVE and order._billing_is_collection_under_way()
        )

    def _get_to_confirm(self, orders):
        """Return the orders with a payment that waits for the customer's bank.

        :param sale.order orders: The orders.
        :rtype: sale.order
        """
        return orders.filtered(
            lambda order: order.billing_status in LIVE and order._billing_get_open_authentication()
        )

    # === THE PAGE === #

    def _get_home_values(self, order, orders):
        """Return the values of the page.

        :param sale.order order: The order whose link has opened it.
        :param sale.order orders: All orders that may be shown.
        :rtype: dict
        """
        answers = {one: self.env['billpro.order.answer']._get_answer(one) for one in orders}
        return {
            **self.env['billpro.order.page']._get_page_values(order),
            'home_url': False,  # The reader is there.
            'title': self.env._("Your orders"),
            'subtitle': self._get_subtitle(order, orders),
            'answer': self._get_answer(order, answers),
            'groups': self._get_groups(answers),
            'coming': self._get_coming_rows(orders),
            'cards': self._get_card_rows(order, orders),
            'documents_url': order._billing_get_order_link('/orders/documents'),
        }

    def _get_subtitle(self, order, orders):
        count = len(orders)
        text = self.env._("one: 1 order | other: %(count)s orders", count=count)
        return self.env._(
            "%(customer)s, %(orders)s with %(company)s",
            customer=order.partner_id.display_name,
            orders=choose_plural(self.env, text, count),
            company=order.company_id.name,
        )

    # === THE ANSWER === #

    def _get_answer(self, order, answers):
        """Return what is owed on all orders and how to pay it, or that nothing needs the customer.

        :param sale.order order: The order whose link has opened the page.
        :param dict answers: The answer of each order.
        :return: The ``level``, ``status`` and ``title``; the ``rows`` with what needs the customer,
                 each with ``title``, ``url``, ``answer`` and ``text``; the ``payments`` that can
                 be begun.
        :rtype: dict
        """
        needing = [one for one in answers if self._needs_customer(answers[one])]
        amounts = self._get_amounts_to_pay(answers)
        owed = self._format_sums({one: one.billing_outstanding for one in needing})
        if owed:
            title = self.env._("%s is still to pay", owed)
        elif needing:
            title = self.env._("Some orders need you")
        else:
            title = self.env._("Nothing is to be paid now")
        return {
            'level': 'warning' if needing else 'success',
            'status': self._get_status_text(len(needing), len(answers)),
            'title': title,
            'rows': [
                {
                    'title': self._get_order_name(one),
                    'url': one._billing_get_order_link(),
                    'answer': answers[one]['title'],
                    'text': answers[one]['text'],
                }
                for one in needing
            ],
            'payments': self._get_payments(order, amounts),
        }

    def _needs_customer(self, answer):
        """Return whether there is something that the customer of an order has to do.

        :param dict answer: The answer of the order.
        :rtype: bool
        """
        return answer['needs_customer'] and answer['level'] in {'warning', 'danger'}

    def _get_status_text(self, count, total):
        if not count:
            return self.env._("There is nothing to do.")
        text = self.env._(
            "one: 1 of %(total)s orders needs you | other: %(count)s of %(total)s orders need you",
            count=count,
            total=total,
        )
        return choose_plural(self.env, text, count)

    def _get_payments(self, order, amounts):
        """Return what can be paid at once, by currency.

        Each order is charged to its own card, with an attempt of its own: what becomes of one stops
        no other, and each is paid once, however often the button is pressed.

        :param sale.order order: The order whose link has opened the page.
        :param dict amounts: What can be paid on each order.
        :return: Of each currency the ``label``, ``url``, ``fields`` and ``rows``.
        :rtype: list[dict]
        """
        payments = []
        for currency in {one.currency_id: None for one in amounts}:
            orders = [one for one in amounts if one.currency_id == currency]
            total = currency.format(sum(amounts[one] for one in orders))
            label = self.env._(
                "one: Pay %(amount)s | other: Pay %(amount)s for %(count)s orders",
                amount=total,
                count=len(orders),
            )
            payments.append(
                {
                    'label': choose_plural(self.env, label, len(orders)),
                    'url': order._billing_get_order_link('/orders/pay'),
                    'fields': {f'amount_{one.id}': amounts[one] for one in orders},
                    'rows': [
                        self.env._(
                            "%(order)s: %(amount)s from %(card)s",
                            order=self._get_order_name(one),
                            amount=currency.format(amounts[one]),
                            card=one.billing_token_id._get_card_name(),
                        )
                        for one in orders
                    ],
                }
            )
        return payments

    def _format_sums(self, amounts):
        """Return sums in words, one for each currency.

        :param dict amounts: Amounts by order.
        :return: Empty if there are none.
        :rtype: str
        """
        currencies = {order.currency_id: None for order in amounts}
        sums = [
            (currency, sum(amounts[order] for order in amounts if order.currency_id == currency))
            for currency in currencies
        ]
        return ' + '.join(
            currency.format(total) for currency, total in sums if not currency.is_zero(total)
        )

    def _get_outcome_rows(self, orders):
        """Return what became of the payments of orders that were paid in one go.

        Why a bank has declined one, and what comes next, is said where it is still to pay.

        :param sale.order orders: The orders.
        :return: Of each the ``title``, ``url``, ``date``, ``amount``, ``status`` and ``css`` of its
                 last payment; the ``confirm_url`` if the customer's bank wants it confirmed.
        :rtype: list[dict]
        """
        rows = []
        for order in orders:
            payments = self.env['billpro.order.payments']
            history = payments._get_history(order)
            tx = history.filtered(lambda one: one.operation != 'refund')[:1]
            if not tx:
                continue
            row = payments._get_history_row(order, tx)
            rows.append(
                {
                    **{name: row[name] for name in ('url', 'date', 'amount', 'status', 'css')},
                    'title': self._get_order_name(order),
                    'confirm_label': self.env._("Confirm with your bank"),
                    'confirm_url': tx in order._billing_get_open_authentication()
                    and order.get_portal_url(
                        suffix=f'/authenticate/{tx.id}',
                        query_string=f'&paying={"-".join(map(str, orders.ids))}',
                    ),
                }
            )
        return rows

    # === ORDERS === #

    def _get_groups(self, answers):
        """Return the orders that run, and those that are over.

        :param dict answers: The answer of each order, newest first.
        :return: The ``title`` and the ``rows`` of each group that isn't empty.
        :rtype: list[dict]
        """
        running = [one for one in answers if one.billing_status in LIVE | BEFORE_APPROVAL]
        running.sort(
            key=lambda one: (
                not self._needs_customer(answers[one]),
                one.billing_next_event_id.due_date or datetime.max,
            )
        )
        over = [one for one in answers if one not in running]
        return [
            {'title': title, 'rows': [self._get_order_row(one, answers[one]) for one in orders]}
            for title, orders in (
                (self.env._("Running"), running),
                (self.env._("Finished"), over),
            )
            if orders
        ]

    def _get_order_row(self, order, answer):
        is_begun = order.billing_status not in BEFORE_APPROVAL | {'cancelled'}
        return {
            'title': self.env['billpro.order.page']._get_title(order),
            'url': order._billing_get_order_link(),
            'reference': self.env._("Order %s", order.name),
            'status': answer['status'],
            'css': answer['level'] if is_begun else 'secondary',
            'text': is_begun and answer['title'],
            'label': is_begun and answer['label'],
        }

    def _get_order_name(self, order):
        """Return what tells an order from others of the same product.

        :param sale.order order: The order.
        :rtype: str
        """
        return self.env._(
            "%(product)s (%(order)s)",
            product=self.env['billpro.order.page']._get_title(order),
            order=order.name,
        )

    def _get_coming_rows(self, orders):
        """Return the next payment of each order that is charged by itself, the soonest first.

        :param sale.order orders: The orders.
        :return: The ``title``, ``date`` and ``amount`` of each.
        :rtype: list[dict]
        """
        payments = self.env['billpro.order.payments']
        coming = [(one, payment) for one in orders if (payment := payments._get_next_payment(one))]
        coming.sort(key=lambda pair: pair[0].billing_next_event_id.due_date)
        return [
            {
                'title': self._get_order_name(order),
                'date': payment['day'],
                'amount': payment['amount'],
            }
            for order, payment in coming
        ]

    # === CARDS === #

    def _get_card_rows(self, order, orders):
        """Return each stored card once, with the orders that are charged to it.

        :param sale.order order: The order whose link has opened the page.
        :param sale.order orders: All orders that are shown.
        :rtype: list[dict]
        """
        cards = order.billing_token_id.union(
            *(one._billing_get_available_cards() for one in orders)
        ).sorted('id', reverse=True)
        rows = []
        for card in cards:
            charged = orders.filtered(
                lambda one, card=card: one.billing_status in LIVE and one.billing_token_id == card
            )
            changing = charged.filtered(lambda one: one._billing_can_change_cards())[:1]
            # Only if the page for it replaces the same orders, and no others.
            others = changing and changing._billing_get_other_orders_with_cards()
            for_all = bool(others) and changing | others == charged
            row = self.env['billpro.order.cards']._get_card_row(order, card, can_change=False)
            rows.append(
                {
                    **row,
                    'note': self._get_charged_text(charged),
                    'replace_label': self.env._("Replace for all")
                    if for_all
                    else self.env._("Replace"),
                    'replace_url': changing
                    and changing.get_portal_url(
                        suffix='/card', query_string='&all_orders=1' if for_all else ''
                    ),
                }
            )
        return rows

    def _get_charged_text(self, orders):
        if not orders:
            return self.env._("Not charged for any of these orders.")
        return self.env._("Charged for %s.", ', '.join(orders.mapped(self._get_order_name)))

    # === WAITING === #

    def _get_progress_values(self, order, orders):
        """Return the values of the page on which the customer waits for several payments.

        :param sale.order order: The order whose link has opened the page.
        :param sale.order orders: Those of which money is moving.
        :rtype: dict
        """
        return {
            **self.env['billpro.order.attention']._get_progress_values(order),
            'amount': self._format_sums({one: one.billing_collection_amount for one in orders})
            or self._format_sums({one: one.billing_outstanding for one in orders}),
            'card': ', '.join(
                dict.fromkeys(card._get_card_name() for card in orders.billing_token_id)
            ),
            'names': ', '.join(orders.mapped('name')),
            'progress_route': order._billing_get_order_link('/orders/progress/state'),
            'order_url': order._billing_get_order_link('/orders'),
        }
