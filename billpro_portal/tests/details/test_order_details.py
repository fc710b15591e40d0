from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time
from lxml import html

from odoo import Command, fields
from odoo.tests import new_test_user, tagged

from ...models.details import sale_order
from ..common.self_service_http import SelfServiceHttpCommon

MOVED = {
    'name': "Anna Peeters-Maes",
    'company_name': "Peeters Yoga",
    'street': "3 Mill Lane",
    'street2': "Floor 2",
    'zip': "2000",
    'city': "Antwerp",
    'vat': 'BE0477472701',
}


@tagged('post_install', '-at_install')
class TestOrderDetails(SelfServiceHttpCommon):
    """What customers change of themselves by the order link, and what they can't."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.subscription = cls._create_active_order()
        cls.subscription._portal_ensure_token()
        cls.invoice = cls.subscription.billing_move_ids

    def _save(self, order=None, **values):
        order = order or self.subscription
        payer = order.partner_invoice_id
        present = {
            name: payer[name] or ''
            for name in ('name', 'company_name', 'street', 'street2', 'zip', 'city', 'vat')
        }
        present['country_id'] = payer.country_id.id or ''
        return self._post_form(order, '/details', **{**present, **values})

    def _read_page(self, order=None):
        page = self._get(order or self.subscription, '/details')
        self._assert_private(page)
        return html.fromstring(page.content)

    def _details(self):
        return {name: self.customer[name] for name in MOVED}

    # === BILLING ADDRESS === #

    def test_many_invoices_are_kept_a_few_at_a_time(self):
        self._create_active_order()
        self.invoice.invoice_pdf_report_id.unlink()
        invoices = self.env['account.move'].search(
            [
                ('commercial_partner_id', '=', self.customer.commercial_partner_id.id),
                ('billing_order_id', '!=', False),
                ('state', '=', 'posted'),
            ]
        )
        lacking = invoices.filtered(lambda move: move._billpro_lacks_pdf())
        with patch.object(sale_order, 'PDFS_AT_ONCE', len(lacking) - 1):
            page = self._save(**MOVED)
            self.assertEqual(page.status_code, 422)
            self.assertIn("You have many invoices", page.text)
            self.assertIn("3 Mill Lane", page.text)
            self._assert_done(self._save(**MOVED), 'details_changed')

    def test_the_address_changes_and_invoices_stay(self):
        self.invoice.invoice_pdf_report_id.unlink()
        page = html.fromstring(self._get(self.subscription, '').content)
        (link,) = page.xpath('//dd/a[text()="Change your details"]')
        self.assertEqual(link.get('href'), self._link(self.subscription, '/details'))
        shown = self._read_page()
        self.assertEqual(shown.xpath('//input[@name="street"]/@value'), ["12 Linden Street"])
        self._assert_done(self._save(**MOVED), 'details_changed')
        self.assertEqual(self._details(), MOVED)
        document = self._get(self.subscription, f'/document/invoice/{self.invoice.id}').content
        self.assertIn(b"12 Linden Street", document)
        self.assertNotIn(b"Mill Lane", document)
        for record in self.subscription, self.customer:
            (note,) = record.message_ids.filtered(
                lambda message: f"their details by order {self.subscription.name}" in message.body
            )
            self.assertEqual(note.author_id, self.customer)
            for text in (
                "Name: Anna Peeters → Anna Peeters-Maes",
                "Street: 12 Linden Street → 3 Mill Lane",
                "Street2: (empty) → Floor 2",
                "Tax ID: (empty) → BE0477472701",
            ):
                self.assertIn(text, note.body)
            self.assertNotIn("Country", note.body)
        self.assertEqual(self.subscription.billing_visit_ids[0].deed, 'details')
        before = self._snapshot()
        self._assert_done(self._save(), 'details_changed')
        self.assertEqual(self._snapshot(), before)

    def test_nothing_else_is_taken_from_a_request(self):
        was = self.customer.read(['email', 'phone', 'lang', 'parent_id', 'user_id', 'country_id'])
        answer = self._save(
            email='mallory@example.com',
            phone='1',
            lang='xx',
            parent_id=self.other_customer.id,
            user_id=self.salesperson.id,
            partner_id=self.other_customer.id,
            country_id=self.env.ref('base.nl').id,  # It is on an invoice.
            state_id='x',
            street=f"1\x00 \u202e{'a' * 300}\r\nBcc: b",
        )
        self._assert_done(answer, 'details_changed')
        self.assertEqual(
            self.customer.read(['email', 'phone', 'lang', 'parent_id', 'user_id', 'country_id']),
            was,
        )
        self.assertEqual(self.customer.street, f"1 {'a' * 126}")
        self.assertFalse(self.other_customer.street)

    def test_what_is_missing_is_said_beside_it(self):
        was = self._details()
        page = self._save(street='', city=' ', zip='')
        self.assertEqual(page.status_code, 422)
        self._assert_private(page)
        shown = html.fromstring(page.content)
        (notice,) = shown.find_class('o_billpro_page_notice')
        self.assertEqual(notice.get('role'), 'alert')
        self.assertIn("Nothing is changed yet.", notice.text_content())
        for name, text in (
            ('street', "Please fill in “Street and number”."),
            ('city', "Please fill in “City”."),
        ):
            (field,) = shown.xpath(f'//input[@name="{name}"]')
            self.assertEqual(field.get('aria-invalid'), 'true')
            (problem,) = shown.xpath(f'//*[@id="{field.get("aria-describedby")}"]')
            self.assertEqual(problem.text_content().strip(), text)
        self.assertEqual(self._details(), was)
        # A contact without a phone number, which Odoo's own form would ask for, isn't asked.
        self.customer.phone = False
        self._assert_done(self._save(street="4 Mill Lane"), 'details_changed')

    def test_what_stands_on_invoices_is_changed_by_staff(self):
        page = self._read_page()
        self.assertFalse(page.xpath('//*[@name="country_id"]'))
        self.assertIn("It stands on your invoices.", page.text_content())
        self.assertTrue(page.xpath('//input[@name="vat"]'))
        self._assert_done(self._save(vat='BE0477472701'), 'details_changed')
        self.assertFalse(self._read_page().xpath('//input[@name="vat"]'))
        self._assert_done(self._save(vat='BE0202239951'), 'details_changed')
        self.assertEqual(self.customer.vat, 'BE0477472701')

    def test_a_country_can_be_entered_once(self):
        self.customer.country_id = False
        states = self.env.ref('base.us').state_ids
        self.assertFalse(self._read_page().xpath('//*[@name="state_id"]'))
        answer = self._save(country_id=self.env.ref('base.us').id, zip="94105")
        self.assertEqual(answer.status_code, 422)
        shown = html.fromstring(answer.content)
        self.assertEqual(len(shown.xpath('//select[@name="state_id"]/option')), len(states) + 1)
        self.assertIn("Please fill in “State or province”.", shown.text_content())
        foreign = self.env.ref('base.state_ca_on')
        answer = self._save(country_id=self.env.ref('base.us').id, state_id=foreign.id, zip="94105")
        self.assertEqual(answer.status_code, 422)
        answer = self._save(
            country_id=self.env.ref('base.us').id, state_id=states[0].id, zip="94105"
        )
        self._assert_done(answer, 'details_changed')
        self.assertEqual(self.customer.state_id, states[0])

    def test_taxes_stay_as_agreed_until_staff_decide(self):
        tax_free = self.env['account.fiscal.position'].create(
            {
                'name': "Reverse charge",
                'sequence': -1,
                'auto_apply': True,
                'vat_required': True,
                'country_id': self.env.ref('base.be').id,
            }
        )
        zero = self._create_vat("VAT 0%", 0)
        zero.write(
            {
                'fiscal_position_ids': [Command.link(tax_free.id)],
                'original_tax_ids': [Command.link(self.tax_21.id)],
            }
        )
        order = self.subscription
        order.fiscal_position_id = False
        self._assert_done(self._save(vat='BE0477472701'), 'details_changed')
        self.assertFalse(order.fiscal_position_id)
        self.assertEqual((order.order_line.tax_ids, order.amount_total), (self.tax_21, 24.2))
        (question,) = order._billing_get_questions('fiscal-position')
        self.assertEqual(question.summary, f"Check the taxes of {order.name}")
        self.assertIn("“Reverse charge”", question.note)
        with freeze_time(fields.Datetime.now() + timedelta(days=32)):
            self._collect_due(order)
        self.env.invalidate_all()
        invoice = order.billing_move_ids.sorted('id')[-1]
        self.assertNotEqual(invoice, self.invoice)
        self.assertEqual((invoice.amount_total, invoice.amount_tax), (24.2, 4.2))
        self.assertEqual(invoice.fiscal_position_id, self.invoice.fiscal_position_id)

    # === WHO MAY NOT === #

    def _assert_refused(self, reason, order=None):
        was = self._details()
        page = self._read_page(order)
        self.assertIn(reason, page.text_content())
        self.assertFalse(page.xpath('//input[@name="street"]'))
        answer = self._save(order, street="6 Mill Lane")
        self.assertEqual(answer.status_code, 409)
        self.assertIn(reason, html.fromstring(answer.content).text_content())
        self.env.invalidate_all()
        self.assertEqual(self._details(), was)
        return page

    def test_who_has_a_login_uses_it(self):
        user = new_test_user(self.env, login='anna', groups='base.group_portal')
        user.partner_id = self.customer
        page = self._assert_refused("You have an account with us: please log in to change this.")
        (link,) = page.xpath('//a[text()[contains(., "Log in")]]')
        self.assertTrue(link.get('href').startswith('/web/login?redirect=%2Forder%2F'))
        self.authenticate('anna', 'anna')
        self._assert_done(self._save(street="5 Mill Lane"), 'details_changed')
        self.assertEqual(self.customer.street, "5 Mill Lane")

    def test_each_login_changes_its_own_contact(self):
        people = self.customer | self.customer.create({'name': "Bob", 'street': "1 Quay"})
        firm = people.create({'name': "Firm", 'is_company': True})
        people.parent_id = firm
        bob = people[1]
        bob.type = 'invoice'
        self.subscription.partner_invoice_id = bob
        logins = [
            new_test_user(self.env, login=login, groups='base.group_portal')
            for login in ('anna', 'bobby')
        ]
        for user, person in zip(logins, people, strict=True):
            user.partner_id = person
        refusal = "You have an account with us: please log in to change this."
        order = self.subscription
        for user, address, details in zip(logins, (refusal, False), (False, refusal), strict=True):
            self.assertEqual(order._billing_get_refusal_of_address(user), address)
            self.assertEqual(order._billing_get_refusal_of_details(user), details)
        logins[0].active = False
        self.assertFalse(order._billing_get_refusal_of_details(logins[1]))

    def test_what_is_ours_or_others_is_changed_by_staff(self):
        shared = "This address isn't used by you alone."
        ours = "Please contact us to change this."
        firm = self.env['res.partner'].create({'name': "Firm", 'is_company': True})
        with self.subTest("others of the company order, too"):
            self.customer.parent_id = firm
            self.other_customer.parent_id = firm
            self._assert_refused(shared)
            self.other_customer.parent_id = False
            self._assert_done(self._save(street="7 Mill Lane"), 'details_changed')
            self.assertEqual(firm.street, "7 Mill Lane")
            self.customer.parent_id = False
        with self.subTest("somebody else pays"):
            payer = self.env['res.partner'].create({'name': "Grandma"})
            order = self._create_order((self.gym, 1))
            order.partner_invoice_id = payer
            self._create_initial_transaction(
                order, 'done', token_id=self._create_token().id
            )._post_process()
            order._portal_ensure_token()
            self._assert_refused(shared, order)
            self.assertFalse(payer.street)
        with self.subTest("the customer is one of us"):
            user = new_test_user(self.env, login='clerk', groups='base.group_user')
            was, user.partner_id = user.partner_id, self.customer
            self._assert_refused(ours)
            user.partner_id = was
        with self.subTest("the customer is a company of ours"):
            self.customer.parent_id = self.company.partner_id
            self._assert_refused(ours)

    # === LANGUAGE === #

    def test_mails_and_pages_come_in_the_language_that_was_chosen(self):
        self.env['res.lang']._activate_lang('de_DE')
        self.env['ir.module.module']._load_module_terms(['billpro_portal'], ['de_DE'])
        self.registry.clear_cache('templates')
        page = self._read_page()
        options = page.xpath('//select[@name="language"]/option/@value')
        self.assertIn('de_DE', options)
        answer = self._post_form(self.subscription, '/details/language', language='de_DE')
        self._assert_done(answer, 'details_changed')
        self.assertEqual(self.customer.lang, 'de_DE')
        self.assertIn(
            "Language: English (US) → German / Deutsch", str(self.customer.message_ids[0].body)
        )
        shown = self.url_open(answer.headers['Location'])
        self.assertEqual(html.fromstring(shown.content).get('lang'), 'de-DE')
        self.env['billpro.notification']._queue('order_links', self.subscription, 'language')
        notice = self.subscription.billing_notification_ids.sorted('id')[-1]
        notice._send()
        self.assertEqual(notice.lang, 'de_DE')
        answer = self._post_form(self.subscription, '/details/language', language='xx_XX')
        self.assertEqual(answer.status_code, 409)
        self.assertEqual(self.customer.lang, 'de_DE')
