from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import BillingCommon


@tagged('post_install', '-at_install')
class TestNotification(BillingCommon):
    def _run_job(self):
        with self.enter_registry_test_mode():
            self.env.ref('billpro_portal.cron_send_notifications').method_direct_trigger()
        self.env.invalidate_all()

    def _get_mails(self, order):
        return self.env['mail.mail'].search(
            [('email_to', 'ilike', order.partner_id.email)]
        ) or self.env['mail.mail'].search([('recipient_ids', 'in', order.partner_id.ids)])

    def test_purchase_confirmation(self):
        order = self._create_paid_order()
        notification = order.billing_notification_ids
        self.assertEqual(
            (notification.kind, notification.state), ('purchase_confirmation', 'queued')
        )
        self.assertFalse(self._get_mails(order))
        for _time in range(3):
            self._run_job()
        self.assertEqual(notification.state, 'sent')
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
        self.assertEqual(credit_note._get_legal_pdf(), mail.attachment_ids)

    def test_switched_off(self):
        self.company.write(
            {'billing_mail_purchase_confirmation': False, 'billing_mail_refund': False}
        )
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
        'odoo.addons.billpro_portal.models.notification',
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
            refund_order.billing_notification_ids.filtered(lambda n: n.kind == 'refund').state,
            'sent',
        )

    def test_the_confirmation_of_a_subscription_names_its_terms(self):
        gym = self._create_sold_product("Gym membership", 20.0, self.tax_21, 'subscription')
        order = self._create_order((gym, 1))
        token = self.env['payment.token'].create(
            {
                'provider_id': self.provider.id,
                'payment_method_id': self.payment_method.id,
                'partner_id': self.customer.id,
                'provider_ref': 'demo',
                'payment_details': '4242',
            }
        )
        self._create_initial_transaction(order, 'done', token_id=token.id)._post_process()
        self._run_job()
        body = self._get_mails(order).body_html
        self.assertIn("24.20 every month", body)
        self.assertIn("until cancelled", body)
