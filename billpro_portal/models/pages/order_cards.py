from odoo import models

from ...billing.lifecycle import FINAL, LIVE

_CARD_BADGES = {'expiring': 'warning', 'expired': 'danger'}


class BillproOrderCards(models.AbstractModel):
    """What customers see of the stored cards of an order, and the page that adds one."""

    _name = 'billpro.order.cards'
    _description = "Cards on the Pages of an Order"

    def _get_card_values(self, order):
        """Return the stored cards and what the customer may do with them, or False.

        :param sale.order order: The order.
        :rtype: dict|bool
        """
        if order.billing_status in FINAL:
            return self._get_left_card_values(order)
        is_charged = order.billing_status in LIVE and not order._billing_is_collection_over()
        if not is_charged or not order.billing_token_id:
            return False
        can_change = order._billing_can_change_cards()
        is_card = order._billing_offers_only_cards()
        rows = [
            self._get_card_row(order, card, can_change)
            for card in order._billing_get_available_cards()
        ]
        used = [row for row in rows if row['is_selected'] or row['is_backup']]
        spare = [row for row in rows if used and row not in used]
        return {
            'is_card': is_card,
            'rows': used or rows,
            'more': self._get_spare_label(len(spare), is_card),
            'more_rows': spare,
            'add_url': can_change and order._billing_get_order_link('/card'),
            'select_url': order._billing_get_order_link('/card/select'),
            'remove_url': order._billing_get_order_link('/card/remove'),
            'backup_url': order._billing_get_order_link('/card/backup'),
            'offer_all_orders': can_change and bool(order._billing_get_other_orders_with_cards()),
        }

    def _get_spare_label(self, count, is_card):
        """Return what is behind the fold: what is stored besides what the order uses.

        :param int count: How many cards, or other ways to pay.
        :param bool is_card: Whether they can only be cards.
        :rtype: str
        """
        if is_card:
            return (
                self.env._("1 more saved card")
                if count == 1
                else self.env._("%s more saved cards", count)
            )
        return (
            self.env._("1 more saved payment method")
            if count == 1
            else self.env._("%s more saved payment methods", count)
        )

    def _get_left_card_values(self, order):
        """Return the card that an order has left behind, to be removed, or False.

        :param sale.order order: An order that is over.
        :rtype: dict|bool
        """
        card = order.billing_token_id & order._billing_get_available_cards()
        if not card or card._get_charged_orders():
            return False
        row = self._get_card_row(order, card, can_change=False)
        return {
            'is_card': card._billing_is_card(),
            'rows': [
                {
                    **row,
                    'is_selected': False,
                    'is_charged': False,
                    'can_remove': True,
                    'note': self.env._("Still stored, and not charged for any order."),
                }
            ],
            'more_rows': [],
            'add_url': False,
            'select_url': False,
            'remove_url': order._billing_get_order_link('/card/remove'),
            'offer_all_orders': False,
        }

    def _get_card_row(self, order, card, can_change):
        """Return a stored card as a row.

        :param sale.order order: The order.
        :param payment.token card: The card.
        :param bool can_change: Whether the customer may change cards.
        :rtype: dict
        """
        is_selected = card == order.billing_token_id
        other_orders = card._get_charged_orders() - order
        can_back_up = order._billing_can_be_backup(card)
        is_backup = can_back_up and card == order.billing_backup_token_id
        state = dict(card._fields['card_state']._description_selection(self.env))[card.card_state]
        return {
            'id': card.id,
            'is_card': card._billing_is_card(),
            **self.env['billpro.page.words']._get_method(card),
            'expiry': card._billing_get_expiry_text(),
            'badge': card.card_state in _CARD_BADGES
            and {'text': state, 'css': _CARD_BADGES[card.card_state]},
            'is_selected': is_selected,
            'is_charged': is_selected and self._is_charged(order, card),
            'can_select': can_change and not is_selected and card.card_state != 'expired',
            'can_remove': can_change and not is_selected and not other_orders,
            'can_end_backup': can_change and is_backup,
            'can_back_up': can_change and can_back_up and not is_backup,
            'backup_text': self.env._(
                "If %s is declined for good, this is charged instead: for that payment, and from"
                " then on.",
                order.billing_token_id._get_card_name(),
            ),
            'is_backup': is_backup,
            'note': self.env._("Charged for %s, too.", ', '.join(other_orders.mapped('name')))
            if other_orders
            else '',
        }

    def _is_charged(self, order, card):
        """Return whether a card is charged for what is owed now, and for what comes.

        :param sale.order order: The order.
        :param payment.token card: The card that is selected for it.
        :rtype: bool
        """
        is_refused = any(
            event._is_card_spent() for event in order._billing_get_outstanding_events()
        )
        return card.active and card.card_state != 'expired' and not is_refused

    def _get_card_page_values(self, order, wants_to_collect):
        """Return the values of the page on which the customer enters another card.

        :param sale.order order: The order.
        :param bool wants_to_collect: Whether outstanding payments are to be collected with it.
        :rtype: dict
        """
        outstanding = order._billing_get_outstanding_events()
        is_card_spent = order.billing_token_id.card_state != 'valid'
        update = wants_to_collect or is_card_spent or outstanding
        is_card = order._billing_offers_only_cards()
        values = {
            **self.env['billpro.order.page']._get_page_values(order),
            'is_card': is_card,
            **self._get_page_words(is_card, update),
            'back_url': order._billing_get_order_link(),
            'outstanding': False,
            'confirm': False,
            'offer_all_orders': bool(order._billing_get_other_orders_with_cards()),
            'limit_reached': False,
        }
        if not outstanding or order._billing_is_collection_under_way():
            return values
        return {**values, **self._get_collecting_values(order, outstanding)}

    def _get_page_words(self, is_card, update):
        """Return what the page is called that adds a card or another way to pay, and what it says.

        :param bool is_card: Whether it can only be a card.
        :param bool update: Whether the present one can't go on.
        :rtype: dict
        """
        if is_card:
            return {
                'title': self.env._("Update card") if update else self.env._("Add a card"),
                'text': self.env._(
                    "The new card is charged for the payments of this order from now on. Nothing is"
                    " charged today."
                ),
                'submit_label': self.env._("Save card"),
            }
        return {
            'title': self.env._("Update payment method")
            if update
            else self.env._("Add a payment method"),
            'text': self.env._(
                "What you enter is charged for the payments of this order from now on. Nothing is"
                " charged today."
            ),
            'submit_label': self.env._("Save"),
        }

    def _get_collecting_values(self, order, outstanding):
        """Return what the page that adds a card shows if the new card pays what is outstanding.

        :param sale.order order: The order.
        :param billpro.billing.event outstanding: The payments that are outstanding.
        :rtype: dict
        """
        amount = order.currency_id.round(sum(outstanding.mapped('amount')))
        total = order.currency_id.format(amount)
        payments = self.env['billpro.order.payments']
        is_card = order._billing_offers_only_cards()
        return {
            'text': self.env._(
                "The new card is charged for the payments of this order from now on. %s are"
                " outstanding and are collected at once.",
                total,
            )
            if is_card
            else self.env._(
                "What you enter is charged for the payments of this order from now on. %s are"
                " outstanding and are collected at once.",
                total,
            ),
            'outstanding': {
                'amount': total,
                'rows': [
                    {
                        'description': payments._get_leaf_title(order, leaf),
                        'date': payments._get_list_day(order._billing_get_date(leaf.due_date)),
                        'amount': order.currency_id.format(leaf.amount),
                    }
                    for event in outstanding
                    for leaf in event._get_leaves()
                ],
            },
            'confirm': {
                'label': self.env._("Charge %s to this card now", total)
                if is_card
                else self.env._("Charge %s now", total),
                'amount': amount,
            },
            'submit_label': self.env._("Save card and pay %s", total)
            if is_card
            else self.env._("Save and pay %s", total),
        }
