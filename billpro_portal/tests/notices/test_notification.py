from datetime import date

from freezegun import freeze_time
from lxml import html

from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..common.notification import NotificationCommon


@tagged('post_install', '-at_install')
class TestNotification(NotificationCommon):
    def test_each_kind_has_a_mail(self):
        selection = self.env['billpro.notice']._get_selection()
        kinds = self.env['billpro.notification.kind'].search([])
        self.assertEqual(len(selection), 28)
        self.assertEqual(set(kinds.mapped('code')), {code for code, _label in selection})
        self.assertEqual(len(kinds), len(selection))
        self.assertEqual(len(kinds.mail_template_id), len(selection))
        self.assertEqual(
            set(kinds.mail_template_id.mapped('email_layout_xmlid')), {'billpro_portal.mail_layout'}
        )
        self.assertEqual(
            set(kinds.filtered('sms_template_id').mapped('code')),
            {
                'order_ready',
                'order_reminder',
                'payment_declined',
                'payment_failed',
                'payment_authentication',
                'card_expiring',
                'card_expired',
                'card_update',
            },
        )
        self.assertTrue(all(kinds.mapped('mail_on')))
        self.assertFalse(any(kinds.mapped('sms_on')))

    def test_purchase_confirmation(self):
        order = self._create_paid_order()
        notification = order.billing_notification_ids
        self.assertEqual(
            (notification.kind, notification.state), ('purchase_confirmation', 'queued')
        )
        self.assertFalse(self._get_mails(order))
        for _time in range(3):
            self._run_job()
        self.assertEqual(
            (notification.state, notification.recipient, notification.lang),
            ('handed_over', self.customer.email, 'en_US'),
        )
        mail = self._get_mails(order)
        self.assertEqual(len(mail), 1)
        self.assertIn(order.name, mail.subject)
        self.assertIn(order.order_link.replace('&', '&amp;'), mail.body_html)
        self.assertIn("121.00", mail.body_html)

    def test_refund_mail_has_the_credit_note(self):
        order = self._create_paid_order()
        self._run_job()
        self._get_mails(order).unlink()
        refund_tx = self._refund(order, 21)
        self._run_job()
        mail = self._get_mails(order)
        self.assertEqual(len(mail), 1)
        self.assertIn("21.00", mail.body_html)
        credit_note = refund_tx.invoice_ids
        self.assertEqual(mail.attachment_ids, credit_note.invoice_pdf_report_id)
        self.assertEqual(credit_note._billpro_get_pdf()[1], mail.attachment_ids.raw)

    def test_switched_off(self):
        self._switch_off('purchase_confirmation', 'refund')
        order = self._create_paid_order()
        self._refund(order, 21)
        self.assertFalse(order.billing_notification_ids)

    def test_no_address(self):
        self.customer.email = False
        order = self._create_paid_order()
        self._run_job()
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual(
            (order.billing_notification_ids.state, order.billing_notification_ids.failure_reason),
            ('failed', "The customer has no email address."),
        )
        self.assertTrue(any("was not sent" in str(m.body) for m in order.message_ids))

    @mute_logger(
        'odoo.addons.billpro_portal.models.notices',
        'odoo.addons.mail.models.mail_render_mixin',
    )
    def test_a_broken_template_breaks_one_notice_only(self):
        self.env.ref(
            'billpro_portal.mail_template_purchase_confirmation'
        ).body_html = '<p t-out="object.no_such_field"/>'
        order = self._create_paid_order()
        refund_order = self._create_paid_order()
        self._refund(refund_order, 1)
        self._run_job()
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual(order.billing_notification_ids.state, 'failed')
        self.assertTrue(order.billing_notification_ids.failure_reason)
        self.assertEqual(
            order.activity_ids.mapped('summary'), [f"The customer of {order.name} was not told"]
        )
        self.assertEqual(
            refund_order.billing_notification_ids.filtered(lambda n: n.kind == 'refund').state,
            'handed_over',
        )

    def test_the_confirmation_of_a_subscription_names_its_terms(self):
        order = self._create_active_order()
        self._run_job()
        body = self._get_mails(order).body_html
        self.assertIn("24.20 every month", body)
        self.assertIn("until cancelled", body)
        self.assertIn("We have received your payment.", body)

    def test_the_confirmation_of_a_registered_card_tells_of_no_payment(self):
        self.gym.billing_trial_days = 14
        order = self._create_active_order()
        self._run_job()
        body = self._get_mails(order).body_html
        self.assertIn("Nothing was charged.", body)
        self.assertIn("Registered on", body)
        self.assertNotIn("Paid", body)
        self.assertNotIn("receipt", body)


