from odoo.exceptions import UserError
from odoo.http import request

from ..billing import references
from .checkout import Checkout
from .confirmation import is_confirmed
from .order_route import order_route


def changes_cards(order, params):
    """Return whether another card does more than pay what is outstanding on the order.

    :param sale.order order: The order.
    :param dict params: What the request says.
    :rtype: bool
    """
    pays = order.billing_outstanding and not order._billing_is_collection_under_way()
    return bool(not pays or params.get('all_orders'))


class OrderCards(Checkout):
    """The customer's stored cards: add, select, remove."""

    @order_route('/card', methods=['GET', 'POST'], by_customer=False, confirms=changes_cards)
    def billpro_order_card(self, order, collect=None, all_orders=None, **kwargs):
        """Show the page on which the customer enters another card.

        :param sale.order order: The order.
        :param str collect: Whether outstanding payments are to be collected with it.
        :param str all_orders: Whether the customer comes to replace a card for all orders.
        :rtype: odoo.http.Response
        """
        if not order._billing_can_change_cards():
            return request.redirect(order._billing_get_order_link())
        values = order.env['billpro.order.cards']._get_card_page_values(order, bool(collect))
        values['ticks_all_orders'] = bool(all_orders)
        if not is_confirmed(order, self._billpro_is_customer(order)) and not all_orders:
            values['offer_all_orders'] = False  # Paying needs no code; that would.
        values['limit_reached'] = order._billing_get_card_limit_reason(
            request.httprequest.remote_addr
        )
        return self._billpro_render_private(
            'billpro_portal.card_page', {**values, **self._billpro_get_card_form_values(order)}
        )

    def _billpro_get_card_form_values(self, order):
        """Return the context of Odoo's payment form for the registration of another card.

        :param sale.order order: The order, in superuser mode.
        :rtype: dict
        """
        return {
            **self._billpro_get_form_values(order, 0.0, requires_card=True),
            'transaction_route': f'/order/{order.id}/card/transaction',
            'landing_route': order._billing_get_order_link('/card/result'),
        }

    @order_route(
        '/card/transaction', type='jsonrpc', by_customer=True, deed='card', confirms=changes_cards
    )
    def billpro_order_card_transaction(
        self,
        order,
        provider_id,
        payment_method_id,
        token_id,
        flow,
        tokenization_requested,
        collect_amount=0,
        all_orders=False,
        **kwargs,
    ):
        """Begin the registration of another card.

        :param sale.order order: The order.
        :param int provider_id: The chosen provider.
        :param int payment_method_id: The chosen payment method.
        :param None token_id: Not used: a new card is entered.
        :param str flow: `redirect` or `direct`.
        :param bool tokenization_requested: Not used: the card is always saved.
        :param float collect_amount: What the customer agreed to pay with it: what is outstanding.
        :param bool all_orders: Whether to use it for all orders of the customer.
        :param dict kwargs: What else Odoo's payment form sends; amounts, routes and ids in it are
                            not used.
        :return: The values for processing the transaction.
        :rtype: dict
        :raise UserError: If no card can be added now.
        """
        self._validate_transaction_kwargs(kwargs)
        order._check_billing_cards_can_be_changed()
        address = request.httprequest.remote_addr
        if reason := order._billing_get_card_limit_reason(address):
            raise UserError(reason)
        order._check_billing_agreed_amount(collect_amount)
        form_values = self._billpro_get_card_form_values(order)
        self._billpro_check_payment_option(
            form_values, provider_id, payment_method_id, None, flow if flow != 'token' else ''
        )
        # An older tab registers nothing any more.
        order.billing_transaction_ids.filtered('billing_is_card_update')._billing_give_up()
        tx_sudo = self._create_transaction(
            provider_id=provider_id,
            payment_method_id=payment_method_id,
            token_id=None,
            amount=None,
            currency_id=None,
            is_validation=True,
            partner_id=form_values['partner_id'],
            flow=flow,
            tokenization_requested=True,
            landing_route=form_values['landing_route'],
            reference_prefix=references.card_registration(
                order.name, len(order.billing_transaction_ids) + 1
            ),
            sale_order_id=order.id,
            custom_create_values={
                'billing_order_id': order.id,
                'billing_is_card_update': True,
                'billing_collect_amount': collect_amount,
                'billing_for_all_orders': bool(all_orders),
                'billing_ip_address': address,
                'tokenize': True,
            },
        )
        return tx_sudo._get_processing_values()

    @order_route('/card/result', methods=['GET'])
    def billpro_order_card_result(self, order, **kwargs):
        """Send the customer on after a registration: to the payment under way, or to the order.

        :param sale.order order: The order.
        :rtype: odoo.http.Response
        """
        tx = order.billing_transaction_ids.filtered('billing_is_card_update').sorted('id')[-1:]
        if order._billing_is_collection_under_way():
            return request.redirect(order._billing_get_order_link('/progress'))
        notice = 'card_added' if tx.state == 'done' else 'card_failed'
        if tx.state == 'done' and tx.billing_collect_amount and order.billing_outstanding:
            notice = 'card_added_not_paid'
        return self._billpro_redirect_to_order(order, notice)

    @order_route(
        '/card/select', methods=['POST'], by_customer=True, deed='card', limited=True, confirms=True
    )
    def billpro_order_card_select(self, order, token_id=None, all_orders=None, **kwargs):
        """Charge the order to another stored card from now on.

        :param sale.order order: The order.
        :param str token_id: The card.
        :param str all_orders: Whether to use it for all orders of the customer.
        :rtype: odoo.http.Response
        """
        order._check_billing_cards_can_be_changed()
        card = order._billing_get_card(self._cast_as_int(token_id))
        order._billing_select_card(card, for_all_orders=bool(all_orders))
        return self._billpro_redirect_to_order(order, 'card_selected')

    @order_route(
        '/card/backup', methods=['POST'], by_customer=True, deed='card', limited=True, confirms=True
    )
    def billpro_order_card_backup(self, order, token_id=None, **kwargs):
        """Charge another stored card once the selected one is declined for good, or none.

        :param sale.order order: The order.
        :param str token_id: The card; none if there is to be no backup any more.
        :rtype: odoo.http.Response
        """
        order._check_billing_cards_can_be_changed()
        cards = order.billing_token_id.browse()
        if token_id:
            cards = order._billing_get_card(self._cast_as_int(token_id))
        order._billing_choose_backup(cards)
        return self._billpro_redirect_to_order(order, 'backup_set' if cards else 'backup_ended')

    @order_route(
        '/card/remove', methods=['POST'], by_customer=True, deed='card', limited=True, confirms=True
    )
    def billpro_order_card_remove(self, order, token_id=None, **kwargs):
        """Remove a stored card.

        :param sale.order order: The order.
        :param str token_id: The card.
        :rtype: odoo.http.Response
        """
        order._lock_billing()
        card = order._billing_get_card(self._cast_as_int(token_id))
        order._check_billing_card_can_be_removed(card)
        order._billing_remove_card(card)
        return self._billpro_redirect_to_order(order, 'card_removed')
