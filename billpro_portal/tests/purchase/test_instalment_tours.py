from freezegun import freeze_time

from odoo.tests import tagged

from ..common.nightly import nightly
from ..common.tours import InstalmentTourCommon, PhoneCommon


@tagged('post_install', '-at_install')
class TestInstalmentTours(InstalmentTourCommon):
    """The way of an order in instalments in a real browser, with the clock moved."""

    @nightly("Subscriptions are walked through, and instalments registered, for each change.")
    def test_from_the_link_to_the_last_instalment(self):
        order = self._check_all_instalments()
        invoices = order.billing_move_ids.sorted('id')
        self.assertEqual(invoices.mapped('amount_total'), [21, 33.33, 33.33, 33.34])
        self.assertEqual(invoices.mapped('move_type'), ['out_invoice'] * 4)
        self.assertAlmostEqual(sum(invoices.mapped('amount_total')), order.amount_total, places=2)
        self.assertAlmostEqual(sum(invoices.mapped('amount_tax')), order.amount_tax, places=2)
        self.assertEqual(order.amount_tax, 21)
        payments = order.billing_transaction_ids.sorted('id')
        self.assertEqual(payments.invoice_ids.sorted('id'), invoices)
        self.assertEqual(payments.mapped('amount'), invoices.mapped('amount_total'))
        last, invoice = payments[-1], invoices[-1]
        self.assertEqual(last.invoice_ids, invoice)
        self._assert_in_pdf(
            order,
            f'/document/invoice/{invoice.id}',
            invoice.name,
            order.name,
            "Course",
            "04/30/2028",
            "33.34",
        )
        self._assert_in_pdf(
            order,
            f'/document/receipt/{last.id}',
            last.reference,
            invoice.name,
            order.name,
            "04/30/2028",
            "33.34",
        )

    @nightly("A card is registered without a browser for each change.")
    def test_registration(self):
        self._check_registration()


@tagged('post_install', '-at_install')
class TestInstalmentsOnPhone(PhoneCommon, InstalmentTourCommon):
    @nightly("A card is registered on a phone for each change.")
    def test_from_the_link_to_the_first_instalment(self):
        self.course.billing_deposit = 21
        order = self._order_by_touch((self.course, 1), label="Order with obligation to pay")
        self.assertEqual(order.billing_paid, 21)
        with freeze_time('2028-02-29 10:00:00'):
            self._run()
        self._open_last_payment(order, '2028-02-29 11:00:00')
        self.assertEqual(order.billing_paid, 54.33)
        self._assert_books_closed(order)

    def test_registration(self):
        self.course.billing_deposit = 0
        order = self._order_by_touch((self.course, 1), label="Order with obligation to pay")
        self.assertEqual(order.billing_paid, 0)
        self.assertEqual(order.billing_transaction_ids.mapped('operation'), ['validation'])
