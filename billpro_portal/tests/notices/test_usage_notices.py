from datetime import date

from freezegun import freeze_time

from odoo import Command
from odoo.tests import tagged
from odoo.tools import html2plaintext

from ..common.notification import NotificationCommon
from ..common.usage import UsageCommon


@tagged('post_install', '-at_install')
class TestUsageNotices(UsageCommon, NotificationCommon):
    """What customers are told of their usage, each once in a period; 100 calls are included."""

    def _look(self, moment='2027-01-20 10:00:00'):
        """Let the job look for what is to be told; return kind and text of all that was."""
        with freeze_time(moment), self.enter_registry_test_mode():
            self.env.ref('billpro_portal.cron_queue_timed_notifications').method_direct_trigger()
        self.env.invalidate_all()
        return self._get_told()

    def _get_told(self):
        notices = self.order.billing_notification_ids.sorted('id')
        notices = notices.filtered(lambda notice: notice.kind.startswith('usage_'))
        return [(notice.kind, notice.text) for notice in notices]

    def test_what_is_included(self):
        self._ingest(self._make_record('a', 79))
        self.assertEqual(self._look(), [])
        self._ingest(self._make_record('b', '1.5'))
        mostly = (
            'usage_mostly_included',
            "API calls: 80.5 of the 100 Units that are included are used.",
        )
        self.assertEqual(self._look(), [mostly])
        self.assertEqual(self._look(), [mostly])
        self._ingest(self._make_record('c', 50))
        all_of_it = (
            'usage_included',
            (
                "API calls: all of the 100 Units that are included are used. What you use beyond is"
                " charged with this period."
            ),
        )
        self.assertEqual(self._look(), [mostly, all_of_it])
        self.assertEqual(self._look(), [mostly, all_of_it])
        # Before the first was sent, it wasn't the whole truth any more.
        with freeze_time('2027-01-20 10:00:00'):
            self._run_job()
        notices = self.order.billing_notification_ids.filtered('text').sorted('id')
        self.assertEqual(notices.mapped('state'), ['outdated', 'handed_over'])
        mail = notices[1].message_id.mail_ids
        self.assertEqual(mail.subject, f"What your order {self.order.name} includes is used up")
        self.assertIn("all of the 100 Units", html2plaintext(mail.body_html))
        # The next period begins anew.
        self._ingest(self._make_record('d', 30, '2027-01-19T12:00:00Z'))
        self.assertEqual(self._look('2027-02-10 10:00:00'), [mostly, all_of_it])
        with freeze_time('2027-02-20 10:00:00'):
            self.Record.ingest([self._make_record('e', 100, '2027-02-15T12:00:00Z')])
        self.assertEqual(self._look('2027-02-20 10:00:00'), [mostly, all_of_it, all_of_it])

    def test_the_alert(self):
        self._switch_off('usage_included')
        self._ingest(self._make_record('a', 600))
        self.assertEqual(self._look(), [])
        # 500 beyond the allowance at 0.02, and 6% tax.
        for alert in ('10.61', '10.6'):
            self.order._billing_set_usage_alert(alert)
            told = self._look()
        self.assertEqual(
            told,
            [
                (
                    'usage_alert',
                    (
                        "You wanted to know when your usage reaches $\xa010.60. It costs"
                        " $\xa010.60 so far."
                    ),
                )
            ],
        )
        self.assertEqual(self._look(), told)
        self.order._billing_set_usage_alert('5')
        self.assertEqual(len(self._look()), 2)
        self.order._billing_set_usage_alert('')
        self.assertEqual(len(self._look()), 2)
        # What the customer doesn't want any more isn't sent.
        with freeze_time('2027-01-20 10:00:00'):
            self._run_job()
        notices = self.order.billing_notification_ids.filtered('text')
        self.assertEqual(set(notices.mapped('state')), {'outdated'})

    def test_another_price_is_announced_once(self):
        charge = self._create_charge(self.calls, unit_price=0.03, allowance=100)
        line = self.order.billing_usage_line_ids
        with freeze_time('2027-01-20 10:00:00'):
            line._billing_change_charge(charge, date(2027, 3, 1))
        included = "included in each period: 100 Units"
        text = (
            f"API access costs from March 10, 2027 on: $\xa00.03 per Units; {included}. Until then:"
            f" $\xa00.02 per Units; {included}."
        )
        self.assertEqual(self._get_told(), [('usage_price', text)])
        with freeze_time('2027-01-20 10:00:00'):
            self._run_job()
        notice = self.order.billing_notification_ids.filtered('text')
        self.assertEqual(notice.state, 'handed_over')
        mail = notice.message_id.mail_ids
        self.assertEqual(
            mail.subject, f"What usage of order {self.order.name} from {self.company.name} costs"
        )
        self.assertIn(text, html2plaintext(mail.body_html))

    def test_what_is_added_is_announced_once(self):
        disk = self._create_sold_product("Disk", 1, self.tax_6, 'metered')
        disk.billing_charge_id = self._create_charge(self.storage, unit_price=2)
        with freeze_time('2027-01-20 23:30:00'):
            for product in (disk, self._create_sold_product("Setup", 1, self.tax_6)):
                self.order.write(
                    {'order_line': [Command.create({'product_id': product.id})]},
                )
        text = (
            "Disk was added to your order. What you use from January 21, 2027 on costs: $\xa02.00"
            " per Units."
        )
        self.assertEqual(self._get_told(), [('usage_price', text)])

    def test_another_base_fee_is_announced(self):
        """It is paid in advance: the running period's is paid."""
        platform = self._create_sold_product("Platform", 20, self.tax_6, 'metered')
        with freeze_time('2027-01-20 10:00:00'):
            self.order.write({'order_line': [Command.create({'product_id': platform.id})]})
        fee = self.order.order_line[-1]
        with freeze_time('2027-01-21 10:00:00'):
            fee.name = "Platform, large"
            self.order.write(
                {
                    'order_line': [
                        Command.update(fee.id, {'price_unit': 40, 'product_uom_qty': 2}),
                        Command.update(self.order.order_line[0].id, {'product_uom_qty': 2}),
                    ]
                }
            )
        text = (
            "The base fee of your order is from February 10, 2027 on: %s every month, taxes"
            " included. Until then: %s."
        )
        told = [text % ("$\xa021.20", "$\xa00.00"), text % ("$\xa084.80", "$\xa021.20")]
        self.assertEqual(self._get_told(), [('usage_price', one) for one in told])
        with freeze_time('2027-01-22 10:00:00'):
            self.order._billing_cancel_subscription(at_once=False)
            fee.price_unit = 50
        self.assertEqual(len(self._get_told()), 2)

    def test_many_orders_cost_as_many_queries_as_one(self):
        with freeze_time('2027-01-10 10:00:00'):
            orders = self.order
            for _number in range(3):
                orders |= self._create_active_order((self.api, 1))
        for order in orders:
            self._ingest(self._make_record('a', 90, order=order.name))
        counts = []
        for some in (orders[:1], orders):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            with freeze_time('2027-01-20 10:00:00'):
                some._billing_get_usage_notices()
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(*counts)
