from odoo.exceptions import UserError
from odoo.http import request

from ..billing.lifecycle import LIVE
from .order_access import OrderAccess
from .order_route import order_route

NOTE_LENGTH = 1000
MESSAGE_LENGTH = 2000
# A customer may add to what they wrote; whoever floods a salesperson may not.
MESSAGES_PER_DAY = 5


class OrderCancellation(OrderAccess):
    """Leaving: cancel a subscription, take it back, or write to the salesperson."""

    @order_route('/cancel', methods=['GET'])
    def billpro_order_cancel_page(self, order, **kwargs):
        """Show what cancelling means, and ask for the reason.

        :param sale.order order: The order.
        :rtype: odoo.http.Response
        """
        if not order._can_be_cancelled():
            return request.redirect(order._billing_get_order_link())
        return self._billpro_render_private(
            'billpro_portal.cancel_page', order.env['billpro.order.page']._get_cancel_values(order)
        )

    @order_route('/cancel', methods=['POST'], by_customer=True, deed='cancel')
    def billpro_order_cancel(self, order, reason_id=None, note=None, **kwargs):
        """Cancel the subscription as the company's settings say.

        :param sale.order order: The order.
        :param str reason_id: Why, from the company's list.
        :param str note: Why, in the customer's words.
        :rtype: odoo.http.Response
        """
        reason = (
            request.env['billpro.cancel.reason']
            .sudo()
            .search(
                [
                    ('id', '=', self._cast_as_int(reason_id)),
                    ('company_id', 'in', [False, order.company_id.id]),
                ]
            )
        )
        order._billing_cancel_subscription(
            at_once=order._billing_cancels_at_once(),
            reason=reason,
            # The database takes no NUL characters.
            note=(note or '').replace('\0', '').strip()[:NOTE_LENGTH],
        )
        return self._billpro_redirect_to_order(order, 'cancelled')

    @order_route('/cancel/undo', methods=['POST'], by_customer=True, deed='cancel', limited=True)
    def billpro_order_cancel_undo(self, order, **kwargs):
        """Take the cancellation back.

        :param sale.order order: The order.
        :rtype: odoo.http.Response
        """
        order._billing_undo_cancellation()
        return self._billpro_redirect_to_order(order, 'cancel_undone')

    @order_route('/contact', methods=['GET'], statuses=LIVE)
    def billpro_order_contact_page(self, order, **kwargs):
        """Show the page on which the customer writes to the salesperson.

        :param sale.order order: The order.
        :rtype: odoo.http.Response
        """
        return self._billpro_render_private(
            'billpro_portal.contact_page',
            order.env['billpro.order.page']._get_contact_values(order),
        )

    @order_route('/contact', methods=['POST'], by_customer=True, deed='message', statuses=LIVE)
    def billpro_order_contact(self, order, message=None, **kwargs):
        """Give the customer's message to the salesperson.

        :param sale.order order: The order.
        :param str message: What the customer wrote.
        :rtype: odoo.http.Response
        """
        message = (message or '').replace('\0', '').strip()
        try:
            order._billing_receive_customer_message(message[:MESSAGE_LENGTH], MESSAGES_PER_DAY)
        except UserError as error:
            return self._billpro_render_private(
                'billpro_portal.contact_page',
                order.env['billpro.order.page']._get_contact_values(
                    order, value=message, error=str(error)
                ),
                status=422,
            )
        return self._billpro_redirect_to_order(order, 'message_sent')
