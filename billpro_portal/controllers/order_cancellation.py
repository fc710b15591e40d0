from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

from ..billing.lifecycle import LIVE
from .order_access import OrderAccess

NOTE_LENGTH = 1000
MESSAGE_LENGTH = 2000
# A customer may add to what they wrote; whoever floods a salesperson may not.
MESSAGES_PER_DAY = 5


class OrderCancellation(OrderAccess):
    """Leaving: cancel a subscription, take it back, or write to the salesperson."""

    @http.route(
        '/order/<int:order_id>/cancel', type='http', auth='public', methods=['GET'], website=True
    )
    def billpro_order_cancel_page(self, order_id, access_token=None, **kwargs):
        """Show what cancelling means, and ask for the reason.

        :param int order_id: The order.
        :param str access_token: The token of the order link.
        :rtype: odoo.http.Response
        """
        order = self._billpro_get_accessible_order(order_id, access_token)
        if not order:
            return self._billpro_render_order_not_found()
        if not order._can_be_cancelled():
            return request.redirect(order._get_order_link())
        return self._billpro_render_private(
            'billpro_portal.cancel_page', order.env['billpro.order.page']._get_cancel_values(order)
        )

    @http.route(
        '/order/<int:order_id>/cancel', type='http', auth='public', methods=['POST'], website=True
    )
    def billpro_order_cancel(
        self, order_id, access_token=None, reason_id=None, note=None, **kwargs
    ):
        """Cancel the subscription as the company's settings say.

        :param int order_id: The order.
        :param str access_token: The token of the order link.
        :param str reason_id: Why, from the company's list.
        :param str note: Why, in the customer's words.
        :rtype: odoo.http.Response
        """
        order = self._billpro_get_accessible_order(order_id, access_token)
        if not order:
            return self._billpro_render_order_not_found()
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
        try:
            self._billpro_check_acts_as_customer(order)
            order._cancel_subscription(
                at_once=order.company_id.billing_cancel_mode == 'now',
                reason=reason,
                # The database takes no NUL characters.
                note=(note or '').replace('\0', '').strip()[:NOTE_LENGTH],
            )
        except UserError as error:
            return self._billpro_render_refused(order, error)
        return self._billpro_redirect_to_order(order, 'cancelled')

    @http.route(
        '/order/<int:order_id>/cancel/undo',
        type='http',
        auth='public',
        methods=['POST'],
        website=True,
    )
    def billpro_order_cancel_undo(self, order_id, access_token=None, **kwargs):
        """Take the cancellation back.

        :param int order_id: The order.
        :param str access_token: The token of the order link.
        :rtype: odoo.http.Response
        """
        order = self._billpro_get_accessible_order(order_id, access_token)
        if not order:
            return self._billpro_render_order_not_found()
        try:
            self._billpro_check_acts_as_customer(order)
            order._check_number_of_changes()
            order._undo_cancellation()
        except UserError as error:
            return self._billpro_render_refused(order, error)
        return self._billpro_redirect_to_order(order, 'cancel_undone')

    @http.route(
        '/order/<int:order_id>/contact', type='http', auth='public', methods=['GET'], website=True
    )
    def billpro_order_contact_page(self, order_id, access_token=None, **kwargs):
        """Show the page on which the customer writes to the salesperson.

        :param int order_id: The order.
        :param str access_token: The token of the order link.
        :rtype: odoo.http.Response
        """
        order = self._billpro_get_accessible_order(order_id, access_token)
        if not order or order.billing_status not in LIVE:
            return self._billpro_render_order_not_found()
        return self._billpro_render_private(
            'billpro_portal.contact_page',
            order.env['billpro.order.page']._get_contact_values(order),
        )

    @http.route(
        '/order/<int:order_id>/contact', type='http', auth='public', methods=['POST'], website=True
    )
    def billpro_order_contact(self, order_id, access_token=None, message=None, **kwargs):
        """Give the customer's message to the salesperson.

        :param int order_id: The order.
        :param str access_token: The token of the order link.
        :param str message: What the customer wrote.
        :rtype: odoo.http.Response
        """
        order = self._billpro_get_accessible_order(order_id, access_token)
        if not order or order.billing_status not in LIVE:
            return self._billpro_render_order_not_found()
        message = (message or '').replace('\0', '').strip()
        try:
            self._billpro_check_acts_as_customer(order)
            order._receive_customer_message(message[:MESSAGE_LENGTH], MESSAGES_PER_DAY)
        except UserError as error:
            return self._billpro_render_private(
                'billpro_portal.contact_page',
                order.env['billpro.order.page']._get_contact_values(
                    order, value=message, error=str(error)
                ),
                status=422,
            )
        return self._billpro_redirect_to_order(order, 'message_sent')
