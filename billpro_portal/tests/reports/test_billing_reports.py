from datetime import date, datetime

from freezegun import freeze_time

from odoo.tests import tagged

from ..common.billing_reports import ReportCommon
from ..common.nightly import nightly, some


@tagged('post_install', '-at_install')
class TestCollectionReport(ReportCommon):
    """The money of the report is that of the ledger, to the last minor unit."""

    def _get_ledger(self):
        """Return the posted payments of the customers, by direction, and what they are worth."""
        payments = self.env['account.payment'].search(
            [
                ('company_id', '=', self.company.id),
                ('payment_transaction_id.billing_order_id', '!=', False),
                ('state', 'in', ['in_process', 'paid']),
            ]
        )
        ledger = {}
        for payment in payments:
            self.assertEqual(payment.move_id.state, 'posted')
            collected, refunded, worth = ledger.get(payment.currency_id.id, (0, 0, 0))
            if payment.payment_type == 'inbound':
                collected += payment.amount
            else:
                refunded += payment.amount
            liquidity = payment._seek_for_lines()[0]
            ledger[payment.currency_id.id] = (
                round(collected, 3),
                round(refunded, 3),
                round(worth + sum(liquidity.mapped('balance')), 3),
            )
        return ledger

    def _get_invoiced(self):
        """Return the totals of posted invoices and credit notes by currency."""
        invoiced = {}
        for move in self.env['account.move'].search(
            [('billing_order_id', '!=', False), ('state', '=', 'posted')]
        ):
            billed, credited = invoiced.get(move.currency_id.id, (0, 0))
            if move.move_type == 'out_invoice':
                billed += move.amount_total
            else:
                credited += move.amount_total
            invoiced[move.currency_id.id] = (round(billed, 3), round(credited, 3))
        return invoiced

    def test_it_equals_the_ledger(self):
        for name, rate in (('JPY', 163.4), ('KWD', 0.3367)):
            self.env['res.currency.rate'].create(
                {
                    'name': '2027-01-01',
                    'rate': rate,
                    'currency_id': self._enable_currency(name).id,
                    'company_id': self.company.id,
                }
            )
        start = datetime(2027, 1, 10, 10)
        with freeze_time(start):
            plain = self._create_active_order((self.gym, 1), (self.fee, 1))
            failing = self._create_active_order(state='error')
            for currency, price in some((('KWD', 12.345), ('JPY', 3999))):
                order = self._create_order((self.gym, 1, price), currency=currency)
                self._create_initial_transaction(
                    order, 'done', token_id=self._create_token().id
                )._post_process()
                self._create_paid_order((self.desk, 3, price), currency=currency)
        self._pass_months(start, 2)
        with freeze_time('2027-03-11 10:00:00'):
            failing.billing_token_id = self._create_token()
            self._run()
            self._refund(plain, 10.01)
        reported = self._totals(
            'collection.report', ['currency_id'], ['collected', 'refunded', 'net_company']
        )
        self.assertEqual(reported, self._get_ledger())
        self.assertEqual({key: value[:2] for key, value in reported.items()}, self._get_invoiced())
        currency = self.company.currency_id.id
        # The initial payments of 36.30 and 24.20, two months of each, and 10.01 paid back.
        self.assertEqual(reported[currency][:2], (36.3 + 24.2 * 5, 10.01))
        self.assertEqual(
            self._totals('collection.report', ['currency_id'], ['recovered'])[currency], 48.4
        )
        by_month = self._totals(
            'collection.report',
            ['date:month'],
            ['net'],
            [('currency_id', '=', currency)],
        )
        self.assertEqual(list(by_month.values()), [60.5, 24.2, 62.59])
        self.assertEqual(
            self.env['billpro.collection.report'].search_count([('is_booked', '=', False)]), 0
        )


