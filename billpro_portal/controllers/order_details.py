from odoo import http
from odoo.http import request
from odoo.tools import email_normalize

from ..billing.lifecycle import LIVE
from ..models.details.sale_order import ADDRESS_FIELDS
from ..models.pages.order_details import MAX_LENGTH
from .lost_link import MAX_LENGTH as MAIL_LENGTH
from .order_access import OrderAccess
from .order_route import comes_from_page, order_route


class OrderDetails(OrderAccess):
    """The customer's own details: billing address, tax ID, and language.

    What an address needs is asked of Odoo's portal, to which country modules add their rules.
    """

    @order_route('/details', methods=['GET'], statuses=LIVE)
    def billpro_order_details_page(self, order, **kwargs):
        """Show the customer's details, and what of them can be changed.

        :param sale.order order: The order.
        :rtype: odoo.http.Response
        """
        return self._billpro_render_details(order, order.partner_invoice_id.country_id)

    @order_route(
        '/details',
        methods=['POST'],
        by_customer=True,
        deed='details',
        limited=True,
        confirms=True,
        statuses=LIVE,
    )
    def billpro_order_details(self, order, **entered):
        """Change the address that the order is billed to.

        :param sale.order order: The order.
        :param dict entered: What was entered, by `ADDRESS_FIELDS`.
        :rtype: odoo.http.Response
        """
        values = self._billpro_read_address(order, entered)
        is_refused = order._billing_get_refusal_of_address(request.env.user)
        country = request.env['res.country'].browse(values.get('country_id') or [])
        if not is_refused and (problems := self._billpro_find_problems(order, values)):
            return self._billpro_render_details(order, country, values, problems)
        if not is_refused and not order._billing_keep_invoices():
            problems = {
                'street': order.env._(
                    "You have many invoices, which are stored with your present address first."
                    " Please save once more."
                )
            }
            return self._billpro_render_details(order, country, values, problems)
        order._billing_change_address(values, request.env.user)
        return self._billpro_redirect_to_order(order, 'details_changed')

    @order_route(
        '/details/language',
        methods=['POST'],
        by_customer=True,
        deed='details',
        limited=True,
        statuses=LIVE,
    )
    def billpro_order_language(self, order, language='', **kwargs):
        """Write to the customer in another language from now on; the page is in it, too.

        :param sale.order order: The order.
        :param str language: The code of the language.
        :rtype: odoo.http.Response
        """
        order._billing_choose_language(language, request.env.user)
        return request.redirect(
            order.get_portal_url(query_string=f'&notice=details_changed&lang={language}')
        )

    @order_route(
        '/details/mail-address',
        methods=['POST'],
        by_customer=True,
        deed='details',
        limited=True,
        confirms=True,
        statuses=LIVE,
    )
    def billpro_order_mail_address(self, order, email='', **kwargs):
        """Ask the customer's mail address and a new one whether we are to write to the new one.

        :param sale.order order: The order.
        :param str email: The new address.
        :rtype: odoo.http.Response
        """
        address = email_normalize(str(email)[:MAIL_LENGTH])
        if not address:
            problems = {'email': order.env._("Please enter one mail address.")}
            country = order.partner_invoice_id.country_id
            return self._billpro_render_details(order, country, problems=problems)
        order._billing_request_mail_address(
            address, request.env.user, request.httprequest.remote_addr
        )
        return self._billpro_redirect_to_order(order, 'mail_change_asked')

    @http.route(
        '/order/mail-address/<int:change_id>',
        type='http',
        auth='public',
        methods=['GET', 'POST'],
        website=True,
        csrf=False,  # It is checked, and answered with a page.
    )
    def billpro_mail_change(self, change_id, access_token=None, answer=None, **kwargs):
        """Show who was asked by mail what they are asked, and take their answer.

        Programs open the links of mails, too: it is a button that answers.

        :param int change_id: The request.
        :param str access_token: The key of the link.
        :param str answer: `agree` or `object`.
        :rtype: odoo.http.Response
        """
        change = request.env['billpro.mail.change'].sudo().browse(change_id)
        side = change._get_side(access_token)
        if side and request.httprequest.method == 'POST' and comes_from_page():
            if answer == 'agree':
                change._agree(side)
            elif answer == 'object':
                change._object(side)
            return request.redirect(change._get_url(side))
        if lang := self._billpro_get_picked_language() or (side and change.partner_id.lang):
            request.update_context(lang=lang)
        presenter = request.env['billpro.order.details'].sudo()
        return self._billpro_render_private(
            'billpro_portal.mail_change_page',
            presenter._get_mail_change_values(change.with_env(presenter.env), side),
            status=200 if side else 404,
        )

    def _billpro_render_details(self, order, country, entered=None, problems=None):
        """Return the page of the customer's details.

        :param sale.order order: The order.
        :param res.country country: The country of the address.
        :param dict|None entered: What was entered, if that was refused.
        :param dict|None problems: What is wrong with it, by the name of the field.
        :rtype: odoo.http.Response
        """
        return self._billpro_render_private(
            'billpro_portal.order_details_page',
            order.env['billpro.order.details']._get_values(
                order,
                request.env.user,
                self._get_mandatory_billing_address_fields(country.sudo()),
                entered,
                problems,
            ),
            status=422 if problems else 200,
        )

    def _billpro_read_address(self, order, entered):
        """Return what was entered, as values of the contact: of fields that can be changed alone.

        :param sale.order order: The order.
        :param dict entered: What the request says.
        :rtype: dict
        """
        values = {}
        fixed = order._billing_get_fixed_details()
        for name in ADDRESS_FIELDS:
            field = request.env['res.partner']._fields[name]
            if name in fixed:
                values[name] = field.convert_to_write(
                    order.partner_invoice_id[name], order.partner_invoice_id
                )
            elif field.type == 'many2one':
                record_id = self._cast_as_int(entered.get(name)) or 0
                values[name] = (
                    request.env[field.comodel_name].sudo().search([('id', '=', record_id)]).id
                )
            else:
                text = ' '.join(str(entered.get(name, '')).split())
                values[name] = ''.join(filter(str.isprintable, text))[:MAX_LENGTH]
        state = request.env['res.country.state'].sudo().browse(values['state_id'] or [])
        if state.country_id.id != values['country_id']:
            values['state_id'] = False
        return values

    def _billpro_find_problems(self, order, values):
        """Return what is wrong with an address, by the rules of Odoo's portal.

        :param sale.order order: The order.
        :param dict values: The address.
        :return: The problems by the name of the field; none for what the form doesn't have.
        :rtype: dict[str, str]
        """
        payer = order.partner_invoice_id
        # What Odoo's form has besides stays as it is, and is missed by nobody here.
        checked = {'phone': payer.phone or '-', 'email': order.partner_id.email or '', **values}
        invalid, missing, _messages = self._validate_address_values(
            checked, payer, 'billing', False, '', order_sudo=order
        )
        labels = order.env['billpro.order.details']._get_labels(payer)
        return {
            **{
                name: order.env._("“%s” isn't right. Please check it.", labels[name])
                for name in invalid.intersection(labels)
            },
            **{
                name: order.env._("Please fill in “%s”.", labels[name])
                for name in missing.intersection(labels)
            },
        }
