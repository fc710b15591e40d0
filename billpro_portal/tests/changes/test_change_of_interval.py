"""Changes to a plan of the family that recurs at another interval.

Prices are without tax, tax is 21 %. What they come to in money is in `test_worked_changes.py`.
"""

from datetime import date

from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.tests import tagged

from ...billing.agreement import agreement_text
from ..common.billing_reports import ReportCommon
from ..common.change import ChangeCommon

APRIL, MIDDLE = '2027-04-01', '2027-04-16'
NOW, LATER = 'now', 'period_end'


@tagged('post_install', '-at_install')
class TestChangeOfInterval(ReportCommon, ChangeCommon):
    """Basic is 10.00 a month, Quarter 27.00, Year 120.00."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.quarter, cls.year = (
            cls._create_sold_product(name, price, cls.tax_21, 'subscription')
            for name, price in (("Quarter", 27.0), ("Year", 120.0))
        )
        cls.quarter.billing_interval_count = 3
        cls.year.billing_interval_unit = 'year'
        (cls.quarter | cls.year).product_tmpl_id.billing_family_id = cls.family

    def _start(self, day, plan, **terms):
        with freeze_time(f'{day} 10:00:00'):
            return self._create_active_order((plan, 1), **terms)

    def _change_on(self, day, order, *args):
        with freeze_time(f'{day} 10:00:00'):
            return self._change(order, *args)

    def _propose(self, day, order, plan, when=NOW, quantity=1):
        terms = order, order.order_line[0], plan, quantity, when
        with freeze_time(f'{day} 10:00:00'):
            return self.env['billpro.change']._propose(*terms)

    def _run_on(self, day):
        with freeze_time(f'{day} 10:00:00'):
            self._run()

    def _get_period(self, order):
        event = order.billing_next_event_id
        return str(event.period_start), str(event.period_end)

    def test_at_once_a_new_period_begins(self):
        order = self._start(APRIL, self.basic)
        change, shown = self._change_on(MIDDLE, order, self.year, 1, NOW)
        self.assertEqual(
            shown,
            {
                "Change": "1 × Basic → 1 × Year",
                "From": "April 16, 2027",
                "Credit, April 16, 2027 to April 30, 2027": "$\xa0-\ufeff5.00",
                "Charge, April 16, 2027 to April 15, 2028": "$\xa0120.00",
                "Tax on the difference": "$\xa024.15",
                "Charged today": "$\xa0139.15",
                "Payment on April 16, 2028": "$\xa0145.20",
                "Then every year": "$\xa0145.20",
            },
        )
        self.assertEqual(
            change.event_ids.invoice_id.invoice_line_ids.mapped('name'),
            [
                "Basic\nCredit, 04/16/2027 to 04/30/2027",
                "Year\nNew price, 04/16/2027 to 04/15/2028",
            ],
        )
        self.assertEqual((order.billing_interval_count, order.billing_interval_unit), (1, 'year'))
        self.assertEqual(self._get_period(order), ('2028-04-16', '2029-04-15'))
        purchase = order._get_purchase()
        self.assertEqual(purchase._get_paid_until(order), date(2028, 4, 15))
        # Paid for until then: cancelled at the end, it lasts as long.
        with freeze_time('2027-05-02 10:00:00'):
            # 350 of 366 days of 145.20, 5.00 and its tax of which the credit paid.
            self.assertEqual(order._billing_get_unused()[1:3], (366, 138.85))
            order._billing_cancel_subscription(at_once=False)
        self.assertEqual(order.billing_cancel_date, date(2028, 4, 15))

    def test_a_shorter_period_ends_earlier(self):
        order = self._start('2027-01-01', self.year)
        order.billing_free_exit_date = '2027-01-01'
        self._change_on('2027-07-02', order, self.basic, 1, NOW)
        purchase = order._get_purchase()
        self.assertEqual(purchase._get_paid_until(order), date(2027, 8, 1))
        self.assertFalse(order.billing_free_exit_date)
        self._run_on('2027-08-02')
        self.assertEqual(purchase._get_paid_until(order), date(2027, 9, 1))
        last = order.billing_event_ids.filtered(lambda e: e.status == 'completed')
        self.assertIn("08/02/2027 to 09/01/2027", last.invoice_id.invoice_line_ids.name)
        self.assertEqual(self._get_period(order), ('2027-09-02', '2027-10-01'))

    def test_what_is_planned_is_shown_and_follows_its_payment(self):
        order = self._start(APRIL, self.basic)
        change, shown = self._change_on(MIDDLE, order, self.quarter, 1, LATER)
        self.assertEqual(shown["Payment on May 1, 2027"], "$\xa032.67")
        self.assertEqual(shown["Then every 3 months"], "$\xa032.67")
        self.assertEqual(self._get_period(order), ('2027-05-01', '2027-07-31'))
        self.assertEqual(order.billing_interval_count, 1)
        with freeze_time('2027-04-20 10:00:00'):
            event = order.billing_next_event_id
            with self.assertRaisesRegex(UserError, "Take back the change that is planned first"):
                event._skip()
            with self.assertRaisesRegex(UserError, "Take back the change that is planned first"):
                order._billing_pause()
            event._reschedule(date(2027, 5, 10), is_lasting=True)
            self.assertEqual(change.first_day, date(2027, 5, 10))
            self.assertEqual(self._get_period(order), ('2027-05-10', '2027-08-09'))
            order._billing_take_back_change()
            self.assertEqual(self._get_period(order), ('2027-05-10', '2027-06-09'))
            self.assertEqual(event.amount, 12.1)
        self._change_on('2027-04-21', order, self.quarter, 1, LATER)
        self._run_on('2027-05-10')
        self.assertEqual(order.billing_interval_count, 3)
        self.assertEqual(self._get_period(order), ('2027-08-10', '2027-11-09'))

    def test_a_second_line_meanwhile_leaves_it_as_it_was(self):
        order = self._start(APRIL, self.basic)
        change, _shown = self._change_on(MIDDLE, order, self.year, 1, LATER)
        with freeze_time('2027-04-20 10:00:00'):
            self.env['sale.order.line'].create({'order_id': order.id, 'product_id': self.plus.id})
        self._run_on('2027-05-01')
        self.assertEqual(change.state, 'overtaken')
        self.assertEqual(order.billing_interval_unit, 'month')
        paid = order.billing_event_ids.filtered(lambda event: event.status == 'completed')
        self.assertEqual((paid.amount, str(paid.period_end)), (36.3, '2027-05-31'))

    def test_what_has_no_other_interval(self):
        with freeze_time(f'{APRIL} 10:00:00'):
            together = self._create_active_order((self.basic, 1), (self.plus, 1))
        limited = self._start(APRIL, self.basic, billing_cycles=12)
        special, discounted = (self._start(APRIL, self.basic) for _order in range(2))
        with freeze_time('2027-04-02 10:00:00'):
            special.billing_next_event_id._reschedule(date(2027, 5, 1), 5.0)
            rows = self.env['billpro.discount']._propose(discounted, 50.0, 3)._get_rows()
            discounted._billing_give_discount(50.0, 3, agreement_text(rows))
        for order, reason in (
            (together, "Several products of order"),
            (limited, "runs for a number of periods"),
            (special, "A payment to come was changed by itself"),
            (discounted, "Take back the discount first: 50% off the next 3 payments"),
        ):
            for when in (NOW, LATER):
                with self.subTest(reason, when=when), self.assertRaisesRegex(UserError, reason):
                    self._propose(MIDDLE, order, self.year, when)
        self.family.customers_may_raise = True
        with freeze_time(f'{MIDDLE} 10:00:00'):
            plans = limited._billing_get_customers_plans()[limited.order_line]
        self.assertEqual(plans, self.basic | self.plus | self.free_of_tax)

    def test_never_more_is_credited_than_the_new_period_costs(self):
        order = self._start(APRIL, self.basic)
        self._change_on(MIDDLE, order, self.year, 1, NOW)
        with freeze_time('2027-04-20 10:00:00'):
            self._refund(order, 84.7)  # 70.00 of 120.00, which were paid with 5.00 of credit.
        # 362 of 366 days are left, 118.69 of 120.00; 50.00 are paid.
        values = self._propose('2027-04-20', order, self.basic)
        self.assertEqual((values['credit'], values['charge']), (50.0, 10.0))

    def test_the_period_before_is_no_part_of_the_new_one(self):
        """Changes on the first day of a short period, and two on one day."""
        order = self._start(APRIL, self.basic)
        with freeze_time(f'{MIDDLE} 10:00:00'):
            day = date(2027, 5, 15)
            order._billing_change_day(day, agreement_text(order._billing_get_day_rows(day)))
        self._run_on('2027-05-01')
        self._change_on('2027-05-01', order, self.year, 1, NOW)
        values = self._propose('2027-05-01', order, self.year, quantity=2)
        self.assertEqual((values['credit'], values['charge']), (120.0, 240.0))
        down = self._start('2027-01-01', self.year)
        self._change_on('2027-07-02', down, self.year, 2, NOW)
        self._change_on('2027-07-02', down, self.basic, 1, NOW)
        with freeze_time('2027-07-02 11:00:00'):
            self.assertEqual(down._billing_get_unused()[1:3], (31, 12.1))

    def test_a_new_period_that_the_bank_took_back_is_not_paid_for(self):
        order = self._start(APRIL, self.basic)
        change, _shown = self._change_on(MIDDLE, order, self.year, 1, NOW)
        with freeze_time('2027-04-20 10:00:00'):
            change.event_ids._apply_trigger('return_hard')
        paid_until = order._get_purchase()._get_paid_until(order)
        self.assertEqual(paid_until, date(2027, 4, 30))

    def test_a_new_period_that_is_paid_along_with_another(self):
        """The bank took 26.62 back, and staff credited the invoice of it: it is on a new one."""
        order = self._start(APRIL, self.basic)
        change, _shown = self._change_on(MIDDLE, order, self.quarter, 1, NOW)
        event = change.event_ids
        with freeze_time('2027-04-20 10:00:00'):
            event.invoice_id._reverse_moves([{'date': date(2027, 4, 20)}], cancel=True)
            event._apply_trigger('return_soft')
            (event | order.billing_next_event_id)._merge()
        self._run_on('2027-04-20')
        invoice = event.merged_into_id.invoice_id
        self.assertEqual((invoice.state, invoice.amount_total), ('posted', 59.29))
        self.assertRecordValues(
            invoice.invoice_line_ids.sorted(lambda line: (line.price_subtotal, line.name)),
            [
                {
                    'name': "Basic\nCredit, 04/16/2027 to 04/30/2027",
                    'price_subtotal': -5.0,
                },
                {'name': "Quarter\n07/16/2027 to 10/15/2027", 'price_subtotal': 27.0},
                {
                    'name': "Quarter\nNew price, 04/16/2027 to 07/15/2027",
                    'price_subtotal': 27.0,
                },
            ],
        )
        with freeze_time('2027-04-20 12:00:00'):
            rows = self.env['billpro.deferral.report'].search([('invoice_id', '=', invoice.id)])
        periods = rows.grouped(lambda row: (str(row.period_start), str(row.period_end)))
        self.assertEqual(
            {period: round(sum(of.mapped('amount')), 2) for period, of in periods.items()},
            {
                ('2027-04-16', '2027-04-30'): -5.0,
                ('2027-04-16', '2027-07-15'): 27.0,
                ('2027-07-16', '2027-10-15'): 27.0,
            },
        )

    def test_recurring_revenue_counts_each_interval(self):
        at_once = self._start(APRIL, self.basic)
        self._run_on('2027-05-01')
        self._change_on('2027-05-16', at_once, self.quarter, 1, NOW)
        early = self._start(APRIL, self.basic)
        self._change_on(MIDDLE, early, self.quarter, 1, NOW)
        self._change_on('2027-05-20', early, self.quarter, 2, NOW)
        planned = self._start(APRIL, self.basic)
        self._change_on(MIDDLE, planned, self.quarter, 1, LATER)
        down = self._start('2027-03-01', self.year)
        self._change_on('2027-05-02', down, self.plus, 1, NOW)
        self._run_on('2027-05-01')
        with freeze_time('2027-05-31 12:00:00'):
            self.assertEqual(
                [self._movements(order) for order in (at_once, early, planned, down)],
                [
                    [('2027-04', 'new', 10.0, 10.0), ('2027-05', 'contraction', -1.0, 9.0)],
                    [('2027-04', 'new', 9.0, 9.0), ('2027-05', 'expansion', 9.0, 18.0)],
                    [('2027-04', 'new', 10.0, 10.0), ('2027-05', 'contraction', -1.0, 9.0)],
                    [
                        ('2027-03', 'new', 10.0, 10.0),
                        ('2027-04', 'unchanged', 0.0, 10.0),
                        ('2027-05', 'expansion', 10.0, 20.0),
                    ],
                ],
            )

    def test_cash_is_expected_at_the_planned_interval(self):
        order = self._start(APRIL, self.basic)
        self._change_on(MIDDLE, order, self.quarter, 1, LATER)
        with freeze_time('2027-04-17 12:00:00'):
            rows = self.env['billpro.cash.report'].search([('order_id', '=', order.id)])
        self.assertEqual(
            [(str(row.date), row.kind, row.amount) for row in rows[:3]],
            [
                ('2027-05-01', 'scheduled', 32.67),
                ('2027-08-01', 'projected', 32.67),
                ('2027-11-01', 'projected', 32.67),
            ],
        )

    def _get_deferred(self, order, day):
        with freeze_time(f'{day} 23:00:00'):
            domain = [('order_id', '=', order.id)]
            return self._totals('deferral.report', ['order_id'], ['earned', 'deferred'], domain)[
                order.id
            ]

    def test_revenue_is_earned_in_the_period_that_was_charged(self):
        up = self._start(APRIL, self.basic)
        self._change_on(MIDDLE, up, self.year, 1, NOW)
        # 10.00 - 5.00, and 15 of 366 days of 120.00.
        self.assertEqual(self._get_deferred(up, '2027-04-30'), (9.92, 115.08))
        down = self._start('2027-01-01', self.year)
        self._change_on('2027-07-02', down, self.basic, 1, NOW)
        # 69.70 (212/365 of 120.00) - 9.86 (30/183 of 60.16) + 9.68 (30/31).
        self.assertEqual(self._get_deferred(down, '2027-07-31'), (69.52, 0.32))
