from datetime import date

from dateutil.relativedelta import relativedelta
from freezegun import freeze_time

from odoo.tests import tagged

from ..common.list_requests import LISTS, REPORTS, ViewRequest
from ..common.nightly import nightly
from ..common.query_counts import MANY
from ..common.subscription import SubscriptionCommon

# More than a page: with fewer rows the client needs no count.
FEW = 100
NOW = '2032-01-01 10:00:00'


@tagged('post_install', '-at_install')
class TestListQueries(SubscriptionCommon):
    """Lists and reports cost the same number of queries with 100 and with 1,000 rows."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.uid_env = cls.env(user=cls.billing_manager.id, su=False)

    def _create_rows(self, count):
        """Create pending and live orders, with declined payments and expiring cards."""
        orders = self.env['sale.order'].with_context(
            tracking_disable=True, mail_auto_subscribe_no_notify=True
        )
        pending = orders.create(
            [
                {
                    'partner_id': self.customer.id,
                    'user_id': self.salesperson.id,
                    'purchase_type': 'subscription',
                    'billing_status': 'pending' if number % 2 else 'failed',
                    'billing_anchor_date': date(2031, 1, 1),
                    'billing_interval_count': 1,
                    'billing_interval_unit': 'month',
                    'billing_token_id': self.token.id,
                }
                for number in range(2 * count)
            ]
        )
        self.env['billpro.notification'].create(
            [
                {'kind': 'order_reminder', 'order_id': order.id, 'fact': f'order-{order.id}-1'}
                for order in pending
            ]
        )
        self.env['billpro.billing.event'].create(
            [
                {
                    'order_id': order.id,
                    'number': number,
                    'due_date': date(2031, 12, 1) + relativedelta(months=number),
                    'period_start': date(2031, 12, 1),
                    'period_end': date(2031, 12, 31),
                    'amount': 24.2,
                    'status': status,
                }
                for order in pending.filtered(lambda order: order.billing_status == 'failed')
                for number, status in ((1, 'soft_declined'), (2, 'scheduled'))
            ]
        )
        self.env.flush_all()

    def _count(self, request):
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        request.send()
        return self.env.cr.sql_log_count - before

    def _count_all(self):
        """Return the queries of each list and report."""
        counts = {}
        for action, modes in {**LISTS, **REPORTS}.items():
            for mode in modes:
                request = ViewRequest(self.uid_env, action, mode)
                self._count(request)  # What is looked up once and then known.
                counts[action, mode] = self._count(request)
        return counts

    @nightly("How dear it is, not what is right.")
    def test_lists_and_reports(self):
        # As PostgreSQL has it: the reports join many rows, in an order that it has to choose.
        self.env.cr.execute("SET LOCAL join_collapse_limit TO 8")
        with freeze_time(NOW):
            self.token = self._create_token()
            self.token.card_expiry_date = '2032-01-31'
            self._create_rows(FEW)
            few = self._count_all()
            self._create_rows(MANY - FEW)
            self.assertEqual(self._count_all(), few)
