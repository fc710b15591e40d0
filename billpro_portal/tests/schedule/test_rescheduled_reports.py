from datetime import date

from freezegun import freeze_time

from odoo.tests import tagged

from ..common.billing_reports import RescheduledCommon
from ..common.nightly import nightly


@tagged('post_install', '-at_install')
class TestRescheduledMrr(RescheduledCommon):
    """Days and amounts that staff changed: no churn where the subscription runs on."""

    @nightly("A later one does for each change.")
    def test_the_first_period_lasts_until_the_moved_one(self):
        self._change('2027-02-10', 2, day=date(2027, 4, 15), scope='later')
        self._run_on_days('2027-04-15', '2027-05-15')
        self.assertEqual(self.order.billing_anchor_number, 1)
        self.assertEqual(
            self._movements_on('2027-05-31'),
            [
                ('2027-01', 'new', 20.0, 20.0),
                ('2027-02', 'unchanged', 0.0, 20.0),
                ('2027-03', 'unchanged', 0.0, 20.0),
                ('2027-04', 'unchanged', 0.0, 20.0),
                ('2027-05', 'unchanged', 0.0, 20.0),
            ],
        )

    @nightly("An earlier one is followed for each change.")
    def test_a_later_period_lasts_until_the_moved_one(self):
        self._run_on_days('2027-02-28')
        self._change('2027-03-10', 3, day=date(2027, 4, 15), amount=36.3, scope='later')
        self._run_on_days('2027-04-15', '2027-05-15')
        self.assertEqual(self.order.billing_anchor_number, 2)
        self.assertEqual(
            self._movements_on('2027-05-31'),
            [
                ('2027-01', 'new', 20.0, 20.0),
                ('2027-02', 'unchanged', 0.0, 20.0),
                ('2027-03', 'unchanged', 0.0, 20.0),
                ('2027-04', 'expansion', 10.0, 30.0),
                ('2027-05', 'unchanged', 0.0, 30.0),
            ],
        )

    def test_a_period_that_begins_earlier_ends_the_one_before(self):
        self._run_on_days('2027-02-28')
        self._change('2027-03-05', 3, day=date(2027, 3, 10), amount=12.1, scope='later')
        self._run_on_days('2027-03-10')
        self.assertEqual(self._movements_on('2027-03-09')[-1], ('2027-03', 'unchanged', 0.0, 20.0))
        for day in ('2027-03-10', '2027-03-31'):
            self.assertEqual(
                self._movements_on(day),
                [
                    ('2027-01', 'new', 20.0, 20.0),
                    ('2027-02', 'unchanged', 0.0, 20.0),
                    ('2027-03', 'contraction', -10.0, 10.0),
                ],
            )

    @nightly("Moved once for each change.")
    def test_moved_twice(self):
        self._change('2027-02-10', 2, day=date(2027, 3, 15), scope='later')
        self._run_on_days('2027-03-15')
        self._change('2027-04-01', 3, day=date(2027, 5, 20), scope='later')
        self._run_on_days('2027-05-20')
        self.assertEqual(
            (self.order.billing_anchor_date, self.order.billing_anchor_number),
            (date(2027, 5, 20), 2),
        )
        movements = self._movements_on('2027-06-30')
        self.assertEqual(
            [(month, movement) for month, movement, _change, _mrr in movements],
            [
                ('2027-01', 'new'),
                ('2027-02', 'unchanged'),
                ('2027-03', 'unchanged'),
                ('2027-04', 'unchanged'),
                ('2027-05', 'unchanged'),
                ('2027-06', 'unchanged'),
            ],
        )

    def test_a_pause_after_the_move_is_churn(self):
        self._change('2027-02-10', 2, day=date(2027, 3, 15), scope='later')
        with freeze_time('2027-02-20 10:00:00'):
            self.order._billing_pause()
        with freeze_time('2027-06-20 10:00:00'):
            self.order._billing_resume()
        self._run_on_days('2027-07-15')
        self.assertEqual(
            self._movements_on('2027-07-31'),
            [
                ('2027-01', 'new', 20.0, 20.0),
                ('2027-02', 'unchanged', 0.0, 20.0),
                ('2027-03', 'churn', -20.0, 0.0),
                ('2027-07', 'reactivation', 20.0, 20.0),
            ],
        )

    @nightly("All later amounts change and come back for each change.")
    def test_one_amount_changes_and_comes_back(self):
        self._change('2027-02-10', 2, amount=20.0)
        self._run_on_days('2027-02-28', '2027-03-31')
        self.assertEqual(
            self._movements_on('2027-03-31'),
            [
                ('2027-01', 'new', 20.0, 20.0),
                ('2027-02', 'contraction', -3.47, 16.53),
                ('2027-03', 'expansion', 3.47, 20.0),
            ],
        )
        with freeze_time('2027-03-31 10:00:00'):
            totals = self._totals('mrr.report', ['movement'], ['change', 'mrr'])
        self.assertEqual(
            totals,
            {'new': (20.0, 20.0), 'contraction': (-3.47, 16.53), 'expansion': (3.47, 20.0)},
        )

    @nightly("One that changes is counted for each change.")
    def test_all_later_amounts_change(self):
        self._change('2027-02-10', 2, amount=30.0, scope='later')
        self._run_on_days('2027-02-28', '2027-03-31')
        self._change('2027-04-10', 4, amount=24.2, scope='later')
        self._run_on_days('2027-04-30', '2027-05-31')
        self.assertEqual(
            self._movements_on('2027-05-31'),
            [
                ('2027-01', 'new', 20.0, 20.0),
                ('2027-02', 'expansion', 4.79, 24.79),
                ('2027-03', 'unchanged', 0.0, 24.79),
                ('2027-04', 'contraction', -4.79, 20.0),
                ('2027-05', 'unchanged', 0.0, 20.0),
            ],
        )

    @nightly("Each of both is tried by others for each change.")
    def test_amounts_of_several_taxes_and_months(self):
        with freeze_time('2027-01-31 10:00:00'):
            papers = self._create_sold_product("Papers", 100.0, self.tax_6, 'subscription')
            # 160.00, and 178.60 with taxes.
            self.order = self._create_active_order(
                (self.gym, 3), (papers, 1), billing_interval_count=3
            )
        self._change('2027-02-10', 2, amount=89.3, scope='later')
        self._run_on_days('2027-04-30')
        self.assertEqual(
            self._movements_on('2027-05-31'),
            [
                ('2027-01', 'new', 53.33, 53.33),
                ('2027-02', 'unchanged', 0.0, 53.33),
                ('2027-03', 'unchanged', 0.0, 53.33),
                ('2027-04', 'contraction', -26.66, 26.67),
                ('2027-05', 'unchanged', 0.0, 26.67),
            ],
        )

    def test_the_end_of_a_moved_subscription(self):
        self._change('2027-02-10', 2, day=date(2027, 3, 15), amount=12.1, scope='later')
        self._run_on_days('2027-03-15')
        with freeze_time('2027-03-20 10:00:00'):
            self.order._billing_cancel_subscription(at_once=False)
        self.assertEqual(
            self._movements_on('2027-05-31'),
            [
                ('2027-01', 'new', 20.0, 20.0),
                ('2027-02', 'unchanged', 0.0, 20.0),
                ('2027-03', 'contraction', -10.0, 10.0),
                ('2027-04', 'churn', -10.0, 0.0),
            ],
        )


