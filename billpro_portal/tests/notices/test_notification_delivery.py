import smtplib
from datetime import datetime
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.base.models.ir_mail_server import IrMail_Server
from odoo.addons.sms.tools.sms_api import SmsApi

from ...billing.sms_text import measure
from ...models.notices.notification import BillproNotification
from ..common.notification import TimedCommon


@tagged('post_install', '-at_install')
class TestNotificationDelivery(TimedCommon):
    """What becomes of notices in Odoo's queues for mail and SMS is written back to them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time('2027-01-31 10:00:00'):
            cls.order = cls._create_active_order()

    def setUp(self):
        super().setUp()
        with freeze_time('2027-01-31 10:00:00'):
            self._run_job()
        self.notice = self.order.billing_notification_ids
        self.assertEqual(self.notice.kind, 'purchase_confirmation')

    # === MAIL === #

    @mute_logger('odoo.addons.mail.models.mail_mail')
    def _send_mails(self, moment, error=None):
        """Let Odoo's mail queue run, with a mail server that takes the mails or refuses them."""
        with (
            freeze_time(moment),
            patch.object(IrMail_Server, '_disable_send', lambda _server: False),
            patch.object(IrMail_Server, '_connect__', side_effect=error),
            patch.object(IrMail_Server, 'send_email', side_effect=lambda *_a, **_k: 'message-id'),
        ):
            self.env['mail.mail'].search(
                [('state', '=', 'outgoing'), ('mail_message_id', '=', self.notice.message_id.id)]
            ).send()

    def _get_activities(self):
        summary = f"The customer of {self.order.name} was not told"
        return self.order.activity_ids.filtered(lambda activity: activity.summary == summary)

    def test_sent(self):
        self._send_mails('2027-01-31 10:05:00')
        self.assertEqual(self.notice.state, 'sent')
        self.assertFalse(self.notice.message_id, "Odoo deletes mails that were sent")
        self._run_job()
        self.assertEqual(self.notice.state, 'sent')
        self.assertFalse(self._get_mails(self.order))

    def test_answers_reach_the_order_and_the_postal_address_stands_below(self):
        self.company.write({'street': "7 Mill Lane", 'city': "Ghent"})
        self.company.alias_domain_id = self.env['mail.alias.domain'].create(
            {'name': 'seller.example', 'catchall_alias': 'all', 'bounce_alias': 'bounced'}
        )
        self.notice._queue_again()
        with freeze_time('2027-01-31 10:05:00'):
            self._run_job()
        mail = self.notice.message_id.mail_ids
        self.assertIn('<all@seller.example>', mail.reply_to)
        self.assertIn("7 Mill Lane", mail.body_html)

    def test_a_customer_with_two_addresses(self):
        self.customer.email = 'anna@example.com, office@example.com'
        self.notice._queue_again()
        with freeze_time('2027-01-31 10:05:00'):
            self._run_job()
        self.assertEqual(
            (self.notice.state, self.notice.recipient, self.notice.failure_reason),
            ('handed_over', 'anna@example.com, office@example.com', False),
        )
        mail = self.notice.message_id.mail_ids
        self.assertEqual(
            [email for sent in mail._prepare_outgoing_list() for email in sent['email_to']],
            ['"Anna Peeters" <anna@example.com>', '"Anna Peeters" <office@example.com>'],
        )

    def test_who_gets_it_is_read_from_the_mail(self):
        self.notice._get_settings().mail_template_id.write(
            {'use_default_to': False, 'partner_to': False, 'email_to': 'books@example.com'}
        )
        self.notice._queue_again()
        with freeze_time('2027-01-31 10:05:00'):
            self._run_job()
        self.assertEqual(self.notice.recipient, 'books@example.com')

    def test_a_mail_for_nobody_is_not_sent(self):
        template = self.notice._get_settings().mail_template_id
        template.write({'use_default_to': False, 'partner_to': False, 'email_to': False})
        self.notice._queue_again()
        with freeze_time('2027-01-31 10:05:00'):
            self._run_job()
        self.assertEqual(
            (self.notice.state, self.notice.failure_reason),
            ('failed', f"The mail template “{template.name}” names nobody to send it to."),
        )

    def test_a_mail_server_that_refuses_is_asked_three_times_more(self):
        moments = [
            datetime(2027, 1, 31, 10, 5),
            datetime(2027, 1, 31, 10, 20),
            datetime(2027, 1, 31, 11, 20),
            datetime(2027, 1, 31, 17, 20),
        ]
        refused = smtplib.SMTPServerDisconnected("The server refuses")
        for number, moment in enumerate(moments):
            with freeze_time(moment):
                self._run_job()
            self.assertEqual(self.notice.state, 'handed_over', number)
            self._send_mails(moment, refused)
            self.assertIn("The server refuses", self.notice.failure_reason)
            if number < 3:
                self.assertEqual(self.notice.state, 'queued')
                self.assertEqual(self.notice.send_date, moments[number + 1])
                self.assertFalse(self._get_activities())
                with freeze_time(moment):
                    self._run_job()
                self.assertEqual(self.notice.state, 'queued', "Too early")
        self.assertEqual(self.notice.state, 'failed')
        self.assertEqual(len(self._get_activities()), 1)
        self.assertIn("Purchase confirmation", str(self._get_activities().note))
        self.assertEqual(len(self._get_mails(self.order)), 1)

    def test_a_refused_mail_goes_out_when_the_server_is_back(self):
        self._send_mails('2027-01-31 10:05:00', ConnectionRefusedError("No server"))
        with freeze_time('2027-01-31 10:20:00'):
            self._run_job()
        self._send_mails('2027-01-31 10:21:00')
        self.assertEqual((self.notice.state, self.notice.failure_reason), ('sent', False))
        self.assertFalse(self._get_activities())
        self.assertFalse(self._get_mails(self.order))

    def test_charges_go_on_without_a_mail_server(self):
        for day, paid in ((datetime(2027, 2, 28, 10), 48.4), (datetime(2027, 3, 31, 10), 72.6)):
            with freeze_time(day):
                self._run()
            self.assertEqual(self.order.billing_paid, paid)

    @mute_logger('odoo.addons.billpro_portal.models.each_alone.own_transaction', 'odoo.sql_db')
    def test_what_cannot_be_noted_stops_no_mail(self):
        def break_database(notice, *_args):
            notice.env.cr.execute('SELECT no_such_column FROM sale_order')

        mails = self._get_mails(self.order)
        with patch.object(BillproNotification, '_take_outcome', break_database):
            self._send_mails('2027-01-31 10:05:00')
        self.assertFalse(mails.exists(), "Odoo deletes mails that were sent")
        self.assertEqual(self.notice.state, 'handed_over')

    def test_an_address_that_is_none(self):
        self.customer.email = 'anna at example'
        with freeze_time('2027-02-28 10:00:00'):
            self._run()
            self._run_job()
        notice = self.order.billing_notification_ids.sorted('id')[-1:]
        self.assertEqual(
            (notice.kind, notice.state, notice.failure_reason),
            ('payment_received', 'failed', "“anna at example” is not an email address."),
        )
        self.assertEqual(len(self._get_activities()), 1)
        self.assertEqual(self.order.billing_paid, 48.4)

    def test_send_again(self):
        self._send_mails('2027-01-31 10:05:00')
        with self.assertRaises(AccessError):
            self.notice.with_user(self.env.ref('base.public_user')).action_send_again()
        self.notice.with_user(self.salesperson).action_send_again()
        self.assertEqual(self.notice.state, 'queued')
        with self.assertRaisesRegex(UserError, "on its way"):
            self.notice.with_user(self.salesperson).action_send_again()
        self._run_job()
        self.assertEqual(self.notice.state, 'handed_over')
        self.assertEqual(len(self._get_mails(self.order)), 1)

    def test_the_companys_sender(self):
        self.company.billing_mail_sender = 'Billing <billing@aurora.example.com>'
        self.notice.with_user(self.salesperson).sudo().state = 'sent'
        self.notice.action_send_again()
        self._run_job()
        self.assertEqual(
            self._get_mails(self.order).email_from, 'Billing <billing@aurora.example.com>'
        )

    def test_the_receipt_is_attached_and_the_mail_says_how_to_cancel(self):
        with freeze_time('2027-02-28 10:00:00'):
            self._run()
            self._run_job()
        notice = self.order.billing_notification_ids.sorted('id')[-1:]
        mail = notice.message_id.sudo().mail_ids
        number = self.order.billing_event_ids.transaction_ids._billing_get_receipt_number()
        self.assertEqual(len(mail.attachment_ids), 1)
        self.assertIn(number.replace('/', '_'), mail.attachment_ids.name)
        self.assertIn("24,20", mail.body_html)
        self.assertIn(self.order.order_link.replace('&', '&amp;'), mail.body_html)
        self.assertIn("You can cancel at any time", mail.body_html)

    # === SMS === #

    def _decline(self):
        """Let a payment be declined of a company that tells it by SMS; return the SMS notice."""
        self._switch_sms_on('payment_declined')
        self.order.billing_token_id.demo_simulated_state = 'error'
        with freeze_time('2027-02-28 10:00:00'):
            self._run()
            self._run_job()
        return self.order.billing_notification_ids.filtered(lambda n: n.channel == 'sms')

    def _send_sms(self, state, **result):
        """Let Odoo's SMS queue run, with a provider that answers each message with a state."""

        def answer(_api, messages, **_options):
            return [
                {'uuid': number['uuid'], 'state': state, **result}
                for message in messages
                for number in message['numbers']
            ]

        with patch.object(SmsApi, '_send_sms_batch', answer):
            self.env['sms.sms'].search([('state', '=', 'outgoing')]).send()

    def test_a_text_message_fits_one_segment(self):
        notice = self._decline()
        self.assertEqual((notice.state, notice.recipient), ('handed_over', '+32470123456'))
        sms = self.env['sms.sms'].search([('mail_message_id', '=', notice.message_id.id)])
        self.assertEqual(
            sms.body,
            f"Aurora Studio: payment for {self.order.name} was declined. Pay here:"
            f" {self.order.order_link}",
        )
        self._send_sms('success')
        self.assertEqual(notice.state, 'sent')

    def test_each_text_message_fits_one_segment(self):
        self.company.name = "Aurora Design Studio"
        self._decline()
        records = {
            'sale.order': self.order,
            'payment.transaction': self.order.billing_event_ids.transaction_ids[:1],
        }
        kinds = self.env['billpro.notification.kind'].search([])
        for kind in kinds.filtered('sms_template_id'):
            text = kind._render_sms(records[kind.sms_template_id.model])
            self.assertIn(self.order.order_link, text)
            text = text.replace(self.order.order_link, 'x' * 95).replace(self.order.name, 'S00012')
            self.assertEqual(measure(text)[1:], (1, True), text)
            self.assertIn("1 SMS", kind.sms_length)
        self.assertFalse(
            any(kinds.filtered(lambda kind: not kind.sms_template_id).mapped('sms_length'))
        )

    def test_a_text_message_is_not_sent_twice_by_itself(self):
        notice = self._decline()
        self._send_sms('server_error')
        self.assertEqual((notice.state, notice.failure_reason), ('failed', "Server Error"))
        self.assertEqual(len(self._get_activities()), 1)
        with freeze_time('2027-03-28 10:00:00'):
            self._run_job()
        self.assertEqual(notice.state, 'failed')

    def test_a_delivery_report_that_comes_later(self):
        notice = self._decline()
        self._send_sms('success')
        tracker = self.env['sms.tracker'].search(
            [('mail_notification_id.mail_message_id', '=', notice.message_id.id)]
        )
        tracker._action_update_from_provider_error('invalid_destination')
        self.assertEqual((notice.state, notice.failure_reason), ('failed', "Invalid Destination"))

    def test_a_bad_number(self):
        self.customer.phone = '12'
        self.assertIn("“12” of Anna Peeters is not valid", self.order.billing_phone_problem)
        notice = self._decline()
        self.assertEqual(notice.state, 'failed')
        self.assertIn("“12” of Anna Peeters is not valid", notice.failure_reason)
        self.assertEqual(len(self._get_activities()), 1)
        self.assertEqual(self.order.billing_status, 'failed')

    def test_no_number_at_all(self):
        self.customer.phone = False
        self.assertFalse(self._decline())
        self.assertFalse(self.order.billing_phone_problem)

    def test_opted_out(self):
        self.env['phone.blacklist'].create({'number': '+32470123456'})
        notice = self._decline()
        self.assertEqual((notice.state, notice.message_id.id), ('opted_out', False))
        order = self._create_order(sent=False)
        order.action_send_order_link_sms()
        self.assertEqual(
            order.billing_notification_ids.mapped('state'),
            ['handed_over'],
            "The customer asked for it",
        )

    # === ORDER LINK === #

    def test_the_mail_that_staff_write_is_in_the_list(self):
        order = self._create_order(sent=False)
        action = order.with_user(self.salesperson).action_send_order_link_mail()
        composer = self.env['mail.compose.message'].with_user(self.salesperson)
        composer.with_context(**action['context']).create({})._action_send_mail()
        notice = order.billing_notification_ids
        self.assertEqual(
            (notice.kind, notice.channel, notice.recipient),
            ('order_ready', 'mail', self.customer.email),
        )
        self.assertIn(notice.state, ('handed_over', 'sent'))
        self.assertEqual(notice.message_id.res_id, order.id)

    def test_a_reminder_by_hand(self):
        order = self._create_order()
        self.env['billpro.notification.kind']._get('order_reminder').mail_on = False
        order.with_user(self.salesperson).action_send_reminder()
        order.with_user(self.salesperson).action_send_reminder()
        self.assertEqual(
            order.billing_notification_ids.mapped(lambda n: (n.kind, n.channel)),
            [('order_reminder', 'mail')],
        )
        with self.assertRaisesRegex(UserError, "is not waiting for a payment"):
            self.order.action_send_reminder()
