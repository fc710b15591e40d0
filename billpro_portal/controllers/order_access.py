from werkzeug.exceptions import MethodNotAllowed

from odoo.exceptions import AccessError, MissingError, UserError
from odoo.http import request

from odoo.addons.payment.controllers.portal import PaymentPortal
from odoo.addons.portal.controllers.portal import pager as portal_pager

from ..billing.lifecycle import BEFORE_APPROVAL
from ..models.pages.order_payments import HISTORY_PAGE_SIZE

LANGUAGE_COOKIE = 'billpro_lang'


class OrderAccess(PaymentPortal):
    """Who may see an order: whoever has its link, or a login that may read it."""

    def _billpro_get_accessible_order(self, order_id, access_token):
        """Return the order if the request may act for its customer.

        An unknown order and one of somebody else are the same to the visitor, and so is an
        ordinary sale: it has no order link.

        :param int order_id: The order's id.
        :param str access_token: The token of the order link, if any.
        :return: The order in superuser mode, in the language of a reader without a login of
                 their own; None if there is none for this request.
        :rtype: sale.order|None
        """
        if not isinstance(access_token, str) or not access_token.isascii():
            access_token = None  # No token of ours; Odoo's comparison would break on it.
        try:
            order = self._document_check_access('sale.order', order_id, access_token)
        except (AccessError, MissingError):
            return None
        if not order.purchase_type:
            return None
        if order._billing_is_link_over() and not self._billpro_may_read(order):
            return None
        if order.billing_status == 'draft' and not request.env.user._is_internal():
            return None
        lang = self._billpro_get_picked_language()
        if not lang and request.env.user._is_public():
            lang = order.partner_id.lang
        if lang:
            request.update_context(lang=lang)
        return order.with_context(lang=request.env.context.get('lang')).with_company(
            order.company_id
        )

    def _billpro_may_read(self, order):
        """Return whether the visitor may see the order without its link.

        :param sale.order order: The order.
        :rtype: bool
        """
        return bool(order.with_user(request.env.user)._filtered_access('read'))

    @staticmethod
    def _billpro_get_picked_language():
        """Return the language that the reader has picked, on a page of ours or by the address.

        :return: The code of the language; None if nothing was picked.
        :rtype: str|None
        """
        picked = request.params.get('lang')
        languages = request.env['res.lang']._get_frontend()
        if isinstance(picked, str) and picked in languages:
            request.future_response.set_cookie(LANGUAGE_COOKIE, picked, httponly=True)
            return picked
        picked = request.cookies.get(LANGUAGE_COOKIE)
        if picked in languages:
            return picked
        # A page in the default language has no prefix: nobody knows then whether it was picked.
        default = request.env['ir.http']._get_default_lang().code
        lang = getattr(request, 'is_frontend', False) and request.lang.code
        return lang if lang and lang != default else None

    # === WHO ASKS === #

    def _billpro_is_customer(self, order):
        """Return whether the visitor's login is one of the order's customer.

        :param sale.order order: The order.
        :rtype: bool
        """
        user = request.env.user
        customers = (order.partner_id | order.partner_invoice_id).commercial_partner_id
        return not user._is_public() and user.partner_id.sudo().commercial_partner_id in customers

    def _billpro_looks_on(self, order):
        """Return whether staff look at the order: the back office's login isn't the customer's.

        What they do for customers they do in the back office, in their own name and with their
        own rights.

        :param sale.order order: The order.
        :rtype: bool
        """
        return request.env.user._is_internal() and not self._billpro_is_customer(order)

    def _billpro_note_offer(self, order, reason_id):
        """Note that the customer has opened what they are offered instead of leaving.

        :param sale.order order: The order.
        :param str reason_id: The reason to leave, as the page's address has it; None without one.
        """
        if reason_id and not self._billpro_looks_on(order):
            order.env['billpro.leaving.offer']._note_shown(order, self._cast_as_int(reason_id))

    def _billpro_check_acts_as_customer(self, order):
        """Check that what is done on the customer's pages is done by the customer.

        :param sale.order order: The order.
        :raise UserError: If the visitor is logged in as staff.
        :raise werkzeug.exceptions.MethodNotAllowed: If something only asks what can be done.
        """
        if request.httprequest.method == 'OPTIONS':  # Odoo adds it, and checks no CSRF token.
            raise MethodNotAllowed(['POST'])
        if self._billpro_looks_on(order):
            raise UserError(
                request.env._(
                    "You are logged in as %s, not as the customer: you can look at this page, but"
                    " not act on it. Use the buttons of the order in Odoo. To see what the"
                    " customer can do, open the order link in a private window.",
                    request.env.user.name,
                )
            )

    def _billpro_answer_not_found(self):
        """Answer that there is no such order, or not for the visitor.

        :rtype: odoo.http.Response
        :raise werkzeug.exceptions.NotFound: If a script has asked.
        """
        if request.dispatcher.routing_type != 'http':
            raise request.not_found()
        return self._billpro_render_order_not_found()

    def _billpro_render_order_not_found(self):
        """Return the neutral answer for a link that opens nothing.

        :rtype: odoo.http.Response
        """
        return self._billpro_render_private('billpro_portal.link_invalid_page', {}, status=404)

    def _billpro_render_private(self, template, values, status=200):
        """Render a page that belongs to one customer.

        The token stands in the URL: no cache may keep the page and no other site may learn the
        address from the `Referer` header, or show the page in a frame.

        :param str template: The template's external id.
        :param dict values: The values of the template.
        :param int status: The HTTP status.
        :rtype: odoo.http.Response
        """
        response = request.render(template, values, status=status)
        self._billpro_set_private_headers(response)
        return response

    @staticmethod
    def _billpro_set_private_headers(response):
        response.headers['Cache-Control'] = 'no-store'
        response.headers['Referrer-Policy'] = 'same-origin'
        response.headers['X-Robots-Tag'] = 'noindex, nofollow'
        # No other site may lay the page under its own and have the customer click on it.
        response.headers['X-Frame-Options'] = 'SAMEORIGIN'
        response.headers['Content-Security-Policy'] = "frame-ancestors 'self'"

    # === RESULTS OF ACTIONS === #

    def _billpro_redirect_to_order(self, order, notice):
        """Go back to the order, which tells what was done.

        :param sale.order order: The order.
        :param str notice: A key of `billpro.order.page._get_notice`.
        :rtype: odoo.http.Response
        """
        return request.redirect(self._billpro_get_notice_url(order, notice))

    def _billpro_get_notice_url(self, order, notice):
        return order.get_portal_url(query_string=f'&notice={notice}')

    def _billpro_render_refused(self, order, error):
        """Show the order as it is, with the reason why an action was refused.

        :param sale.order order: The order.
        :param UserError error: The reason.
        :rtype: odoo.http.Response
        """
        request.env.cr.rollback()  # The action may have written something before it was refused.
        order.invalidate_recordset()
        if order.billing_status in BEFORE_APPROVAL | {'cancelled'}:
            return request.redirect(order._billing_get_order_link())
        return self._billpro_render_portal(
            order, notice={'level': 'danger', 'text': str(error)}, status=409
        )

    def _billpro_render_portal(self, order, page=1, past=None, notice=False, status=200):
        """Show the order portal.

        :param sale.order order: The order.
        :param int page: The page of the billing history.
        :param int past: The period of usage before which past ones are listed; the latest without.
        :param dict|bool notice: What the last action did: its ``level`` and ``text``.
        :param int status: The HTTP status.
        :rtype: odoo.http.Response
        """
        history_pager = portal_pager(
            url=f'/order/{order.id}',
            url_args={'access_token': order.access_token},
            total=len(order.env['billpro.order.payments']._get_history_entries(order)),
            page=max(page, 1),
            step=HISTORY_PAGE_SIZE,
        )
        return self._billpro_render_private(
            'billpro_portal.order_page',
            {
                **order.env['billpro.order.page']._get_portal_values(
                    order, history_pager['page']['num'], past
                ),
                'history_pager': history_pager,
                'notice': notice,
            },
            status=status,
        )
