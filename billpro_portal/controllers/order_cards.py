from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

from .checkout import Checkout


class OrderCards(Checkout):
    """The customer's stored cards: add, select, remove."""

    @http.route(
        '/order/<int:order_id>/card', type='http', auth='public', methods=['GET'], website=True
    )
    def billpro_order_card(self, order_id, access_token=None, collect=None, **kwargs):
        """Show the page on which the customer enters another card.

        :param int order_id: The order.
        :param str access_token: The token of the order link.
        :param str collect: Whether outstanding payments are to be collected with it.
        :rtype: odoo.http.Response
        """
        order = self._billpro_get_accessible_order(order_id, access_token)
        if not order:
            return self._billpro_render_order_not_found()
        if not order._can_change_cards():
            return request.redirect(order._get_order_link())
        values = order.env['billpro.order.cards']._get_card_page_values(order, bool(collect))
        values['limit_reached'] = order._get_card_limit_reason(request.httprequest.remote_addr)
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
            'landing_route': order._get_order_link('/card/result'),
        }

    @http.route('/order/<int:order_id>/card/transaction', type='jsonrpc', auth='public')
    def billpro_order_card_transaction(
        self,
        order_id,
        access_token,
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

        :param int order_id: The order.
        :param str access_token: The token of the order link.
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
        :raise werkzeug.exceptions.NotFound: If the order isn't the visitor's.
        :raise UserError: If no card can be added now.
        """
        order = self._billpro_get_accessible_order(order_id, access_token)
        if not order:
            raise request.not_found()
        self._validate_transaction_kwargs(kwargs)
        self._billpro_check_acts_as_customer(order)
        order._check_cards_can_be_changed()
        address = request.httprequest.remote_addr
        if reason := order._get_card_limit_reason(address):
            raise UserError(reason)
        order._check_agreed_amount(collect_amount)
        form_values = self._billpro_get_card_form_values(order)
        self._billpro_check_payment_option(
            form_values, provider_id, payment_method_id, None, flow if flow != 'token' else ''
        )
        # An older tab registers nothing any more.
        order.billing_transaction_ids.filtered('billing_is_card_update')._give_up()
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
            reference_prefix=f'{order.name}-C{len(order.billing_transaction_ids) + 1}',
            sale_order_id=order.id,
            custom_create_values={
                'billing_order_id': order.id,
                'billing_is_card_update': True,
                'billing_collect_amount': collect_amount,
                'billing_for_all_orders': bool(all_orders),
                'billing_ip_address': address,
            },
        )
        return tx_sudo._get_processing_values()

    @http.route(
        '/order/<int:order_id>/card/result',
        type='http',
        auth='public',
        methods=['GET'],
        website=True,
    )
    def billpro_order_card_result(self, order_id, access_token=None, **kwargs):
        """Send the customer on after a registration: to the payment under way, or to the order.

        :param int order_id: The order.
        :param str access_token: The token of the order link.
        :rtype: odoo.http.Response
        """
        order = self._billpro_get_accessible_order(order_id, access_token)
        if not order:
            return self._billpro_render_order_not_found()
        tx = order.billing_transaction_ids.filtered('billing_is_card_update').sorted('id')[-1:]
        if order._is_collection_under_way():
            return request.redirect(order._get_order_link('/progress'))
        notice = 'card_added' if tx.state == 'done' else 'card_failed'
        return self._billpro_redirect_to_order(order, notice)

    @http.route(
        '/order/<int:order_id>/card/select',
        type='http',
        auth='public',
        methods=['POST'],
        website=True,
    )
    def billpro_order_card_select(
        self, order_id, access_token=None, token_id=None, all_orders=None, **kwargs
    ):
        """Charge the order to another stored card from now on.

        :param int order_id: The order.
        :param str access_token: The token of the order link.
        :param str token_id: The card.
        :param str all_orders: Whether to use it for all orders of the customer.
        :rtype: odoo.http.Response
        """
        order = self._billpro_get_accessible_order(order_id, access_token)
        if not order:
            return self._billpro_render_order_not_found()
        try:
            self._billpro_check_acts_as_customer(order)
            order._check_cards_can_be_changed()
            order._check_number_of_changes()
            card = order._get_card(self._cast_as_int(token_id))
            order._select_card(card, for_all_orders=bool(all_orders))
        except UserError as error:
            return self._billpro_render_refused(order, error)
        return self._billpro_redirect_to_order(order, 'card_selected')

    @http.route(
        '/order/<int:order_id>/card/remove',
        type='http',
        auth='public',
        methods=['POST'],
        website=True,
    )
    def billpro_order_card_remove(self, order_id, access_token=None, token_id=None, **kwargs):
        """Remove a stored card.

        :param int order_id: The order.
        :param str access_token: The token of the order link.
        :param str token_id: The card.
        :rtype: odoo.http.Response
        """
        order = self._billpro_get_accessible_order(order_id, access_token)
        if not order:
            return self._billpro_render_order_not_found()
        try:
            self._billpro_check_acts_as_customer(order)
            order._check_cards_can_be_changed()
            order._check_number_of_changes()
            order._remove_card(order._get_card(self._cast_as_int(token_id)))
        except UserError as error:
            return self._billpro_render_refused(order, error)
        return self._billpro_redirect_to_order(order, 'card_removed')
