"""What the days of a period are worth, by published examples of other systems, and by law.

P1 to P38 and T1 to T10 name the examples. S3 to S6: docs.stripe.com (prorations, backdating,
billing cycle, trials). L: getlago/lago-api 1b1c24a, spec/services and spec/scenarios. LD:
getlago.com/docs/guide. K: killbill/killbill cb60779, tests of invoice and beatrix. Z2:
docs.zuora.com, usage charge proration. M1: developer.samsung.com. X3: docs.unibee.dev. X4:
nectir.co. X5: kb.obi.services. X10: help.mlytics.com.

P9 to P11, P29 and P30 are about taxes and coupons, which are Odoo's, P31 is about a change at a
date, P21, P22, P24 and P32 are about months of 30 days or twelfths, which are not ours.
"""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..billing.calendar import UNITS, first_number_after, nth_date
from ..billing.proration import Billed, Span, prorate, settle, use_credit

CENT = Decimal('0.01')
QUARTER = Span(date(2027, 4, 15), date(2027, 7, 14))
YEAR = Span(date(2016, 5, 10), date(2017, 5, 9))
BEFORE_15_MAY = Span(date(2016, 5, 1), date(2016, 5, 14))
BEFORE_15_JUNE = Span(date(2016, 6, 1), date(2016, 6, 14))
BEFORE_10_AUGUST = Span(date(2016, 7, 15), date(2016, 8, 9))


def month(year, number, day=1):
    """Return the month that begins on a day."""
    first = date(year, number, day)
    return Span(first, nth_date(first, 1, 'month', 1) - timedelta(days=1))


def rest(year, number, day):
    """Return the days of a calendar month from one on."""
    return Span(date(year, number, day), month(year, number).last)


def until(first, following):
    """Return the days before another one."""
    return Span(first, following - timedelta(days=1))


def worth(amount, part, period, coin=CENT):
    """Return what a part of a period is worth."""
    return prorate(Decimal(amount), part.days, period.days, coin)


