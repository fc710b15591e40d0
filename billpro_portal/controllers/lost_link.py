from odoo import http
from odoo.http import request

from .order_access import OrderAccess
from .order_route import comes_from_page

MAX_LENGTH = 254  # Of a mail address: RFC 5321 knows no longer ones.


class LostLink(OrderAccess):
    """The page on which customers ask for the links to their orders."""

    @http.route(
        '/order/link',
        type='http',
        auth='public',
        methods=['GET', 'POST'],
        website=True,
        csrf=False,  # It is checked, and answered with a page.
    )
    def billpro_lost_link(self, email='', sent=None, **kwargs):
        """Mail the links to an address, if it is known; the answer is the same if it isn't.

        :param str email: What was entered.
        :param str sent: Whether something was entered.
        :rtype: odoo.http.Response
        """
        if request.httprequest.method == 'POST' and comes_from_page():
            address = str(email)[:MAX_LENGTH]
            visitor = request.httprequest.remote_addr
            request.env['billpro.link.request'].sudo()._take(address, visitor)
            return request.redirect('/order/link?sent=1')
        if lang := self._billpro_get_picked_language():
            request.update_context(lang=lang)
        return self._billpro_render_private('billpro_portal.lost_link_page', {'is_sent': sent})
