from odoo.http import request

from .order_access import OrderAccess
from .order_route import order_route

NOTICES = {'planned': 'change_planned', 'done': 'changed', 'declined': 'not_changed'}


class OrderChange(OrderAccess):
    """Another plan, another quantity of it, or an add-on."""

    @order_route('/change', methods=['GET'])
    def billpro_order_change_page(
        self, order, line_id=None, product_id=None, quantity=None, offer=None, **kwargs
    ):
        """Show what the subscription can be changed to, and what that comes to.

        :param sale.order order: The order.
        :param str line_id: The line that was chosen.
        :param str product_id: The plan that was chosen.
        :param str quantity: How many were chosen.
        :param str offer: The reason to leave for which it was offered.
        :rtype: odoo.http.Response
        """
        presenter = order.env['billpro.order.change']
        if not presenter._get_menu_item(order):
            return request.redirect(order._billing_get_order_link())
        self._billpro_note_offer(order, offer)
        chosen = self._billpro_get_choice(order, line_id, product_id, quantity)
        return self._billpro_render_private(
            'billpro_portal.order_change_page', presenter._get_values(order, *chosen)
        )

    @order_route(
        '/change', methods=['POST'], by_customer=True, deed='plan', limited=True, confirms=True
    )
    def billpro_order_change(
        self, order, line_id=None, product_id=None, quantity=None, agreed=None, **kwargs
    ):
        """Change the subscription as it was shown, and collect what is to be paid for it.

        :param sale.order order: The order.
        :param str line_id: The line that was chosen.
        :param str product_id: The plan that was chosen.
        :param str quantity: How many were chosen.
        :param str agreed: What was shown.
        :rtype: odoo.http.Response
        """
        line, product, number = self._billpro_get_choice(order, line_id, product_id, quantity)
        change = order._billing_change_by_customer(line, product, number or 0, agreed)
        order.env['billpro.leaving.offer']._note_change(change)
        request.env['billpro.billing.run'].sudo()._collect_change(change)
        if notice := NOTICES.get(change.state):
            return self._billpro_redirect_to_order(order, notice)
        if waiting := order._billing_get_open_authentication()[:1]:
            return request.redirect(order._billing_get_order_link(f'/authenticate/{waiting.id}'))
        return request.redirect(order._billing_get_order_link('/progress'))

    @order_route(
        '/change/undo', methods=['POST'], by_customer=True, deed='plan', limited=True, confirms=True
    )
    def billpro_order_change_undo(self, order, change_id=None, **kwargs):
        """Take back what is planned, or waits for the customer's bank.

        :param sale.order order: The order.
        :param str change_id: The change; that which waits, or was planned last, if not said.
        :rtype: odoo.http.Response
        """
        change = None
        if change_id:
            number = self._cast_as_int(change_id)
            change = order.billing_change_ids.filtered(lambda change: change.id == number)
        order._billing_take_back_change(change)
        return self._billpro_redirect_to_order(order, 'change_undone')

    def _billpro_get_choice(self, order, line_id, product_id, quantity):
        """Return what was chosen; whether it may be is for the order to say.

        :param sale.order order: The order.
        :param str line_id: The line.
        :param str product_id: The plan.
        :param str quantity: How many.
        :return: The line, none if something is to be added; the product; how many, if said.
        :rtype: tuple[sale.order.line, product.product, int|None]
        """
        line_id, product_id = self._cast_as_int(line_id), self._cast_as_int(product_id)
        plans = order._billing_get_customers_plans()
        line = order.order_line.filtered(lambda line: line.id == line_id and line in plans)
        products = plans[line] if line else order._billing_get_customers_addons()
        product = products.filtered(lambda product: product.id == product_id)
        return line, product, self._cast_as_int(quantity)