@tagged('post_install', '-at_install')
class TestProrationExamples(BaseCase):
    def test_what_days_of_a_period_are_worth(self):
        # A stub before an anchor is divided by the period that ends there.
        for name, amount, part, period, expected in (
            ('P1, S3', '20', rest(2027, 4, 16), month(2027, 4), '10'),
            ('P3, S4', '1', until(date(2027, 2, 15), date(2027, 3, 1)), month(2027, 2, 15), '.5'),
            ('P4, LD', '100', Span(date(2027, 1, 1), date(2027, 1, 14)), month(2027, 1), '45.16'),
            ('P4, LD', '200', rest(2027, 1, 15), month(2027, 1), '109.68'),
            ('P5, L', '10', rest(2027, 3, 5), month(2027, 3), '8.71'),
            ('P7, L', '910', Span(date(2027, 5, 20), date(2027, 6, 20)), QUARTER, '320'),
            ('P8, L', '200', rest(2027, 4, 2), month(2027, 4), '193.33'),
            ('P12, K', '249.95', BEFORE_15_MAY, month(2016, 4, 15), '116.64'),
            ('P12, K', '249.95', BEFORE_15_JUNE, month(2016, 5, 15), '112.88'),
            ('P12, K', '249.95', BEFORE_15_JUNE, month(2016, 6), '116.64'),
            ('P14, K', '2399.95', until(date(2017, 5, 1), date(2017, 5, 10)), YEAR, '59.18'),
            ('P20, K', '100', Span(date(2020, 1, 1), date(2020, 1, 14)), month(2020, 1), '45.16'),
            ('P20, K', '100', rest(2020, 1, 20), month(2020, 1), '38.71'),
            ('P23, Z2', '31', rest(2027, 1, 15), month(2027, 1), '17'),
            ('P26, X3', '50', rest(2027, 1, 17), month(2027, 1), '24.19'),
            ('P27, X4', '10', rest(2027, 4, 11), month(2027, 4), '6.67'),
            ('P28, X5', '200', rest(2027, 4, 6), month(2027, 4), '166.67'),
            ('P33, S4', '1000', rest(2027, 1, 15), month(2027, 1), '548.39'),
            ('P35, K', '29.95', rest(2017, 2, 15), month(2017, 2), '14.98'),
            ('P36, K', '249.95', BEFORE_10_AUGUST, month(2016, 7, 10), '209.64'),
            ('T4, L', '50000', rest(2024, 3, 15), month(2024, 3), '27419.35'),
            ('T8, K', '249.95', BEFORE_15_MAY, month(2016, 4, 15), '116.64'),
        ):
            with self.subTest(name, part=part):
                self.assertEqual(worth(amount, part, period), Decimal(expected))

    def test_which_part_of_its_period_a_stub_is(self):
        for name, first, following, period_first, count, unit, expected in (
            (
                'P17, K',
                date(2023, 5, 23),
                date(2023, 6, 15),
                date(2023, 5, 15),
                1,
                'month',
                '23/31',
            ),
            (
                'P17, K',
                date(2023, 6, 23),
                date(2023, 7, 15),
                date(2023, 6, 15),
                1,
                'month',
                '22/30',
            ),
            (
                'P17, K',
                date(2023, 2, 23),
                date(2023, 3, 15),
                date(2023, 2, 15),
                1,
                'month',
                '20/28',
            ),
            ('P18, K', date(2012, 2, 1), date(2012, 2, 15), date(2012, 2, 1), 1, 'month', '14/29'),
            ('P19, K', date(2011, 2, 1), date(2011, 2, 14), date(2011, 2, 1), 1, 'month', '13/28'),
            (
                'P19, K',
                date(2011, 2, 14),
                date(2011, 2, 27),
                date(2011, 1, 27),
                1,
                'month',
                '13/31',
            ),
            # Counted from the last day of January, February ends on its own.
            (
                'P19, K',
                date(2011, 2, 14),
                date(2011, 2, 28),
                date(2011, 1, 31),
                1,
                'month',
                '14/28',
            ),
            (
                'P34, K',
                date(2011, 2, 10),
                date(2011, 2, 24),
                date(2011, 2, 10),
                3,
                'month',
                '14/89',
            ),
            (
                'P34, K',
                date(2011, 2, 24),
                date(2011, 5, 10),
                date(2011, 2, 10),
                3,
                'month',
                '75/89',
            ),
        ):
            with self.subTest(name, first=first):
                period = until(period_first, nth_date(period_first, count, unit, 1))
                days = until(first, following).days
                self.assertEqual(Fraction(days, period.days), Fraction(expected))

    def test_what_a_change_comes_to(self):
        april = month(2027, 4)
        for name, old, new, day, credit, charge in (
            ('P1, S3', '10', '20', 16, '5', '10'),
            # The day of the change belongs to the new plan; the source counts it as used.
            ('P25, M1', '30', '60', 15, '16', '32'),
            ('P37, X10', '10', '99', 16, '5', '49.50'),
            ('P38, X5', '800', '500', 6, '666.67', '416.67'),
        ):
            with self.subTest(name):
                billed = Billed(Decimal(old), april)
                settled = settle(billed, Decimal(new), april, date(2027, 4, day), CENT)
                self.assertEqual(
                    (settled.credit, settled.charge), (Decimal(credit), Decimal(charge))
                )

    def test_p2_what_was_billed_is_credited(self):
        """S3: 10 from 1 April, 20 from the 11th without proration, back on the 21st."""
        april = month(2027, 4)
        settled = settle(Billed(Decimal(10), april), Decimal(10), april, date(2027, 4, 21), CENT)
        self.assertEqual((settled.credit, settled.charge), (Decimal('3.33'), Decimal('3.33')))

    def test_p5_two_changes_within_an_hour(self):
        """L multiple_upgrade: 10 on 5 March, 15 on the 12th, 19 an hour later."""
        march, day = month(2027, 3), date(2027, 3, 12)
        first = Billed(Decimal('8.71'), Span(date(2027, 3, 5), march.last))
        second = settle(first, Decimal(15), march, day, CENT)
        self.assertEqual((second.credit, second.charge), (Decimal('6.45'), Decimal('9.68')))
        third = settle(Billed(second.charge, Span(day, march.last)), Decimal(19), march, day, CENT)
        self.assertEqual((third.credit, third.charge), (Decimal('9.68'), Decimal('12.26')))

    def test_p13_and_p16(self):
        """K BCDUpdate, DifferentBillingPeriods; a year that has a 29 February counts it."""
        may = month(2012, 5)
        settled = settle(Billed(Decimal('249.95'), may), Decimal('599.95'), may, may.first, CENT)
        self.assertEqual(settled.net, Decimal('350.00'))
        settled = settle(
            Billed(Decimal('249.95'), may), Decimal('599.95'), may, date(2012, 5, 5), CENT
        )
        self.assertEqual((settled.credit, settled.charge), (Decimal('217.70'), Decimal('522.54')))
        year = until(date(2015, 1, 1), date(2016, 1, 1))
        settled = settle(
            Billed(Decimal('2399.95'), year), Decimal('5999.95'), year, date(2015, 3, 15), CENT
        )
        self.assertEqual((settled.credit, settled.charge), (Decimal('1919.96'), Decimal('4799.96')))

    def test_p6_and_p15_another_interval(self):
        """L upgrade, K DifferentBillingPeriods: the old period is credited, a new one begins."""
        for old, period, day, new, credit in (
            ('10', month(2023, 8, 29), date(2023, 9, 28), '120', '.32'),
            ('249.95', month(2012, 5), date(2012, 5, 12), '2399.95', '161.26'),
        ):
            with self.subTest(old):
                year = until(day, nth_date(day, 1, 'year', 1))
                billed = Billed(Decimal(old), period)
                settled = settle(billed, Decimal(new), period, day, CENT, new_period=year)
                self.assertEqual((settled.credit, settled.charge), (Decimal(credit), Decimal(new)))

    def test_a_currency_without_decimals(self):
        yen = Span(date(2027, 2, 15), date(2027, 2, 28))
        self.assertEqual(worth('1001', yen, month(2027, 2), Decimal(1)), Decimal(501))

    def test_what_credit_leaves_can_be_collected(self):
        for due, left, expected in (
            ('12.10', '6.05', '6.05'),
            ('12.10', '12.10', '12.10'),
            ('12.10', '50', '12.10'),
            # 0.20 can't be collected, 0.50 can.
            ('12.10', '11.90', '11.60'),
            ('0.40', '0.30', '0'),
        ):
            with self.subTest(due=due, left=left):
                used = use_credit(Decimal(due), Decimal(left), Decimal('0.5'))
                self.assertEqual(used, Decimal(expected))
        # In Kuwait 0.001 is the smallest coin, and cards are charged in steps of 0.010.
        for due, left, expected in (
            ('12.100', '3.337', '3.330'),
            ('12.100', '0.004', '0'),
            ('12.105', '3.337', '3.335'),
            ('12.100', '12.100', '12.100'),
        ):
            with self.subTest(due=due, left=left):
                used = use_credit(
                    Decimal(due), Decimal(left), Decimal('0.5'), step=Decimal('0.010')
                )
                self.assertEqual(used, Decimal(expected))

    def test_what_is_no_part_of_a_period(self):
        with self.assertRaises(ValueError):
            prorate(Decimal(1), 2, 1, CENT)
        with self.assertRaises(ValueError):
            until(date(2027, 1, 1), date(2027, 1, 1))


