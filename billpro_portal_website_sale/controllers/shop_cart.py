from odoo.http import request, route
from odoo.tools import consteq

from odoo.addons.website_sale.controllers.cart import Cart


class ShopCart(Cart):
    @route()
    def cart(self, id=None, access_token=None, revive_method='', **post):  # noqa: A002
        """Override of `website_sale`: carts are merged if they can be paid together."""
        if request.cart._billpro_is_being_paid():
            return request.redirect(request.cart._billing_get_order_link())
        if revive_method == 'merge' and (cart := request.cart) and id and access_token:
            abandoned = request.env['sale.order'].sudo().browse(int(id)).exists()
            if abandoned and consteq(abandoned.access_token or '', access_token):
                refusal = cart._billpro_get_refusal_of(abandoned.order_line.product_id)
                if refusal:
                    cart.shop_warning = refusal
                    revive_method = ''
        return super().cart(id=id, access_token=access_token, revive_method=revive_method, **post)