@tagged('post_install', '-at_install')
class TestSelfServiceNotification(NotificationCommon):
    """A monthly subscription, paid from 31 January to 27 February 2027."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time('2027-01-31 10:00:00'):
            cls.order = cls._create_active_order()

    def setUp(self):
        super().setUp()
        with freeze_time('2027-01-31 10:00:00'):
            self._run_job()
        self._get_mails(self.order).unlink()

    def _cancel(self, at_once=False):
        self.order._billing_cancel_subscription(at_once=at_once)

    def _assert_sent_once(self, kind, subject):
        """Let the job run several times and check that it sent one mail; return its text."""
        for _time in range(3):
            self._run_job()
        notification = self.order.billing_notification_ids.filtered(lambda n: n.kind == kind)
        self.assertEqual(notification.mapped('state'), ['handed_over'])
        mail = self._get_mails(self.order)
        self.assertEqual(len(mail), 1)
        self.assertEqual(mail.subject, subject)
        self.assertEqual(mail.recipient_ids, self.customer)
        self.assertIn(self.order.order_link.replace('&', '&amp;'), mail.body_html)
        return ' '.join(html.fromstring(mail.body_html).text_content().split())

    def test_cancelled(self):
        with freeze_time('2027-02-10 23:30:00'):  # The next day where the customer is.
            self._cancel()
            body = self._assert_sent_once(
                'cancelled', f"Your subscription {self.order.name} from Aurora Studio is cancelled"
            )
        self.assertIn(
            "You have access until February 27, 2027, the last day that you have paid for.", body
        )
        self.assertIn("There are no further charges.", body)
        self.assertIn("Cancelled on February 11, 2027, 12:30:00 AM +0100 (Europe/Brussels)", body)
        self.assertIn("Subscription Gym membership", body)
        self.assertIn("you can undo the cancellation as long as you have access", body)
        self.assertNotIn("at once", body)

    def test_cancelled_at_once(self):
        with freeze_time('2027-02-10 23:30:00'):
            self._cancel(at_once=True)
            body = self._assert_sent_once(
                'cancelled', f"Your subscription {self.order.name} from Aurora Studio is cancelled"
            )
        self.assertIn("It ended at once.", body)
        self.assertIn("There are no further charges.", body)
        self.assertIn("February 11, 2027, 12:30:00 AM +0100 (Europe/Brussels)", body)
        self.assertNotIn("ccess until", body)
        self.assertNotIn("undo", body)

    def test_cancelled_on_the_last_day(self):
        with freeze_time('2027-02-27 12:00:00'):
            self._cancel()
        with freeze_time('2027-02-28 12:00:00'):  # The job was late: the day has passed.
            body = self._assert_sent_once(
                'cancelled', f"Your subscription {self.order.name} from Aurora Studio is cancelled"
            )
        self.assertIn("You have access until February 27, 2027", body)
        self.assertNotIn("at once", body)
        self.assertNotIn("undo", body)

    def test_cancelled_while_a_payment_is_on_its_way(self):
        with freeze_time('2027-02-28 09:00:00'):
            self.order.billing_event_ids._apply_trigger('open')
            self._cancel()
            body = self._assert_sent_once(
                'cancelled', f"Your subscription {self.order.name} from Aurora Studio is cancelled"
            )
        self.assertIn("A payment was already on its way", body)
        self.assertNotIn("no further charges", body)

    def test_cancelled_by_staff(self):
        self.company.billing_cancel_mode = 'now'
        reason = self.env.ref('billpro_portal.cancel_reason_price')
        order = self.order.with_user(self.billing_manager)
        with freeze_time('2027-02-10 10:00:00'):
            action = order.action_open_cancel_subscription()
            wizard = order.env[action['res_model']].browse(action['res_id'])
            self.assertEqual(wizard.when, 'now')
            self.assertIn("ends at once", wizard.last_day)
            wizard.when = 'period_end'
            self.assertIn("keeps access until 02/27/2027", wizard.last_day)
            wizard.write({'reason_id': reason.id, 'note': "Moves away"})
            wizard.action_cancel()
            self._assert_sent_once(
                'cancelled', f"Your subscription {self.order.name} from Aurora Studio is cancelled"
            )
            later_wizard = wizard.create({'order_id': order.id})
            self.assertEqual(
                (later_wizard.when, later_wizard.reason_id, later_wizard.note),
                ('now', reason, "Moves away"),
            )
        self.assertEqual(self.order.billing_cancel_date, date(2027, 2, 27))
        self.assertEqual(self.order.billing_cancel_reason_id, reason)
        self.assertEqual(self.order.billing_cancel_note, "Moves away")
        for name in ('billpro.cancel.subscription', 'billpro.pause'):
            with self.assertRaises(AccessError):
                self.env[name].with_user(self.salesperson).create({'order_id': order.id})

    def test_cancellation_undone(self):
        with freeze_time('2027-02-10 10:00:00'):
            self._cancel()
            self._run_job()
            self._get_mails(self.order).unlink()
        with freeze_time('2027-02-20 10:00:00'):
            self.order._billing_undo_cancellation()
            body = self._assert_sent_once(
                'cancel_undone', f"Your subscription {self.order.name} from Aurora Studio continues"
            )
        self.assertIn("Your cancellation was undone", body)
        self.assertIn("Next payment February 28, 2027", body)
        self.assertIn("Card Demo •••• 4242 Amount $ 24.20", body)

    def test_cancelled_and_undone_before_the_job_came(self):
        with freeze_time('2027-02-10 10:00:00'):
            self._cancel()
            self.order._billing_undo_cancellation()
            self._assert_sent_once(
                'cancel_undone', f"Your subscription {self.order.name} from Aurora Studio continues"
            )
        self.assertEqual(
            self.order.billing_notification_ids.sorted('id').mapped('state'),
            ['handed_over', 'outdated', 'handed_over'],
        )

    def test_cancelled_switched_off(self):
        before = self.order.billing_notification_ids
        self._switch_off('cancelled', 'cancel_undone')
        with freeze_time('2027-02-10 10:00:00'):
            self._cancel()
            self.order._billing_undo_cancellation()
        self.assertEqual(self.order.billing_notification_ids, before)

    def test_card_update(self):
        self._switch_off(*self.env['billpro.notice']._get_kinds())
        with freeze_time('2027-02-10 10:00:00'):
            self.order.billing_token_id.card_expiry_date = date(2027, 2, 28)
            self.order.with_user(self.salesperson).action_request_card_update()
            body = self._assert_sent_once(
                'card_update',
                f"Please update your card for order {self.order.name} from Aurora Studio",
            )
        self.assertIn("are charged to Demo •••• 4242. Please enter the card", body)
        self.assertIn("This card expires on February 28, 2027.", body)
        self.assertIn("Next payment February 28, 2027", body)
        self.assertIn("Update card", body)
        self.assertNotIn("Outstanding", body)
