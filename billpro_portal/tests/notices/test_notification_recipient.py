import re

from freezegun import freeze_time

from odoo.modules.migration import exec_script
from odoo.tests import tagged
from odoo.tools import file_path

from ..common.notification import TimedCommon

PAYMENTS = {
    'payment_received',
    'payment_declined',
    'payment_failed',
    'payment_authentication',
    'payment_upcoming',
    'payment_changed',
    'paid_by_credit',
    'refund',
    'transfer_awaited',
}
# Those that there were before the update.
UPDATED = PAYMENTS - {'transfer_awaited', 'paid_by_credit'}
GREETED = "contact.name or contact.parent_id.name or ''"
# By the order of the record that the template is rendered for: how it was greeted before.
GREETED_BEFORE = {
    'object.billing_order_id': "order.partner_id.name or order.partner_id.parent_id.name or ''",
    'object.order_id': "order.partner_id.name or order.partner_id.parent_id.name or ''",
    'object': "object.partner_name or ''",
}


@tagged('post_install', '-at_install')
class TestNoticeRecipient(TimedCommon):
    """A customer who reads French, with an accountant who reads English and gets the invoices."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.payer = cls.env['res.partner'].create(
            {
                'parent_id': cls.customer.id,
                'type': 'invoice',
                'name': "Carla Invoice",
                'email': 'invoices@customer.example.com',
                'lang': 'en_US',
            }
        )
        with freeze_time('2027-01-10 10:00:00'):
            cls.order = cls._create_active_order()
        cls.event = cls.order.billing_event_ids[:1]
        cls.tx = cls._create_initial_transaction(cls.order, billing_event_id=cls.event.id)

    def _send(self, kind, channel='mail'):
        """Send a notice; return it and its mail."""
        notice = self.env['billpro.notification'].create(
            {
                'kind': kind,
                'channel': channel,
                'order_id': self.order.id,
                'event_id': self.event.id,
                'transaction_id': self.tx.id,
                'token_id': self.order.billing_token_id.id,
                'text': "Something has changed.",
                'fact': f'test-{kind}-{channel}-{self.payer.email}',
            }
        )
        notice.lang = notice.partner_id.lang
        if channel == 'mail':
            notice._send_mail()
        else:
            notice._send_sms()
        return notice, notice.message_id.mail_ids

    def _assert_sent_to(self, partner, kinds):
        for kind in kinds:
            with self.subTest(kind):
                notice, mail = self._send(kind)
                self.assertEqual(notice.partner_id, partner)
                self.assertEqual(mail.recipient_ids, partner)
                self.assertFalse(mail.email_to)
                self.assertEqual(notice.recipient, partner.email)
                self.assertEqual(notice.lang, partner.lang)
                self.assertIn(partner.name, mail.body_html)
                self.assertIn(f'lang="{partner.lang}"', mail.body_html)

    def test_payments_are_told_to_the_invoice_address(self):
        self.assertEqual(self.order.partner_invoice_id, self.payer)
        self._assert_sent_to(self.payer, PAYMENTS)

    def test_all_else_is_told_to_the_contact_of_the_order(self):
        self._assert_sent_to(self.customer, set(self.env['billpro.notice']._get_kinds()) - PAYMENTS)

    def test_invoice_address_that_no_mail_reaches(self):
        for address in (False, 'by post'):
            self.payer.email = address
            self._assert_sent_to(self.customer, PAYMENTS)

    def test_text_messages_go_to_the_number_of_the_contact(self):
        notice, _mail = self._send('payment_declined', channel='sms')
        self.assertEqual((notice.partner_id, notice.lang), (self.customer, 'fr_FR'))
        self.assertEqual(notice.recipient, '+32470123456')

    # === UPDATE === #

    def _update(self):
        """Update the templates from the version before."""
        self.env.flush_all()
        script = file_path('billpro_portal/migrations/19.0.0.4.0/post-migrate.py')
        exec_script(self.env.cr, '19.0.0.3.0', script, 'billpro_portal', 'post')
        self.env.invalidate_all()

    def _get_template(self, kind):
        return self.env.ref(f'billpro_portal.mail_template_{kind}')

    def _take_back(self, kind):
        """Write a template as it was before."""
        template = self._get_template(kind)
        order = {'payment_upcoming': 'object.order_id', 'payment_changed': 'object.order_id'}.get(
            kind, 'object' if kind == 'refund' else 'object.billing_order_id'
        )
        self.assertIn(GREETED, template.body_html)
        template.write(
            {
                'partner_to': f'{{{{ {order}.partner_id.id }}}}',
                'lang': '{{ object.partner_lang }}'
                if kind == 'refund'
                else f'{{{{ {order}.partner_id.lang }}}}',
                'body_html': re.sub(
                    r'<t t-set="contact"[^>]*>(?:</t>)?',
                    '',
                    template.body_html.replace(GREETED, GREETED_BEFORE[order]),
                ),
            }
        )
        self.assertNotIn('contact.', template.body_html)

    def test_update_of_templates_as_shipped(self):
        """An invoice address need not have a name."""
        for kind in UPDATED:
            self._take_back(kind)
        self._update()
        self.payer.name = False
        for kind in UPDATED:
            with self.subTest(kind):
                _notice, mail = self._send(kind)
                self.assertEqual(mail.recipient_ids, self.payer)
                self.assertIn('lang="en_US"', mail.body_html)
                self.assertIn(f"Hello {self.customer.name},", mail.body_html)

    def test_update_of_templates_that_staff_have_edited(self):
        template = self._get_template('payment_received')
        template.write(
            {
                'partner_to': '{{ object.billing_order_id.user_id.partner_id.id }}',
                'lang': '{{ object.company_id.partner_id.lang }}',
                'body_html': '<p>Dear <t t-out="object.billing_order_id.partner_id.name"/></p>',
            }
        )
        edited = template.read(['partner_to', 'lang', 'body_html'])
        self._update()
        self.assertEqual(template.read(['partner_to', 'lang', 'body_html']), edited)
