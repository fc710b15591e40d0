from werkzeug.urls import url_encode

from odoo import models

from ...billing.lifecycle import LIVE

# By which browsers fill in what they know of their user.
AUTOCOMPLETE = {
    'name': 'name',
    'company_name': 'organization',
    'street': 'address-line1',
    'street2': 'address-line2',
    'zip': 'postal-code',
    'city': 'address-level2',
    'state_id': 'address-level1',
    'country_id': 'country',
}
MAX_LENGTH = 128


class BillproOrderDetails(models.AbstractModel):
    """What the page shows on which customers change their address, tax ID and language."""

    _name = 'billpro.order.details'
    _description = "Details of the Customer of an Order"

    def _get_menu_items(self, order):
        """Return the menu items that lead to the page.

        :param sale.order order: The order.
        :rtype: list[dict]
        """
        if order.billing_status not in LIVE:
            return []
        return [
            {
                'label': self.env._("Change your details"),
                'url': order._billing_get_order_link('/details'),
            }
        ]

    def _get_values(self, order, user, required, entered=None, problems=None):
        """Return the values of the page.

        :param sale.order order: The order.
        :param res.users user: Whose login it is.
        :param Collection[str] required: The fields of the address that can't be empty.
        :param dict|None entered: What was entered of the address, if that was refused.
        :param dict|None problems: What is wrong with it, by the name of the field.
        :rtype: dict
        """
        refusal = order._billing_get_refusal_of_address(user)
        is_login_asked = (
            bool(refusal)
            and user._is_public()
            and bool((order.partner_id | order.partner_invoice_id).user_ids)
        )
        return {
            **self.env['billpro.order.page']._get_page_values(order),
            'title': self.env._("Your details"),
            'back_url': order._billing_get_order_link(),
            'address_url': order._billing_get_order_link('/details'),
            'refusal': refusal,
            'login_url': is_login_asked
            and f'/web/login?{url_encode({"redirect": order._billing_get_order_link("/details")})}',
            'billed_to': self.env['billpro.order.page']._get_billed_to_fact(order)['lines'],
            'fields': not refusal
            and self._get_fields(order, required, entered or {}, problems or {}),
            'mail': self._get_mail_values(order, user, (problems or {}).get('email')),
            'language_url': order._billing_get_order_link('/details/language'),
            'choices': self._get_languages(order, user),
            'notice': bool(problems)
            and {
                'level': 'danger',
                'text': self.env._("Nothing is changed yet. Please correct what is marked."),
            },
        }

    def _get_fields(self, order, required, entered, problems):
        """Return the fields of the form.

        :param sale.order order: The order.
        :param Collection[str] required: The fields that can't be empty.
        :param dict entered: What was entered.
        :param dict problems: What is wrong with it, by the name of the field.
        :return: The ``name``, ``label``, ``value`` and ``autocomplete`` of each, what is its
                 ``problem``, whether it ``is_optional``; and either its ``options``, which can be
                 chosen from, or that the text ``is_fixed``.
        :rtype: list[dict]
        """
        payer = order.partner_invoice_id
        labels = self._get_labels(payer)
        (present,) = payer.read(list(labels), load=None)
        values = {**present, **entered}
        country = self.env['res.country'].browse(values['country_id'] or [])
        fixed = order._billing_get_fixed_details()
        fields = []
        for name in self._get_order_of_fields(country):
            options = self._get_options(name, country)
            if options == [] or (name in fixed and not payer[name]):
                continue
            fields.append(
                {
                    'name': name,
                    'label': labels[name],
                    'value': country.name
                    if name in fixed and name == 'country_id'
                    else values[name] or '',
                    'is_fixed': name in fixed,
                    'is_optional': name not in required,
                    'problem': problems.get(name),
                    'options': options,
                    'autocomplete': AUTOCOMPLETE.get(name, 'off'),
                }
            )
        return fields

    def _get_labels(self, payer):
        """Return what the fields of the form are called.

        :param res.partner payer: Who is billed.
        :rtype: dict[str, str]
        """
        return {
            'name': self.env._("Company") if payer.is_company else self.env._("Name"),
            'company_name': self.env._("Company"),
            'street': self.env._("Street and number"),
            'street2': self.env._("Address supplement"),
            'zip': self.env._("Postcode"),
            'city': self.env._("City"),
            'state_id': self.env._("State or province"),
            'country_id': self.env._("Country"),
            'vat': payer.country_id.vat_label or self.env._("Tax ID"),
        }

    def _get_order_of_fields(self, country):
        """Return the fields of the form in the order of the country.

        :param res.country country: The country.
        :rtype: list[str]
        """
        place = ['zip', 'city']
        address = country.get_address_fields() if country else place
        if 'zip' in address and address.index('zip') > address.index('city'):
            place = ['city', 'zip']
        return [
            'name',
            'company_name',
            'street',
            'street2',
            *place,
            'state_id',
            'country_id',
            'vat',
        ]

    def _get_options(self, name, country):
        """Return what can be chosen for a field of the form.

        :param str name: The field.
        :param res.country country: The country of the address.
        :return: Pairs of id and name; None if it is typed.
        :rtype: list[tuple[int, str]]|None
        """
        if name == 'country_id':
            return [(one.id, one.name) for one in country.search([])]
        if name == 'state_id':
            return [(one.id, one.name) for one in country.state_ids]
        return None

    def _get_mail_values(self, order, user, problem):
        """Return what the form shows that changes the mail address.

        :param sale.order order: The order.
        :param res.users user: Whose login it is.
        :param str|None problem: What is wrong with what was entered.
        :return: Which address it ``is`` now, the ``url`` to post to, what a request ``waits`` for,
                 and the ``problem``; False if it can't be changed here.
        :rtype: dict|bool
        """
        if not order.partner_id.email or order._billing_get_refusal_of_details(user):
            return False
        change = self.env['billpro.mail.change'].sudo()._get_open(order.partner_id)
        return {
            'is': self.env['billpro.page.words']._get_breakable(order.partner_id.email),
            'url': order._billing_get_order_link('/details/mail-address'),
            'problem': problem,
            'waits': bool(change)
            and self.env._(
                "We have written to both addresses, and wait for them to agree to %s.",
                change.new_email,
            ),
        }

    def _get_mail_change_values(self, change, side):
        """Return the values of the page on which an address agrees to the new one, or objects.

        It opens nothing of the order: the new address may be a stranger's.

        :param billpro.mail.change change: The request.
        :param str|None side: Which of the two looks at it; None if the link is neither's.
        :rtype: dict
        """
        company = change.company_id if side else self.env.company.sudo()
        is_open = bool(side) and change._is_open()
        is_asked = is_open and not change[f'{side}_agreed']
        if is_asked:
            text = self.env._(
                "%(company)s is to write to %(email)s from now on. Do you agree?",
                company=company.name,
                email=change.new_email,
            )
        elif is_open:
            text = self.env._(
                "Thank you. It is changed as soon as the other address has agreed, too."
            )
        elif side and change.state == 'done':
            text = self.env._("From now on we write to %s.", change.new_email)
        else:
            text = self.env._("This request is over. Nothing is changed by it.")
        return {
            **self.env['billpro.order.page']._get_company_values(company),
            'title': self.env._("Your mail address"),
            'text': text,
            'url': is_asked and change._get_url(side),
        }

    def _get_languages(self, order, user):
        """Return the languages that can be chosen for what is sent to the customer.

        :param sale.order order: The order.
        :param res.users user: Whose login it is.
        :return: The ``code`` and ``name`` of each, and whether it ``is_chosen``; none if there is
                 nothing to choose.
        :rtype: list[dict]
        """
        languages = self.env['res.lang']._get_frontend()
        if len(languages) < 2 or order._billing_get_refusal_of_details(user):
            return []
        return [
            {
                'code': code,
                'name': language.name.split(' / ')[-1],
                'is_chosen': code == order.partner_id.lang,
            }
            for code, language in languages.items()
        ]