@tagged('post_install', '-at_install')
class TestTrialsAndAnchors(BaseCase):
    def test_dates_that_follow_an_anchor(self):
        for name, anchor, expected in (
            ('T1, S5', date(2027, 1, 31), [(2, 28), (3, 31), (4, 30)]),
            ('T1, T9, S5', date(2028, 1, 31), [(2, 29), (3, 31), (4, 30)]),
            ('T3, S6', date(2027, 6, 1), [(7, 1), (8, 1)]),
            ('T5, L', date(2021, 3, 31), [(4, 30)]),
            ('T5, L', date(2020, 1, 31), [(2, 29)]),
            ('T6, K', date(2017, 1, 31), [(2, 28), (3, 31), (4, 30)]),
            ('T10, K', date(2024, 1, 31), [(2, 29)]),
            ('T10, K', date(2025, 3, 31), [(4, 30), (5, 31)]),
        ):
            with self.subTest(name, anchor=anchor):
                dates = [nth_date(anchor, 1, 'month', n + 1) for n in range(len(expected))]
                self.assertEqual([(day.month, day.day) for day in dates], expected)

    def test_t7_whole_intervals_until_a_day(self):
        """K InvoiceDateUtils."""
        for unit, day, expected in (
            ('month', date(2012, 9, 15), 1),
            ('month', date(2012, 9, 16), 2),
            ('week', date(2012, 7, 29), 1),
            ('week', date(2012, 7, 30), 2),
        ):
            with self.subTest(unit=unit, day=day):
                self.assertEqual(first_number_after(date(2012, 7, 16), 1, unit, day) - 1, expected)

    def test_t2_a_trial_that_passes_the_first_of_the_month(self):
        """S5: seven days from the 15th and from the 28th, billed on the first of each month."""
        for joined, begins, days in ((15, date(2027, 6, 22), 9), (28, date(2027, 7, 5), 27)):
            with self.subTest(joined=joined):
                trial = until(date(2027, 6, joined), begins)
                stub = Span(begins, month(begins.year, begins.month).last)
                self.assertEqual((trial.days, stub.days), (7, days))


