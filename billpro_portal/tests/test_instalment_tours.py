import io

from freezegun import freeze_time
from pypdf import PdfReader

from odoo.tests import tagged

from .test_subscription_tours import SubscriptionTourCommon


class DocumentTourCommon(SubscriptionTourCommon):
    """Tours after which the documents are read as the customer gets them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['ir.config_parameter'].sudo().set_param('report.url', cls.base_url())
        cls._render_real_pdfs()

    def _assert_in_pdf(self, order, suffix, *texts):
        response = self.url_open(self._link(order, suffix), timeout=120)
        self.env.invalidate_all()
        self.assertEqual(response.headers['Content-Type'], 'application/pdf')
        reader = PdfReader(io.BytesIO(response.content))
        content = ' '.join(' '.join(page.extract_text() for page in reader.pages).split())
        for text in texts:
            self.assertIn(text, content)


class InstalmentTourCommon(DocumentTourCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.course = cls._create_sold_product("Course", 100.0, cls.tax_21, 'instalment')
        cls.course.billing_instalment_count = 3

    def _check_all_instalments(self):
        """Pay a deposit in the browser; then let the clock reach each instalment."""
        self.course.billing_deposit = 21
        with freeze_time('2028-01-31 10:00:00', tick=True):
            order = self._create_order((self.course, 1))
            self._start(order, 'instalments')
            self._assert_nothing_due(order)
        self.assertEqual(order.billing_status, 'active')
        self.assertEqual(order.billing_paid, 21)
        for day, tour, balance in (
            ('2028-02-29', 'instalments_february', 66.67),
            ('2028-03-31', 'instalments_march', 33.34),
            ('2028-04-30', 'instalments_complete', 0),
        ):
            with freeze_time(f'{day} 06:00:00'):
                self._assert_nothing_due(order)
            with freeze_time(f'{day} 10:00:00', tick=True):
                self._run()
                self._start(order, tour)
                self._assert_nothing_due(order)
            self.assertAlmostEqual(order.billing_balance, balance, places=2)
            self._assert_books_closed(order)
        with freeze_time('2029-04-30 10:00:00'):
            self._assert_nothing_due(order)
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual(order.billing_paid, 121)
        self.assertEqual(order.billing_outstanding, 0)
        return order

    def _check_registration(self):
        """Register a card in the browser: nothing is charged before the first instalment."""
        self.course.billing_deposit = 0
        with freeze_time('2028-01-31 10:00:00', tick=True):
            order = self._create_order((self.course, 1))
            self._start(order, 'instalments_without_deposit')
            self._assert_nothing_due(order)
        self.assertEqual(order.billing_status, 'active')
        self.assertEqual(order.billing_paid, 0)
        self.assertFalse(order.billing_move_ids)
        self.assertEqual(order.billing_transaction_ids.mapped('operation'), ['validation'])
        with freeze_time('2028-02-29 06:00:00'):
            self._assert_nothing_due(order)
        with freeze_time('2028-02-29 10:00:00'):
            self._run()
            self._assert_nothing_due(order)
        self.assertEqual(order.billing_paid, 40.33)
        self._assert_books_closed(order)


@tagged('post_install', '-at_install')
class TestInstalmentTours(InstalmentTourCommon):
    """The way of an order in instalments in a real browser, with the clock moved."""

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

    def test_registration(self):
        self._check_registration()


@tagged('post_install', '-at_install')
class TestInstalmentToursOnPhone(InstalmentTourCommon):
    browser_size = '360x740'
    touch_enabled = True

    def test_from_the_link_to_the_last_instalment(self):
        self._check_all_instalments()

    def test_registration(self):
        self._check_registration()
