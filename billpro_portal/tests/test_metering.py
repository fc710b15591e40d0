"""What is counted, and when; the examples are named as in `test_rating.py`."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..billing.calendar import UNITS, local_date, nth_date
from ..billing.metering import (
    AGGREGATIONS,
    Record,
    aggregate,
    average_level,
    get_period,
    is_within,
    midnight,
)
from ..billing.rating import Graduated, PerUnit, Tier, Usage

CENT = Decimal('0.01')


def change(quantity, *moment):
    """Return a record of a quantity at a moment."""
    return Record(datetime(*moment), Decimal(quantity), '')


@tagged('post_install', '-at_install')
class TestMeteringExamples(BaseCase):
    def test_u25_a_level_that_begins_within_the_month(self):
        """L weighted_sum_agg."""
        month = datetime(2026, 3, 1), datetime(2026, 4, 1)
        level = average_level([change(2500, 2026, 3, 5)], *month)
        rating = PerUnit(unit_price=Decimal(1)).rate(Usage(level), CENT)
        self.assertEqual(rating.amount, Decimal('2177.42'))

    def test_u26_a_level_of_hours(self):
        """L weighted_sum_service."""
        steps = ((2, 0), (3, 1), (1, 1, 30), (-4, 2), (-2, 4), (10, 5), (-10, 5, 30))
        changes = [change(step, 2026, 8, 1, *moment) for step, *moment in steps]
        level = average_level(changes, datetime(2026, 8, 1), datetime(2026, 9, 1))
        self.assertEqual(level, Fraction('16.5') / 744)
        self.assertEqual(round(level, 5), Fraction('0.02218'))

    def test_u27_a_level_carried_over(self):
        """L prorated sum, which shows 9.64517: it rounds up at five places."""
        changes = [change(12, 2026, 5, 26), change(12, 2026, 5, 26)]
        level = average_level(changes, datetime(2026, 5, 1), datetime(2026, 6, 1), Decimal(5))
        self.assertEqual(level, 5 + 24 * Fraction(6, 31))
        self.assertEqual(round(level, 5), Fraction('9.64516'))

    def test_u28_a_seat_of_seven_days(self):
        """L unique_count_agg: the day of the removal is used, so the seat goes when it is over."""
        changes = [change(1, 2024, 2, 23), change(-1, 2024, 3, 1)]
        level = average_level(changes, datetime(2024, 2, 1), datetime(2024, 3, 1))
        rating = PerUnit(unit_price=Decimal(1)).rate(Usage(level), CENT)
        self.assertEqual(rating.amount, Decimal('0.24'))

    def test_u36_storage_of_a_month(self):
        """A1."""
        changes = [change(100, 2026, 3, 1), change(100 * 1024 - 100, 2026, 3, 16)]
        level = average_level(changes, datetime(2026, 3, 1), datetime(2026, 4, 1))
        self.assertEqual(level, 52900)
        tiers = (Tier(Decimal(51200), Decimal('0.023')), Tier(None, Decimal('0.022')))
        self.assertEqual(Graduated(tiers=tiers).rate(Usage(level), CENT).amount, Decimal('1215.00'))

    def test_sums_are_exact(self):
        large, tiny = (change(quantity, 2026, 5, 1) for quantity in ('999999999999999', '1e-12'))
        total = aggregate('sum', [large] * 1000 + [tiny] * 1001)
        self.assertEqual(str(total), '999999999999999000.000000001001')

    def test_u42_aggregations(self):
        """LD aggregation-types."""
        records = [
            Record(datetime(2026, 3, 1), Decimal(20), 'a', value='one'),
            Record(datetime(2026, 3, 2), Decimal(10), 'b', value='one'),
        ]
        found = {name: aggregate(name, records) for name in AGGREGATIONS}
        self.assertEqual(found, {'count': 2, 'sum': 30, 'max': 20, 'last': 10, 'unique_count': 1})

    def test_u43_the_start_of_a_period_is_in_it(self):
        """L prorated sum."""
        start, end = datetime(2026, 4, 1), datetime(2026, 5, 1)
        record = change(1, 2026, 4, 1)
        self.assertTrue(is_within(record, start, end))
        self.assertFalse(is_within(record, datetime(2026, 3, 1), start))
        period = get_period(date(2026, 1, 1), 1, 'month', 'UTC', start)
        self.assertEqual((period.number, period.start, period.end), (3, start, end))

    # === OURS === #

    def test_nothing_counts_as_zero(self):
        for name in AGGREGATIONS:
            self.assertEqual(aggregate(name, []), 0)

    def test_days_are_those_of_the_customer(self):
        anchor, zone = date(2026, 1, 31), 'America/New_York'
        last = datetime(2026, 3, 1, 4, 59, 59)  # 28 February, 23:59:59 there.
        for moment, number, first_day in (
            (last - timedelta(days=1), 0, date(2026, 1, 31)),
            (last, 1, date(2026, 2, 28)),
            (datetime(2026, 3, 31, 3, 59, 59), 1, date(2026, 2, 28)),
            (datetime(2026, 3, 31, 4), 2, date(2026, 3, 31)),
        ):
            with self.subTest(moment=moment):
                period = get_period(anchor, 1, 'month', zone, moment)
                self.assertEqual((period.number, period.first_day), (number, first_day))

    def test_a_day_may_begin_at_one_in_the_morning(self):
        self.assertEqual(
            midnight(date(2017, 10, 15), 'America/Sao_Paulo'), datetime(2017, 10, 15, 3)
        )

    def test_a_moment_before_the_anchor_is_in_no_period(self):
        with self.assertRaises(ValueError):
            get_period(date(2026, 1, 1), 1, 'month', 'UTC', datetime(2025, 12, 31, 23))

    def test_a_part_of_a_period_is_counted_in_days(self):
        period = get_period(date(2026, 2, 1), 1, 'month', 'UTC', datetime(2026, 2, 10))
        for first_day, next_day, share in (
            (date(2026, 2, 1), date(2026, 3, 1), 1),
            (date(2025, 1, 1), date(2027, 1, 1), 1),
            # Until the 25th, that day included.
            (date(2026, 2, 1), date(2026, 2, 26), Fraction(25, 28)),
            (date(2026, 3, 1), date(2026, 3, 5), 0),
        ):
            with self.subTest(first_day=first_day, next_day=next_day):
                self.assertEqual(period.get_share(first_day, next_day), share)


moments = st.datetimes(min_value=datetime(2020, 1, 2), max_value=datetime(2060, 1, 1))
zones = st.sampled_from(
    ['UTC', 'Europe/Brussels', 'America/Sao_Paulo', 'Asia/Beirut', 'Pacific/Apia', 'Africa/Cairo']
)
records = st.builds(
    Record,
    moments,
    st.decimals(min_value=0, max_value=10**6, places=6),
    st.text(max_size=5),
    st.sampled_from('abc'),
)


@tagged('post_install', '-at_install')
class TestMeteringLaws(BaseCase):
    @given(
        st.dates(min_value=date(2000, 1, 1), max_value=date(2020, 1, 1)),
        st.integers(min_value=1, max_value=24),
        st.sampled_from(UNITS),
        zones,
        moments,
    )
    def test_a_moment_is_in_exactly_one_period(self, anchor, count, unit, zone, moment):
        period = get_period(anchor, count, unit, zone, moment)
        self.assertTrue(period.start <= moment < period.end)
        self.assertEqual(period.first_day, nth_date(anchor, count, unit, period.number))
        self.assertEqual(period.next_day, nth_date(anchor, count, unit, period.number + 1))
        after = get_period(anchor, count, unit, zone, period.end)
        self.assertEqual((after.number, after.start), (period.number + 1, period.end))

    @given(st.dates(min_value=date(1990, 1, 1), max_value=date(2060, 1, 1)), zones)
    def test_a_day_begins_when_the_day_before_ends(self, day, zone):
        start = midnight(day, zone)
        self.assertLess(local_date(start - timedelta(microseconds=1), zone), day)
        self.assertGreaterEqual(local_date(start, zone), day)

    @given(st.lists(records, max_size=10), st.randoms(), st.sampled_from(sorted(AGGREGATIONS)))
    def test_the_order_of_records_changes_nothing(self, some, random, name):
        # A sender's ids are unique.
        some = list({(record.moment, record.sender_id): record for record in some}.values())
        shuffled = list(some)
        random.shuffle(shuffled)
        self.assertEqual(aggregate(name, shuffled), aggregate(name, some))

    @given(st.lists(records, max_size=10), st.lists(records, max_size=10))
    def test_splitting_records_changes_no_sum(self, first, second):
        for name in ('sum', 'count'):
            self.assertEqual(
                aggregate(name, first) + aggregate(name, second), aggregate(name, first + second)
            )

    @given(st.lists(records, max_size=10))
    def test_a_level_that_never_changes_is_its_average(self, some):
        start, end = datetime(2061, 1, 1), datetime(2061, 2, 1)
        changes = [Record(start, record.quantity, '') for record in some]
        self.assertEqual(average_level(changes, start, end), Fraction(aggregate('sum', changes)))
