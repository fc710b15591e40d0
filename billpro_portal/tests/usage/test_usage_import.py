import base64

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..common.usage import UsageCommon

COUNTS = ('accepted_count', 'duplicate_count', 'unattributed_count', 'refused_count')


@tagged('post_install', '-at_install')
class TestUsageImport(UsageCommon):
    """Files of usage: what they say is taken in as if another system had sent it."""

    def _create_import(self, text, user=None):
        imports = self.env['billpro.usage.import'].with_user(user or self.billing_manager)
        return imports.create({'file_name': 'january.csv', 'file': base64.b64encode(text.encode())})

    def _import(self, text):
        """Import a file; return what was noted of it."""
        usage_import = self._create_import(text)
        usage_import.action_import()
        self._run_job()
        return usage_import

    def _run_job(self):
        with freeze_time('2027-01-20 10:00:00'), self.enter_registry_test_mode():
            self.env.ref('billpro_portal.cron_import_usage').method_direct_trigger()
        self.env.invalidate_all()

    def test_a_file_is_taken_in_once(self):
        text = (
            '\ufeffid;meter;order;timestamp;quantity;properties.region\r\n'
            f'a;api_calls;{self.order.name};2027-01-15T12:00:00Z;0.000001;eu\r\n'
            f'b;api_calls;{self.order.name};2027-01-16 12:00;;\r\n'
            ';;;;;\r\n'
            f'c;api_calls;{self.order.name};2027-01-16T12:00:00Z;1,5;\r\n'
            'd;api_calls;S9;2027-01-16T12:00:00Z;2;\r\n'
            f'e;api_calls;{self.order.name};2027-01-16T12:00:00Z;2;;;\r\n'
        )
        first = self._import(text)
        self.assertEqual((first.state, first.row_count, first.progress), ('done', 5, 100))
        self.assertEqual([first[name] for name in COUNTS], [2, 0, 1, 2])
        self.assertEqual(str(self._count(self.calls)), '1.000001')
        self.assertEqual(first.error_file_name, 'january-refused.csv')
        errors = base64.b64decode(first.error_file).decode()
        self.assertEqual(
            errors.splitlines(),
            [
                'id,meter,order,timestamp,quantity,properties.region,reason',
                f'c,api_calls,{self.order.name},2027-01-16T12:00:00Z,"1,5",,quantity',
                f'e,api_calls,{self.order.name},2027-01-16T12:00:00Z,2,,,,not_an_object',
            ],
        )
        with self.assertRaisesRegex(UserError, "taken in already"):
            first.file = base64.b64encode(b'id')
        again = self._import(text)
        self.assertEqual([again[name] for name in COUNTS], [0, 3, 0, 2])
        self.assertEqual(str(self._count(self.calls)), '1.000001')
        # What was put right in the file of refused records.
        corrected = self._import(errors.replace('"1,5"', '1.5').replace(',,,,not', ',,not'))
        self.assertEqual([corrected[name] for name in COUNTS], [2, 0, 0, 0])
        self.assertEqual(str(self._count(self.calls)), '4.500001')

    def test_many_batches(self):
        head = 'id,meter,order,timestamp\n'
        rows = [
            f'{number},api_calls,{self.order.name},2027-01-15T12:00:00Z\n' for number in range(2001)
        ]
        done = self._import(head + ''.join(rows))
        self.assertEqual((done.state, done.done_count, done.accepted_count), ('done', 2001, 2001))
        # What broke off goes on where it was.
        self.assertTrue(done.sudo().write({'state': 'waiting', 'done_count': 1000}))
        self._run_job()
        self.assertEqual((done.state, done.done_count, done.duplicate_count), ('done', 2001, 1001))

    def test_what_is_left_when_time_is_up(self):
        rows = [
            f'{number},api_calls,{self.order.name},2027-01-15T12:00:00Z\n' for number in range(1001)
        ]
        usage_import = self._create_import('id,meter,order,timestamp\n' + ''.join(rows))
        usage_import.action_import()
        self.env.flush_all()
        with self.enter_registry_test_mode(), self.env.registry.cursor() as cr:
            cron = self.env(cr=cr).ref('billpro_portal.cron_import_usage')
            cron, progress = cron.with_context(cron_id=cron.id, cron_end_time=0)._add_progress()
            cron.env['billpro.usage.import']._cron_import()
            self.assertEqual((progress.done, progress.remaining), (1000, 1))

    def test_a_file_that_is_gone_stops_no_other(self):
        text = f'id,meter,order,timestamp\na,api_calls,{self.order.name},2027-01-15T12:00:00Z\n'
        gone = self._create_import(text)
        gone.action_import()
        self.env['ir.attachment'].search(
            [
                ('res_model', '=', gone._name),
                ('res_id', '=', gone.id),
                ('res_field', '=', 'file'),
            ]
        ).unlink()
        with self.assertLogs('odoo.addons.billpro_portal', 'ERROR'):
            done = self._import(text)
        self.assertEqual((gone.state, done.state), ('waiting', 'done'))
        failure = self.env['billpro.failure'].search([('task', '=', 'import_usage')])
        self.assertEqual((failure.res_id, failure.failure_count), (gone.id, 1))

    def test_a_row_that_is_too_short(self):
        refused = self._import(
            'id,meter,order,timestamp\n'
            f'a,api_calls,{self.order.name}\n'
            f'b,api_calls,{self.order.name},2027-01-15T12:00:00Z\n'
        )
        self.assertEqual(
            base64.b64decode(refused.error_file).decode().splitlines(),
            [
                'id,meter,order,timestamp,reason',
                f'a,api_calls,{self.order.name},,timestamp',
            ],
        )

    def test_a_file_that_cannot_be_read(self):
        for text, reason in (
            ('', "no column “id”"),
            ('id,meter,timestamp\n', "no column “order”"),
            ('id,meter,order,timestamp\n', "no rows"),
            ('id,meter,order,timestamp,amount\n', "what column “amount” is"),
        ):
            with self.subTest(text), self.assertRaisesRegex(UserError, reason):
                self._create_import(text).action_import()
        latin = self._create_import('id')
        latin.file = base64.b64encode('é'.encode('latin-1'))
        with self.assertRaisesRegex(UserError, "no text in UTF-8"):
            latin.action_import()

    def test_who_may_import(self):
        with self.assertRaises(AccessError):
            self._create_import('id', self.salesperson)
        usage_import = self._create_import('id')
        for values in ({'state': 'waiting'}, {'accepted_count': 3}, {'done_count': 3}):
            with self.assertRaises(AccessError):
                usage_import.write(values)
