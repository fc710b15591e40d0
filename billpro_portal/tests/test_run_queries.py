from freezegun import freeze_time

from odoo.tests import tagged

from .test_subscription import SubscriptionCommon


@tagged('post_install', '-at_install')
class TestRunQueries(SubscriptionCommon):
    """Opening and booking cost few queries for each event: those of Odoo's own posting.

    Odoo numbers entries one by one and looks up journal, analytic distribution and fiscal
    position for each move; what lies above these bounds would be ours.
    """

    def _count(self, function):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        result = function()
        self.env.flush_all()
        return self.env.cr.sql_log_count - before, result

    def _measure(self, size):
        """Return the queries of opening and of booking a batch of subscription payments."""
        with freeze_time('2027-01-10 10:00:00'):
            orders = [self._create_active_order() for _order in range(size)]
        run = self.env['billpro.billing.run']
        with freeze_time('2027-02-10 10:00:00'):
            opening, txs = self._count(lambda: run._open(run._get_due_domain()))
            self.assertEqual(len(txs), size)
            for tx in txs:
                tx._process('demo', {'reference': tx.reference, 'simulated_state': 'done'})
            booking, failed = self._count(lambda: run._book(txs))
        self.assertFalse(failed)
        self.assertEqual({order.billing_paid for order in orders}, {48.4})
        return opening, booking

    def test_queries_of_an_event(self):
        self._measure(2)  # Fills the caches that all batches share.
        small_opening, small_booking = self._measure(5)
        large_opening, large_booking = self._measure(25)
        self.assertLessEqual((large_opening - small_opening) / 20, 9)
        self.assertLessEqual((large_booking - small_booking) / 20, 50)
