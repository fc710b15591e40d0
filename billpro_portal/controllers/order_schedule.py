from odoo.http import request

from .order_access import OrderAccess
from .order_route import order_route


class OrderSchedule(OrderAccess):
    """Pausing, resuming, skipping the next payment, paying early, and what is offered instead."""

    @order_route('/pay-early/<any(next,all):what>', methods=['GET'])
    def billpro_order_pay_early_page(self, order, what, **kwargs):
        """Show what is paid before its day, and what that comes to.

        :param sale.order order: The order.
        :param str what: `next` or `all`.
        :rtype: odoo.http.Response
        """
        if order._billing_get_refusal_to_pay_early(what):
            return request.redirect(order._billing_get_order_link())
        return self._billpro_render_private(
            'billpro_portal.schedule_page',
            order.env['billpro.order.schedule']._get_early_values(order, what),
        )

    @order_route(
        '/pay-early/<any(next,all):what>',
        methods=['POST'],
        by_customer=True,
        deed='pay',
        limited=True,
    )
    def billpro_order_pay_early(self, order, what, agreed=None, **kwargs):
        """Collect what the page showed.

        :param sale.order order: The order.
        :param str what: `next` or `all`.
        :param str agreed: What was shown.
        :rtype: odoo.http.Response
        """
        event = order._billing_pay_early(what, agreed)
        request.env['billpro.billing.run'].sudo()._collect_early(event)
        if waiting := order._billing_get_open_authentication()[:1]:
            return request.redirect(order._billing_get_order_link(f'/authenticate/{waiting.id}'))
        if order._billing_is_collection_under_way():
            return request.redirect(order._billing_get_order_link('/progress'))
        return self._billpro_redirect_to_order(
            order, 'paid' if event.early_done_date else 'not_paid'
        )

    @order_route('/pay-early/undo', methods=['POST'], by_customer=True, deed='pay', limited=True)
    def billpro_order_pay_early_undo(self, order, **kwargs):
        """Take back what waits for the customer's bank.

        :param sale.order order: The order.
        :rtype: odoo.http.Response
        """
        request.env['billpro.billing.run'].sudo()._withdraw_early(order)
        notice = order.env['billpro.order.attention']._get_result(order)
        return self._billpro_redirect_to_order(
            order, 'early_undone' if notice == 'not_paid' else notice
        )

    @order_route('/pause', methods=['GET'])
    def billpro_order_pause_page(self, order, offer=None, **kwargs):
        """Show how long the subscription can be paused.

        :param sale.order order: The order.
        :param str offer: The reason to leave for which it was offered.
        :rtype: odoo.http.Response
        """
        if order._billing_get_refusal_to_pause_by_customer():
            return request.redirect(order._billing_get_order_link())
        self._billpro_note_offer(order, offer)
        return self._billpro_render_private(
            'billpro_portal.schedule_page',
            order.env['billpro.order.schedule']._get_pause_values(order),
        )

    @order_route('/pause', methods=['POST'], by_customer=True, deed='schedule', limited=True)
    def billpro_order_pause(self, order, until=None, amount=None, **kwargs):
        """Pause the subscription until the day that was chosen.

        :param sale.order order: The order.
        :param str until: The day, one of those that the page offered.
        :param str amount: What the page said that the next payment is.
        :rtype: odoo.http.Response
        """
        order._billing_pause_by_customer(until, amount)
        order.env['billpro.leaving.offer']._note_taken(order, 'pause')
        return self._billpro_redirect_to_order(order, 'paused')

    @order_route('/resume', methods=['POST'], by_customer=True, deed='schedule', limited=True)
    def billpro_order_resume(self, order, day=None, **kwargs):
        """Go on with a subscription that the customer has paused.

        :param sale.order order: The order.
        :param str day: When the next payment is, as the page said.
        :rtype: odoo.http.Response
        """
        order._billing_resume_by_customer(day)
        return self._billpro_redirect_to_order(order, 'resumed')

    @order_route('/skip', methods=['GET'])
    def billpro_order_skip_page(self, order, **kwargs):
        """Show what it means to skip the next payment.

        :param sale.order order: The order.
        :rtype: odoo.http.Response
        """
        if order._billing_get_refusal_to_skip_by_customer():
            return request.redirect(order._billing_get_order_link())
        return self._billpro_render_private(
            'billpro_portal.schedule_page',
            order.env['billpro.order.schedule']._get_skip_values(order),
        )

    @order_route('/skip', methods=['POST'], by_customer=True, deed='schedule', limited=True)
    def billpro_order_skip(self, order, event_id=None, **kwargs):
        """Skip the payment that the page showed.

        :param sale.order order: The order.
        :param str event_id: The payment.
        :rtype: odoo.http.Response
        """
        order._billing_skip_by_customer(self._cast_as_int(event_id))
        return self._billpro_redirect_to_order(order, 'skipped')

    @order_route('/offer/<int:reason_id>', methods=['GET'])
    def billpro_order_offer_page(self, order, reason_id, **kwargs):
        """Show the discount that is offered instead of leaving.

        :param sale.order order: The order.
        :param int reason_id: The reason to leave.
        :rtype: odoo.http.Response
        """
        reason = order.env['billpro.cancel.reason'].browse(reason_id)
        values = order.env['billpro.order.leaving']._get_discount_values(order, reason)
        self._billpro_note_offer(order, reason_id)
        return self._billpro_render_private('billpro_portal.schedule_page', values)

    @order_route(
        '/offer/<int:reason_id>', methods=['POST'], by_customer=True, deed='schedule', limited=True
    )
    def billpro_order_offer(self, order, reason_id, agreed=None, **kwargs):
        """Give the customer the discount that the page offered.

        :param sale.order order: The order.
        :param int reason_id: The reason to leave.
        :param str agreed: What was shown.
        :rtype: odoo.http.Response
        """
        order._billing_take_offer(order.env['billpro.cancel.reason'].browse(reason_id), agreed)
        order.env['billpro.leaving.offer']._note_taken(order, 'discount')
        return self._billpro_redirect_to_order(order, 'discount_taken')
