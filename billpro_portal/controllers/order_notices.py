from odoo import http
from odoo.exceptions import UserError

from ..billing.lifecycle import LIVE
from .order_access import OrderAccess


class OrderNotices(OrderAccess):
    """What the customer wants to be told by SMS."""

    @http.route(
        '/order/<int:order_id>/text-messages',
        type='http',
        auth='public',
        methods=['POST'],
        website=True,
    )
    def billpro_order_text_messages(self, order_id, access_token=None, wanted=None, **kwargs):
        """Switch text messages to the customer's number on or off.

        :param int order_id: The order.
        :param str access_token: The token of the order link.
        :param str wanted: Whether the customer wants them; empty for no.
        :rtype: odoo.http.Response
        """
        order = self._billpro_get_accessible_order(order_id, access_token)
        if not order or order.billing_status not in LIVE:
            return self._billpro_render_order_not_found()
        try:
            self._billpro_check_acts_as_customer(order)
            order._set_text_messages(bool(wanted))
        except UserError as error:
            return self._billpro_render_refused(order, error)
        return self._billpro_redirect_to_order(
            order, 'text_messages_on' if wanted else 'text_messages_off'
        )
