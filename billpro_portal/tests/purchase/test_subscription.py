from datetime import date, datetime
from unittest.mock import patch

from dateutil.relativedelta import relativedelta
from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from ...models.rights.own_context import INSIDE
from ..common.nightly import IS_NIGHTLY, nightly, some
from ..common.subscription import SubscriptionCommon


@tagged('post_install', '-at_install')
class TestSubscription(SubscriptionCommon):
    def test_first_payment_and_schedule(self):
        with freeze_time('2027-01-31 10:00:00'):
            order = self._create_active_order((self.gym, 2), (self.fee, 1))
        self.assertEqual(order.billing_status, 'active')
        self.assertEqual(order.billing_anchor_date, date(2027, 1, 31))
        self.assertEqual(order.billing_paid, 60.5)
        self.assertEqual(order.billing_token_id.payment_details, '4242')
        self.assertRecordValues(
            order.billing_event_ids,
            [
                {
                    'number': 2,
                    'amount': 48.4,
                    'status': 'scheduled',
                    'due_date': datetime(2027, 2, 28, 8),
                    'period_start': date(2027, 2, 28),
                    'period_end': date(2027, 3, 30),
                }
            ],
        )
        invoice = order.billing_move_ids
        self.assertEqual(invoice.amount_total, 60.5)
        self.assertIn("01/31/2027 to 02/27/2027", invoice.invoice_line_ids[0].name)
        self.assertEqual(invoice.invoice_line_ids[1].name, "Sign-up fee")
        self._assert_books_closed(order)

    def test_a_line_that_goes_with_each_period(self):
        with freeze_time('2027-01-31 10:00:00'):
            order = self._create_order((self.fee, 1), (self.gym, 2), (self.meal, 1))
            meal = order.order_line[2]
            self.assertEqual(order.order_line.mapped('billing_each_period'), [False, True, False])
            meal.billing_each_period = True
            purchase = order._get_purchase()
            self.assertEqual(purchase._get_initial_amount(order), 74.32)
            self.assertEqual(purchase._get_period_amount(order), 62.22)
            self.assertIn("62.22", str(purchase._get_later_terms(order)))
            self.assertEqual(purchase._get_mandate_terms(order)['amount'], 74.32)
            self._create_initial_transaction(
                order, 'done', token_id=self._create_token().id
            )._post_process()
        with freeze_time('2027-02-28 10:00:00'):
            self._run()
            mrr = self.env['billpro.mrr.report'].search([('order_id', '=', order.id)])
            self.assertEqual(set(mrr.mapped('mrr')), {52.34})
            cash = self.env['billpro.cash.report'].search([('order_id', '=', order.id)])
            self.assertEqual(set(cash.mapped('amount')), {62.22})
        self.assertEqual(order.billing_paid, 136.54)
        self.assertEqual(order.billing_event_ids.mapped('amount'), [62.22, 62.22])
        second = order.billing_move_ids.sorted('id')[1]
        self.assertEqual(second.invoice_line_ids.mapped('quantity'), [2, 1])
        self.assertIn("Lunch\n02/28/2027 to 03/30/2027", second.invoice_line_ids[1].name)
        with freeze_time('2027-03-01 10:00:00'):
            meal.with_user(self.billing_manager).billing_each_period = False
        self.assertEqual(order.billing_event_ids[1].amount, 48.4)
        self._assert_books_closed(order)

    def test_a_service_invoiced_on_delivery_has_nothing_to_credit(self):
        """It is charged before anybody says that it was delivered."""
        self.gym.invoice_policy = 'delivery'
        with freeze_time('2027-01-31 10:00:00'):
            order = self._create_active_order((self.gym, 2), (self.fee, 1))
        line = order.order_line[0]
        for day, delivered in (('2027-02-28', 0), ('2027-03-31', 1)):
            line.qty_delivered = delivered
            self.assertEqual((line.qty_to_invoice, order.invoice_status), (0, 'invoiced'))
            with freeze_time(f'{day} 10:00:00'):
                self._run()
            self.assertEqual((line.qty_to_invoice, order.invoice_status), (0, 'invoiced'))
        self.assertEqual(order.billing_paid, 157.3)
        self._assert_books_closed(order)

    def test_more_of_a_one_off_service_than_was_charged_is_to_be_invoiced(self):
        self.fee.invoice_policy = 'delivery'
        with freeze_time('2027-01-31 10:00:00'):
            order = self._create_active_order((self.gym, 1), (self.fee, 1))
        line = order.order_line[1]
        line.qty_delivered = 3
        self.assertEqual((line.qty_to_invoice, order.invoice_status), (2, 'to invoice'))

    def test_a_trial_charges_no_line_of_its_periods(self):
        order = self._create_order((self.gym, 1), (self.fee, 1), (self.meal, 1), sent=False)
        order.order_line[2].billing_each_period = True
        order.billing_trial_days = 14
        purchase = order._get_purchase()
        self.assertEqual(purchase._get_initial_amount(order), 12.1)
        self.assertEqual(purchase._get_period_amount(order), 38.02)

    def test_only_billing_users_change_what_each_period_charges(self):
        with freeze_time('2027-01-31 10:00:00'):
            order = self._create_active_order((self.gym, 1), (self.meal, 1))
            with self.assertRaisesRegex(AccessError, "only billing users"):
                order.order_line[1].with_user(self.salesperson).billing_each_period = True
        self.assertEqual(order.billing_event_ids.amount, 24.2)

    @nightly("Each date is counted without a database, and some are drawn, for each change.")
    def test_36_months_from_31_january(self):
        # The first three have an end of February, and a 31st and a 30th after it; the calendar's
        # own tests count all of them.
        months = 36 if IS_NIGHTLY else 3
        start = datetime(2027, 1, 31, 10)
        with freeze_time(start):
            order = self._create_active_order()
        for month in range(1, months + 1):
            with freeze_time(start + relativedelta(months=month, day=31)):
                self._run()
        events = order.billing_event_ids.sorted('number')
        self.assertEqual(events.mapped('number'), list(range(2, months + 3)))
        self.assertEqual(set(events[:-1].mapped('status')), {'completed'})
        self.assertEqual(events[-1].status, 'scheduled')
        common_year = [28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31]
        leap_year = [29, *common_year[1:]]
        self.assertEqual(
            [event.period_start.day for event in events],
            [*common_year, *leap_year, *common_year, 28][: months + 1],
        )
        self.assertEqual(order.billing_paid, (months + 1) * 24.2)
        self.assertEqual(len(order.billing_move_ids), months + 1)
        self.assertEqual(set(order.billing_move_ids.mapped('amount_total')), {24.2})
        self.assertEqual(order.billing_balance, 0)
        self.assertEqual(order.order_line.qty_invoiced, 1)
        self._assert_books_closed(order)

    def test_each_invoice_has_the_analytic_distribution(self):
        plan = self.env['account.analytic.plan'].create({'name': "Studios"})
        ghent, bruges = self.env['account.analytic.account'].create(
            [{'name': name, 'plan_id': plan.id} for name in ("Ghent", "Bruges")]
        )
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_order((self.gym, 1), (self.gym, 1, 10.0))
            lines = order.order_line
            lines[0].analytic_distribution = {str(ghent.id): 100}
            lines[1].analytic_distribution = {str(bruges.id): 100}
            self._create_initial_transaction(
                order, 'done', token_id=self._create_token().id
            )._post_process()
        with freeze_time('2027-02-01 10:00:00'):
            order.billing_event_ids._reschedule(date(2027, 2, 10), 48.4)
        for moment in ('2027-02-10 10:00:00', '2027-03-10 10:00:00'):
            with freeze_time(moment):
                self._run()
        for invoice in order.billing_move_ids:
            lines = invoice.invoice_line_ids
            self.assertTrue(all(lines.mapped('analytic_distribution')))
            self.assertEqual(
                [line.analytic_distribution for line in lines[:2]],
                [{str(ghent.id): 100}, {str(bruges.id): 100}],
            )
        self.assertEqual(len(order.billing_move_ids), 3)

    def test_a_combo(self):
        yearly = self.gym.copy({'name': "Locker", 'billing_interval_unit': 'year'})
        towel = self._create_sold_product("Towel", 5.0, self.tax_6, False)
        combos = self.env['product.combo'].create(
            [
                {
                    'name': part.name,
                    'company_id': self.company.id,
                    'combo_item_ids': [Command.create({'product_id': part.id})],
                }
                for part in (yearly, towel)
            ]
        )
        combo = self.gym.copy(
            {
                'name': "All inclusive",
                'type': 'combo',
                'combo_ids': [Command.set(combos.ids)],
                'list_price': 30.0,
                'taxes_id': False,
            }
        )
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_order((combo, 1), sent=False)
            order.order_line = [
                Command.create(
                    {
                        'product_id': item.product_id.id,
                        'combo_item_id': item.id,
                        'linked_line_id': order.order_line[0].id,
                    }
                )
                for item in combos.combo_item_ids
            ]
            self.assertEqual(order.amount_untaxed, 30.0)
            amount = order.amount_total
            terms = {row['label']: row['value'] for row in order._get_purchase()._get_terms(order)}
            self.assertIn(f"{amount:.2f} every month", terms["Then"])
            self._create_initial_transaction(
                order, 'done', token_id=self._create_token().id
            )._post_process()
        for moment in ('2027-02-10 10:00:00', '2027-03-10 10:00:00'):
            with freeze_time(moment):
                self._run()
        self.assertEqual(order.billing_move_ids.mapped('amount_total'), [amount] * 3)
        self.assertAlmostEqual(order.billing_paid, 3 * amount, places=2)
        with freeze_time('2027-03-10 10:00:00'):
            mrr = self.env['billpro.mrr.report'].search([('order_id', '=', order.id)])
            self.assertEqual(set(mrr.mapped('mrr')), {30.0})
        self._assert_books_closed(order)

    def test_due_times_follow_daylight_saving(self):
        with freeze_time('2027-02-28 10:00:00'):
            order = self._create_active_order()
        with freeze_time('2027-03-31 12:00:00'):
            self._run()
        self.assertEqual(
            order.billing_event_ids.sorted('number').mapped('due_date'),
            [datetime(2027, 3, 31, 7), datetime(2027, 4, 30, 7)],
        )

    def test_nothing_is_collected_early_or_twice(self):
        with freeze_time('2027-01-15 10:00:00'):
            order = self._create_active_order()
        with freeze_time('2027-02-15 07:59:59'):
            self._assert_nothing_due(order)
        with freeze_time('2027-02-15 08:00:00'):
            self._run()
            self.assertEqual(order.billing_paid, 48.4)
            self._assert_nothing_due(order)

    def test_trial(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order(billing_trial_days=14)
            self.assertEqual(order.billing_status, 'active')
            self.assertEqual(order.billing_paid, 0)
            self.assertFalse(order.billing_move_ids)
            self.assertFalse(order.billing_transaction_ids.payment_id)
            self.assertEqual(order.billing_anchor_date, date(2027, 1, 24))
            event = order.billing_event_ids
            self.assertEqual(
                (event.number, event.period_start, event.amount), (1, date(2027, 1, 24), 24.2)
            )
            self._assert_nothing_due(order)
        with freeze_time('2027-01-24 10:00:00'):
            self._run()
        self.assertEqual(order.billing_paid, 24.2)
        self.assertEqual(order.order_line.qty_invoiced, 1)
        self._assert_books_closed(order)

    @nightly("The life cycle that is drawn ends after some for each change.")
    def test_a_number_of_periods(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order(billing_cycles=3)
        for month in (2, 3, 4):
            with freeze_time(f'2027-{month:02d}-10 10:00:00'):
                self._run()
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual(order.billing_paid, 72.6)
        self.assertEqual(len(order.billing_event_ids), 2)

    def test_an_end_date(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order(billing_end_date='2027-02-10')
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual(order.billing_paid, 48.4)

    def test_a_first_payment_discount(self):
        order = self._create_order((self.gym, 1), (self.fee, 1, -5.0), sent=False)
        purchase = order._get_purchase()
        self.assertEqual(purchase._get_initial_amount(order), 18.15)
        self.assertEqual(purchase._get_period_amount(order), 24.2)
        order.order_line[1].price_unit = -30
        with self.assertRaisesRegex(ValidationError, "higher than its first payment"):
            order.action_open_order_link()

    def test_missed_periods(self):
        policies = (
            ('latest', 24.2 * 3, date(2027, 6, 10)),
            ('all', 24.2 * 5, date(2027, 6, 10)),
            ('none', 24.2 * 2, date(2027, 6, 10)),
        )
        for policy, paid, next_start in some(policies, 2):
            with self.subTest(policy):
                self.company.billing_missed_periods = policy
                with freeze_time('2027-01-10 10:00:00'):
                    order = self._create_active_order()
                with freeze_time('2027-05-15 10:00:00'):
                    self._run()
                    self._assert_nothing_due(order)
                self.assertAlmostEqual(order.billing_paid, paid, places=2)
                self.assertEqual(order.billing_next_event_id.period_start, next_start)
                self._assert_books_closed(order)

    def test_a_declined_payment(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order(state='error')
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
            event = order.billing_event_ids[0]
            self.assertEqual((event.status, event.attempt_count), ('soft_declined', 1))
            self.assertIn("error", event.status_message)
            self.assertEqual(order.billing_status, 'failed')
            self.assertEqual(order.billing_outstanding, 24.2)
            self.assertEqual(order.billing_balance, 24.2)
            self.assertEqual(event.invoice_id.state, 'draft')
            self.assertFalse(event.invoice_id.name)
            self._assert_nothing_due(order)
            order.billing_token_id = self._create_token()
            with self._committing_env(self.billing_manager) as env:
                env['billpro.billing.event'].browse(event.id).action_execute_now()
            self.assertEqual((event.status, event.attempt_count), ('recovered', 2))
        self.assertEqual(order.billing_status, 'active')
        self.assertEqual(order.billing_outstanding, 0)
        self.assertEqual(
            event.transaction_ids.sorted('id').mapped('reference'),
            [f'{order.name}-E{event.id}-A1', f'{order.name}-E{event.id}-A2'],
        )
        self.assertEqual(order.billing_next_event_id.period_start, date(2027, 3, 10))
        self._assert_books_closed(order)

    def test_a_late_answer_pays_a_declined_payment(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order(state='error')
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
            tx = order.billing_event_ids.transaction_ids
            tx._process('demo', {'reference': tx.reference, 'simulated_state': 'done'})
            tx._post_process()
        self.assertEqual(order.billing_event_ids[0].status, 'recovered')
        self.assertEqual(order.billing_status, 'active')
        self._assert_books_closed(order)

    def test_money_collected_twice_asks_a_person(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order(state='error')
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
            event = order.billing_event_ids[0]
            first = event.transaction_ids
            order.billing_token_id = self._create_token()
            with self._committing_env(self.billing_manager) as env:
                env['billpro.billing.event'].browse(event.id).action_execute_now()
            first._process('demo', {'reference': first.reference, 'simulated_state': 'done'})
            first._post_process()
        self.assertEqual(event.status, 'recovered')
        self.assertTrue(first.payment_id)
        self.assertFalse(first.payment_id.is_reconciled)
        self.assertIn("was collected twice", order.activity_ids.note)
        self.assertEqual(len(order.billing_move_ids), 2)

    def test_what_cannot_be_charged_is_left_alone_and_says_why(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order()
            other = self._create_active_order()
        self.provider.copy({'company_id': self.company.id}).state = 'disabled'
        order.billing_token_id.with_context(billing_archive_used_cards=INSIDE).active = False
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
        self.assertEqual(order.billing_event_ids.status, 'scheduled')
        self.assertIn("can't be charged any more", order.billing_event_ids.status_message)
        self.assertEqual(len(order.billing_move_ids), 1)
        self.assertEqual(other.billing_paid, 48.4)

    def test_a_batch_of_what_cannot_be_charged_keeps_nothing_else_waiting(self):
        with freeze_time('2027-01-10 10:00:00'):
            stuck = [self._create_active_order() for _number in range(3)]
        with freeze_time('2027-01-11 10:00:00'):
            order = self._create_active_order()
        for one in stuck:
            one.billing_token_id.with_context(billing_archive_used_cards=INSIDE).active = False
        with (
            freeze_time('2027-02-12 10:00:00'),
            patch('odoo.addons.billpro_portal.models.charging.billing_run.BATCH_SIZE', 2),
        ):
            self._run()
        self.assertEqual(order.billing_paid, 48.4)
        for one in stuck:
            self.assertEqual(one.billing_event_ids.status, 'scheduled')

    def test_a_pending_answer_waits(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order(state='pending')
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
            event = order.billing_event_ids
            tx = event.transaction_ids
            self.assertEqual((event.status, tx.state), ('processing', 'pending'))
            self._assert_nothing_due(order)
            with self.assertRaisesRegex(UserError, "can't be collected now"):
                event.action_execute_now()
            tx._process('demo', {'reference': tx.reference, 'simulated_state': 'done'})
            self._run()
        self.assertEqual(event.status, 'completed')
        self._assert_books_closed(order)

    def test_terms_are_fixed_once_agreed(self):
        order = self._create_active_order()
        with self.assertRaisesRegex(UserError, "can't be changed any more"):
            order.billing_interval_count = 2

    def test_locked_terms(self):
        self.gym.billing_lock_terms = True
        order = self._create_order((self.gym, 1), sent=False).with_user(self.salesperson)
        with self.assertRaisesRegex(UserError, "locks the payment terms"):
            order.billing_interval_count = 2

    def test_impossible_terms_are_refused(self):
        with (
            self.assertRaisesRegex(ValidationError, "interval of “Gym membership”"),
            self.env.cr.savepoint(),
        ):
            self.gym.billing_interval_count = 0
        order = self._create_order((self.gym, 1), sent=False)
        with (
            self.assertRaisesRegex(ValidationError, "must be at least 1"),
            self.env.cr.savepoint(),
        ):
            order.billing_interval_count = 0
        for values in (
            {'billing_end_date': '2101-01-01'},
            {'billing_cycles': 1201},
            {'billing_interval_count': 1201},
            {'billing_interval_count': 101, 'billing_interval_unit': 'year'},
            {'billing_trial_days': 36500},
        ):
            with self.assertRaisesRegex(ValidationError, "more than 100 years, or after 2100"):
                order.write(values)
        with self.assertRaisesRegex(ValidationError, "can.t be negative"):
            order.billing_trial_days = -1

    def test_one_off_products_alone_are_no_subscription(self):
        order = self._create_order((self.fee, 1), sent=False)
        self.assertEqual(order.purchase_type, 'single')
        order.order_line = [Command.create({'product_id': self.gym.id})]
        self.assertEqual(order.purchase_type, 'subscription')

    def test_a_run_reports_what_it_did(self):
        with freeze_time('2027-01-10 10:00:00'):
            for state in ('done', 'done', 'error'):
                self._create_active_order(state=state)
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
        run = self.env['billpro.billing.run'].search([], limit=1)
        self.assertRecordValues(
            run,
            [
                {
                    'due_count': 3,
                    'charged_count': 2,
                    'declined_count': 1,
                    'unknown_count': 0,
                    'failed_count': 0,
                }
            ],
        )
