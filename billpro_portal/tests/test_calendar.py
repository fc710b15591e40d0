from datetime import date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..billing.calendar import (
    UNITS,
    count_intervals,
    due_datetime,
    find_shortest_interval,
    first_number_after,
    is_last_of_month,
    local_date,
    multiply_interval,
    nth_date,
)

days = st.dates(min_value=date(1990, 1, 1), max_value=date(2100, 12, 31))
interval_counts = st.integers(min_value=1, max_value=24)
numbers = st.integers(min_value=0, max_value=240)
units = st.sampled_from(UNITS)
zones = st.sampled_from(
    [
        'UTC',
        'Europe/Brussels',
        'America/Sao_Paulo',
        'America/St_Johns',
        'Asia/Kathmandu',
        'Asia/Beirut',
        'Australia/Lord_Howe',
        'Pacific/Apia',
        'Pacific/Chatham',
        'Africa/Cairo',
    ]
)


@tagged('post_install', '-at_install')
class TestCalendar(BaseCase):
    @given(days, interval_counts, units, numbers)
    def test_dates_strictly_increase(self, anchor, count, unit, number):
        self.assertLess(
            nth_date(anchor, count, unit, number), nth_date(anchor, count, unit, number + 1)
        )

    @given(days, interval_counts, st.sampled_from(['month', 'year']), numbers)
    def test_dates_never_drift(self, anchor, count, unit, number):
        day = nth_date(anchor, count, unit, number)
        months = (day.year - anchor.year) * 12 + day.month - anchor.month
        self.assertEqual(months, number * count * (12 if unit == 'year' else 1))
        if is_last_of_month(anchor):
            self.assertTrue(is_last_of_month(day))
        else:
            self.assertTrue(
                day.day == anchor.day or (day.day < anchor.day and is_last_of_month(day))
            )

    @given(days, interval_counts, numbers)
    def test_days_and_weeks_are_exact(self, anchor, count, number):
        self.assertEqual(
            nth_date(anchor, count, 'day', number) - anchor, timedelta(days=count * number)
        )
        self.assertEqual(
            nth_date(anchor, count, 'week', number) - anchor, timedelta(weeks=count * number)
        )

    @given(days, interval_counts, units)
    def test_number_zero_is_the_anchor(self, anchor, count, unit):
        self.assertEqual(nth_date(anchor, count, unit, 0), anchor)

    @given(days, interval_counts, numbers)
    def test_a_year_is_twelve_months(self, anchor, count, number):
        self.assertEqual(
            nth_date(anchor, count, 'year', number), nth_date(anchor, 12 * count, 'month', number)
        )

    @given(st.dates(min_value=date(2000, 1, 1), max_value=date(2035, 12, 31)), zones)
    def test_a_payment_is_due_on_its_local_date(self, day, zone):
        self.assertEqual(local_date(due_datetime(day, zone), zone), day)

    @given(st.dates(min_value=date(2000, 1, 1), max_value=date(2035, 12, 30)), zones)
    def test_due_times_strictly_increase(self, day, zone):
        self.assertLess(due_datetime(day, zone), due_datetime(day + timedelta(days=1), zone))

    @settings(max_examples=50)
    @given(days, interval_counts, units, st.integers(min_value=-400, max_value=4000))
    def test_the_first_number_after_a_day(self, anchor, count, unit, offset):
        day = anchor + timedelta(days=offset)
        number = first_number_after(anchor, count, unit, day)
        self.assertGreater(nth_date(anchor, count, unit, number), day)
        if number:
            self.assertLessEqual(nth_date(anchor, count, unit, number - 1), day)

    def test_36_months_from_31_january(self):
        dates = [nth_date(date(2027, 1, 31), 1, 'month', number) for number in range(37)]
        common_year = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        leap_year = [31, 29, *common_year[2:]]
        self.assertEqual([day.day for day in dates], [*common_year, *leap_year, *common_year, 31])
        self.assertEqual(dates[-1], date(2030, 1, 31))

    def test_month_ends_and_leap_days(self):
        for anchor, count, unit, number, expected in (
            (date(2027, 1, 30), 1, 'month', 1, date(2027, 2, 28)),
            (date(2027, 1, 30), 1, 'month', 2, date(2027, 3, 30)),
            (date(2027, 4, 30), 1, 'month', 1, date(2027, 5, 31)),
            (date(2027, 2, 28), 1, 'month', 1, date(2027, 3, 31)),
            (date(2028, 2, 28), 1, 'month', 1, date(2028, 3, 28)),
            (date(2028, 2, 29), 1, 'year', 1, date(2029, 2, 28)),
            (date(2028, 2, 29), 1, 'year', 4, date(2032, 2, 29)),
            (date(2027, 2, 28), 1, 'year', 1, date(2028, 2, 29)),
            (date(2027, 12, 31), 2, 'week', 1, date(2028, 1, 14)),
        ):
            self.assertEqual(nth_date(anchor, count, unit, number), expected)

    def test_daylight_saving(self):
        for day, zone, expected in (
            (date(2027, 3, 27), 'Europe/Brussels', datetime(2027, 3, 27, 8)),
            (date(2027, 3, 28), 'Europe/Brussels', datetime(2027, 3, 28, 7)),
            (date(2027, 10, 31), 'Europe/Brussels', datetime(2027, 10, 31, 8)),
            (date(2027, 1, 1), 'Pacific/Kiritimati', datetime(2026, 12, 31, 19)),
        ):
            self.assertEqual(due_datetime(day, zone), expected)

    def test_impossible_intervals_are_refused(self):
        for count, unit, number in (
            (0, 'month', 1),
            (-1, 'day', 1),
            (1, 'hour', 1),
            (1, 'day', -1),
        ):
            with self.assertRaises(ValueError):
                nth_date(date(2027, 1, 1), count, unit, number)

    @given(days, interval_counts, units, st.integers(1, 12), st.integers(0, 20))
    def test_a_multiple_leads_to_every_so_many_dates(self, anchor, count, unit, times, n):
        longer = multiply_interval(count, unit, times)
        self.assertEqual(count_intervals(longer, (count, unit)), times)
        self.assertEqual(nth_date(anchor, *longer, n), nth_date(anchor, count, unit, n * times))

    def test_which_intervals_fit_together(self):
        self.assertEqual(count_intervals((1, 'year'), (3, 'month')), 4)
        self.assertEqual(count_intervals((5, 'month'), (2, 'month')), 0)
        self.assertEqual(count_intervals((1, 'month'), (1, 'week')), 0)
        self.assertEqual(multiply_interval(6, 'month', 4), (2, 'year'))
        self.assertEqual(multiply_interval(1, 'day', 10), (10, 'day'))
        self.assertEqual(find_shortest_interval([(1, 'year'), (12, 'month'), (3, 'month')]), 2)
        self.assertEqual(find_shortest_interval([(1, 'year'), (12, 'month')]), 0)