@tagged('post_install', '-at_install')
class TestRecoveryReport(ReportCommon):
    """Declined money ends up recovered, lost or open, and is counted once."""

    def test_recovered_lost_and_open(self):
        start = datetime(2027, 1, 10, 10)
        with freeze_time(start):
            recovered, lost, _open, hard = (
                self._create_active_order(state=state)
                for state in ('error', 'error', 'error', 'cancel')
            )
        self._pass_months(start, 1)
        with freeze_time('2027-02-11 10:00:00'):
            recovered.billing_token_id = self._create_token()
            self._run()
            lost._billing_cancel_subscription(at_once=True)
        totals = self._totals(
            'recovery.report',
            ['decline_class'],
            ['amount', 'recovered', 'lost', 'open_amount'],
        )
        self.assertEqual(totals, {'soft': (72.6, 24.2, 24.2, 24.2), 'hard': (24.2, 0.0, 0.0, 24.2)})
        rates = self.env['billpro.recovery.report'].formatted_read_group(
            [], ['decline_class'], ['recovery_rate:avg', 'recovery_days:avg']
        )
        by_class = {row['decline_class']: row for row in rates}
        self.assertAlmostEqual(by_class['soft']['recovery_rate:avg'], 100 / 3, places=6)
        self.assertAlmostEqual(by_class['soft']['recovery_days:avg'], 1.0, places=3)
        self.assertEqual(by_class['hard']['recovery_rate:avg'], 0)
        self.assertEqual(hard.billing_status, 'suspended')

    @nightly("The classes are counted by others for each change.")
    def test_success_by_class_and_attempt(self):
        start = datetime(2027, 1, 10, 10)
        with freeze_time(start):
            orders = [self._create_active_order(state='error') for _number in range(3)]
            self._create_active_order()
        self._pass_months(start, 1)
        orders[0].billing_token_id = self._create_token()
        with freeze_time('2027-02-11 10:00:00'):
            self._run()
        orders[1].billing_token_id = self._create_token()
        with freeze_time('2027-02-14 10:00:00'):
            self._run()
        rows = self.env['billpro.attempt.report'].formatted_read_group(
            [], ['after_class', 'attempt'], ['__count', 'success_rate:avg', 'collected:sum']
        )
        self.assertEqual(
            {
                (row['after_class'], row['attempt']): (
                    row['__count'],
                    row['success_rate:avg'],
                    round(row['collected:sum'], 2),
                )
                for row in rows
            },
            {
                ('none', 1): (4, 25.0, 24.2),
                ('soft', 2): (3, 100 / 3, 24.2),
                ('soft', 3): (2, 50.0, 24.2),
            },
        )

    def test_merged_payments_count_once(self):
        start = datetime(2027, 1, 10, 10)
        with freeze_time(start):
            order = self._create_active_order(state='error')
        self._pass_months(start, 2)
        with freeze_time('2027-03-11 10:00:00'):
            order.billing_token_id = self._create_token()
            order._billing_request_collection(order.billing_outstanding)
            self._run()
        self.assertEqual(order.billing_paid, 72.6)
        self.assertEqual(
            self._totals('recovery.report', ['outcome'], ['amount', 'recovered']),
            {'recovered': (48.4, 48.4)},
        )
        self.assertEqual(
            self._totals('collection.report', ['kind'], ['collected', 'recovered']),
            {'initial': (24.2, 0.0), 'scheduled': (48.4, 48.4)},
        )


