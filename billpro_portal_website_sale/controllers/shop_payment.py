from odoo.exceptions import UserError
from odoo.http import request, route

from odoo.addons.billpro_portal.billing.lifecycle import BEFORE_APPROVAL
from odoo.addons.website_sale.controllers.main import WebsiteSale
from odoo.addons.website_sale.controllers.payment import PaymentPortal


class ShopPayment(WebsiteSale):
    def _check_cart(self, order_sudo):
        """Override of `website_sale`: while a payment is under way, its page tells so."""
        if order_sudo._billpro_is_being_paid():
            return request.redirect(order_sudo._billing_get_order_link())
        return super()._check_cart(order_sudo)

    def _get_shop_payment_errors(self, order):
        """Override of `website_sale`: tell what keeps the cart from being paid together."""
        errors = super()._get_shop_payment_errors(order)
        if order.purchase_type and (reason := order._billpro_get_unfit_reason()):
            errors.append((request.env._("Sorry, this order can't be paid like this."), reason))
        return errors

    @route()
    def shop_payment(self, **post):
        """Override of `website_sale`: carts with a purchase type are paid at their order link."""
        response = super().shop_payment(**post)
        cart = request.cart
        if (
            cart.purchase_type
            and response.is_qweb
            and not response.qcontext.get('errors')
            and cart._billing_is_anything_to_pay()
        ):
            cart._billpro_begin_checkout()
            return request.redirect(cart._billing_get_order_link())
        return response

    @route()
    def shop_payment_validate(self, sale_order_id=None, **post):
        """Override of `website_sale`: only what costs nothing is confirmed here."""
        order = request.cart or self._billpro_get_last_order()
        if order.purchase_type and not self._billpro_is_free(order):
            return request.redirect(order._billing_get_order_link('/result'))
        return super().shop_payment_validate(sale_order_id=sale_order_id, **post)

    @route()
    def shop_payment_confirmation(self, **post):
        """Override of `website_sale`: the order link tells what came of the payment."""
        order = self._billpro_get_last_order()
        paid_states = {'done', 'pending', 'authorized'}
        if order.purchase_type and paid_states.intersection(
            order._billing_get_initial_attempts().mapped('state')
        ):
            return request.redirect(order._billing_get_order_link('/result'))
        return super().shop_payment_confirmation(**post)

    @staticmethod
    def _billpro_is_free(order):
        """Return whether an order waits for no payment, also of what was tried before.

        :param sale.order order: The order, in superuser mode.
        :rtype: bool
        """
        if order._billing_is_anything_to_pay() or order.billing_status not in BEFORE_APPROVAL:
            return False
        order._lock_billing()
        return not order._billing_give_up_attempts()

    def _billpro_get_last_order(self):
        """Return the order whose checkout the visitor was last at.

        :rtype: sale.order
        """
        order_id = request.session.get('sale_last_order_id')
        return request.env['sale.order'].sudo().browse(order_id or []).exists()


class ShopPaymentPortal(PaymentPortal):
    @route()
    def shop_payment_transaction(self, order_id, access_token, **kwargs):
        """Override of `website_sale`: a payment form of before the cart was changed is refused.

        :raise UserError: If the visitor's cart is paid at its order link.
        :raise werkzeug.exceptions.NotFound: If somebody else's order is.
        """
        order = request.env['sale.order'].sudo().browse(order_id).exists()
        if order.purchase_type:
            if order == request.cart:
                raise UserError(
                    request.env._("Your cart was changed. Please reload the page before you pay.")
                )
            raise request.not_found()
        return super().shop_payment_transaction(order_id, access_token, **kwargs)
