from odoo.exceptions import AccessError, MissingError
from odoo.http import request

from odoo.addons.payment.controllers.portal import PaymentPortal


class OrderAccess(PaymentPortal):
    """Who may see an order: whoever has its link, or a login that may read it."""

    def _get_accessible_order(self, order_id, access_token):
        """Return the order if the request may act for its customer.

        An unknown order and one of somebody else are the same to the visitor, and so is an
        ordinary sale: it has no order link.

        :param int order_id: The order's id.
        :param str access_token: The token of the order link, if any.
        :return: The order in superuser mode, in the language of a reader without a login of
                 their own; None if there is none for this request.
        :rtype: sale.order|None
        """
        try:
            order = self._document_check_access('sale.order', order_id, access_token)
        except (AccessError, MissingError):
            return None
        if not order.purchase_type:
            return None
        if order.billing_status == 'draft' and not request.env.user._is_internal():
            return None
        if request.env.user._is_public() and order.partner_id.lang:
            request.update_context(lang=order.partner_id.lang)
        return order.with_context(lang=request.env.context.get('lang')).with_company(
            order.company_id
        )

    def _render_order_not_found(self):
        """Return the neutral answer for a link that opens nothing.

        :rtype: odoo.http.Response
        """
        return self._render_private('billpro_portal.link_invalid_page', {}, status=404)

    def _render_private(self, template, values, status=200):
        """Render a page that belongs to one customer.

        The token stands in the URL: no cache may keep the page and no other site may learn the
        address from the `Referer` header.

        :param str template: The template's external id.
        :param dict values: The values of the template.
        :param int status: The HTTP status.
        :rtype: odoo.http.Response
        """
        response = request.render(template, values, status=status)
        self._set_private_headers(response)
        return response

    @staticmethod
    def _set_private_headers(response):
        response.headers['Cache-Control'] = 'no-store'
        response.headers['Referrer-Policy'] = 'same-origin'
        response.headers['X-Robots-Tag'] = 'noindex, nofollow'
