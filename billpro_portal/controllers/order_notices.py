from ..billing.lifecycle import TOLD_BY_SMS
from .order_access import OrderAccess
from .order_route import order_route


class OrderNotices(OrderAccess):
    """What the customer wants to be told by SMS."""

    @order_route(
        '/text-messages', methods=['POST'], by_customer=True, deed='settings', statuses=TOLD_BY_SMS
    )
    def billpro_order_text_messages(self, order, wanted=None, **kwargs):
        """Switch text messages to the customer's number on or off.

        :param sale.order order: The order.
        :param str wanted: Whether the customer wants them; empty for no.
        :rtype: odoo.http.Response
        """
        order._billing_set_text_messages(bool(wanted))
        return self._billpro_redirect_to_order(
            order, 'text_messages_on' if wanted else 'text_messages_off'
        )
