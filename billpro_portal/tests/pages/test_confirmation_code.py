import re
from contextlib import closing
from datetime import timedelta

from freezegun import freeze_time
from lxml import html
from psycopg2.errors import LockNotAvailable

from odoo import fields
from odoo.sql_db import db_connect
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.mail.tests.common import MockEmail

from ...controllers.confirmation import KNOWN_COOKIE
from ..common.self_service_http import SelfServiceHttpCommon

NEW_BROWSER = "This browser is new. Paying and cancelling never need it."


@tagged('post_install', '-at_install')
class TestConfirmation(SelfServiceHttpCommon, MockEmail):
    """What a browser that isn't known to be the customer's may do by the order link."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer.email = 'anna@peeters.example'
        cls.other_customer.email = 'bart@example.com'
        cls.paid_order = cls._create_active_order()
        cls.paid_order._portal_ensure_token()

    def setUp(self):
        super().setUp()
        self._forget_browser()

    def _ask(self, order, suffix, **values):
        """Send a form; return the page with what its mails say: the codes."""
        with self.mock_mail_gateway(mail_unlink_sent=True):
            page = self._post_form(order, suffix, **values)
        return page, [re.match(r'\d{6}', mail['subject'])[0] for mail in self._mails]

    def _enter(self, order, suffix, code, **values):
        return self._post_form(order, suffix, billpro_code=code, **values)

    def _assert_asks(self, page):
        self.assertEqual(page.status_code, 200)
        self._assert_private(page)
        self.assertIn(NEW_BROWSER, page.text)
        return html.fromstring(page.content)

    # === WHAT NEEDS A CODE === #

    def test_every_change_of_card_and_plan_needs_one(self):
        before = self._snapshot()
        for order, suffix, values in (
            (self.paid_order, '/card/select', {'token_id': self.spare.id}),
            (self.paid_order, '/card/backup', {'token_id': self.spare.id}),
            (self.paid_order, '/card/remove', {'token_id': self.spare.id}),
            (self.paid_order, '/change', {}),
            (self.paid_order, '/details', {'street': "1 Mill Lane"}),
            (self.paid_order, '/change/undo', {}),
            (self.order, '/card/select', {'token_id': self.spare.id, 'all_orders': '1'}),
        ):
            with self.subTest(suffix=suffix):
                page, codes = self._ask(order, suffix, **values)
                self._assert_asks(page)
                # One is enough: it is still open.
                self.assertEqual(len(codes), suffix == '/card/select' and order == self.paid_order)
        answer = self._register(self.paid_order, collect_amount=0)
        self.assertIn("This browser is new", answer['error']['data']['message'])
        answer = self._register(self.order, all_orders=True)
        self.assertIn("This browser is new", answer['error']['data']['message'])
        self.assertEqual(self._snapshot(), before)

    def test_paying_and_cancelling_never_need_one(self):
        for suffix in ('', '/orders', '/orders/documents', '/cancel', '/card', '/details'):
            with self.subTest(suffix=suffix):
                self.assertNotIn(NEW_BROWSER, self._get(self.order, suffix).text)
        card_page = self._get(self.order, '/card')
        self.assertNotIn('name="all_orders"', card_page.text)
        self.assertEqual(self._register(self.order)['result']['state'], 'draft')
        self._assert_done(self._post_form(self.paid_order, '/cancel'), 'cancelled')
        self._assert_done(self._post_form(self.paid_order, '/cancel/undo'), 'cancel_undone')
        paid = self._post_form(self.order, '/pay', amount='24.2')
        self.assertIn('/progress?', paid.headers['Location'])

    def test_a_page_sends_nothing_by_itself(self):
        with self.mock_mail_gateway():
            page = self._get(self.paid_order, '/card')
        self.assertFalse(self._mails)
        asked = self._assert_asks(page)
        self.assertEqual(asked.xpath('//button[@name="billpro_send"]/@value'), ['mail'])
        page, (code,) = self._ask(self.paid_order, '/card', billpro_send='mail', all_orders='')
        self._assert_asks(page)
        page = self._enter(self.paid_order, '/card', code)
        self.assertIn('o_payment_form', page.text)

    # === THE CODE === #

    def test_what_is_limited_is_counted_one_after_the_other(self):
        """While another tab has one sent, that of a second one waits: it is counted, too."""
        order = self.paid_order
        codes = self.env['billpro.confirmation.code']
        changes = self.env['billpro.mail.change']
        for model, key, ask in (
            (codes, 'ip_address 192.0.2.1', lambda: codes._send(order, 'mail', '192.0.2.1')),
            (
                changes,
                f'partner_id {order.partner_id.id}',
                lambda: changes._request(order, 'b@example.com', self.env.user, '192.0.2.1'),
            ),
        ):
            with (
                self.subTest(model._name),
                closing(db_connect(self.env.cr.dbname).cursor()) as other_tab,
            ):
                other_tab.execute(
                    "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
                    [f'billpro_limit {model._name} {key}'],
                )
                with (
                    self.assertRaises(LockNotAvailable),
                    mute_logger('odoo.sql_db'),
                    self.env.cr.savepoint(),
                ):
                    self.env.cr.execute("SET LOCAL lock_timeout = '20ms'")
                    ask()

    def test_what_was_begun_is_done_after_the_code(self):
        page, (code,) = self._ask(self.paid_order, '/card/select', token_id=self.spare.id)
        asked = self._assert_asks(page)
        (field,) = asked.xpath('//input[@name="billpro_code"]')
        self.assertEqual(field.get('autocomplete'), 'one-time-code')
        (label,) = asked.xpath('//label[@for="billpro_code"]')
        self.assertEqual(
            label.text_content().strip(), "Enter the code that we sent to a•••@peeters.example"
        )
        self.assertNotIn('anna@peeters.example', page.text)
        (mail,) = self._mails
        self.assertEqual(mail['email_to'], ['anna@peeters.example'])
        self.assertFalse(self.env['mail.mail'].search([('subject', 'like', code)]))
        self.assertFalse(self.env['mail.message'].search([('subject', 'like', code)]))
        kept = self.env['billpro.confirmation.code'].search([])
        self.assertNotIn(code, str(kept.read()))
        # The form of the page, as a browser sends it; people paste blanks along.
        (form,) = asked.xpath('//form[.//input[@name="billpro_code"]]')
        sent = {one.get('name'): one.get('value') for one in form.xpath('.//input[@type="hidden"]')}
        self.assertEqual(sent['token_id'], str(self.spare.id))
        response = self.url_open(
            form.get('action'),
            {**sent, 'billpro_code': f' {code[:3]} {code[3:]} '},
            allow_redirects=False,
        )
        self.env.invalidate_all()
        self._assert_done(response, 'card_selected')
        self.assertEqual(self.paid_order.billing_token_id, self.spare)
        cookie = response.headers['Set-Cookie']
        self.assertIn(f'{KNOWN_COOKIE}=', cookie)
        self.assertIn('HttpOnly', cookie)
        # The browser is known now, for all orders of the customer and for none of others.
        first = self.paid_order.billing_event_ids.transaction_ids.token_id[:1] or self.card
        page, codes = self._ask(self.order, '/card/select', token_id=first.id)
        self._assert_done(page, 'card_selected')
        self.assertFalse(codes)
        self._assert_asks(self._ask(self.other_order, '/card/select')[0])

    def test_a_code_counts_once_here_and_for_its_customer(self):
        _page, (code,) = self._ask(self.paid_order, '/card/remove', token_id=self.spare.id)
        wrong = f'{(int(code) + 1) % 10**6:06}'
        for tries in range(4):
            page = self._enter(self.paid_order, '/card/remove', wrong, token_id=self.spare.id)
            self.assertIn("This is not the code that we sent", page.text, tries)
        # For somebody else's order it is none.
        page = self._enter(self.other_order, '/card/remove', code, token_id=self.spare.id)
        self.assertIn("This code isn&#39;t valid any more", page.text)
        session = self.session
        self._forget_browser()  # In another browser it is none either.
        page = self._enter(self.paid_order, '/card/remove', code, token_id=self.spare.id)
        self.assertIn("This code isn&#39;t valid any more", page.text)
        self.assertNotEqual(self.session, session)
        self.assertTrue(self.spare.active)
        _page, (code,) = self._ask(
            self.paid_order, '/card/remove', token_id=self.spare.id, billpro_send='mail'
        )
        for _try in range(5):
            self._enter(self.paid_order, '/card/remove', 'x' * 6, token_id=self.spare.id)
        page = self._enter(self.paid_order, '/card/remove', code, token_id=self.spare.id)
        self.assertIn("This code isn&#39;t valid any more", page.text)
        self.assertTrue(self.spare.active)

    def test_a_code_is_valid_for_ten_minutes(self):
        self._ask(self.paid_order, '/card/remove', token_id=self.spare.id)
        sent = self.env['billpro.confirmation.code'].search([])
        for minutes, is_open in ((9, True), (10, False)):
            with freeze_time(sent.create_date + timedelta(minutes=minutes, seconds=1)):
                self.assertEqual(sent._is_open(self.paid_order), is_open)
        with freeze_time(fields.Datetime.now() + timedelta(days=2)):
            self.env['billpro.confirmation.code']._gc_codes()
        self.assertFalse(sent.exists())

    def test_codes_are_sent_five_times_an_hour(self):
        for number in range(7):
            page, codes = self._ask(self.paid_order, '/card/remove', billpro_send='mail')
            self.assertEqual(len(codes), number < 5)
            self._forget_browser()  # Another session, or another link, doesn't help.
        self.assertIn("Several codes were sent within the hour", page.text)
        page, codes = self._ask(self.order, '/card/remove', billpro_send='mail')
        self.assertFalse(codes)

    def test_who_has_no_address_is_told_what_to_do(self):
        self.customer.write({'email': False, 'phone': False})
        page, codes = self._ask(self.paid_order, '/card/remove', token_id=self.spare.id)
        self.assertFalse(codes)
        self.assertIn("We have no address of yours to send a code to. Please contact us", page.text)
        # A phone number helps if the company sends text messages.
        self.customer.write({'phone': '+32 470 12 34 56', 'country_id': self.env.ref('base.be').id})
        kinds = self.env['billpro.notification.kind'].search(
            [('sms_template_id', '!=', False)], limit=1
        )
        kinds.with_company(self.company).sms_on = True
        page, codes = self._ask(self.paid_order, '/card/remove', token_id=self.spare.id)
        self.assertIn('•••456', page.text)
        self.assertNotIn('470', html.fromstring(page.content).text_content())

    def test_a_form_of_another_site_is_refused(self):
        with self.mock_mail_gateway():
            page = self._post_form(self.paid_order, '/card', csrf_token='x', billpro_send='mail')
        self.assertIn('notice=try_again', page.headers['Location'])
        self.assertFalse(self._mails)

    # === WHICH BROWSERS ARE KNOWN === #

    def test_a_forged_or_old_cookie_helps_nobody(self):
        self.opener.cookies.set(KNOWN_COOKIE, 'AQ' + 'A' * 80, domain='127.0.0.1')
        self._assert_asks(self._ask(self.paid_order, '/card/remove')[0])

    def test_the_company_chooses_when(self):
        self.company.billing_confirm_changes = 'never'
        self._assert_done(
            self._post_form(self.paid_order, '/card/select', token_id=self.spare.id),
            'card_selected',
        )
        self.company.billing_confirm_changes = 'always'
        self.authenticate(None, None)  # A browser that is known.
        page, (code,) = self._ask(self.paid_order, '/card/select', token_id=self.card.id)
        self.assertIn("We ask before each such change.", page.text)
        page = self._enter(self.paid_order, '/card/select', code, token_id=self.card.id)
        self._assert_done(page, 'card_selected')

    def test_the_checkout_makes_a_browser_known(self):
        order = self._create_order((self.gym, 1))
        order._portal_ensure_token()
        answer = self._post_transaction(order, tokenization_requested=True)
        self._get(order, '/result')
        self._assert_asks(self._ask(self.paid_order, '/card/remove')[0])
        self._simulate(answer['result']['reference'], 'done')
        self._get(order, '/result')
        self.assertEqual(order.billing_status, 'active')
        self._assert_done(
            self._post_form(order, '/card/select', token_id=self.spare.id), 'card_selected'
        )
        # Whoever comes later, and has paid nothing, isn't.
        self._forget_browser()
        self._get(order, '/result')
        self._assert_asks(self._ask(order, '/card/remove')[0])

    def test_a_login_of_the_customer_is_known(self):
        new_test_user(
            self.env, login='anna', groups='base.group_portal'
        ).partner_id.parent_id = self.customer
        self.authenticate('anna', 'anna')
        self.opener.cookies.clear('127.0.0.1', '/', KNOWN_COOKIE)
        self._assert_done(
            self._post_form(self.paid_order, '/card/select', token_id=self.spare.id),
            'card_selected',
        )
