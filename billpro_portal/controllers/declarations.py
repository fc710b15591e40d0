from odoo import fields, http
from odoo.http import request
from odoo.tools import email_normalize, email_normalize_all

from .order_access import OrderAccess
from .order_route import order_route

TEXT_LENGTH = 200
REASON_LENGTH = 2000
TEXTS = ('name', 'reference', 'email')


class Declarations(OrderAccess):
    """Withdrawing from contracts and cancelling them, as the law wants it: without a login.

    The answer is the same whether there is such a contract or not.
    """

    # A form of another site may be sent here: there is nothing in a session that it could abuse,
    # and merchants may have one of their own.
    @http.route(
        '/contract/<any(withdraw,cancel):page>',
        type='http',
        auth='public',
        methods=['GET', 'POST'],
        website=True,
        csrf=False,
    )
    def billpro_declare(self, page, company=None, **entered):
        """Show the page that withdraws from or cancels a contract, or take what it sends.

        :param str page: Which of them.
        :param str company: The id of the company; that of the website if it is none.
        :param dict entered: What was entered.
        :rtype: odoo.http.Response
        """
        if lang := self._billpro_get_picked_language():
            request.update_context(lang=lang)
        companies = request.env['res.company'].sudo()
        seller = companies.browse(self._cast_as_int(company) or 0).exists() or (
            request.env.company.sudo()
        )
        if request.httprequest.method != 'POST':
            values = {'reference': self._billpro_clean(entered.get('reference'), TEXT_LENGTH)}
            return self._billpro_render_declaration(seller, page, values)
        return self._billpro_take_declaration(seller, page, entered)

    @order_route('/withdraw', methods=['GET'])
    def billpro_order_withdraw_page(self, order, **kwargs):
        """Show what the customer confirms to withdraw from the contract.

        :param sale.order order: The order.
        :rtype: odoo.http.Response
        """
        if not order._billing_can_be_withdrawn():
            return request.redirect(order._billing_get_order_link())
        partner = order.partner_id
        values = {
            'name': partner.name or partner.commercial_partner_id.name,
            'reference': order.name,
            'email': next(iter(email_normalize_all(partner.email or '')), ''),
        }
        return self._billpro_render_declaration(order.company_id, 'withdraw', values, order)

    @order_route('/withdraw', methods=['POST'], by_customer=True, deed='withdraw')
    def billpro_order_withdraw(self, order, **entered):
        """Withdraw from the contract.

        :param sale.order order: The order.
        :param dict entered: What was entered; the contract is the order.
        :rtype: odoo.http.Response
        """
        return self._billpro_take_declaration(
            order.company_id, 'withdraw', {**entered, 'reference': order.name}, order
        )

    def _billpro_take_declaration(self, company, page, entered, order=None):
        """Receive what was declared and show its receipt, or the page again with what is missing.

        :param res.company company: The company.
        :param str page: Which page has sent it.
        :param dict entered: What was entered.
        :param sale.order order: The order, if it is declared on its page.
        :rtype: odoo.http.Response
        """
        # They stand in the subject of a mail, and in rows of its text.
        values = {
            name: ' '.join(self._billpro_clean(entered.get(name), TEXT_LENGTH).split())
            for name in TEXTS
        }
        values['reason'] = self._billpro_clean(entered.get('reason'), REASON_LENGTH)
        values['kind'] = entered.get('kind') if page == 'cancel' else 'withdrawal'
        values['end_date'] = self._billpro_clean(entered.get('end_date'), TEXT_LENGTH)
        form = order.env if order else request.env
        form_page = form['billpro.declaration.page']
        if error := self._billpro_find_mistake(values):
            return self._billpro_render_declaration(
                company, page, values, order, error=error, status=422
            )
        shown = form_page._get_form_values(company, page, values, order)
        if shown['asks_again'] and not entered.get('is_summary'):
            return self._billpro_render_declaration(company, page, values, order, is_summary=True)
        address = request.httprequest.remote_addr
        declarations = form['billpro.declaration'].sudo()
        values = {**values, 'email': email_normalize(values['email'])}
        # What the law allows doesn't wait for an hour if the receipts go to the customer alone.
        is_own = order and values['email'] in email_normalize_all(order.partner_id.email or '')
        if not is_own and (reason := declarations._get_limit_reason(address, values['email'])):
            return self._billpro_render_declaration(
                company, page, values, order, error=reason, status=429
            )
        declaration = declarations._receive(
            {
                **values,
                'end_date': fields.Date.to_date(values['end_date'] or None),
                'company_id': company.id,
                'lang': form.lang,
                'ip_address': address,
            },
            order,
        )
        return self._billpro_render_private(
            'billpro_portal.declaration_receipt_page',
            form_page._get_receipt_values(declaration, company, order),
        )

    def _billpro_render_declaration(self, company, page, values, order=None, status=200, **options):
        env = order.env if order else request.env
        return self._billpro_render_private(
            'billpro_portal.declaration_page',
            env['billpro.declaration.page']._get_form_values(
                company, page, values, order, **options
            ),
            status=status,
        )

    @staticmethod
    def _billpro_clean(text, length):
        """Return what was entered as the database takes it.

        :param object text: What a request has sent.
        :param int length: How long it may be.
        :rtype: str
        """
        return text.replace('\0', '').strip()[:length] if isinstance(text, str) else ''

    @staticmethod
    def _billpro_find_mistake(values):
        """Return what is missing or wrong in what was entered, or False.

        :param dict values: What was entered; a day that is none is left out.
        :rtype: str|bool
        """
        if not all(values[name] for name in TEXTS):
            return request.env._("Please enter your name, the contract and your mail address.")
        if not email_normalize(values['email']):
            return request.env._("“%s” is not a mail address.", values['email'])
        if values['kind'] not in {'withdrawal', 'ordinary', 'cause'}:
            return request.env._("Please choose how you cancel.")
        if values['kind'] == 'cause' and not values['reason']:
            return request.env._("Please name the cause.")
        try:
            fields.Date.to_date(values['end_date'] or None)
        except ValueError:
            return request.env._("“%s” is not a day.", values['end_date'])
        return False
