from datetime import date

from odoo.tests import BaseCase, tagged

from ..billing.payment_methods import CARD, can_be_backup, expected_date, get_facts, is_debit


@tagged('post_install', '-at_install')
class TestPaymentMethods(BaseCase):
    def test_money_is_expected_after_business_days(self):
        monday, friday, saturday = date(2027, 2, 1), date(2027, 2, 5), date(2027, 2, 6)
        self.assertEqual(expected_date('sepa_direct_debit', monday), date(2027, 2, 8))
        self.assertEqual(expected_date('sepa_direct_debit', friday), date(2027, 2, 12))
        self.assertEqual(expected_date('sepa_direct_debit', saturday), date(2027, 2, 12))
        self.assertEqual(expected_date('bacs_direct_debit', monday), friday)
        self.assertEqual(expected_date('card', monday), monday)

    def test_what_needs_notice_is_no_backup(self):
        codes = ('card', 'paypal', None, 'sepa_direct_debit', 'ach_direct_debit')
        self.assertEqual([can_be_backup(code) for code in codes], [True, True, True, False, False])

    def test_facts(self):
        self.assertEqual(get_facts('visa'), CARD)
        self.assertEqual(get_facts(None), CARD)
        self.assertEqual(
            {code: is_debit(code) for code in ('card', 'sepa_direct_debit', 'ach_direct_debit')},
            {'card': False, 'sepa_direct_debit': True, 'ach_direct_debit': True},
        )
        self.assertEqual(
            {
                code: get_facts(code).notice_days
                for code in ('sepa_direct_debit', 'bacs_direct_debit', 'ach_direct_debit', 'card')
            },
            {
                'sepa_direct_debit': 14,
                'bacs_direct_debit': 14,
                'ach_direct_debit': 10,
                'card': 0,
            },
        )
