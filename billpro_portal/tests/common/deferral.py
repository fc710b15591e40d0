from freezegun import freeze_time

from odoo import Command, fields
from odoo.tools.date_utils import end_of

from .billing_reports import ReportCommon
from .schedule_actions import ScheduleActionCommon


class DeferralCommon(ScheduleActionCommon, ReportCommon):
    """A company that posts entries of deferred revenue."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.deferred_account = cls._create_account("Deferred revenue", '493000')
        cls.deferred_journal = cls._create_deferral_journal(cls.company)
        cls.revenue_account = cls.company_data['default_account_revenue']
        cls._defer(cls.company, cls.deferred_account, cls.deferred_journal, '2027-01-01')

    @classmethod
    def _create_account(cls, name, code, account_type='liability_current', company=None):
        return cls.env['account.account'].create(
            {
                'name': name,
                'code': code,
                'account_type': account_type,
                'company_ids': [Command.set((company or cls.company).ids)],
            }
        )

    @classmethod
    def _create_deferral_journal(cls, company):
        return cls.env['account.journal'].create(
            {'name': "Closing", 'code': 'CLOS', 'type': 'general', 'company_id': company.id}
        )

    @classmethod
    def _defer(cls, company, account, journal, month):
        company.write(
            {
                'billing_deferral_account_id': account.id,
                'billing_deferral_journal_id': journal.id,
                'billing_deferral_month': month,
            }
        )

    def _post_on(self, day):
        """Let the scheduled action post what is to be posted on a day, or at a moment."""
        with freeze_time(day), self.enter_registry_test_mode():
            self.env.ref('billpro_portal.cron_post_deferrals').method_direct_trigger()
        self.env.invalidate_all()
        self.env['account.move']._get_sequence_cache().clear()

    def _get_entries(self, journal=None):
        return self.env['account.move'].search(
            [('journal_id', '=', (journal or self.deferred_journal).id)], order='date, id'
        )

    def _get_lines(self, entry):
        """Return the lines of an entry: account, debit, credit."""
        return [
            (line.account_id.code, line.debit, line.credit)
            for line in entry.line_ids.sorted(lambda line: (-line.debit, line.account_id.code))
        ]

    def _get_held(self, day=None, account=None):
        """Return what the account of deferred revenue holds at the end of a day."""
        domain = [
            ('account_id', '=', (account or self.deferred_account).id),
            ('parent_state', '=', 'posted'),
        ]
        if day:
            domain.append(('date', '<=', day))
        [(balance,)] = self.env['account.move.line']._read_group(domain, [], ['balance:sum'])
        return round(-balance, 2)

    def _get_reported(self, day, company=None):
        """Return what the report of the last minute of a day shows as deferred."""
        self.env.invalidate_all()
        with freeze_time(f'{day} 23:59:00'):
            rows = self.env['billpro.deferral.report'].formatted_read_group(
                [('company_id', '=', (company or self.company).id)], [], ['deferred_company:sum']
            )
        return round(rows[0]['deferred_company:sum'] or 0, 2)

    def _assert_reported_is_held(self, month, account=None, company=None):
        """Check, with the books as they are at the end of a month, that both say the same."""
        last_day = end_of(fields.Date.to_date(f'{month}-01'), 'month')
        self.assertEqual(
            self._get_held(last_day, account), self._get_reported(last_day, company), month
        )
