import io

from pypdf import PdfReader

from odoo.tests import tagged

from ..common.http import BillingHttpCommon
from ..common.nightly import nightly


@tagged('post_install', '-at_install')
class TestCaptureTours(BillingHttpCommon):
    """An authorised payment in a real browser, and over HTTP."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['ir.config_parameter'].sudo().set_param('report.url', cls.base_url())
        cls._render_real_pdfs()
        cls.provider.capture_manually = True
        cls.authorized_order = cls._create_paid_order()

    def _start(self, path, tour, **kwargs):
        self.start_tour(path, f'billpro_portal.{tour}', **kwargs)

    def _start_in_back_office(self, order, tour):
        self._start(
            f'/odoo/action-billpro_portal.action_billing_orders/{order.id}',
            tour,
            login='billing_manager',
        )

    def _read_pdf(self, order, suffix):
        response = self.url_open(self._link(order, suffix), timeout=120)
        self.env.invalidate_all()
        self.assertEqual(response.headers['Content-Type'], 'application/pdf')
        reader = PdfReader(io.BytesIO(response.content))
        return ' '.join(' '.join(page.extract_text() for page in reader.pages).split())

    def test_authorise_then_capture_in_part(self):
        order = self._create_order()
        order._portal_ensure_token()
        self._start(self._link(order), 'authorize')
        self.assertEqual((order.billing_status, order.billing_paid), ('active', 0))
        text = self._read_pdf(order, '/document/summary')
        self.assertIn("Status Authorised", text)
        self.assertIn("Authorised, not charged yet $ 121.00", text)
        self._start_in_back_office(order, 'capture')
        self.assertEqual((order.billing_status, order.billing_paid), ('complete', 50))
        self._assert_books_closed(order)
        invoice = order.billing_move_ids
        (payment,) = order.env['billpro.order.payments']._get_history(order)
        for suffix, *texts in (
            ('/document/summary', "Status Complete", "Released, not charged $ 71.00", "$ 50.00"),
            (f'/document/invoice/{invoice.id}', "41.32", "8.68", "50.00"),
            (f'/document/receipt/{payment.id}', payment.reference, invoice.name, "50.00"),
        ):
            text = self._read_pdf(order, suffix)
            for expected in texts:
                self.assertIn(expected, text)

    @nightly("Released without a browser for each change.")
    def test_release(self):
        order = self.authorized_order
        self._start_in_back_office(order, 'release')
        self.assertEqual((order.billing_status, order.billing_paid), ('complete', 0))
        self.assertFalse(order.billing_move_ids)
        page = self.url_open(self._link(order)).text
        self.assertIn("Released – nothing was charged", page)
        self.assertNotIn("not charged yet", page)

    def test_no_second_payment_beside_an_authorised_one(self):
        order = self._create_order()
        order._portal_ensure_token()
        reference = self._post_transaction(order)['result']['reference']
        self._simulate(reference, 'done')
        self.assertEqual(order.billing_transaction_ids.state, 'authorized')
        for _time in range(2):  # Before and after the order has accepted it.
            response = self._post_transaction(order)
            self.assertIn('error', response)
            self.assertEqual(len(order.billing_transaction_ids), 1)
            order.billing_transaction_ids._post_process()
        self.assertEqual(order.billing_status, 'active')
        state = self._call_json(f'/order/{order.id}/state', {'access_token': order.access_token})[
            'result'
        ]
        self.assertFalse(state['payable'])
        page = self.url_open(self._link(order, '/result')).text
        self.assertIn("not charged yet", page)

    def test_the_confirmation_mail_says_that_nothing_is_charged_yet(self):
        order = self.authorized_order
        template = self.env.ref('billpro_portal.mail_template_purchase_confirmation')
        body = template._render_field('body_html', order.ids)[order.id]
        self.assertIn("not charged yet", body)
        self.assertIn("Authorised on", body)
        self.assertNotIn("We have received your payment", body)
        self.assertNotIn("Paid on", body)

    def test_documents_of_an_authorised_payment_are_refused(self):
        order = self.authorized_order
        tx = order.billing_transaction_ids
        response = self.url_open(self._link(order, f'/document/receipt/{tx.id}'))
        self.assertNotEqual(response.headers['Content-Type'], 'application/pdf')
        self.assertEqual(response.status_code, 404)
