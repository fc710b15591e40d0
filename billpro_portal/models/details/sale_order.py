from markupsafe import Markup

from odoo import models
from odoo.exceptions import UserError
from odoo.tools import email_normalize_all

from ...billing.lifecycle import LIVE

# All that a customer may change of the invoice address; nothing else is taken from a request.
ADDRESS_FIELDS = (
    'name',
    'company_name',
    'street',
    'street2',
    'zip',
    'city',
    'state_id',
    'country_id',
    'vat',
)
# Each takes about a second.
PDFS_AT_ONCE = 20


class SaleOrder(models.Model):
    """What the customer of an order changes of themselves, and what they may not.

    An order link can be forwarded, and a contact can belong to several people: what others use,
    too, and what a login stands behind, isn't changed by a link.
    """

    _inherit = 'sale.order'

    # === WHAT MAY BE CHANGED === #

    def _billing_get_refusal_of_details(self, user, person=None):
        """Return why a visitor may not change one of the people of the order.

        Who has a login is changed by that one alone; by who else of them has one if not.

        :param res.users user: Whose login it is.
        :param res.partner|None person: Who is changed: the customer unless told otherwise.
        :return: The reason in the customer's words; False if they may.
        :rtype: str|bool
        """
        self.ensure_one()
        people = self.partner_id | self.partner_invoice_id
        is_ours = self.env['res.company'].search_count(
            [('partner_id', 'in', people.commercial_partner_id.ids)], limit=1
        )
        if is_ours or people.user_ids.filtered(lambda one: not one.share):
            return self.env._("Please contact us to change this.")
        logins = (person or self.partner_id).user_ids or people.user_ids
        if logins and user not in logins:
            return self.env._("You have an account with us: please log in to change this.")
        return False

    def _billing_get_refusal_of_address(self, user):
        """Return why a visitor may not change the address that the order is billed to.

        Odoo keeps the addresses of a company and its contacts alike, and its tax ID.

        :param res.users user: Whose login it is.
        :return: The reason in the customer's words; False if they may.
        :rtype: str|bool
        """
        payer = self.partner_invoice_id
        if refusal := self._billing_get_refusal_of_details(user, payer):
            return refusal
        company = payer.commercial_partner_id
        own = payer | self.partner_id
        others = self.env['res.partner'].search([('id', 'child_of', company.id)]) - own
        if (
            company != self.partner_id.commercial_partner_id
            or others.user_ids
            or self.search_count(
                [
                    ('partner_id', 'not in', own.ids),
                    '|',
                    ('partner_id', 'in', others.ids),
                    ('partner_invoice_id', '=', payer.id),
                ],
                limit=1,
            )
        ):
            return self.env._(
                "This address isn't used by you alone. Please contact us to change it."
            )
        return False

    def _billing_get_fixed_details(self):
        """Return what of the address Odoo lets no customer change: it is on documents.

        :return: Names of `ADDRESS_FIELDS`.
        :rtype: set[str]
        """
        payer = self.partner_invoice_id
        fixed = set()
        if payer.country_id and not payer._can_edit_country():
            fixed.add('country_id')
        if payer != payer.commercial_partner_id:
            fixed |= {'vat', 'company_name'}
        elif payer.vat and not payer.can_edit_vat():
            fixed.add('vat')
        if payer.is_company:
            fixed.add('company_name')
        return fixed

    # === CHANGING IT === #

    def _billing_change_address(self, values, user):
        """Change the address that the order is billed to; documents that are posted stay.

        Taxes stay as they were agreed to: where others would apply now, staff are asked.

        :param dict values: What was entered, by `ADDRESS_FIELDS`; Odoo's portal has checked it.
        :param res.users user: Whose login it is.
        :return: Whether anything was changed.
        :rtype: bool
        :raise UserError: If it may not be changed by this visitor.
        """
        self.ensure_one()
        if refusal := self._billing_get_refusal_of_address(user):
            raise UserError(refusal)
        payer = self.partner_invoice_id
        fixed = self._billing_get_fixed_details()
        (present,) = payer.read(ADDRESS_FIELDS, load=None)
        changed = {
            name: value or False
            for name, value in values.items()
            if name in ADDRESS_FIELDS and name not in fixed and (value or False) != present[name]
        }
        if not changed:
            return False
        self._billing_keep_invoices()
        positions = self._billing_get_fiscal_positions()
        before = {name: payer[name] for name in changed}
        payer.write(changed)
        changes = {name: (old, payer[name]) for name, old in before.items() if old != payer[name]}
        self._billing_log_details(payer, changes)
        for order, position in self._billing_get_fiscal_positions().items():
            if position not in (positions[order], order.fiscal_position_id):
                order._billing_ask_about_taxes(position)
        return True

    def _billing_choose_language(self, lang, user):
        """Write to the customer in another language from now on.

        :param str lang: The code of the language.
        :param res.users user: Whose login it is.
        :raise UserError: If there is no such language, or it may not be changed by this visitor.
        """
        self.ensure_one()
        if refusal := self._billing_get_refusal_of_details(user):
            raise UserError(refusal)
        languages = dict(self.env['res.lang'].get_installed())
        if lang not in languages:
            raise UserError(self.env._("Please choose one of the languages."))
        people = self.partner_id
        if not self._billing_get_refusal_of_address(user):
            people |= self.partner_invoice_id
        for person in people.filtered(lambda person: person.lang != lang):
            old = person.lang
            person.lang = lang
            self._billing_log_details(person, {'lang': (languages.get(old), languages[lang])})

    def _billing_request_mail_address(self, email, user, ip_address):
        """Ask the customer's mail address and a new one whether we are to write to the new one.

        :param str email: The new address.
        :param res.users user: Whose login it is.
        :param str ip_address: The address of the visitor.
        :raise UserError: If it may not be changed by this visitor, or isn't another address.
        """
        self.ensure_one()
        if refusal := self._billing_get_refusal_of_details(user):
            raise UserError(refusal)
        if email in email_normalize_all(self.partner_id.email or ''):
            raise UserError(self.env._("We write to this address already."))
        self.env['billpro.mail.change']._request(self, email, user, ip_address)

    def _billing_set_mail_address(self, email, user):
        """Write to the customer at another address from now on, which they have confirmed.

        :param str email: The address.
        :param res.users user: The login with which it was asked for.
        """
        self.ensure_one()
        old = self.partner_id.email
        people = self.partner_id
        if self.partner_invoice_id.email == old and not self._billing_get_refusal_of_address(user):
            people |= self.partner_invoice_id
        for person in people:
            person.email = email
            self._billing_log_details(person, {'email': (old, email)})

    def _billing_keep_invoices(self):
        """Make and store the PDF of invoices that have none yet, with the address of today.

        They are as many as a request has time for.

        :return: Whether none is left; what no PDF can be made of, staff are told of, keeps nobody.
        :rtype: bool
        """
        moves = self.env['account.move'].search(
            [
                ('commercial_partner_id', '=', self.partner_invoice_id.commercial_partner_id.id),
                ('billing_order_id', '!=', False),
                ('state', '=', 'posted'),
            ]
        )
        missing = moves.filtered(lambda move: move._billpro_lacks_pdf())
        for move in missing[:PDFS_AT_ONCE]:
            move._billpro_keep_pdf()
        is_stuck = all(move._billpro_lacks_pdf() for move in missing[:PDFS_AT_ONCE])
        return is_stuck or len(missing) <= PDFS_AT_ONCE

    def _billing_get_fiscal_positions(self):
        """Return which fiscal position the customer's live orders would have if sold today.

        :rtype: dict[SaleOrder, account.fiscal.position]
        """
        company = self.partner_invoice_id.commercial_partner_id
        orders = self.search(
            [('partner_id', 'child_of', company.id), ('billing_status', 'in', list(LIVE))]
        )
        return {
            order: self.env['account.fiscal.position']
            .with_company(order.company_id)
            ._get_fiscal_position(order.partner_id, order.partner_shipping_id)
            for order in orders
        }

    # === WHAT STAFF LEARN === #

    def _billing_log_details(self, partner, changes):
        """Log what the customer has changed, on the order and on the contact.

        :param res.partner partner: The contact.
        :param dict changes: The old and the new value by the name of the field.
        """
        rows = [
            self.env._(
                "%(field)s: %(old)s → %(new)s",
                field=partner._fields[name]._description_string(self.env),
                old=self._billing_get_detail_text(old),
                new=self._billing_get_detail_text(new),
            )
            for name, (old, new) in changes.items()
        ]
        heading = self.env._("The customer changed their details by order %s:", self.name)
        self._billing_log_by_customer(Markup('<br/>').join([heading, *rows]), partner)

    def _billing_log_by_customer(self, body, partner=None):
        """Log what the customer has done, in their name.

        :param str|Markup body: What it is.
        :param res.partner|None partner: The contact on which it is logged, too.
        """
        for record in filter(None, (self, partner)):
            record._message_log(body=body, author_id=self.partner_id.id)

    def _billing_get_detail_text(self, value):
        if isinstance(value, models.BaseModel):
            value = value.display_name
        return value or self.env._("(empty)")

    def _billing_ask_about_taxes(self, position):
        """Ask whether the order is to follow what the customer has changed.

        :param account.fiscal.position position: The fiscal position that Odoo would choose now.
        """
        note = self.env._(
            "The customer has changed their address or tax ID. Odoo would choose the fiscal"
            " position “%(new)s” now, the order has “%(old)s”. Its taxes stay as they were agreed"
            " to. If others apply, choose the fiscal position on the order, and then “Update Live"
            " Subscriptions” in the actions of the fiscal position.",
            new=position.name or self.env._("(empty)"),
            old=self.fiscal_position_id.name or self.env._("(empty)"),
        )
        self._message_log(body=note)
        self._billing_ask_staff(
            'fiscal-position', self.env._("Check the taxes of %s", self.name), note
        )
