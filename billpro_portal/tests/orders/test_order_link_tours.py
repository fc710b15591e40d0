import io
import re

from pypdf import PdfReader

from odoo.tests import tagged

from ..common.http import BillingHttpCommon
from ..common.nightly import nightly, some


@tagged('post_install', '-at_install')
class TestOrderLinkTours(BillingHttpCommon):
    """The way of an order in a real browser, and the books and documents after it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['ir.config_parameter'].sudo().set_param('report.url', cls.base_url())
        cls._render_real_pdfs()

    def _start(self, order, tour, **kwargs):
        order._portal_ensure_token()
        self.start_tour(self._link(order), f'billpro_portal.{tour}', **kwargs)

    def _start_in_back_office(self, order, tour, login):
        self.start_tour(
            f'/odoo/action-billpro_portal.action_billing_orders/{order.id}',
            f'billpro_portal.{tour}',
            login=login,
        )

    def _read_pdf(self, order, suffix):
        response = self.url_open(self._link(order, suffix), timeout=120)
        self.env.invalidate_all()
        self.assertEqual(response.headers['Content-Type'], 'application/pdf')
        reader = PdfReader(io.BytesIO(response.content))
        return ' '.join(' '.join(page.extract_text() for page in reader.pages).split())

    def _assert_paid_once(self, order, amount):
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual(order.billing_paid, amount)
        self.assertEqual(
            order.billing_transaction_ids.filtered(lambda tx: tx.state == 'done').mapped('amount'),
            [amount],
        )
        self.assertEqual(order.billing_move_ids.mapped('payment_state'), ['paid'])
        self._assert_books_closed(order)

    def test_pay_then_refund_in_part_then_whole(self):
        order = self._create_order()
        self._start(order, 'pay')
        self._assert_paid_once(order, 121.0)
        self._start_in_back_office(order, 'refund', 'billing_manager')
        self._start_in_back_office(order, 'refund_rest', 'billing_manager')
        invoice, *credit_notes = order.billing_move_ids.sorted('id')
        self.assertEqual([note.amount_total for note in credit_notes], [21.0, 100.0])
        self.assertEqual(order.billing_refunded, 121.0)
        self.assertEqual(order.billing_balance, 0)
        self._assert_books_closed(order)
        payment = order.billing_transaction_ids.sorted('id')[0]
        documents = (
            ('/document/summary', order.name, "121.00", "Standing desk", "Refunded $ 121.00"),
            (f'/document/invoice/{credit_notes[1].id}', credit_notes[1].name, "82.64", "17.36"),
            (f'/document/invoice/{invoice.id}', invoice.name, "100.00", "21.00", "121.00"),
            (f'/document/receipt/{payment.id}', payment.reference, invoice.name, "121.00"),
            (f'/document/invoice/{credit_notes[0].id}', credit_notes[0].name, "17.36", "3.64"),
        )
        for suffix, *texts in some(documents, 2):
            text = self._read_pdf(order, suffix)
            for expected in ("Aurora Studio", "BE0477472701", "Page 1 /", *texts):
                self.assertIn(expected, text)

    @nightly("The link is sent by SMS from the list for each change.")
    def test_pay_by_the_link_of_an_sms(self):
        order = self._create_order(sent=False)
        self._start_in_back_office(order, 'order_link_dialog', 'salesperson')
        sms = self.env['sms.sms'].search([('mail_message_id.res_id', '=', order.id)])
        link = re.search(r'/order/\S+', sms.body).group()
        self.start_tour(link, 'billpro_portal.pay')
        self._assert_paid_once(order, 121.0)

    @nightly("Each currency is paid without a browser for each change.")
    def test_currencies(self):
        for currency, price, total in (
            ('EUR', 99.99, 362.96),
            ('JPY', 1001, 3634),
            ('KWD', 10.001, 36.304),
        ):
            order = self._create_order((self.desk, 3, price), currency=currency)
            self._start(order, 'pay')
            self._assert_paid_once(order, total)

    @nightly("Cards are declined in a browser for each change, and tried again without one.")
    def test_declined_then_paid(self):
        order = self._create_order()
        self._start(order, 'declined_then_paid')
        self._assert_paid_once(order, 121.0)
        self.assertEqual(
            order.billing_transaction_ids.sorted('id').mapped('state'), ['error', 'done']
        )

    @nightly("Walked through without a browser for each change.")
    def test_pending_then_paid(self):
        order = self._create_order()
        self._start(order, 'pending_then_paid')
        self._assert_paid_once(order, 121.0)

    def test_a_second_tab(self):
        order = self._create_order()
        self._start(order, 'second_tab')
        self._assert_paid_once(order, 121.0)
        self.assertEqual(len(order.billing_transaction_ids), 1)


@tagged('post_install', '-at_install')
class TestOrderLinkToursOnPhone(BillingHttpCommon):
    browser_size = '360x740'
    touch_enabled = True

    def test_pay(self):
        self.desk.name = "Standing desk with a very long name, oak, height-adjustable, " * 3
        order = self._create_order((self.desk, 12345, 98765.43))
        order._portal_ensure_token()
        self.start_tour(self._link(order), 'billpro_portal.pay')
        self.assertEqual(order.billing_status, 'complete')
        self._assert_books_closed(order)