@tagged('post_install', '-at_install')
class TestMrrReport(ReportCommon):
    def _change_quantity(self, order, quantity):
        """Sell another quantity from the next payment on."""
        order.order_line[0].product_uom_qty = quantity
        order.billing_next_event_id.amount = order._get_purchase()._get_period_amount(order)

    def test_the_value_of_each_interval(self):
        values = {}
        with freeze_time('2027-01-31 10:00:00'):
            for unit, count in (('day', 30), ('week', 2), ('month', 3), ('year', 1)):
                order = self._create_active_order(
                    (self.gym, 1, 120.0), billing_interval_unit=unit, billing_interval_count=count
                )
                values[unit] = self._movements(order)
            trial = self._create_active_order(billing_trial_days=14)
            self.assertFalse(self._movements(trial))
        self.assertEqual(
            values,
            {
                'day': [('2027-01', 'new', 121.67, 121.67)],
                'week': [('2027-01', 'new', 260.71, 260.71)],
                'month': [('2027-01', 'new', 40.0, 40.0)],
                'year': [('2027-01', 'new', 10.0, 10.0)],
            },
        )

    def test_new_expansion_contraction_churn_and_reactivation(self):
        start = datetime(2027, 1, 10, 10)
        with freeze_time(start):
            order = self._create_active_order((self.gym, 2), (self.fee, 1))
        self._change_quantity(order, 3)
        self._pass_months(start, 1)
        self._change_quantity(order, 1)
        for month in (3, 4):
            with freeze_time(datetime(2027, month, 10, 10)):
                self._run()
        with freeze_time('2027-04-20 10:00:00'):
            order._billing_pause()
        with freeze_time('2027-07-05 10:00:00'):
            order._billing_resume()
        with freeze_time('2027-07-10 10:00:00'):
            self._run()
        with freeze_time('2027-07-20 10:00:00'):
            order._billing_cancel_subscription(at_once=True)
        with freeze_time('2027-08-31 10:00:00'):
            self.assertEqual(
                self._movements(order),
                [
                    ('2027-01', 'new', 40.0, 40.0),
                    ('2027-02', 'expansion', 20.0, 60.0),
                    ('2027-03', 'contraction', -40.0, 20.0),
                    ('2027-04', 'unchanged', 0.0, 20.0),
                    ('2027-05', 'churn', -20.0, 0.0),
                ],
            )
            total = self._totals('mrr.report', ['order_id'], ['change'])
            self.assertEqual(total, {order.id: 0.0})
        with freeze_time('2027-07-15 10:00:00'):
            order.billing_cancel_date = False
            self.assertEqual(self._movements(order)[-1], ('2027-07', 'reactivation', 20.0, 20.0))

    def test_currencies_and_changes_add_up(self):
        self.env['res.currency.rate'].create(
            {
                'name': '2027-01-01',
                'rate': 160.0,
                'currency_id': self._enable_currency('JPY').id,
                'company_id': self.company.id,
            }
        )
        start = datetime(2027, 1, 31, 10)
        with freeze_time(start):
            order = self._create_order((self.gym, 1, 3200), currency='JPY')
            self._create_initial_transaction(
                order, 'done', token_id=self._create_token().id
            )._post_process()
        with freeze_time('2027-02-20 10:00:00'):
            row = self.env['billpro.mrr.report'].search([('order_id', '=', order.id)], limit=1)
            self.assertEqual((row.month, row.mrr, row.mrr_company), (date(2027, 2, 1), 3200, 20.0))
            self.assertEqual(row.movement, 'unchanged')


@tagged('post_install', '-at_install')
class TestCashReport(ReportCommon):
    def test_twelve_months_from_the_last_day_of_a_month(self):
        with freeze_time('2027-01-31 10:00:00'):
            order = self._create_active_order()
            rows = self.env['billpro.cash.report'].search([('order_id', '=', order.id)])
            self.assertEqual(
                [row.date for row in rows],
                [
                    date(2027, 2, 28),
                    date(2027, 3, 31),
                    date(2027, 4, 30),
                    date(2027, 5, 31),
                    date(2027, 6, 30),
                    date(2027, 7, 31),
                    date(2027, 8, 31),
                    date(2027, 9, 30),
                    date(2027, 10, 31),
                    date(2027, 11, 30),
                    date(2027, 12, 31),
                ],
            )
            self.assertEqual(rows.mapped('kind'), ['scheduled'] + ['projected'] * 10)
            self.assertEqual(set(rows.mapped('amount')), {24.2})

    def test_it_is_what_the_run_collects(self):
        start = datetime(2027, 1, 10, 10)
        with freeze_time(start):
            course = self._create_sold_product("Course", 100.0, self.tax_21, 'instalment')
            sold = (
                ((course, 1), {'billing_instalment_count': 3, 'billing_deposit': 21.0}),
                ((self.gym, 1), {'billing_end_date': '2027-05-10'}),
                ((self.gym, 1), {'billing_interval_unit': 'week', 'billing_interval_count': 13}),
                ((self.gym, 1), {'billing_cycles': 4}),
                ((self.gym, 1), {'billing_interval_count': 3}),
            )
            orders = [self._create_active_order(line, **terms) for line, terms in some(sold, 2)]
            cancelled = self._create_active_order()
            cancelled._billing_cancel_subscription(at_once=False)
        with freeze_time('2027-01-10 12:00:00'):
            expected = self._totals('cash.report', ['order_id'], ['amount'])
            self.assertEqual(set(expected), {order.id for order in orders})
        paid = {order: order.billing_paid for order in orders}
        events = self.env['billpro.billing.event']
        domain = [('order_id', 'in', list(expected)), ('due_date', '<', '2028-01-10')]
        for _due_date in range(12):  # More than there are.
            event = events.search([*domain, ('status', '=', 'scheduled')], limit=1)
            if event:
                with freeze_time(event.due_date):
                    self._run()
        self.assertEqual(
            {order.id: round(order.billing_paid - paid[order], 2) for order in orders}, expected
        )

    def test_retries_and_overdue_payments(self):
        with freeze_time('2027-01-10 10:00:00'):
            declined = self._create_active_order(state='error')
            overdue = self._create_active_order()
        with freeze_time('2027-02-10 10:00:00'):
            with self._committing_env(self.billing_manager) as env:
                events = env['billpro.billing.event'].browse(declined.billing_event_ids.ids)
                events.action_execute_now()
            rows = self.env['billpro.cash.report'].search(
                [('order_id', '=', declined.id)], order='date', limit=2
            )
            self.assertEqual(
                [(row.kind, row.date) for row in rows],
                [('retry', date(2027, 2, 11)), ('scheduled', date(2027, 3, 10))],
            )
        with freeze_time('2027-02-13 10:00:00'):
            row = self.env['billpro.cash.report'].search(
                [('order_id', '=', overdue.id)], order='date', limit=1
            )
            self.assertEqual((row.kind, row.date), ('scheduled', date(2027, 2, 13)))


