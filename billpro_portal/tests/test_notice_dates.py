from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..billing.notice_dates import (
    announcement_date,
    card_expired_date,
    card_expiring_date,
    parse_reminder_days,
    reminder_number,
)
from ..billing.sms_text import measure, simplify
from .common import hypothesis_profile  # noqa: F401

DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))


@tagged('post_install', '-at_install')
class TestNoticeDates(BaseCase):
    def test_cards(self):
        for expiry, expiring, expired in (
            (date(2027, 9, 30), date(2027, 8, 15), date(2027, 10, 1)),
            (date(2028, 2, 29), date(2028, 1, 15), date(2028, 3, 1)),
            (date(2027, 1, 31), date(2026, 12, 15), date(2027, 2, 1)),
        ):
            self.assertEqual(card_expiring_date(expiry), expiring)
            self.assertEqual(card_expired_date(expiry), expired)

    @given(st.integers(2000, 2100), st.integers(1, 12))
    def test_a_card_is_asked_for_six_weeks_before_it_is_useless(self, year, month):
        expired = date(year + month // 12, month % 12 + 1, 1)
        expiry = expired - timedelta(days=1)
        self.assertEqual(card_expired_date(expiry), expired)
        expiring = card_expiring_date(expiry)
        self.assertEqual(expiring.day, 15)
        self.assertIn((expiry - expiring).days, range(41, 48))

    def test_reminders(self):
        sent = date(2027, 3, 1)
        numbers = [reminder_number((1, 3, 7), sent, sent + timedelta(days=n)) for n in range(9)]
        self.assertEqual(numbers, [0, 1, 1, 2, 2, 2, 2, 3, 3])
        self.assertEqual(reminder_number((), sent, sent + timedelta(days=9)), 0)

    def test_announcements(self):
        due = date(2027, 3, 31)
        self.assertEqual(announcement_date(due, 7, date(2027, 2, 28)), date(2027, 3, 24))
        self.assertEqual(announcement_date(due, 7, None), date(2027, 3, 24))
        self.assertIsNone(announcement_date(due, 7, date(2027, 3, 24)))
        self.assertIsNone(announcement_date(due, 7, date(2027, 3, 30)))
        self.assertIsNone(announcement_date(due, 0, None))

    @given(DAYS, st.integers(0, 60), st.none() | DAYS)
    def test_an_announcement_lies_between_two_payments(self, due, lead_days, previous):
        day = announcement_date(due, lead_days, previous)
        if day:
            self.assertLess(day, due)
            self.assertEqual((due - day).days, lead_days)
            self.assertTrue(previous is None or previous < day)

    def test_reminder_days(self):
        self.assertEqual(parse_reminder_days('1, 3, 7'), (1, 3, 7))
        self.assertEqual(parse_reminder_days(' '), ())
        for text in ('0', '3, 1', '2, 2', 'a', '1,', '1, 2, 3, 4', '-1'):
            with self.assertRaises(ValueError):
                parse_reminder_days(text)


@tagged('post_install', '-at_install')
class TestSmsText(BaseCase):
    def test_length(self):
        for text, expected in (
            ('', (0, 1, True)),
            ('a' * 160, (160, 1, True)),
            ('a' * 161, (161, 2, True)),
            ('a' * 306, (306, 2, True)),
            ('a' * 307, (307, 3, True)),
            ('€' * 80, (160, 1, True)),
            ('€' * 81, (162, 2, True)),
            ('ł' * 70, (70, 1, False)),
            ('ł' * 71, (71, 2, False)),
            ('ł' * 134 + 'a', (135, 3, False)),
            ('😀' * 35, (70, 1, False)),
        ):
            self.assertEqual(measure(text), expected, text)

    def test_typographic_characters_cost_nothing(self):
        text = simplify("“Aurora”\u00a0– it’s 5\u202f€… ")
        self.assertEqual(text, "\"Aurora\" - it's 5 €...")
        self.assertTrue(measure(text)[2])
        self.assertEqual(simplify("Łódź"), "Łódź")
