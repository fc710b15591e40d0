from datetime import date

from odoo.tests import BaseCase, tagged

from ..billing.retention import consent_kept_until, declaration_kept_until, invoice_kept_until


@tagged('post_install', '-at_install')
class TestRetention(BaseCase):
    """How long what is kept of a customer is kept."""

    def test_invoices_from_the_end_of_the_year(self):
        day = date(2027, 3, 1)
        self.assertEqual(invoice_kept_until('DE', day), date(2035, 12, 31))
        self.assertEqual(invoice_kept_until('NL', day), date(2034, 12, 31))
        self.assertEqual(invoice_kept_until('US', day), date(2037, 12, 31))

    def test_declarations(self):
        self.assertEqual(declaration_kept_until(date(2027, 3, 1)), date(2033, 12, 31))

    def test_consents_as_long_as_the_contract_and_longer(self):
        given = date(2027, 2, 28)
        for ended, country, until in (
            (None, 'DE', None),
            (date(2027, 5, 1), 'DE', date(2030, 2, 28)),
            (date(2031, 5, 1), 'DE', date(2032, 5, 1)),
            (date(2027, 5, 1), 'FR', date(2037, 5, 1)),
        ):
            self.assertEqual(consent_kept_until(given, ended, country), until)
