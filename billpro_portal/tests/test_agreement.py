import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..billing.agreement import agreement_text, changes_between, fingerprint, read_agreement

ROWS = st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=12)


@tagged('post_install', '-at_install')
class TestAgreement(BaseCase):
    """What a page sends back, and what has changed since."""

    @given(ROWS)
    def test_what_is_shown_comes_back(self, rows):
        self.assertEqual(read_agreement(agreement_text(rows)), rows)

    @given(ROWS, st.integers(0))
    def test_in_another_order_nothing_has_changed(self, rows, seed):
        shuffled = rows[:]
        random.Random(seed).shuffle(shuffled)
        self.assertEqual(changes_between(rows, shuffled), [])

    @given(ROWS, ROWS)
    def test_the_changes_lead_from_one_to_the_other(self, before, after):
        changes = changes_between(before, after)
        rows = Counter(before)
        rows.subtract((label, old) for label, old, _now in changes if old is not None)
        rows.update((label, now) for label, _old, now in changes if now is not None)
        self.assertEqual({row: count for row, count in rows.items() if count}, Counter(after))
        self.assertTrue(all(old != now for _label, old, now in changes))

    @given(ROWS, ROWS)
    def test_another_agreement_has_another_fingerprint(self, one, other):
        self.assertEqual(fingerprint(one) == fingerprint(other), one == other)

    @given(st.text() | st.none() | st.integers())
    def test_anything_else_is_refused(self, text):
        try:
            rows = read_agreement(text)
        except ValueError:
            return
        self.assertEqual(read_agreement(agreement_text(rows)), rows)
