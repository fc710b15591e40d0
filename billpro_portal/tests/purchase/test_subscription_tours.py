import io

from freezegun import freeze_time
from lxml import html
from pypdf import PdfReader

from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.tests import new_test_user, tagged

from ..common.nightly import nightly
from ..common.tours import PhoneCommon, SubscriptionTourCommon


@tagged('post_install', '-at_install')
class TestSubscriptionTours(SubscriptionTourCommon):
    """The way of a subscription in a real browser, with the clock moved."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['ir.config_parameter'].sudo().set_param('report.url', cls.base_url())
        cls._render_real_pdfs()
        cls.billing_user = new_test_user(
            cls.env,
            login='billing_user',
            groups='billpro_portal.group_billing_user',
            company_id=cls.company.id,
        )

    def _read_pdf(self, order, suffix):
        response = self.url_open(self._link(order, suffix), timeout=120)
        self.env.invalidate_all()
        self.assertEqual(response.headers['Content-Type'], 'application/pdf')
        reader = PdfReader(io.BytesIO(response.content))
        return ' '.join(' '.join(page.extract_text() for page in reader.pages).split())

    def test_from_the_link_to_several_payments(self):
        with freeze_time('2028-01-31 10:00:00', tick=True):
            order = self._create_order((self.gym, 1), (self.fee, 1))
            self._start(order, 'subscription')
        self.assertEqual(order.billing_status, 'active')
        self.assertEqual(order.billing_paid, 36.3)
        for day, tour, paid in (
            ('2028-02-29', 'subscription_february', 60.5),
            ('2028-03-31', 'subscription_march', 84.7),
            ('2028-04-30', 'subscription_april', 108.9),
        ):
            with freeze_time(f'{day} 06:00:00'):
                self._assert_nothing_due(order)
            with freeze_time(f'{day} 10:00:00', tick=True):
                self._run()
                self._start(order, tour)
                self._assert_nothing_due(order)
            self.assertAlmostEqual(order.billing_paid, paid, places=2)
            self.assertEqual(order.billing_balance, 0)
            self._assert_books_closed(order)
        payments = order.billing_transaction_ids.sorted('id')
        self.assertEqual(len(payments), 4)
        last = payments[-1]
        invoice = last.invoice_ids
        for suffix, *texts in (
            (
                f'/document/invoice/{invoice.id}',
                invoice.name,
                "Gym membership",
                "04/30/2028 to 05/30/2028",
                "24.20",
            ),
            (f'/document/receipt/{last.id}', last.reference, invoice.name, "24.20"),
        ):
            text = self._read_pdf(order, suffix)
            for expected in texts:
                self.assertIn(expected, text)

    @nightly("The same page, with another text.")
    def test_trial(self):
        self._check_trial()

    def test_a_long_schedule_is_folded(self):
        with freeze_time('2028-01-31 10:00:00'):
            order = self._create_active_order()
        event = order.billing_event_ids
        for number in range(3, 38):
            event.copy({'number': number})
        order._portal_ensure_token()
        self.env.flush_all()
        page = html.fromstring(self.url_open(self._link(order)).content)
        [upcoming] = page.xpath('//div[contains(@class, "o_billpro_upcoming")]')
        self.assertEqual(len(upcoming.xpath('.//li')), 36)
        self.assertEqual(len(upcoming.xpath('.//details//li')), 24)
        self.assertIn("Show 24 more payments", upcoming.xpath('string(.//details/summary)'))

    @nightly("The button is pressed without a browser for each change.")
    def test_staff_execute_a_payment_now(self):
        with freeze_time('2028-01-31 10:00:00'):
            order = self._create_active_order()
            order.user_id = self.billing_user
        with freeze_time('2028-02-10 10:00:00', tick=True):
            self._start_in_back_office(
                f'action-billpro_portal.action_billing_orders/{order.id}',
                'execute_now',
                'billing_user',
            )
            self._assert_nothing_due(order)
        self.assertEqual(order.billing_paid, 48.4)
        self.assertEqual(order.billing_event_ids.mapped('status'), ['completed', 'scheduled'])
        self._assert_books_closed(order)

    @nightly("The button is pressed without a browser for each change.")
    def test_managers_run_now(self):
        with freeze_time('2028-01-31 10:00:00'):
            order = self._create_active_order()
        with freeze_time('2028-02-29 10:00:00', tick=True):
            self._start_in_back_office(
                'action-billpro_portal.action_billpro_billing_run', 'run_now', 'billing_manager'
            )
        self.assertEqual(order.billing_paid, 48.4)
        self._assert_books_closed(order)

    def test_who_may_act_on_scheduled_payments(self):
        order = self._create_active_order()
        event = order.billing_event_ids
        with self.assertRaisesRegex(AccessError, "Only billing users"):
            event.with_user(self.salesperson).action_execute_now()
        other_event = event.with_user(self.billing_user)
        with self.assertRaises(AccessError):  # Of another salesperson's order.
            other_event.action_execute_now()
        tx = self.env['billpro.billing.run']._open(Domain('id', '=', event.id))
        tx.billing_outcome_unknown = True
        event._apply_trigger('lose')
        order.user_id = self.billing_user
        for method in ('action_was_charged', 'action_was_not_charged'):
            with self.assertRaisesRegex(AccessError, "Only billing managers"):
                getattr(event.with_user(self.billing_user), method)()
        self.assertEqual(event.status, 'unknown')
        with self.assertRaises(AccessError):
            self.env['billpro.billing.run'].with_user(self.billing_user).action_run_now()


@tagged('post_install', '-at_install')
class TestSubscriptionOnPhone(PhoneCommon):
    @nightly("Instalments are registered on a phone for each change: it is the same page.")
    def test_subscription(self):
        order = self._order_by_touch(
            (self.gym, 1), (self.fee, 1), label="Order with obligation to pay"
        )
        self.assertEqual(order.billing_paid, 36.3)
        self._assert_books_closed(order)

    def test_trial(self):
        self.gym.billing_trial_days = 14
        order = self._order_by_touch((self.gym, 1), label="Order with obligation to pay")
        self.assertEqual(order.billing_paid, 0)
        self.assertEqual(order.billing_transaction_ids.mapped('operation'), ['validation'])
