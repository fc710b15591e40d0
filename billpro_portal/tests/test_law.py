from datetime import date
from decimal import Decimal

from odoo.tests import BaseCase, tagged

from ..billing.law import (
    EUROPEAN_UNION,
    NO_WINDOW,
    WORDS,
    amount_used,
    find_exceeded_limit,
    find_law,
    find_renewal_rule,
    find_words,
    last_day_without_credit,
    price_change_window,
    reminder_months,
    withdrawal_end,
)
from ..billing.price_increase import day_to_tell, earliest_day, raise_price


@tagged('post_install', '-at_install')
class TestLaw(BaseCase):
    """Which rules of consumer law apply, and what follows from them."""

    def test_consumers_of_the_area_have_all_of_it(self):
        self.assertEqual(len(EUROPEAN_UNION), 27)
        for country in EUROPEAN_UNION | {'NO'}:
            law = find_law(country, is_consumer=True)
            self.assertEqual(
                (law.withdrawal_days, law.has_order_words, law.has_cancel_page), (14, True, True)
            )

    def test_businesses_have_none_but_the_french_page(self):
        law = find_law('DE', is_consumer=False, is_for_all=True)
        self.assertEqual(
            (law.withdrawal_days, law.has_order_words, law.has_cancel_page), (0, False, False)
        )
        self.assertTrue(find_law('FR', is_consumer=False).has_cancel_page)

    def test_others_have_it_where_the_seller_gives_it(self):
        self.assertEqual(find_law('US', is_consumer=True).withdrawal_days, 0)
        self.assertEqual(find_law('US', is_consumer=True, is_for_all=True).withdrawal_days, 14)

    def test_words(self):
        self.assertEqual(find_words('de_AT').withdraw, "Vertrag widerrufen")
        self.assertEqual(find_words('pl_PL'), WORDS['en'])
        self.assertEqual(find_words(None), WORDS['en'])
        self.assertEqual(set(WORDS), {'en', 'de', 'fr', 'es', 'nl', 'it'})

    def _end(self, concluded, delivered, today, days=14, *, is_informed=True):
        return withdrawal_end(concluded, delivered, today, days=days, is_informed=is_informed)

    def test_the_period_begins_on_the_next_day(self):
        begun = date(2027, 1, 4)  # A Monday.
        self.assertEqual(self._end(begun, begun, begun), date(2027, 1, 18))
        self.assertIsNone(self._end(begun, begun, begun, days=0))

    def test_it_ends_on_no_weekend(self):
        for day in (9, 10):
            begun = date(2027, 1, day)  # Saturday and Sunday.
            self.assertEqual(self._end(begun, begun, begun), date(2027, 1, 25))

    def test_who_was_told_nothing_has_a_year_more(self):
        begun = date(2027, 1, 4)
        self.assertEqual(self._end(begun, begun, begun, is_informed=False), date(2028, 1, 19))

    def test_of_goods_it_begins_with_their_delivery(self):
        concluded = date(2027, 1, 4)
        self.assertEqual(self._end(concluded, date(2027, 2, 1), concluded), date(2027, 2, 15))
        # Nobody knows of a delivery.
        self.assertEqual(self._end(concluded, None, date(2027, 6, 7)), date(2027, 6, 21))
        self.assertEqual(self._end(concluded, None, date(2029, 6, 7)), date(2028, 1, 19))

    def test_what_was_used(self):
        first, last = date(2027, 1, 1), date(2027, 1, 31)
        paid = Decimal('31.00')
        for today, is_wished, used in (
            (date(2027, 1, 1), True, 1),
            (date(2027, 1, 10), True, 10),
            (date(2027, 1, 10), False, 0),
            (date(2027, 2, 10), True, 31),
            (date(2026, 12, 30), True, 0),
        ):
            self.assertEqual(amount_used(paid, first, last, today, is_wished=is_wished), used)
        self.assertEqual(amount_used(paid, last, first, last, is_wished=True), 0)

    def test_until_when_instalments_are_no_credit(self):
        day = date(2027, 1, 10)
        for country, concluded, is_consumer, is_large_seller, last_day in (
            ('DE', day, True, False, date(2027, 3, 1)),
            ('NO', day, True, True, date(2027, 1, 24)),
            ('DE', day, False, False, None),
            ('GB', day, True, False, None),
            ('DE', date(2026, 11, 19), True, False, None),
        ):
            with self.subTest(country=country, concluded=concluded):
                self.assertEqual(
                    last_day_without_credit(
                        country,
                        concluded,
                        day,
                        is_consumer=is_consumer,
                        is_large_seller=is_large_seller,
                    ),
                    last_day,
                )

    def test_limits_of_instalments(self):
        day = date(2027, 1, 10)
        for country, count, last_due, is_exceeded in (
            ('US', 4, date(2030, 1, 10), False),
            ('US', 5, day, True),
            ('GB', 12, date(2028, 1, 10), False),
            ('GB', 12, date(2028, 1, 11), True),
            ('GB', 13, day, True),
            ('DE', 24, date(2030, 1, 10), False),
        ):
            with self.subTest(country=country, count=count):
                found = find_exceeded_limit(country, count, day, last_due, is_consumer=True)
                self.assertEqual(bool(found), is_exceeded)
        self.assertIsNone(find_exceeded_limit('US', 5, day, day, is_consumer=False))

    def test_renewals_of_long_terms(self):
        for country, state, months, days in (
            ('FR', '', 12, 35),
            ('FR', '', 1, 0),
            ('IT', '', 12, 30),
            ('ES', 'B', 12, 15),
            ('US', 'CA', 12, 30),
            ('US', 'CA', 6, 0),
            ('US', 'NY', 12, 30),
            ('US', 'MA', 3, 20),
            ('US', 'TX', 12, 0),
            ('DE', '', 12, 0),
        ):
            with self.subTest(country=country, state=state, months=months):
                rule = find_renewal_rule(country, state, months, is_consumer=True)
                self.assertEqual(rule.days if rule else 0, days)
        self.assertIsNone(find_renewal_rule('IT', '', 12, is_consumer=False))
        self.assertEqual(find_renewal_rule('FR', '', 12, is_consumer=False).days, 35)
        self.assertIsNone(find_renewal_rule('GB', '', 12, is_consumer=True))
        early = find_renewal_rule('GB', '', 12, is_consumer=True, is_early=True)
        self.assertEqual(early.days, 20)

    def test_reminders_of_contracts(self):
        for country, state, months, is_early, expected in (
            ('US', 'CA', 1, False, 12),
            ('US', 'CA', 12, False, 0),
            ('US', 'TX', 1, False, 0),
            ('GB', '', 1, False, 0),
            ('GB', '', 1, True, 6),
            ('GB', '', 12, True, 0),
            ('DE', '', 1, True, 0),
        ):
            with self.subTest(country=country, months=months, is_early=is_early):
                self.assertEqual(
                    reminder_months(country, state, months, is_consumer=True, is_early=is_early),
                    expected,
                )
        self.assertEqual(reminder_months('US', 'CA', 1, is_consumer=False), 0)

    def test_notice_of_price_changes(self):
        today, wanted = date(2027, 4, 10), date(2027, 5, 1)
        for country, state, notice_days, day, told in (
            ('DE', '', 30, date(2027, 5, 10), today),
            ('DE', '', 0, wanted, today),
            ('US', 'CA', 0, wanted, today),
            ('US', 'CA', 60, date(2027, 6, 9), date(2027, 5, 10)),
            ('US', 'NY', 25, date(2027, 5, 5), today),
        ):
            with self.subTest(country=country, state=state, notice_days=notice_days):
                window = price_change_window(country, state, is_consumer=True)
                self.assertEqual(earliest_day(wanted, today, notice_days, window), day)
                self.assertEqual(day_to_tell(day, today, window), told)
        window = price_change_window('US', 'CA', is_consumer=True)
        self.assertEqual(earliest_day(today, today, 0, window), date(2027, 4, 17))
        self.assertEqual(price_change_window('US', 'CA', is_consumer=False), NO_WINDOW)

    def test_raised_prices(self):
        for price, percent, coin, raised in (
            ('10.0', '10', '0.01', '11.00'),
            ('9.99', '10', '0.01', '10.99'),
            ('1010.0', '5.55', '1', '1066'),
            ('0.0025', '10', '0.01', '0.0028'),
            ('1.005', '100', '0.01', '2.010'),
        ):
            with self.subTest(price=price, percent=percent):
                terms = (Decimal(price), Decimal(percent), Decimal(coin))
                self.assertEqual(raise_price(*terms), Decimal(raised))
