import math

from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

from ..billing.lifecycle import COLLECTABLE_ORDERS
from .order_access import OrderAccess


class OrderRecovery(OrderAccess):
    """Declined payments: pay what is outstanding, confirm a payment with the bank."""

    @http.route(
        '/order/<int:order_id>/pay', type='http', auth='public', methods=['POST'], website=True
    )
    def billpro_order_pay(self, order_id, access_token=None, amount=None, **kwargs):
        """Ask to collect what is outstanding with the selected card.

        :param int order_id: The order.
        :param str access_token: The token of the order link.
        :param str amount: The amount that the page showed, in the currency of the order.
        :rtype: odoo.http.Response
        """
        order = self._billpro_get_accessible_order(order_id, access_token)
        if not order:
            return self._billpro_render_order_not_found()
        try:
            self._billpro_check_acts_as_customer(order)
            order._lock_billing()
            order._request_collection(self._cast_as_float(amount) or 0.0)
        except UserError as error:
            return self._billpro_render_refused(order, error)
        return request.redirect(order._get_order_link('/progress'))

    @http.route(
        '/order/<int:order_id>/progress', type='http', auth='public', methods=['GET'], website=True
    )
    def billpro_order_progress(self, order_id, access_token=None, **kwargs):
        """Show the page on which the customer waits for a payment.

        :param int order_id: The order.
        :param str access_token: The token of the order link.
        :rtype: odoo.http.Response
        """
        order = self._billpro_get_accessible_order(order_id, access_token)
        if not order:
            return self._billpro_render_order_not_found()
        if not order._is_collection_under_way() and not order._get_open_authentication():
            return request.redirect(order._get_order_link())
        return self._billpro_render_private(
            'billpro_portal.progress_page',
            order.env['billpro.order.attention']._get_progress_values(order),
        )

    @http.route('/order/<int:order_id>/progress/state', type='jsonrpc', auth='public')
    def billpro_order_progress_state(self, order_id, access_token=None):
        """Go on with the payment that the customer waits for, and tell whether it is through.

        :param int order_id: The order.
        :param str access_token: The token of the order link.
        :return: ``done`` (bool) and the ``url`` to go to then.
        :rtype: dict
        :raise werkzeug.exceptions.NotFound: If the order isn't the visitor's.
        """
        order = self._billpro_get_accessible_order(order_id, access_token)
        if not order:
            raise request.not_found()
        if self._billpro_looks_on(order):
            done = not order._is_collection_under_way()
        else:
            done = request.env['billpro.billing.run'].sudo()._continue_collection(order)
        if not done:
            return {'done': False}
        notice = 'not_paid' if order.billing_outstanding else 'paid'
        return {'done': True, 'url': self._billpro_get_notice_url(order, notice)}

    @http.route(
        '/order/<int:order_id>/authenticate/<int:transaction_id>',
        type='http',
        auth='public',
        methods=['GET'],
        website=True,
    )
    def billpro_order_authenticate(self, order_id, transaction_id, access_token=None, **kwargs):
        """Show the page on which the customer confirms a payment with the bank.

        :param int order_id: The order.
        :param int transaction_id: The payment.
        :param str access_token: The token of the order link.
        :rtype: odoo.http.Response
        """
        order = self._billpro_get_accessible_order(order_id, access_token)
        if not order:
            return self._billpro_render_order_not_found()
        tx = order._get_open_authentication().filtered(lambda tx: tx.id == transaction_id)
        if not tx or order.billing_status not in COLLECTABLE_ORDERS:
            return request.redirect(order._get_order_link())
        try:
            self._billpro_check_acts_as_customer(order)
        except UserError as error:
            return self._billpro_render_refused(order, error)
        inline = tx._get_authentication_values()
        if not inline:  # It was confirmed meanwhile, or can't be any more.
            return request.redirect(order._get_order_link('/progress'))
        return self._billpro_render_private(
            'billpro_portal.authenticate_page',
            order.env['billpro.order.attention']._get_authenticate_values(order, tx, inline),
        )

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
