from datetime import date

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from ..common.usage import UsageCommon


@tagged('post_install', '-at_install')
class TestUsageEstimate(UsageCommon):
    """What staff see of the running period: so far, and if it goes on like this."""

    def _get_line(self, moment, order=None):
        self.env.invalidate_all()
        with freeze_time(moment):
            line = (order or self.order).billing_usage_line_ids
            return (
                line.billing_usage_quantity,
                line.billing_usage_amount,
                line.billing_usage_estimate,
            )

    def test_the_running_period(self):
        """From 10 January to 9 February in Brussels; after 10 of 31 days, 500 calls."""
        self._ingest(
            self._make_record('a', 200, '2027-01-09T23:00:00Z'),
            self._make_record('b', 300, '2027-01-19T22:59:59Z'),
        )
        with freeze_time('2027-01-19 23:00:00'):
            self.assertEqual(self.order.billing_usage_first_day, date(2027, 1, 10))
            self.assertEqual(self.order.billing_usage_last_day, date(2027, 2, 9))
        # 400 beyond the allowance at 0.02; 1,550 in all, 1,450 beyond it.
        self.assertEqual(self._get_line('2027-01-19 23:00:00'), (500, 8, 29))
        # The last moment of the period, and the first one of the next.
        self.assertEqual(self._get_line('2027-02-09 22:59:59')[:2], (500, 8))
        self.assertEqual(self._get_line('2027-02-09 23:00:00'), (0, 0, 0))

    def test_what_does_not_grow_with_time(self):
        storage = self._create_sold_product("Storage", 1, self.tax_6, 'metered')
        storage.billing_charge_id = self._create_charge(
            self.storage, (10, 1, 5), (0, 2, 0), kind='graduated', minimum=30
        )
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((storage, 1))
        self._ingest(self._make_record('a', 12, meter='storage', order=order.name))
        # 5, ten at 1 and two at 2; the minimum is charged when the period is over.
        self.assertEqual(self._get_line('2027-01-20 10:00:00', order), (12, 19, 30))

    def test_a_percentage_of_each_payment(self):
        fees = self._create_sold_product("Payments", 1, self.tax_6, 'metered')
        fees.billing_charge_id = self._create_charge(
            self.calls, kind='percentage', percent=1.3, event_fee=2, free_events=1
        )
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((fees, 1))
        self._ingest(
            self._make_record('b', 400, '2027-01-16T00:00:00Z', order=order.name),
            self._make_record('a', 100, '2027-01-15T00:00:00Z', order=order.name),
        )
        self.assertEqual(self._get_line('2027-01-20 10:00:00', order), (500, 7.2, 7.2))

    def test_orders_that_are_not_live_have_no_period(self):
        draft = self._create_order((self.api, 1))
        self.assertEqual(self._get_line('2027-01-20 10:00:00', draft), (0, 0, 0))
        self.assertFalse(draft.billing_usage_first_day)
        water = self._create_sold_product("Water", 2.5, self.tax_6, 'metered')
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((water, 1))
        self.assertFalse(order.billing_usage_line_ids)
        self.assertFalse(self._create_order((self.desk, 1)).billing_usage_first_day)

    def test_staff_take_records_back(self):
        self._ingest(self._make_record('a', 200), self._make_record('b', 300))
        wrong = self.env['billpro.usage.record'].search([('sender_id', '=', 'b')])
        action = wrong.with_user(self.billing_manager).action_open_void()
        wizard = self.env['billpro.void.usage'].browse(action['res_id'])
        wizard = wizard.with_user(self.billing_manager)
        with self.assertRaisesRegex(UserError, "Say why"):
            wizard.action_void()
        wizard.reason = "Counted by a test"
        wizard.action_void()
        wizard.action_void()
        self.assertEqual(self._get_line('2027-01-19 23:00:00')[:2], (200, 2))
        self.assertEqual(wrong.void_ids.mapped('reason'), ["Counted by a test"])
        with self.assertRaises(AccessError):
            wrong.with_user(self.salesperson).action_open_void()

    def test_what_is_not_billed_at_the_end_of_a_month(self):
        self._ingest(
            self._make_record('a', 150), self._make_record('b', 50, '2027-01-19T12:00:00Z')
        )
        with freeze_time('2027-02-05 10:00:00'):
            self.Record.ingest(
                [
                    # The last moment of January in Brussels, and the first one of February.
                    self._make_record('c', 50, '2027-01-31T22:59:59Z'),
                    self._make_record('d', 300, '2027-01-31T23:00:00Z'),
                ]
            )
            dialog = self.env['billpro.unbilled.usage'].with_user(self.billing_manager).create({})
            self.assertEqual(dialog.day, date(2027, 1, 31))
            action = dialog.action_list()
            rows = self.env[action['res_model']].search(action['domain'])
            self.assertEqual(rows.mapped('order_id'), self.order)
            # 150 beyond the allowance at 0.02.
            self.assertEqual((rows.quantity, rows.amount, rows.amount_company), (250, 3, 3))
            self.assertEqual(rows.first_day, date(2027, 1, 10))
            rows.with_user(self.billing_manager).check_access('read')
            other = new_test_user(self.env, 'other', groups='billpro_portal.group_billing_user')
            for record in (dialog, rows):
                self.assertFalse(record.with_user(other).has_access('read'))
            dialog.day = date(2027, 1, 9)
            self.assertFalse(self.env[action['res_model']].search(dialog.action_list()['domain']))
            with self.assertRaises(AccessError):
                dialog.with_user(self.salesperson).action_list()

    def test_what_was_billed_before_a_period_ends(self):
        self._ingest(self._make_record('a', 200))
        with freeze_time('2027-01-20 10:00:00'):
            self.order.billing_usage_period_ids._bill_so_far()
        self._ingest(self._make_record('b', 50))
        with freeze_time('2027-02-05 10:00:00'):
            dialog = self.env['billpro.unbilled.usage'].with_user(self.billing_manager).create({})
            action = dialog.action_list()
        rows = self.env[action['res_model']].search(action['domain'])
        self.assertEqual((rows.quantity, rows.amount), (250, 1))

    def test_usage_by_meter_customer_and_day(self):
        self._ingest(
            self._make_record('a', 200),
            self._make_record('b', 300, '2027-01-16T12:00:00Z'),
            self._make_record('c', 5),
        )
        self.env['billpro.usage.record'].search([('sender_id', '=', 'c')])._void("A test")
        report = self.env['billpro.usage.report'].with_user(self.billing_manager)
        self.assertEqual(
            [
                (meter, customer, quantity)
                for meter, customer, _day, quantity in report._read_group(
                    [], ['meter_id', 'partner_id', 'moment:day'], ['quantity:sum']
                )
            ],
            [(self.calls, self.customer, 200), (self.calls, self.customer, 300)],
        )
        with self.assertRaises(AccessError):
            report.with_user(self.salesperson).search([])

    def test_the_records_of_an_order(self):
        self._ingest(self._make_record('a', 200))
        action = self.order.with_user(self.salesperson).action_open_usage()
        records = self.env[action['res_model']].search(action['domain'])
        self.assertEqual(records.mapped('sender_id'), ['a'])

    def test_many_lines_cost_as_many_queries_as_one(self):
        with freeze_time('2027-01-10 10:00:00'):
            orders = self.order
            for _number in range(3):
                orders |= self._create_active_order((self.api, 1))
        self.env.flush_all()
        counts = []
        for some in (orders[:1], orders):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            with freeze_time('2027-01-20 10:00:00'):
                some.billing_usage_line_ids.mapped('billing_usage_estimate')
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(*counts)
