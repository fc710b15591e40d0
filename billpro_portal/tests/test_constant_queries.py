from datetime import datetime, timedelta
from functools import partial

from freezegun import freeze_time

from odoo.tests import tagged

from .common.query_counts import MANY
from .common.subscription import SubscriptionCommon

FEW = 10
# Odoo inserts a hundred records at once.
MANY_NEW = 100
START = datetime(2027, 1, 31, 8)


@tagged('post_install', '-at_install')
class TestConstantQueries(SubscriptionCommon):
    """Pages and jobs cost the same number of queries for 10 and for 1,000 payments."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Staff schedule the payments of metered orders: all of them are announced.
        water = cls._create_sold_product("Water", 2.5, cls.tax_6, 'metered')
        with freeze_time('2027-01-31 10:00:00'):
            cls.few = cls._create_active_order((water, 1))
            cls.many = cls._create_active_order((water, 1))

    @classmethod
    def _add_events(cls, order, count, status, start):
        """Give an order payments a day apart."""
        first = max(order.billing_event_ids.mapped('number'), default=0) + 1
        return cls.env['billpro.billing.event'].create(
            [
                {
                    'order_id': order.id,
                    'number': first + index,
                    'due_date': start + timedelta(days=index),
                    'period_start': (start + timedelta(days=index)).date(),
                    'period_end': (start + timedelta(days=index)).date(),
                    'amount': 24.2,
                    'status': status,
                }
                for index in range(count)
            ]
        )

    @classmethod
    def _add_attempts(cls, events):
        """Let payments have been collected."""
        token = events.order_id.billing_token_id
        cls.env['payment.transaction'].create(
            [
                {
                    'provider_id': cls.provider.id,
                    'payment_method_id': cls.payment_method.id,
                    'token_id': token.id,
                    'operation': 'offline',
                    'reference': f'{event.order_id.name}-E{event.id}-A1',
                    'amount': event.amount,
                    'currency_id': event.currency_id.id,
                    'partner_id': cls.customer.id,
                    'billing_order_id': event.order_id.id,
                    'billing_event_id': event.id,
                    'billing_attempt': 1,
                    'state': 'done',
                    'is_post_processed': True,
                }
                for event in events
            ]
        )

    def _count(self, function):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        function()
        self.env.flush_all()
        return self.env.cr.sql_log_count - before

    def _get_page_values(self, order):
        return order.env['billpro.order.page']._get_portal_values(order)

    def test_the_order_portal(self):
        for order, count in ((self.few, FEW), (self.many, MANY)):
            half = (count - len(order.billing_event_ids)) // 2
            self._add_attempts(self._add_events(order, half, 'completed', START))
            self._add_events(order, half, 'scheduled', datetime(2037, 1, 1, 8))
        with freeze_time('2032-01-01 10:00:00'):
            for order in (self.few, self.many):  # What is looked up once and then known.
                self._count(partial(self._get_page_values, order))
            few = self._count(partial(self._get_page_values, self.few))
            many = self._count(partial(self._get_page_values, self.many))
        self.assertEqual(many, few)

    def _announce(self, order, count, day):
        """Return the queries of the job that announces some payments, and of its next run."""
        order.billing_notification_ids.unlink()
        moment = datetime(2027, 3, day, 8)
        events = self._add_events(order, count, 'scheduled', moment)
        events.due_date = moment + timedelta(days=6)
        queue = self.env['billpro.notification']._queue_announcements
        with freeze_time(moment):
            queries = [self._count(queue), self._count(queue)]
        kinds = order.billing_notification_ids.mapped('kind')
        self.assertEqual(kinds, ['payment_upcoming'] * count)
        events.status = 'completed'
        return queries

    def test_the_job_that_announces_payments(self):
        for order in (self.few, self.many):  # What is looked up once, and a payment before.
            self._announce(order, 1, 1)
        few = self._announce(self.few, FEW, 10)
        self.assertEqual(self._announce(self.many, MANY_NEW, 20), few)
        self.assertEqual(self._announce(self.many, MANY, 28)[1], few[1])
