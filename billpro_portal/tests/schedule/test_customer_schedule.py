"""Customers pause a subscription, resume it, and skip its next payment, as the company allows."""

import re
from datetime import date, datetime
from html import unescape

from freezegun import freeze_time

from odoo.tests import tagged

from ..common.self_service_http import SelfServiceHttpCommon

# The gym costs 24.20 a month; it is paid until 9 February.
BOUGHT = datetime(2027, 1, 10, 10)
MOMENT = datetime(2027, 1, 20, 10)


@tagged('post_install', '-at_install')
class TestCustomerSchedule(SelfServiceHttpCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time(BOUGHT):
            cls.subscription = cls._create_active_order()
        cls.subscription._portal_ensure_token()

    def _allow(self, skips=1):
        self.company.write({'billing_customer_pause_days': 60, 'billing_customer_skips': skips})

    def _open(self, suffix):
        """Open a page; return its text and what its form sends."""
        page = self._get(self.subscription, suffix).text
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
        hidden.pop('csrf_token', None)
        return unescape(page), hidden

    def _send(self, suffix, **values):
        return self._post_form(self.subscription, suffix, **values)

    def _run_on(self, *moments):
        for moment in moments:
            with freeze_time(moment):
                self._run()

    def test_nothing_is_allowed_by_default(self):
        order = self.subscription
        with freeze_time(MOMENT, tick=True):
            page = self._open('')[0]
            for label, suffix, values in (
                ("Pause", '/pause', {'until': '2027-03-10', 'amount': '24.2'}),
                (
                    "Skip the next payment",
                    '/skip',
                    {'event_id': order.billing_next_event_id.id},
                ),
            ):
                with self.subTest(label):
                    self.assertNotIn(f'>{label}<', page)
                    answer = self._get(order, suffix, allow_redirects=False)
                    self.assertEqual(answer.status_code, 303)
                    self._assert_refused(self._send(suffix, **values), "Please contact us")
        self.assertEqual((order.billing_status, order.billing_next_amount), ('active', 24.2))

    def test_pausing(self):
        self._allow()
        order = self.subscription
        with freeze_time(MOMENT, tick=True):
            page, hidden = self._open('/pause')
            self.assertIn("Until March\xa010: then your next payment is $\xa024.20", page)
            self.assertNotIn("Until April\xa010", page)  # That is more than 60 days.
            self.assertIn("What you have paid for stays yours until February\xa09.", page)
            for values in ({'until': '2027-04-10'}, {'until': 'x'}, {'amount': '1.0'}):
                with self.subTest(**values):
                    sent = {'until': '2027-03-10', **hidden, **values}
                    self._assert_refused(self._send('/pause', **sent), "has changed meanwhile")
            self._assert_done(self._send('/pause', until='2027-03-10', **hidden), 'paused')
            self.assertEqual(order.billing_status, 'paused')
            self.assertIn("Resume now", self._open('')[0])
        self._run_on(datetime(2027, 2, 10, 11))
        self.assertEqual(order.billing_paid, 24.2)
        self._run_on(datetime(2027, 3, 10, 9), datetime(2027, 3, 10, 11))
        self.assertEqual((order.billing_status, order.billing_paid), ('active', 48.4))
        paid = order.billing_event_ids.filtered(lambda event: event.status == 'completed')
        self.assertEqual(paid.period_start, date(2027, 3, 10))
        with freeze_time(datetime(2027, 3, 11, 10), tick=True):
            self.assertNotIn('>Pause<', self._open('')[0])  # Once a year.
        self._assert_books_closed(order)

    def test_resuming_earlier(self):
        self._allow()
        order = self.subscription
        with freeze_time(MOMENT, tick=True):
            hidden = self._open('/pause')[1]
            self._send('/pause', until='2027-03-10', **hidden)
        with freeze_time(datetime(2027, 2, 20, 10), tick=True):
            page, shown = self._open('')
            self.assertIn("If you resume it now, your next payment is on March\xa010.", page)
            self._assert_refused(self._send('/resume', day='2027-02-10'), "has changed meanwhile")
            self._assert_done(self._send('/resume', day=shown['day']), 'resumed')
        self.assertEqual(order.billing_next_event_id.period_start, date(2027, 3, 10))
        self.assertEqual((order.billing_status, order.billing_paid), ('active', 24.2))

    def test_what_staff_have_paused_they_resume(self):
        self._allow()
        order = self.subscription
        with freeze_time(MOMENT, tick=True):
            order._billing_pause()
            self.assertNotIn("Resume now", self._open('')[0])
            answer = self._send('/resume', day='2027-02-10')
            self._assert_refused(answer, "has changed meanwhile")
        self.assertEqual(order.billing_status, 'paused')

    def test_skipping(self):
        self._allow()
        order = self.subscription
        event = order.billing_next_event_id
        with freeze_time(MOMENT, tick=True):
            page, hidden = self._open('/skip')
            self.assertIn("Your payment of $\xa024.20 on February\xa010 is not collected", page)
            self.assertIn("The payment after it is on March\xa010, as planned.", page)
            self._assert_done(self._send('/skip', **hidden), 'skipped')
            self.assertEqual(event.status, 'skipped')
            # Sent twice, it skips no other one.
            self._assert_refused(self._send('/skip', **hidden), "Please contact us")
            self._allow(skips=2)
            self._assert_refused(self._send('/skip', **hidden), "has changed meanwhile")
        self.assertIn('payment_changed', order.billing_notification_ids.mapped('kind'))
        self._run_on(datetime(2027, 2, 10, 11), datetime(2027, 3, 10, 11))
        self.assertEqual(order.billing_paid, 48.4)
        self._assert_books_closed(order)

    def test_what_is_owed_is_paid_first(self):
        self._allow()
        order = self.subscription
        order.billing_token_id.demo_simulated_state = 'error'
        self._run_on(datetime(2027, 2, 10, 11))
        self.assertEqual(order.billing_status, 'failed')
        with freeze_time(datetime(2027, 2, 11, 10), tick=True):
            for suffix, values in (
                ('/pause', {'until': '2027-04-10', 'amount': '24.2'}),
                ('/skip', {'event_id': order.billing_event_ids[-1].id}),
            ):
                answer = self._send(suffix, **values)
                self._assert_refused(answer, "Please pay what is outstanding first")
