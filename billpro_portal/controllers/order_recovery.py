import math
from urllib.parse import urlencode

from odoo.http import request

from ..billing.lifecycle import BEFORE_APPROVAL, COLLECTABLE_ORDERS
from .order_access import OrderAccess
from .order_route import order_route


class OrderRecovery(OrderAccess):
    """Declined payments: pay what is outstanding, confirm a payment with the bank."""

    @order_route('/pay', methods=['POST'], by_customer=True, deed='pay')
    def billpro_order_pay(self, order, amount=None, **kwargs):
        """Ask to collect what is outstanding with the selected card.

        :param sale.order order: The order.
        :param str amount: The amount that the page showed, in the currency of the order.
        :rtype: odoo.http.Response
        """
        order._lock_billing()
        order._billing_request_collection(self._cast_as_float(amount) or 0.0)
        return request.redirect(order._billing_get_order_link('/progress'))

    @order_route('/progress', methods=['GET'])
    def billpro_order_progress(self, order, **kwargs):
        """Show the page on which the customer waits for a payment.

        :param sale.order order: The order.
        :rtype: odoo.http.Response
        """
        if (
            not order._billing_is_collection_under_way()
            and not order._billing_get_open_authentication()
        ):
            return request.redirect(order._billing_get_order_link())
        return self._billpro_render_private(
            'billpro_portal.progress_page',
            order.env['billpro.order.attention']._get_progress_values(order),
        )

    @order_route('/progress/state', type='jsonrpc', by_customer=False)
    def billpro_order_progress_state(self, order):
        """Go on with the payment that the customer waits for, and tell whether it is through.

        :param sale.order order: The order.
        :return: ``done`` (bool) and the ``url`` to go to then.
        :rtype: dict
        """
        if self._billpro_looks_on(order):
            done = not order._billing_is_collection_under_way()
        else:
            done = request.env['billpro.billing.run'].sudo()._continue_collection(order)
        if not done and order._billing_waits_for_debit():
            return {'done': True, 'url': self._billpro_get_notice_url(order, 'processing')}
        if not done:
            return {'done': False}
        notice = order.env['billpro.order.attention']._get_result(order)
        return {'done': True, 'url': self._billpro_get_notice_url(order, notice)}

    @order_route('/authenticate/<int:transaction_id>', methods=['GET'], by_customer=True)
    def billpro_order_authenticate(self, order, transaction_id, paying=None, **kwargs):
        """Show the page on which the customer confirms a payment with the bank.

        :param sale.order order: The order.
        :param int transaction_id: The payment.
        :param str|None paying: The orders that it was paid in one go with: back to their page.
        :rtype: odoo.http.Response
        """
        tx = order._billing_get_open_authentication().filtered(lambda tx: tx.id == transaction_id)
        if not tx or order.billing_status not in {*COLLECTABLE_ORDERS, *BEFORE_APPROVAL}:
            return request.redirect(order._billing_get_order_link())
        inline = tx._billing_get_authentication_values()
        values = order.env['billpro.order.attention']._get_authenticate_values(order, tx, inline)
        if paying:
            query = f'&{urlencode({"paying": paying})}'
            values['result_url'] = order.get_portal_url('/orders/progress', query_string=query)
            values['back_url'] = order.get_portal_url('/orders', query_string=query)
        if not inline:  # It was confirmed meanwhile, or can't be any more.
            return request.redirect(values['result_url'])
        return self._billpro_render_private('billpro_portal.authenticate_page', values)

    @staticmethod
    def _cast_as_float(value):
        """Return a number from a request, or None.

        :param str value: The number as text.
        :rtype: float|None
        """
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None
        return number if math.isfinite(number) else None
