from datetime import date, datetime

from freezegun import freeze_time

from odoo.tests import tagged

from ..common.change import ChangeCommon
from ..common.nightly import nightly
from ..common.notification import NotificationCommon
from ..common.page import PAY_BUTTON
from ..common.tours import PhoneCommon

MOMENT = datetime(2027, 1, 10, 10)
SEND = '.o_billpro_form button[type="submit"]'
STATUS = '.o_billpro_overview_status .o_billpro_badge'
LAW_LINKS = '.o_billpro_foot_list a[href*="/contract/"]'


@tagged('post_install', '-at_install')
class TestLawWalks(PhoneCommon, ChangeCommon, NotificationCommon):
    """What the law gives consumers, walked with a finger on a phone, in German and in English."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['res.lang']._activate_lang('de_DE')
        cls.env['ir.module.module']._load_module_terms(['billpro_portal'], ['de_DE'])
        cls.registry.clear_cache('templates')
        cls.gym.type = 'service'
        cls.readers = {
            lang: cls.customer.copy(
                {
                    'name': name,
                    'email': f'{lang[:2]}@customer.example.com',
                    'lang': lang,
                    'tz': 'Europe/Berlin',
                    'country_id': cls.env.ref('base.de').id,
                }
            )
            for lang, name in (('de_DE', "Jonas Weber"), ('en_US', "Aoife Byrne"))
        }

    def _order(self, lang):
        """Return a live subscription whose customer has agreed to it."""
        order = self._create_order((self.gym, 1), partner=self.readers[lang])
        order._billing_record_consent(
            order._billing_get_consent()['version'], order._billing_get_shown(), '192.0.2.1'
        )
        token = self._create_token(partner=order.partner_id)
        self._create_initial_transaction(order, 'done', token_id=token.id)._post_process()
        return order

    def _get_mail(self, order, kind):
        """Return the text of the mail that a notice has become."""
        notice = order.billing_notification_ids.filtered(lambda one: one.kind == kind)
        notice._send_if_due([('state', '=', 'queued')])
        self.assertEqual(notice.state, 'handed_over')
        return notice.message_id.mail_ids.body_html

    def test_withdrawal(self):
        for lang, withdraw, confirm, received, state in (
            (
                'de_DE',
                "Vertrag widerrufen",
                "Widerruf bestätigen",
                "Ihr Widerruf ist bei uns eingegangen.",
                "Widerrufen",
            ),
            (
                'en_US',
                "Withdraw from contract here",
                "Confirm withdrawal",
                "We have received your withdrawal.",
                "Withdrawn",
            ),
        ):
            with self.subTest(lang), freeze_time(MOMENT):
                order = self._order(lang)
                with self._visit(order, MOMENT) as page:
                    button = 'a.btn[href*="/withdraw"]'
                    page.wait_for(button, withdraw)
                    page.check_layout()
                    page.tap(button)
                    page.wait_for(SEND, confirm)
                    page.check_layout()
                    page.tap(SEND)
                    page.wait_for('h1', received)
                    page.check_layout()
                    page.tap('.o_billpro_back a')
                    page.wait_for(STATUS, state)
                    page.check_layout()
                declaration = order.billing_declaration_ids
                self.assertEqual(
                    (declaration.is_withdrawn, declaration.refund_amount), (True, 24.2)
                )
                mail = self.env['mail.mail'].search(
                    [('model', '=', declaration._name), ('res_id', '=', declaration.id)]
                )
                self.assertEqual(
                    (mail.subject, mail.email_to),
                    (f'{received} {order.name}', order.partner_id.email),
                )
                self.assertIn(received, mail.body_html)

    @nightly(
        "The pages of withdrawal are walked for each change; these are sent without a browser."
    )
    def test_cancelling_without_a_login(self):
        """From the foot of a page whose reader has chosen no language, in that of the page."""
        for lang, links, confirm, received in (
            (
                'de_DE',
                ("Vertrag widerrufen", "Verträge hier kündigen"),
                "Jetzt kündigen",
                "Ihre Kündigung ist bei uns eingegangen.",
            ),
            (
                'en_US',
                ("Withdraw from contract here", "Cancel contracts here"),
                "Cancel now",
                "We have received your cancellation.",
            ),
        ):
            with self.subTest(lang):
                with freeze_time(MOMENT):
                    order = self._order(lang)
                with self._visit(order, MOMENT) as page:
                    page.wait_for(LAW_LINKS, *links)
                    page.tap(f'{LAW_LINKS}[href*="/cancel"]')
                    page.wait_for('h1', links[1])
                    page.wait_for(SEND, confirm)
                    page.check_layout()
                    for field, text in (
                        ('name', order.partner_id.name),
                        ('reference', order.name),
                        ('email', order.partner_id.email),
                    ):
                        page.tap(f'#billpro_{field}')
                        page.type(text)
                    page.tap(SEND)
                    page.wait_for('h1', received)
                    page.check_layout()
                with freeze_time(MOMENT), self.enter_registry_test_mode():
                    self.env.ref('billpro_portal.cron_declarations').method_direct_trigger()
                self.env.invalidate_all()
                self.assertEqual(order.billing_declaration_ids.state, 'done')
                self.assertEqual(order.billing_cancel_date, date(2027, 2, 9))

    @nightly("A trial is walked without the law, and what it says is read without a browser.")
    def test_trial(self):
        for lang, label, rows, thanks, cancel in (
            (
                'de_DE',
                "Zahlungspflichtig bestellen",
                {"Erste Zahlung": "24. Januar 2027", "Erinnerung per E-Mail": "17. Januar 2027"},
                "Vielen Dank",
                "Abonnement kündigen",
            ),
            (
                'en_US',
                "Order with obligation to pay",
                {"First payment": "January 24, 2027", "Reminder by mail": "January 17, 2027"},
                "Thank you",
                "Cancel subscription",
            ),
        ):
            with self.subTest(lang):
                with freeze_time(MOMENT):
                    order = self._create_order((self.gym, 1), partner=self.readers[lang])
                    order.billing_trial_days = 14
                with self._visit(order, MOMENT) as page:
                    page.wait_for(f'{PAY_BUTTON}:disabled', label)
                    page.check_layout()
                    page.tap('#billpro_consent')
                    page.wait_for(f'{PAY_BUTTON}:enabled', label)
                    page.tap('#customer_input')
                    page.type('4242424242424242')
                    page.tap(PAY_BUTTON)
                    page.wait_for('.o_billpro_success h1', thanks)
                    page.check_layout()
                self.assertEqual((order.billing_status, order.billing_paid), ('active', 0))
                self.assertFalse(order.billing_consent_ids.wants_start)
                with freeze_time(MOMENT):
                    body = self._get_mail(order, 'purchase_confirmation')
                for row, value in rows.items():
                    self.assertIn(f'{row}: {value}', order.billing_consent_ids.agreement)
                    self.assertIn(value, body)
                self.assertIn(f'/cancel?access_token={order.access_token}', body)
                self.assertIn(cancel, body)

    @nightly("What is told of an increase is read, and what is charged counted, for each change.")
    def test_price_increase(self):
        self.gym.product_tmpl_id.billing_family_id = self.family
        with freeze_time(MOMENT):
            orders = {lang: self._order(lang) for lang in self.readers}
        with freeze_time('2027-01-15 10:00:00'):
            increase = (
                self.env['billpro.price.increase']
                .with_user(self.billing_manager)
                .create({'product_ids': self.gym.ids, 'percent': 10, 'day': '2027-02-15'})
            )
            increase.action_preview()
            increase.action_confirm()
            with self.enter_registry_test_mode():
                self.env.ref('billpro_portal.cron_price_increase').method_direct_trigger()
            self.env.invalidate_all()
        for lang, told, button, cancelled in (
            (
                'de_DE',
                "Ab 10. März 2027 zahlen Sie",
                "Abonnement kündigen",
                "Gekündigt – Zugang bis 9. Februar",
            ),
            (
                'en_US',
                "From March 10, 2027 on you pay",
                "Cancel subscription",
                "Cancelled – access until February 9",
            ),
        ):
            order = orders[lang]
            with self.subTest(lang):
                with freeze_time('2027-01-15 10:00:00'):
                    body = self._get_mail(order, 'price_increase')
                self.assertIn(told, body)
                self.assertIn(f'/cancel?access_token={order.access_token}', body)
                with self._visit(order, datetime(2027, 1, 15, 11)) as page:
                    link = '.o_billpro_facts a[href*="/cancel?"]'
                    page.wait_for(link, button)
                    page.check_layout()
                    page.tap(link)
                    page.wait_for(SEND, button)
                    page.check_layout()
                    page.tap(SEND)
                    page.wait_for(STATUS, cancelled)
                    page.check_layout()
                self.assertEqual(order.billing_cancel_date, date(2027, 2, 9))
