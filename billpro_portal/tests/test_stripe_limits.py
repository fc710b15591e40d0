from decimal import Decimal

from odoo.tests import BaseCase, tagged

from ..billing.money import from_minor_units, split_evenly, to_minor_units
from ..billing.stripe_limits import (
    LARGE,
    SMALL,
    UNEVEN,
    find_problem,
    get_largest,
    get_smallest,
    get_step,
)


@tagged('post_install', '-at_install')
class TestStripeLimits(BaseCase):
    """Stripe documentation, "Supported currencies": "Minimum and maximum charge amounts"."""

    def test_smallest_amounts(self):
        for currency, smallest, below in (
            ('EUR', 0.5, 0.49),
            ('GBP', 0.3, 0.29),
            ('HUF', 175.0, 174.99),
            ('JPY', 50.0, 49.0),
            ('CZK', 15.0, 14.99),
            ('MXN', 10.0, 9.99),
        ):
            self.assertIsNone(find_problem(smallest, currency), currency)
            self.assertEqual(find_problem(below, currency), SMALL, currency)
        self.assertEqual(get_smallest('XAF'), 0)
        self.assertIsNone(find_problem(1.0, 'XAF'))

    def test_largest_amounts(self):
        for currency, largest, above in (
            ('USD', 999999.99, 1000000.0),
            ('JPY', 9999999999.0, 10000000000.0),
            ('KRW', 99999999.0, 100000000.0),
            ('INR', 9999999.99, 10000000.0),
            ('IDR', 9999999999.99, 10000000000.0),
            ('KWD', 99999.99, 100000.0),
        ):
            self.assertIsNone(find_problem(largest, currency), currency)
            self.assertEqual(find_problem(above, currency), LARGE, currency)
        self.assertEqual(get_largest('KWD'), Decimal('99999.999'))

    def test_steps(self):
        """Sections "Three-decimal currencies" and "Special cases" of the same page."""
        self.assertEqual(find_problem(3.333, 'KWD'), UNEVEN)
        self.assertIsNone(find_problem(3.33, 'KWD'))
        self.assertEqual(find_problem(500.5, 'ISK'), UNEVEN)
        self.assertEqual(get_step('EUR'), 0)

    def test_the_last_part_is_large_enough(self):
        self.assertEqual(split_evenly(506, 10), [51] * 9 + [47])
        self.assertEqual(split_evenly(506, 10, 50), [50] * 9 + [56])
        # There isn't enough for all: somebody has to say so.
        self.assertEqual(split_evenly(490, 10, 50), [49] * 10)

    def test_parts_in_tens(self):
        parts = split_evenly(to_minor_units(10.0, 0.01), 3)
        self.assertEqual([from_minor_units(part, 0.01) for part in parts], [3.33, 3.33, 3.34])
