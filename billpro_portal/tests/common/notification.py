from .instalment import InstalmentCommon
from .subscription import SubscriptionCommon

JOBS = ('cron_queue_timed_notifications', 'cron_billing_run', 'cron_send_notifications')


class NotificationCommon(SubscriptionCommon):
    """The job that sends notices, and the mails that it made."""

    def _run_job(self):
        with self.enter_registry_test_mode():
            self.env.ref('billpro_portal.cron_send_notifications').method_direct_trigger()
        self.env.invalidate_all()

    def _switch_off(self, *codes):
        kinds = self.env['billpro.notification.kind'].search([('code', 'in', codes)])
        kinds.with_company(self.company).mail_on = False

    def _get_mails(self, order):
        return self.env['mail.mail'].search(
            [('email_to', 'ilike', order.partner_id.email)]
        ) or self.env['mail.mail'].search([('recipient_ids', 'in', order.partner_id.ids)])


class TimedCommon(NotificationCommon, InstalmentCommon):
    """Orders of each type for a customer who reads French, and the jobs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.water = cls._create_sold_product("Water", 2.5, cls.tax_6, 'metered')
        cls.env['res.lang']._activate_lang('fr_FR')
        cls.customer.write({'lang': 'fr_FR', 'tz': 'Europe/Brussels'})

    def _switch_sms_on(self, *codes):
        kinds = self.env['billpro.notification.kind'].search([('code', 'in', codes)])
        kinds.with_company(self.company).sms_on = True

    def _run_jobs(self):
        with self.enter_registry_test_mode():
            for job in JOBS:
                self.env.ref(f'billpro_portal.{job}').method_direct_trigger()
        self.env.invalidate_all()
        self.env['account.move']._get_sequence_cache().clear()
