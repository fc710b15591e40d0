from odoo.tests import tagged

from ..common.twentieth_notice import TwentiethNoticeCommon


@tagged('post_install', '-at_install')
class TestTwentiethNotice(TwentiethNoticeCommon):
    """A kind of notice is one class, and the mail that it names."""

    def _thank(self, order):
        self.env['billpro.notification']._queue('thanks', order, f'order-{order.id}')
        return order.billing_notification_ids.filtered(lambda notice: notice.kind == 'thanks')

    def test_it_has_settings(self):
        kinds = self.env['billpro.notification.kind']
        [settings] = kinds._complete()
        self.assertFalse(kinds._complete())
        self.assertEqual(
            (settings.code, settings.description), ('thanks', "When an order is paid at once")
        )
        template = self.env.ref('billpro_portal.mail_template_resumed')
        self.assertEqual((settings.mail_template_id, settings.mail_on), (template, True))
        self.assertFalse(settings.sms_template_id)
        self.assertIn(('thanks', "Thanks"), kinds._fields['code']._description_selection(self.env))

    def test_it_is_queued_and_sent(self):
        payer = self.customer.copy({'name': "Payer", 'email': 'payer@customer.example.com'})
        order = self._create_order()
        order.partner_invoice_id = payer
        self._create_initial_transaction(order, 'done')._post_process()
        notice = self._thank(order)
        self.assertEqual((notice.state, notice.partner_id), ('queued', payer))
        self.assertEqual(notice.display_name, f'{order.name} – Thanks')
        self._thank(order)
        self._run_job()
        # Whom the template names, whoever the kind is meant for.
        self.assertEqual((notice.state, notice.recipient), ('handed_over', self.customer.email))

    def test_it_is_not_sent_when_it_is_no_longer_true(self):
        notice = self._thank(self._create_order())
        self._run_job()
        self.assertEqual(notice.state, 'outdated')

    def test_a_company_that_wants_none_sends_none(self):
        self.env['billpro.notification.kind']._complete()
        self._switch_off('thanks')
        self.assertFalse(self._thank(self._create_paid_order()))
