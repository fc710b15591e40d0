import io
from datetime import date
from unittest.mock import patch

from freezegun import freeze_time
from lxml import html
from pypdf import PdfReader

from odoo.tests import tagged

from odoo.addons.base.models.ir_actions_report import IrActionsReport

from ..common.billing import BillingCommon
from ..common.http import BillingHttpCommon


@tagged('post_install', '-at_install')
class TestDocuments(BillingHttpCommon):
    """The PDF files, rendered for real and read back."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['ir.config_parameter'].sudo().set_param('report.url', cls.base_url())
        cls._render_real_pdfs()
        cls.order = cls._create_paid_order((cls.desk, 2), (cls.book, 3), (cls.meal, 1))
        cls.tx = cls.order.billing_transaction_ids
        cls.invoice = cls.order.billing_move_ids
        cls.order._portal_ensure_token()

    def _read(self, suffix):
        self.env.flush_all()
        response = self.url_open(self._link(self.order, suffix), timeout=120)
        self.env.invalidate_all()
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.headers['Content-Type'], 'application/pdf')
        self.assertEqual(response.headers['Cache-Control'], 'no-store')
        reader = PdfReader(io.BytesIO(response.content))
        return ' '.join(' '.join(page.extract_text() for page in reader.pages).split())

    def _assert_texts(self, text, *expected):
        for part in expected:
            self.assertIn(part, text)

    def test_what_stays_the_same_is_printed_once(self):
        with patch.object(
            IrActionsReport,
            '_run_wkhtmltopdf',
            autospec=True,
            side_effect=IrActionsReport._run_wkhtmltopdf,
        ) as printing:
            for suffix in ('/document/summary', f'/document/receipt/{self.tx.id}'):
                printed = printing.call_count
                first = self._read(suffix)
                self.assertEqual(self._read(suffix), first)
                self.assertEqual(printing.call_count, printed + 1)
            self.customer.name = "Anna Maria Peeters"
            self._assert_texts(self._read('/document/summary'), "Anna Maria Peeters")
        kept = self.env['ir.attachment'].search(
            [
                ('res_model', '=', 'sale.order'),
                ('res_id', '=', self.order.id),
                ('res_field', '=', 'billing_summary_pdf'),
            ]
        )
        self.assertEqual(len(kept), 1)

    def test_the_four_documents(self):
        header_and_footer = ("Aurora Studio", "BE0477472701", "Page 1 / ")
        summary = self._read('/document/summary')
        self._assert_texts(
            summary,
            *header_and_footer,
            self.order.name,
            "Anna Peeters",
            "Standing desk",
            "Handbook",
            "312.33",
            "361.81",
            self.invoice.name,
            "Complete",
        )
        invoice = self._read(f'/document/invoice/{self.invoice.id}')
        self._assert_texts(
            invoice,
            *header_and_footer,
            self.invoice.name,
            "Anna Peeters",
            "VAT 21%",
            "42.00",
            "VAT 6%",
            "6.00",
            "VAT 12%",
            "1.48",
            "361.81",
        )
        receipt = self._read(f'/document/receipt/{self.tx.id}')
        self._assert_texts(
            receipt,
            *header_and_footer,
            self.tx.reference,
            self.order.name,
            self.invoice.name,
            "Demo",
            "361.81",
        )
        refund_tx = self._refund(self.order, 100)
        credit_note = refund_tx.invoice_ids
        text = self._read(f'/document/invoice/{credit_note.id}')
        self._assert_texts(
            text, *header_and_footer, credit_note.name, self.invoice.name, "100.00", "VAT 21%"
        )
        self._assert_texts(
            self._read('/document/summary'), credit_note.name, "Refunded $ 100.00", "Balance $ 0.00"
        )

    def test_the_legal_pdf_is_made_once(self):
        self.assertFalse(self.invoice.invoice_pdf_report_id)
        self._read(f'/document/invoice/{self.invoice.id}')
        stored = self.invoice.invoice_pdf_report_id
        self.assertTrue(stored)
        checksum = stored.checksum
        self.company.street = "2 Rue Neuve"
        self._read(f'/document/invoice/{self.invoice.id}')
        self.assertEqual(self.invoice.invoice_pdf_report_id, stored)
        self.assertEqual(stored.checksum, checksum)

    def test_documents_are_in_the_customers_language(self):
        self.env['res.lang']._activate_lang('fr_FR')
        self.customer.lang = 'fr_FR'
        self.assertIn("361,81", self._read('/document/summary'))
        self.assertIn("361,81", self._read(f'/document/receipt/{self.tx.id}'))

    def test_a_failed_payment_burns_no_number(self):
        before = self.invoice.name
        order = self._create_order()
        self._create_initial_transaction(order, 'error')._post_process()
        self.assertFalse(order.billing_move_ids)
        self._create_initial_transaction(order, 'done')._post_process()
        prefix, number = before.rsplit('/', 1)
        self.assertEqual(order.billing_move_ids.name, f'{prefix}/{int(number) + 1:05d}')

    @freeze_time('2026-03-31 10:00:00')
    def test_receipt_date(self):
        order = self._create_paid_order()
        self.assertEqual(order.billing_transaction_ids.payment_id.date, date(2026, 3, 31))


@tagged('post_install', '-at_install')
class TestGermanLayout(BillingCommon):
    """The layout of DIN 5008 hides what other layouts show below the title.

    As `l10n_din5008` is no dependency, a layout of the test shows the two pieces that it shows:
    the title, and the facts beside the address.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.external_report_layout_id = cls.env['ir.ui.view'].create(
            {
                'name': "DIN 5008",
                'key': 'billpro_portal.test_din5008_layout',
                'type': 'qweb',
                'arch': """<div>
                    <div id="beside" t-out="din5008_document_information"/>
                    <h2 t-out="din5008_document_title"/>
                    <t t-out="0"/>
                </div>""",
            }
        )
        with freeze_time('2027-01-31 10:00:00'):
            cls.order = cls._create_order((cls.desk, 1))
            cls.order.client_order_ref = "PO-7"
            cls._create_initial_transaction(cls.order, 'done')._post_process()

    def _render(self, report, record):
        """Return the texts beside the address and of the title."""
        content, _kind = self.env['ir.actions.report']._render_qweb_html(
            f'billpro_portal.{report}', record.ids
        )
        page = html.fromstring(content)
        return [
            ' '.join(page.xpath(path)[0].text_content().split())
            for path in ('//div[@id="beside"]', '//h2')
        ]

    def test_receipt(self):
        tx = self.order.billing_transaction_ids
        beside, title = self._render('report_receipt', tx)
        self.assertEqual(
            beside,
            f"Payment Date 01/31/2027 Order {self.order.name} Your Reference PO-7"
            f" Payment Reference {tx.reference} Paid With {tx._get_card_name()}"
            " Amount Received $ 121.00",
        )
        self.assertEqual(title, f"Receipt {tx.payment_id.name}")
        self.assertTrue(tx.payment_id.name)

    def test_order_summary(self):
        beside, title = self._render('report_order_summary', self.order)
        self.assertIn("Purchase Type Single payment Status Complete", beside)
        self.assertEqual(title, f"Order summary {self.order.name}")
