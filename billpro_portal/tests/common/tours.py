import io

from freezegun import freeze_time
from pypdf import PdfReader

from .http import BillingHttpCommon
from .page import PAY_BUTTON
from .subscription import SubscriptionCommon


class SubscriptionTourCommon(SubscriptionCommon, BillingHttpCommon):
    def _start(self, order, tour):
        order._portal_ensure_token()
        self.start_tour(self._link(order), f'billpro_portal.{tour}')

    def _start_in_back_office(self, path, tour, login):
        self.start_tour(f'/odoo/{path}', f'billpro_portal.{tour}', login=login)

    def _check_trial(self):
        """Register a card for a trial in the browser; then let the trial end."""
        with freeze_time('2028-01-31 10:00:00', tick=True):
            self.gym.billing_trial_days = 14
            order = self._create_order((self.gym, 1))
            self._start(order, 'subscription_trial')
        self.assertEqual(order.billing_status, 'active')
        self.assertEqual(order.billing_paid, 0)
        self.assertFalse(order.billing_move_ids)
        self.assertEqual(order.billing_transaction_ids.mapped('operation'), ['validation'])
        with freeze_time('2028-02-13 20:00:00'):
            self._assert_nothing_due(order)
        with freeze_time('2028-02-14 10:00:00'):
            self._run()
            self._assert_nothing_due(order)
        self.assertEqual(order.billing_paid, 24.2)
        self._assert_books_closed(order)


class PhoneCommon(SubscriptionTourCommon):
    """Pages on a small phone, with a finger; the tours look at all of them at its width."""

    browser_size = '360x740'
    touch_enabled = True

    def _order_by_touch(self, *lines, label):
        """Return an order that is accepted at the checkout.

        :param lines: Pairs of product and quantity.
        :param str label: The label of the payment button.
        """
        with freeze_time('2028-01-31 10:00:00'):
            order = self._create_order(*lines)
        with self._visit(order, '2028-01-31 10:00:00') as page:
            page.wait_for(f'{PAY_BUTTON}:disabled', label)
            page.check_layout()
            page.tap('#billpro_consent')
            page.wait_for(f'{PAY_BUTTON}:enabled', label)
            page.tap('#customer_input')
            page.type('4242424242424242')
            page.tap(PAY_BUTTON)
            page.wait_for('.o_billpro_success h1', "Thank you")
            page.check_layout()
        self.assertEqual(order.billing_status, 'active')
        return order

    def _open_last_payment(self, order, moment):
        """Go from the order portal to the details of the last payment."""
        with self._visit(order, moment) as page:
            page.wait_for('.o_billpro_overview_status .o_billpro_badge', "Active")
            page.check_layout()
            page.tap('.o_billpro_history tbody tr:first-child a[href*="/payment/"]')
            page.wait_for('.o_billpro_payment .o_billpro_badge', "Paid")
            page.check_layout()


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


class MeteredTourCommon(DocumentTourCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.water = cls._create_sold_product("Water", 2.5, cls.tax_6, 'metered')

    def _register_card(self):
        """Register a card in the browser; return the order."""
        with freeze_time('2028-01-31 10:00:00', tick=True):
            order = self._create_order((self.water, 1))
            self._start(order, 'metered')
            self._assert_nothing_due(order)
        self.assertEqual(order.billing_status, 'active')
        self.assertEqual(order.billing_paid, 0)
        self.assertFalse(order.billing_event_ids)
        self.assertFalse(order.billing_move_ids)
        self.assertEqual(order.billing_transaction_ids.mapped('operation'), ['validation'])
        return order

    def _collect_scheduled(self, order):
        """Let the clock reach the payment of 11 February, and look at the portal."""
        with freeze_time('2028-02-10 12:00:00', tick=True):
            self._assert_nothing_due(order)
            self._start(order, 'metered_scheduled')
        with freeze_time('2028-02-11 09:59:59'):
            self._assert_nothing_due(order)
        with freeze_time('2028-02-11 12:00:00', tick=True):
            self._run()
            self._start(order, 'metered_collected')
            self._assert_nothing_due(order)
        with freeze_time('2029-02-11 12:00:00'):
            self._assert_nothing_due(order)
        self.assertEqual(order.billing_status, 'active')
        self.assertEqual(order.billing_paid, 25.43)
        self.assertEqual(order.billing_balance, 0)
        self.assertEqual(set(order.billing_event_ids.mapped('status')), {'completed'})
        self._assert_books_closed(order)
