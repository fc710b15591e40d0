from datetime import date, timedelta

from dateutil.relativedelta import relativedelta
from freezegun import freeze_time
from lxml.html import fromstring as html_fromstring

from odoo import fields
from odoo.http import Request
from odoo.tests import tagged

from ..common.http import BillingHttpCommon
from ..common.usage import UsageCommon


@tagged('post_install', '-at_install')
class TestOrderUsage(BillingHttpCommon, UsageCommon):
    """What customers see of their usage: from 10 January to 9 February in Brussels."""

    def setUp(self):
        super().setUp()
        self.authenticate(None, None)

    def _get_usage(self, moment, order=None):
        self.env.invalidate_all()
        with freeze_time(moment):
            order = order or self.order
            return order.env['billpro.order.usage']._get_usage_values(order)

    def test_what_is_used_beyond_what_is_included(self):
        self._ingest(
            self._make_record('a', 200, '2027-01-09T23:00:00Z'),
            self._make_record('b', '299.5', '2027-01-19T22:59:59Z'),
        )
        usage = self._get_usage('2027-01-19 23:00:00')
        self.assertEqual(usage['title'], "Usage of Jan 10\u2009\u2013\u2009Feb 9, 2027")
        self.assertEqual(usage['counted'], "Counted until today, 12:00\u202fAM")
        (meter,) = usage['meters']
        chart = meter.pop('chart')
        # 399.5 beyond the allowance at 0.02, and 6% tax.
        self.assertEqual(
            meter,
            {
                'name': "API calls",
                'used': "499.5 Units",
                'detail': "– 100 Units included, 399.5 extra",
                'bar': {'within': 20, 'over': 80},
                'left': "What is included is used up",
                'amount': "399.5 extra: $\xa08.47",
            },
        )
        self.assertEqual(usage['rows'], [{'label': "So far", 'value': "$\xa08.47", 'strong': True}])
        # 1,548.45 in all; 1,448.45 at 0.02 are 28.97.
        self.assertEqual(
            usage['estimate'], "About $\xa030.71 by February\xa09 if it goes on like this."
        )
        self.assertEqual(
            chart,
            {
                'title': "API calls day by day",
                'most': "most: 299.5, on Jan 19",
                'width': 310,
                'height': 100,
                'bar_width': 8,
                'bars': [
                    {'x': 0, 'y': 33, 'height': 67},
                    {'x': 90, 'y': 0, 'height': 100},
                ],
                'first_day': "Jan 10",
                'last_day': "Feb 9",
                'rows': [
                    {'day': "Jan 10", 'quantity': "200 Units"},
                    {'day': "Jan 19", 'quantity': "299.5 Units"},
                ],
            },
        )

    def test_what_is_left_of_what_is_included(self):
        self._ingest(self._make_record('a', 25, '2027-01-10T12:00:00Z'))
        usage = self._get_usage('2027-01-12 22:59:59')
        (meter,) = usage['meters']
        self.assertEqual(meter['detail'], "of 100 Units included")
        self.assertEqual(meter['bar'], {'within': 25, 'over': 0})
        self.assertEqual((meter['left'], meter['amount']), ("75 Units left", "Nothing extra"))
        # Before three days have passed, it would be no honest estimate.
        self.assertFalse(usage['estimate'])
        self.assertEqual(
            self._get_usage('2027-01-12 23:00:00')['estimate'],
            "About $\xa03.36 by February\xa09 if it goes on like this.",
        )

    def test_several_meters(self):
        storage = self._create_sold_product("Storage", 1, self.tax_6, 'metered')
        storage.billing_charge_id = self._create_charge(self.storage, unit_price=0.5)
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.api, 1), (storage, 1))
        self._ingest(
            self._make_record('a', 200, order=order.name),
            self._make_record('b', 12, meter='storage', order=order.name),
            self._make_record('c', 7, meter='storage', order=order.name),
        )
        usage = self._get_usage('2027-01-20 10:00:00', order)
        self.assertEqual([meter['used'] for meter in usage['meters']], ["200 Units", "12 Units"])
        self.assertFalse(usage['meters'][1]['bar'])
        self.assertEqual(
            [(row['label'], row['value']) for row in usage['rows']],
            [("API access", "$\xa02.12"), ("Storage", "$\xa06.36"), ("So far", "$\xa08.48")],
        )

    def test_what_is_not_counted_has_no_usage(self):
        water = self._create_sold_product("Water", 2.5, self.tax_6, 'metered')
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((water, 1))
        self.assertFalse(self._get_usage('2027-01-20 10:00:00', order))
        self.assertFalse(self._get_usage('2027-01-09 10:00:00'))
        usage = self._get_usage('2027-01-20 10:00:00')
        self.assertEqual(usage['meters'][0]['used'], "0 Units")
        self.assertFalse(usage['meters'][0]['chart'])

    def test_a_page_costs_as_many_queries_with_many_records(self):
        counts = []
        for count in (1, 40):
            self._ingest(*(self._make_record(f'{count}-{n}') for n in range(count)))
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            with freeze_time('2027-01-20 10:00:00'):
                self.env['billpro.order.usage']._get_usage_values(self.order)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(*counts)

    def test_past_periods(self):
        self._close_period(self.order, amount=12.5)
        self._close_period(self.order, number=1, first_day='2027-02-10', next_day='2027-03-10')
        with freeze_time('2027-03-20 10:00:00'):
            usage = self.order.env['billpro.order.usage']._get_usage_values(self.order)
        self.assertEqual(
            [(row['period'], row['amount'], row['documents']) for row in usage['past']],
            [
                ("Feb 10\u2009\u2013\u2009Mar 9, 2027", "nothing was charged", []),
                ("Jan 10\u2009\u2013\u2009Feb 9, 2027", "$\xa012.50", []),
            ],
        )
        self.assertIn('/usage/0?', usage['past'][1]['csv_url'])
        self.assertFalse(usage['earlier_url'])

    def test_past_periods_are_listed_by_the_year(self):
        for number in range(14):
            first_day = date(2027, 1, 10) + relativedelta(months=number)
            next_day = first_day + relativedelta(months=1)
            self._close_period(self.order, number, first_day, next_day)
        usage = self._get_usage('2028-03-20 10:00:00')
        self.assertEqual(len(usage['past']), 12)
        self.assertIn('&past=2', usage['earlier_url'])
        with freeze_time('2028-03-20 10:00:00'):
            earlier = self.env['billpro.order.usage']._get_usage_values(self.order, 2)
        self.assertEqual(
            [row['period'] for row in earlier['past']],
            ["Feb 10\u2009\u2013\u2009Mar 9, 2027", "Jan 10\u2009\u2013\u2009Feb 9, 2027"],
        )
        self.assertFalse(earlier['earlier_url'])

    def test_the_summary_says_what_usage_costs(self):
        html, _type = self.env['ir.actions.report']._render_qweb_html(
            'billpro_portal.report_order_summary', self.order.ids
        )
        (row,) = html_fromstring(html).xpath("//tr[@name='tr_product']")
        self.assertEqual(
            [' '.join(cell.text_content().split()) for cell in row.findall('td')],
            ["API access", "$ 0.02 per Units included in each period: 100 Units", "VAT 6%", ""],
        )

    def _close_period(
        self, order, number=0, first_day='2027-01-10', next_day='2027-02-10', **values
    ):
        values = {'number': number, 'first_day': first_day, 'next_day': next_day, **values}
        period = self.env['billpro.usage.period'].search(
            [('order_id', '=', order.id), ('number', '=', number)]
        )
        days = {'start_date': first_day, 'end_date': next_day, 'close_date': next_day}
        values |= {'state': 'closed', **days}
        if period:
            period.write(values)
        else:
            period.create({'order_id': order.id, **values})
        self.env.invalidate_all()

    # === BY HTTP === #

    def _create_running_order(self):
        """Return an order of five days, whose records can be sent today."""
        with freeze_time(fields.Datetime.now() - timedelta(days=5)):
            order = self._create_active_order((self.api, 1))
        order._portal_ensure_token()
        return order

    def test_the_page_and_the_file(self):
        order = self._create_running_order()
        moment = fields.Datetime.now().replace(microsecond=0) - timedelta(days=1)
        records = [
            self._make_record(
                sender_id,
                quantity,
                f'{moment - timedelta(seconds=second):%Y-%m-%dT%H:%M:%SZ}',
                order=order.name,
                **values,
            )
            for second, (sender_id, quantity, values) in enumerate(
                [
                    ('req-1', '0.000001', {'properties': {'region': "=eu", 'zone': 2}}),
                    ('=1+1', 150, {}),
                    ('req-0', 3, {}),
                ]
            )
        ]
        self.Record.ingest(records)
        self.env['billpro.usage.record'].search([('sender_id', '=', 'req-0')])._void("A test")
        self.env.flush_all()
        page = self.url_open(self._link(order))
        self.assertIn("150.000001 Units", page.text)
        self.assertIn('viewBox="0 0 3', page.text)
        self.assertIn(f'/order/{order.id}/usage/0?', page.text)
        answer = self.url_open(self._link(order, '/usage/0'))
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.headers['Content-Type'], 'text/csv; charset=utf-8')
        self.assertEqual(answer.headers['Cache-Control'], 'no-store')
        head, *rows = answer.text.splitlines()
        self.assertEqual(
            head, "Moment (Europe/Brussels),Meter,Quantity,Unit,ID,Properties,Taken Back"
        )
        self.assertEqual(
            [row.split(',', 1)[1] for row in rows],
            [
                "API calls,3,Units,req-0,,Yes",
                "API calls,150,Units,'=1+1,,",
                "API calls,0.000001,Units,req-1,region: =eu; zone: 2,",
            ],
        )
        told = fields.Datetime.context_timestamp(
            self.env.user.with_context(tz='Europe/Brussels'), moment
        )
        self.assertEqual(rows[-1].split(',')[0], told.isoformat(sep=' '))

    def test_the_customer_sets_an_alert(self):
        order = self._create_running_order()

        def set_alert(amount):
            answer = self.url_open(
                self._link(order, '/usage-alert'),
                data={'csrf_token': Request.csrf_token(self), 'amount': amount},
            )
            self.env.invalidate_all()
            return answer

        self.env.flush_all()
        for amount, alert, text in (
            ('80.505', 80.51, "We will tell you when the usage of a period reaches $\xa080.51."),
            ('', 0, "You have no spending alert any more."),
        ):
            answer = set_alert(amount)
            self.assertEqual(order.billing_usage_alert, alert)
            self.assertIn(text, answer.text)
        for amount in ('a lot', '-1', 'nan', '1e12'):
            with self.subTest(amount):
                answer = set_alert(amount)
                self.assertEqual(answer.status_code, 409)
                self.assertIn("Please enter the amount as a number", answer.text)
        self.assertFalse(order.billing_usage_alert)

    def test_the_file_is_the_customers_alone(self):
        order = self._create_running_order()
        for path in (
            f'/order/{order.id}/usage/0',
            f'/order/{order.id}/usage/0?access_token={self.order.access_token}',
            f'/order/{order.id}/usage/1?access_token={order.access_token}',
            f'/order/{order.id}/usage/999999999999?access_token={order.access_token}',
            f'/order/{order.id}/usage/-1?access_token={order.access_token}',
        ):
            with self.subTest(path):
                self.assertEqual(self.url_open(path).status_code, 404)
