from odoo.http import request

from odoo.addons.billpro_portal.billing.lifecycle import BEFORE_APPROVAL
from odoo.addons.billpro_portal.controllers.order_portal import OrderPortal
from odoo.addons.billpro_portal.controllers.order_route import order_route
from odoo.addons.website_sale.controllers.payment import PaymentPortal


class ShopCheckout(OrderPortal, PaymentPortal):
    """The order link as the last step of the shop."""

    @order_route()
    def billpro_order_link(self, order, **kwargs):
        """Override of `billpro_portal`: a cart is brought up to date as the shop does it."""
        if (
            order._billpro_is_cart()
            and order.billing_status in BEFORE_APPROVAL
            and not order._billing_get_payment_in_progress()
        ):
            is_own = request.cart == order
            if is_own:
                order._verify_cart_after_update()
            unfit = order._billpro_get_unfit_reason()
            reason = unfit or order._billpro_get_unready_reason()
            if reason and is_own:
                return request.redirect('/shop/payment' if unfit else '/shop/checkout')
            if reason:
                return self._billpro_render_private(
                    'billpro_portal.order_closed_page',
                    {
                        **order.env['billpro.order.page']._get_page_values(order),
                        'title': request.env._("This order can't be paid yet"),
                        'message': reason,
                    },
                )
        return super().billpro_order_link(order, **kwargs)

    @order_route(website=True)
    def billpro_order_transaction(self, order, **kwargs):
        """Override of `billpro_portal`: what modules of the shop have to check is checked.

        In the language of the website, in which the customer has read the terms.
        """
        if order._billpro_is_cart() and not order._billing_get_not_payable_reason():
            no_transaction = request.env['payment.transaction'].sudo()
            self._validate_transaction_for_order(no_transaction, order)
        return super().billpro_order_transaction(order, **kwargs)