days = st.dates(min_value=date(1990, 1, 1), max_value=date(2100, 12, 31))
prices = st.decimals(min_value=0, max_value=10**9, places=2)
fine_prices = st.decimals(min_value=0, max_value=10**6, places=6)
coins = st.sampled_from([Decimal('0.001'), CENT, Decimal('0.05'), Decimal(1)])


@st.composite
def periods(draw):
    """Return a period of an interval, and a day in it."""
    first = draw(days)
    count = draw(st.integers(min_value=1, max_value=12))
    period = until(first, nth_date(first, count, draw(st.sampled_from(UNITS)), 1))
    return period, draw(st.dates(min_value=period.first, max_value=period.last))


@tagged('post_install', '-at_install')
class TestProrationLaws(BaseCase):
    @given(periods(), prices, prices)
    def test_a_change_on_the_first_day_costs_the_difference(self, period_and_day, old, new):
        period, _day = period_and_day
        settled = settle(Billed(old, period), new, period, period.first, CENT)
        self.assertEqual(settled.net, new - old)

    @given(periods(), prices, fine_prices, coins)
    def test_there_and_back_on_one_day_costs_nothing(self, period_and_day, old, new, coin):
        period, day = period_and_day
        there = settle(Billed(old, period), new, period, day, coin)
        left = Span(day, period.last)
        back = settle(Billed(there.charge, left), old, period, day, coin)
        self.assertEqual(there.net + back.net, 0)

    @given(periods(), prices, prices, st.integers(min_value=1, max_value=400))
    def test_another_interval_and_back_on_one_day_begins_anew(self, period_and_day, old, new, days):
        period, day = period_and_day
        first, second = Span(day, day + timedelta(days=days)), Span(day, period.last)
        there = settle(Billed(old, period), new, period, day, CENT, new_period=first)
        back = settle(Billed(there.charge, first), old, first, day, CENT, new_period=second)
        self.assertEqual(there.net + back.net, old - there.credit)

    @given(periods(), fine_prices, coins, st.lists(st.integers(min_value=0), max_size=5))
    def test_parts_add_up_to_the_period(self, period_and_day, price, coin, cuts):
        period, _day = period_and_day
        whole = prorate(price, period.days, period.days, coin)
        left = sorted({period.days, 0, *(cut % period.days for cut in cuts)}, reverse=True)
        tails = [prorate(whole, days, period.days, coin) for days in left]
        parts = [tail - later for tail, later in pairwise(tails)]
        self.assertEqual(sum(parts), whole)
        self.assertTrue(all(part >= 0 for part in parts))

    @given(periods(), prices, prices, prices)
    def test_never_more_is_credited_than_was_paid(self, period_and_day, billed, new, paid):
        period, day = period_and_day
        settled = settle(Billed(billed, period), new, period, day, CENT, paid)
        self.assertLessEqual(settled.credit, paid)
        self.assertLessEqual(settled.credit, billed)
        self.assertGreaterEqual(settled.net, -paid)

    @given(periods(), fine_prices, coins)
    def test_it_is_rounded_once(self, period_and_day, price, coin):
        period, day = period_and_day
        left = period.days_from(day)
        exact = Fraction(price) * left / period.days
        self.assertLessEqual(
            abs(Fraction(prorate(price, left, period.days, coin)) - exact), Fraction(coin) / 2
        )

    @given(periods(), prices)
    def test_every_day_counts_once(self, period_and_day, price):
        period, day = period_and_day
        before = (day - period.first).days
        self.assertEqual(before + period.days_from(day), period.days)
        self.assertEqual(period.days_from(period.last + timedelta(days=1)), 0)
        self.assertEqual(period.days_from(period.first - timedelta(days=1)), period.days)
