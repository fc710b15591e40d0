from hypothesis import assume, given
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..billing.money import from_minor_units, split_evenly, to_minor_units
from ..billing.schedule_changes import balance_change

amounts = st.integers(min_value=1, max_value=10**9)
schedules = st.lists(amounts, min_size=1, max_size=60)


@tagged('post_install', '-at_install')
class TestScheduleChanges(BaseCase):
    def test_equal_instalments_stay_equal(self):
        self.assertEqual(balance_change(3333, 1333, [3333, 3334]), [4333, 4334])
        self.assertEqual(balance_change(3333, 5334, [3333, 3334]), [2333, 2333])
        self.assertEqual(balance_change(100, 101, [1000, 1000, 1000]), [1000, 1000, 999])

    def test_nothing_changes_without_a_difference(self):
        self.assertEqual(balance_change(100, 100, []), [])
        self.assertEqual(balance_change(100, 100, [7, 8]), [7, 8])

    def test_refused(self):
        for amount, new_amount, later in (
            (100, 0, [100]),
            (100, -5, [100]),
            (100, 101, []),
            (100, 99, []),
            (100, 200, [100]),
            (100, 150, [1000, 25]),
        ):
            with self.assertRaises(ValueError):
                balance_change(amount, new_amount, later)

    @given(amounts, amounts, schedules)
    def test_the_sum_stays_and_every_payment_is_positive(self, amount, new_amount, later):
        try:
            balanced = balance_change(amount, new_amount, later)
        except ValueError:
            # Refused only where the shares are more than some payment has.
            self.assertGreater(new_amount, amount)
            self.assertGreaterEqual(new_amount - amount, min(later) - 1)
            return
        self.assertEqual(len(balanced), len(later))
        self.assertEqual(new_amount + sum(balanced), amount + sum(later))
        self.assertGreaterEqual(min(balanced), 1)

    @given(
        st.integers(min_value=2, max_value=10**9),
        st.integers(min_value=2, max_value=60),
        st.data(),
        st.sampled_from([1.0, 0.01, 0.001, 0.05]),
    )
    def test_any_number_of_changes_keeps_an_orders_total(self, total, count, data, coin):
        """To the last minor unit, in yen, euros and dinars, on the way through Odoo's floats."""
        assume(total >= count)
        schedule = [from_minor_units(part, coin) for part in split_evenly(total, count)]
        for _change in range(5):
            index = data.draw(st.integers(min_value=0, max_value=count - 2))
            units = [to_minor_units(amount, coin) for amount in schedule]
            new_amount = data.draw(st.integers(min_value=1, max_value=2 * units[index]))
            try:
                later = balance_change(units[index], new_amount, units[index + 1 :])
            except ValueError:
                continue
            units[index:] = [new_amount, *later]
            schedule = [from_minor_units(part, coin) for part in units]
            self.assertEqual(sum(to_minor_units(part, coin) for part in schedule), total)
            self.assertGreaterEqual(min(units), 1)
