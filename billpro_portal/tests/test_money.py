from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..billing.money import (
    from_minor_units,
    split_evenly,
    split_with_deposit,
    to_minor_units,
)

coins = st.sampled_from([1.0, 0.01, 0.001, 0.05])
minor_units = st.integers(min_value=0, max_value=10**12)
counts = st.integers(min_value=1, max_value=400)


@tagged('post_install', '-at_install')
class TestMoney(BaseCase):
    @given(minor_units, coins)
    def test_amounts_survive_the_way_through_odoos_floats(self, units, coin):
        self.assertEqual(to_minor_units(from_minor_units(units, coin), coin), units)

    @given(st.lists(st.integers(min_value=0, max_value=10**7), max_size=50))
    def test_sums_of_floats_are_read_to_the_cent(self, cents):
        total = sum(from_minor_units(cent, 0.01) for cent in cents)
        self.assertEqual(to_minor_units(total, 0.01), sum(cents))

    @given(minor_units, counts)
    def test_parts_add_up_and_are_positive(self, total, count):
        total += count
        parts = split_evenly(total, count)
        self.assertEqual(len(parts), count)
        self.assertEqual(sum(parts), total)
        self.assertGreaterEqual(min(parts), 1)

    @given(minor_units, counts)
    def test_all_parts_but_the_last_are_equal_and_it_is_close(self, total, count):
        total += count
        parts = split_evenly(total, count)
        self.assertEqual(len(set(parts[:-1])), min(1, count - 1))
        if count > 1:
            self.assertLess(abs(parts[-1] - parts[0]), count)

    @given(minor_units, minor_units, counts)
    def test_deposit_and_instalments_are_the_total(self, rest, deposit, count):
        total = rest + deposit + count
        instalments = split_with_deposit(total, deposit, count)
        self.assertEqual(deposit + sum(instalments), total)
        self.assertEqual(len(instalments), count)

    @given(counts, st.integers(min_value=-5, max_value=0))
    def test_too_little_for_the_parts_is_refused(self, count, missing):
        with self.assertRaises(ValueError):
            split_evenly(count - 1 + missing, count)

    def test_what_cannot_be_split_is_refused(self):
        for total, deposit, count in ((100, 0, 0), (100, -1, 3), (100, 101, 1), (100, 100, 1)):
            with self.assertRaises(ValueError):
                split_with_deposit(total, deposit, count)

    def test_examples(self):
        self.assertEqual(split_evenly(10000, 7), [1429] * 6 + [1426])
        self.assertEqual(split_evenly(9999, 7), [1428] * 6 + [1431])
        self.assertEqual(split_evenly(1000, 7), [143] * 6 + [142])
        self.assertEqual(split_evenly(10001, 7), [1429] * 6 + [1427])
        self.assertEqual(split_evenly(3, 2), [2, 1])
        self.assertEqual(to_minor_units(Decimal('1.005'), 0.01), 101)
        self.assertEqual(to_minor_units(0.1 + 0.2, 0.01), 30)
        self.assertEqual(to_minor_units(108.1, 0.05), 2162)
        self.assertEqual(from_minor_units(721, 0.05), 36.05)

    @settings(max_examples=200)
    @given(st.floats(min_value=0, max_value=10**9, allow_nan=False), coins)
    def test_rounding_is_never_off_by_more_than_half_a_unit(self, amount, coin):
        units = to_minor_units(amount, coin)
        exact = Decimal(repr(amount)) / Decimal(repr(coin))
        self.assertLessEqual(abs(Decimal(units) - exact), Decimal('0.5'))