@tagged('post_install', '-at_install')
class TestDeferralReport(ReportCommon):
    def _by_month(self, order):
        return self._totals(
            'deferral.report',
            ['month:month'],
            ['amount', 'earned', 'deferred'],
            [('order_id', '=', order.id)],
        )

    def test_a_year_is_earned_day_by_day(self):
        with freeze_time('2027-01-15 10:00:00'):
            order = self._create_active_order(
                (self.gym, 1, 1000.0),
                (self.fee, 1),
                billing_interval_unit='year',
                billing_interval_count=1,
            )
        with freeze_time('2027-02-28 10:00:00'):
            months = list(self._by_month(order).values())
        self.assertEqual(len(months), 13)
        # 17 of 365 days in January, all 28 of February.
        self.assertEqual(months[0], (46.58, 46.58, 0.0))
        self.assertEqual(months[1], (76.71, 76.71, 0.0))
        self.assertEqual(months[2][1:], (0.0, months[2][0]))
        self.assertEqual(round(sum(month[0] for month in months), 2), 1000.0)
        self.assertEqual(round(sum(month[2] for month in months), 2), 876.71)

    def test_it_adds_up_to_the_ledger(self):
        start = datetime(2027, 1, 20, 10)
        with freeze_time(start):
            order = self._create_active_order((self.gym, 1, 33.33))
            failing = self._create_active_order(state='error')
        self._pass_months(start, 2)
        with freeze_time('2027-03-21 10:00:00'):
            self._refund(order, 12.1)
            failing.billing_token_id = self._create_token()
            failing._billing_request_collection(failing.billing_outstanding)
            self._run()
            totals = self._totals('deferral.report', ['order_id'], ['amount', 'earned', 'deferred'])
            # The last period of 31 days began yesterday.
            last = self.env['billpro.deferral.report'].search(
                [('order_id', '=', order.id), ('period_start', '=', '2027-03-20')]
            )
            for billed in (order, failing):
                moves = billed.billing_move_ids.filtered(lambda move: move.state == 'posted')
                net = sum(
                    move.amount_untaxed if move.move_type == 'out_invoice' else -move.amount_untaxed
                    for move in moves
                )
                self.assertAlmostEqual(totals[billed.id][0], net, places=2)
            self.assertAlmostEqual(sum(last.mapped('amount')), 23.33, places=2)
            self.assertAlmostEqual(sum(last.mapped('earned')), 1.51, places=2)
            self.assertAlmostEqual(sum(last.mapped('deferred')), 21.82, places=2)

    def test_nothing_is_left_to_earn_after_the_end(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order()
        with freeze_time('2027-01-12 10:00:00'):
            order._billing_cancel_subscription(at_once=True)
            self.assertEqual(
                self._totals('deferral.report', ['order_id'], ['earned', 'deferred']),
                {order.id: (20.0, 0.0)},
            )
