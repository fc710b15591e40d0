from datetime import date, datetime

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .test_notification_timed import TimedCommon


@tagged('post_install', '-at_install')
class TestReschedule(TimedCommon):
    def setUp(self):
        super().setUp()
        with freeze_time('2027-01-31 10:00:00'):
            self.order = self._create_active_order()
        self.event = self.order.billing_event_ids

    def _reschedule(self, day, event=None, user=None):
        event = (event or self.event).with_user(user or self.billing_manager)
        action = event.action_open_reschedule()
        wizard = event.env[action['res_model']].browse(action['res_id'])
        wizard.day = day
        wizard.action_reschedule()

    def test_one_payment_moves_and_the_customer_is_told(self):
        with freeze_time('2027-02-10 10:00:00'):
            self._reschedule(date(2027, 4, 2))
        # Summer time where the customer is.
        self.assertEqual(self.event.due_date, datetime(2027, 4, 2, 7))
        notice = self.order.billing_notification_ids.sorted('id')[-1:]
        self.assertEqual(notice.kind, 'payment_changed')
        self.assertEqual(
            notice.text.replace('\xa0', ' '),
            "Your payment of $ 24,20 that was due on 28/02/2027 is collected on 02/04/2027.",
        )
        with freeze_time('2027-02-28 10:00:00'):
            self._assert_nothing_due(self.order)
        for day, paid in (('2027-03-31', 48.4), ('2027-04-02', 72.6)):
            with freeze_time(f'{day} 10:00:00'):
                self._run()
                self._assert_nothing_due(self.order)
            self.assertEqual(self.order.billing_paid, paid)
        self.assertEqual(
            [
                (event.number, event.status, event.due_date)
                for event in self.order.billing_event_ids.sorted('number')
            ],
            [
                (2, 'completed', datetime(2027, 4, 2, 7)),
                (3, 'completed', datetime(2027, 3, 31, 7)),
                (4, 'scheduled', datetime(2027, 4, 30, 7)),
            ],
        )
        self._assert_books_closed(self.order)

    def test_the_same_day_tells_nothing(self):
        before = self.order.billing_notification_ids
        with freeze_time('2027-02-10 10:00:00'):
            self._reschedule(date(2027, 2, 28))
        self.assertEqual(self.order.billing_notification_ids, before)

    def test_refused(self):
        with freeze_time('2027-02-10 10:00:00'):
            with self.assertRaisesRegex(UserError, "today or a later day"):
                self._reschedule(date(2027, 2, 9))
            with self.assertRaises(AccessError):
                self._reschedule(date(2027, 3, 9), user=self.salesperson)
            self.order._pause()
            with self.assertRaisesRegex(UserError, "can't be moved: it is “Paused”"):
                self._reschedule(date(2027, 3, 9))
            self.order._resume()
            self.order._cancel_subscription(at_once=False)
            with self.assertRaisesRegex(UserError, "can't be moved: it is “Cancelled”"):
                self._reschedule(date(2027, 3, 9))
        self.assertEqual(self.event.due_date, datetime(2027, 2, 28, 8))
