from datetime import date

from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..common.usage import UsageCommon

NOW = '2027-01-20 10:00:00'


@tagged('post_install', '-at_install')
class TestUsageSources(UsageCommon):
    """Odoo's own records as usage: here analytic lines, as timesheets are."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        plan = cls.env['account.analytic.plan'].create({'name': "Projects"})
        cls.account = cls.env['account.analytic.account'].create(
            {'name': "Studio", 'plan_id': plan.id, 'company_id': cls.company.id}
        )
        cls.hours = cls._create_meter('hours', "Hours")
        work = cls._create_sold_product("Work", 1, cls.tax_6, 'metered')
        work.billing_charge_id = cls._create_charge(cls.hours, unit_price=80)
        with freeze_time('2027-01-10 10:00:00'):
            cls.order = cls._create_active_order((work, 1))
        cls.source = cls._create_source()

    @classmethod
    def _create_source(cls, **values):
        return cls.env['billpro.usage.source'].create(
            {
                'name': "Hours",
                'company_id': cls.company.id,
                'meter_id': cls.hours.id,
                'model': 'account.analytic.line',
                'domain': "[('so_line', '!=', False)]",
                'quantity_field': 'unit_amount',
                'moment_field': 'date',
                'order_path': 'so_line.order_id',
                'first_day': date(2027, 1, 10),
                **values,
            }
        )

    def _create_line(self, hours, day=date(2027, 1, 15), **values):
        return self.env['account.analytic.line'].create(
            {
                'name': "Work",
                'unit_amount': hours,
                'date': day,
                'company_id': self.company.id,
                'account_id': self.account.id,
                'so_line': self.order.order_line.id,
                **values,
            }
        )

    def _look(self, moment=NOW):
        """Let the job look; return what was counted."""
        self.env.flush_all()
        with freeze_time(moment), self.enter_registry_test_mode():
            self.env.ref('billpro_portal.cron_take_in_usage').method_direct_trigger()
        self.env.invalidate_all()
        return float(self._count(self.hours))

    def _get_sender_ids(self):
        records = self.env['billpro.usage.record'].search([('meter_id', '=', self.hours.id)])
        return {(record.sender_id, record.is_void) for record in records}

    def test_what_is_changed_or_gone_is_taken_back(self):
        first, second = self._create_line(2.5), self._create_line(0.1)
        self._create_line(8, so_line=False)
        self._create_line(8, date(2027, 1, 9))
        self._create_line(8, date(2027, 1, 21))
        self.assertEqual(self._look(), 2.6)
        self.assertEqual(self._look(), 2.6)
        ids = [f'account.analytic.line,{line.id}' for line in (first, second)]
        self.assertEqual(self._get_sender_ids(), {(ids[0], False), (ids[1], False)})
        # The day begins in Brussels.
        records = self.env['billpro.usage.record'].search([('sender_id', '=', ids[0])])
        self.assertEqual(str(records.moment), '2027-01-14 23:00:00')
        first.unit_amount = 3
        self.assertEqual(self._look(), 3.1)
        first.unit_amount = 2.5
        second.unlink()
        self.assertEqual(self._look(), 2.5)
        self.assertEqual(
            self._get_sender_ids(),
            {(ids[0], True), (f'{ids[0]},2', True), (f'{ids[0]},3', False), (ids[1], True)},
        )

    def test_what_is_gone_of_the_first_day(self):
        self._create_line(2)
        first = self._create_line(1, date(2027, 1, 10))
        first_id = f'account.analytic.line,{first.id}'
        self._look()
        self.assertIn((first_id, False), self._get_sender_ids())
        first.unlink()
        self.assertEqual(self._look(), 2)
        self.assertIn((first_id, True), self._get_sender_ids())
        # What isn't looked at any more stays.
        self.source.first_day = date(2027, 1, 16)
        self.assertEqual(self._look(), 2)

    def test_what_is_too_old_to_be_credited(self):
        line = self._create_line(2)
        self._look()
        with freeze_time('2027-02-10 01:00:00'):
            self._run()
        line.unit_amount = 3
        self.assertEqual(self._look('2027-03-05 10:00:00'), 2)
        self.assertFalse(self.env['billpro.usage.unattributed'].search([]))
        self.assertEqual(self.source.taken_ids.version, 1)

    def test_an_id_that_a_system_has_sent(self):
        line = self._create_line(2)
        self._ingest(self._make_record(f'account.analytic.line,{line.id}', 5, meter='hours'))
        self.assertEqual(self._look(), 5)
        self.assertEqual(self.source.refused_count, 1)
        self.assertFalse(self.source.taken_ids)

    def test_what_was_counted_stays_with_its_source(self):
        with (
            mute_logger('odoo.sql_db'),
            self.assertRaises(IntegrityError),
            self.env.cr.savepoint(),
        ):
            self._create_source(name="Twice")
        self._create_line(2)
        self._look()
        for values in ({'meter_id': self.storage.id}, {'model': 'sale.order.line'}):
            with self.assertRaisesRegex(UserError, "“Hours” has counted already"):
                self.source.write(values)

    def test_a_third_of_an_hour(self):
        self._create_line(1 / 3)
        self._look()
        self.assertEqual(self.source.refused_count, 0)
        self.assertEqual(str(self._count(self.hours)), '0.333333333333')

    def test_what_is_no_usage(self):
        self._create_line(-1)
        ordinary = self._create_order((self.desk, 1))
        self._create_line(4, so_line=ordinary.order_line.id)
        self._create_line(2)
        self.assertEqual(self._look(), 2)
        self.assertEqual(self.source.refused_count, 1)
        waiting = self.env['billpro.usage.unattributed'].search([])
        self.assertEqual((waiting.order_name, waiting.reason), (ordinary.name, 'order'))

    def test_a_day_that_has_not_begun_for_the_customer(self):
        self.customer.tz = 'America/Los_Angeles'
        self._create_line(2, date(2027, 1, 20))
        for moment, counted in (('2027-01-20 07:30:00', 0), ('2027-01-20 08:30:00', 2)):
            self.assertEqual(self._look(moment), counted)
            self.assertFalse(self.env['billpro.usage.unattributed'].search([]))

    def test_an_order_of_another_company(self):
        other = self.env['res.company'].create({'name': "Another company"})
        foreign = self.order.copy()
        self._create_line(2, so_line=foreign.order_line.id)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE sale_order SET company_id = %s, name = %s WHERE id = %s",
            [other.id, self.order.name, foreign.id],
        )
        self.env.invalidate_all()
        self.assertEqual(self._look(), 0)

    def test_each_source_alone(self):
        self._create_line(2)
        broken = self._create_source(name="A broken one", meter_id=self.storage.id)
        self.env.cr.execute(
            "UPDATE billpro_usage_source SET quantity_field = 'gone' WHERE id = %s", [broken.id]
        )
        self.env.invalidate_all()
        with self.assertLogs('odoo.addons.billpro_portal', 'ERROR'):
            self.assertEqual(self._look(), 2)

    def test_what_is_left_when_time_is_up(self):
        later = self._create_source(name="Another one", meter_id=self.storage.id)
        self.source.last_date = '2027-01-20 08:00:00'
        later.last_date = '2027-01-20 07:00:00'
        self.env.flush_all()
        with (
            freeze_time(NOW),
            self.enter_registry_test_mode(),
            self.env.registry.cursor() as cr,
        ):
            cron = self.env(cr=cr).ref('billpro_portal.cron_take_in_usage')
            cron, progress = cron.with_context(cron_id=cron.id, cron_end_time=0)._add_progress()
            cron.env['billpro.usage.source']._cron_take_in()
            self.assertEqual((progress.done, progress.remaining), (1, 1))
        self.env.invalidate_all()
        self.assertEqual(str(later.last_date), NOW)
        self.assertEqual(str(self.source.last_date), '2027-01-20 08:00:00')

    def test_what_can_be_a_source(self):
        for values in (
            {'model': 'no.such.model'},
            {'quantity_field': 'name'},
            {'quantity_field': 'no_such_field'},
            {'moment_field': 'unit_amount'},
            {'order_path': 'so_line'},
            {'order_path': 'so_line.order_id.name'},
            {'domain': '[('},
            {'domain': "[('no_such_field', '=', 1)]"},
        ):
            with (
                self.subTest(values),
                self.assertRaises(ValidationError),
                self.env.cr.savepoint(),
            ):
                self.source.write(values)

    def test_with_whose_rights(self):
        with self.assertRaises(AccessError):
            self.source.with_user(self.salesperson).write({'domain': '[]'})
        with self.assertRaises(AccessError):
            self.source.with_user(self.billing_manager).write({'user_id': self.env.user.id})
        # A billing manager may not read the books' own records.
        with self.assertRaises(AccessError):
            self.source.with_user(self.billing_manager).write(
                {
                    'model': 'ir.cron',
                    'domain': '[]',
                    'quantity_field': 'priority',
                    'moment_field': 'nextcall',
                    'order_path': 'user_id.sale_order_ids',
                }
            )