@tagged('post_install', '-at_install')
class TestRescheduledRevenue(RescheduledCommon):
    """What was moved is earned over its own days, and expected on them."""

    def _earned_on(self, day):
        with freeze_time(f'{day} 10:00:00'):
            return list(
                self._totals(
                    'deferral.report',
                    ['month:month'],
                    ['amount', 'earned', 'deferred'],
                    [('order_id', '=', self.order.id)],
                ).values()
            )

    def test_the_first_period_is_spread_until_the_moved_one(self):
        self._change('2027-02-10', 2, day=date(2027, 3, 15), amount=30.0, scope='later')
        # One of 43 days in January, 28 in February, 14 in March.
        self.assertEqual(
            self._earned_on('2027-02-14'),
            [(0.47, 0.47, 0.0), (13.02, 6.51, 6.51), (6.51, 0.0, 6.51)],
        )
        self._run_on_days('2027-03-15')
        # 17 of the 31 days of the second are in March: 13.59 of 24.79.
        self.assertEqual(
            self._earned_on('2027-03-31'),
            [(0.47, 0.47, 0.0), (13.02, 13.02, 0.0), (20.1, 20.1, 0.0), (11.2, 0.0, 11.2)],
        )

    def test_a_pause_after_the_move_earns_nothing(self):
        self._change('2027-02-10', 2, day=date(2027, 3, 15), scope='later')
        with freeze_time('2027-02-20 10:00:00'):
            self.order._billing_pause()
        with freeze_time('2027-06-20 10:00:00'):
            self.order._billing_resume()
        self.assertEqual(
            self._earned_on('2027-06-20'),
            [(0.47, 0.47, 0.0), (13.02, 13.02, 0.0), (6.51, 6.51, 0.0)],
        )

    def test_cash_is_expected_at_the_changed_amount_from_the_new_day_on(self):
        self._change('2027-02-10', 2, day=date(2027, 3, 15), amount=30.0, scope='later')
        with freeze_time('2027-02-10 10:00:00'):
            rows = self.env['billpro.cash.report'].search([('order_id', '=', self.order.id)])
            expected = [(row.date, row.amount) for row in rows]
        days = [date(2027, month, 15) for month in range(3, 13)] + [date(2028, 1, 15)]
        self.assertEqual(expected, [(day, 30.0) for day in days])
