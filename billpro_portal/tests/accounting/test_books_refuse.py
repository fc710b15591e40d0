from datetime import timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged

from ..common.books_refuse import BooksRefuseCommon
from ..common.each_alone import DUE
from ..common.nightly import nightly, some


@tagged('post_install', '-at_install')
class TestNotCharged(BooksRefuseCommon):
    """What can't be booked isn't charged."""

    def test_a_locked_day(self):
        orders = self._create_due_orders()
        self.company.sale_lock_date = DUE.date()
        for minutes in (0, 10, 600):
            self._run_at(minutes=minutes)
            self.assertFalse(orders.billing_event_ids.transaction_ids)
            rows = self._assert_told_once(orders, 'unbookable')
        self.assertIn("Sales Lock Date", rows[0].reason)
        self.assertIn("until it can be done", rows[0].next_step)
        self.assertEqual(rows.mapped('amount'), [24.2] * 3)
        self.assertIn("Sales Lock Date", orders.billing_event_ids[0].status_message)
        # By hand it isn't charged either.
        with freeze_time(DUE), self._committing_env(self.billing_manager) as env:
            action = (
                env['billpro.billing.event'].browse(orders[0].billing_event_ids.ids)
            ).action_execute_now()
        self.assertIn("Sales Lock Date", action['params']['message'])
        self.company.sale_lock_date = False
        self._run_at(hours=12)
        self.assertEqual(orders.mapped('billing_paid'), [48.4] * 3)
        self.assertFalse(self.env['billpro.failure'].search([]))
        self._assert_nothing_left(orders)

    def test_who_is_excepted_from_the_lock_is_asked_for(self):
        order = self._create_due_orders(1)
        self.company.sale_lock_date = DUE.date()
        with freeze_time(DUE):
            self.env['account.lock_exception'].create(
                {
                    'company_id': self.company.id,
                    'user_id': False,
                    'sale_lock_date': False,
                    'end_datetime': DUE + timedelta(days=1),
                }
            )
        self._run_at()
        self.assertEqual(order.billing_paid, 48.4)

    def test_whatever_the_books_need(self):
        journal = self.company_data['default_journal_sale']
        receivable = self.customer.property_account_receivable_id
        income = self.company_data['default_account_revenue']
        needed = (
            (self.company, 'fiscalyear_lock_date', DUE.date()),
            (self.company, 'tax_lock_date', (DUE + timedelta(days=1)).date()),
            (self.provider.journal_id, 'active', False),
            (journal, 'active', False),
            (receivable, 'active', False),
            (income, 'active', False),
        )
        for number, (record, field, broken) in enumerate(some(needed, 3)):
            with self.subTest(field=field, record=record.display_name):
                order = self._create_due_orders(1)
                mended = record[field]
                record[field] = broken
                self._run_at(days=number)
                self.assertFalse(order.billing_event_ids.transaction_ids)
                self._assert_told_once(order, 'unbookable')
                record[field] = mended
                self._run_at(days=number, hours=2)
                self.assertEqual(order.billing_paid, 48.4)
                self._assert_nothing_left(order)

    @nightly("A locked day is refused for each change.")
    def test_the_hard_lock_date(self):
        """It is never lifted: what falls due is collected on the first day after it."""
        order = self._create_due_orders(1)
        self.env['account.move'].search([('state', '=', 'draft')]).unlink()
        self.company.hard_lock_date = (DUE + timedelta(days=3)).date()
        for day in range(3):
            self._run_at(days=day)
            self.assertFalse(order.billing_event_ids.transaction_ids)
            self.assertIn("Hard Lock Date", self._assert_told_once(order, 'unbookable').reason)
        self._run_at(days=4, hours=2)
        self.assertEqual(order.billing_paid, 48.4)
        self._assert_nothing_left(order)

    def test_an_archived_currency_and_an_archived_tax(self):
        with freeze_time(DUE - timedelta(days=31)):
            pricelist = self._create_pricelist('CHF')
            order = self._create_order((self.gym, 1))
            order.pricelist_id = pricelist
            order.order_line.price_unit = 20.0
            self._create_initial_transaction(
                order, 'done', amount=24.2, token_id=self._create_token().id
            )._post_process()
        self.assertEqual(order.currency_id.name, 'CHF')
        self.tax_21.active = False  # What has it keeps it.
        order.currency_id.active = False
        for minutes in (0, 10, 600):
            self._run_at(minutes=minutes)
            self.assertFalse(order.billing_event_ids.transaction_ids)
            rows = self._assert_told_once(order, 'unbookable')
        self.assertIn("currency", rows.reason)
        order.currency_id.active = True
        self._run_at(hours=12)
        self.assertEqual(order.billing_paid, 48.4)
        self.assertEqual(order.billing_move_ids[:1].amount_tax, 4.2)
        self._assert_nothing_left(order)

    def test_mandatory_analytic_plans(self):
        plan = self.env['account.analytic.plan'].create(
            {
                'name': "Studios",
                'applicability_ids': [
                    Command.create({'business_domain': 'invoice', 'applicability': 'mandatory'})
                ],
            }
        )
        account = self.env['account.analytic.account'].create(
            {'name': "Ghent", 'plan_id': plan.id, 'company_id': self.company.id}
        )
        order = self._create_due_orders(1)
        self._run_at()
        self.assertFalse(order.billing_event_ids.transaction_ids)
        self.assertIn("analytic", self._assert_told_once(order, 'unbookable').reason)
        self.env['account.analytic.distribution.model'].create(
            {'partner_id': self.customer.id, 'analytic_distribution': {account.id: 100}}
        )
        self._run_at(hours=2)
        self.assertEqual(order.billing_paid, 48.4)
        self._assert_nothing_left(order)

    def test_one_that_differs_keeps_nobody_waiting(self):
        yoga = self._create_sold_product("Yoga", 20.0, self.tax_21, 'subscription')
        account = self.company_data['default_account_revenue'].copy({'name': "Old revenue"})
        yoga.property_account_income_id = account
        orders = self._create_due_orders(2)
        with freeze_time(DUE - timedelta(days=31)):
            odd = self._create_active_order((yoga, 1)) | self._create_active_order((yoga, 1))
        account.active = False
        self._run_at()
        self.assertEqual(orders.mapped('billing_paid'), [48.4] * 2)
        self.assertFalse(odd.billing_event_ids.transaction_ids)
        self._assert_told_once(odd, 'unbookable')
        account.active = True
        self._run_at(hours=2)
        self.assertEqual(odd.mapped('billing_paid'), [48.4] * 2)
        self._assert_nothing_left(odd)

    def test_the_checkout(self):
        with freeze_time(DUE):
            order = self._create_order((self.desk, 1))
            order._portal_ensure_token()
            self.company.sale_lock_date = DUE.date()
            for _time in range(2):
                answer = self._post_transaction(order)
                self.assertIn("Payment isn't possible just now", answer['error']['data']['message'])
                self.assertFalse(order.billing_transaction_ids)
                rows = self._assert_told_once(order, 'unbookable')
            self.assertIn("Sales Lock Date", rows.reason)
            self.assertEqual(rows.amount, 121.0)
            token = self._create_token()
            with self.assertRaisesRegex(UserError, "Sales Lock Date"):
                order._billing_create_initial_charge(token, has_consent=True)
        self._run_at(minutes=10)
        self._assert_told_once(order, 'unbookable')
        self.company.sale_lock_date = False
        self._run_at(hours=2)
        self.assertFalse(self._get_rows(order))
        self.assertFalse(self._get_activities(order))
        with freeze_time(DUE + timedelta(hours=2)):
            self.assertIn('result', self._post_transaction(order))

    def test_a_provider_that_is_switched_off(self):
        orders = self._create_due_orders(2)
        course = self._create_sold_product("Course", 100.0, self.tax_21, 'instalment')
        with freeze_time(DUE - timedelta(days=1)):
            orders |= self._create_active_order(
                (course, 1), billing_instalment_count=3, billing_deposit=21.0
            )
            ended = self._create_active_order()
            ended._billing_cancel_subscription(at_once=True)
        for state in ('enabled', 'disabled'):
            edited = self.provider.new(origin=self.provider)
            edited.state = state
            warning = edited._onchange_state_warn_before_disabling_tokens()['warning']
            self.assertIn("3 orders are charged to them", warning['message'])
        before = self.env['mail.activity'].search([])
        with freeze_time(DUE - timedelta(hours=1)):
            self.provider.state = 'disabled'
        activity = self.env['mail.activity'].search([]) - before
        self.assertEqual(len(activity), 1)
        self.assertEqual(activity.user_id, self.company._billing_get_person_to_ask())
        self.assertIn("3 orders need another card", activity.summary)
        for order in orders:
            self.assertIn(order.name, activity.note)
        for moment in (DUE - timedelta(hours=1), DUE + timedelta(hours=3)):
            with freeze_time(moment):
                self._run()
                rows = self._get_rows(orders)
                # Of each order the next payment, which may not be due yet.
                self.assertEqual(rows.mapped('kind'), ['card'] * 3)
                self.assertEqual(rows.order_id, orders)
                for row in rows:
                    self.assertIn("can't be charged any more", row.reason)
                    self.assertIn("Request card update", row.next_step)
                self.assertFalse(self._get_rows(ended))
        self.assertEqual(self.env['mail.activity'].search([]) - before, activity)
        self.provider.state = 'test'
        orders[0].billing_token_id = self._create_token()
        self._run_at(hours=4)
        self.assertEqual(orders[0].billing_paid, 48.4)
        self.assertFalse(self._get_rows(orders[0]))

    def test_staff_who_have_left(self):
        leader, other = (
            new_test_user(
                self.env,
                login=login,
                groups='sales_team.group_sale_salesman_all_leads',
                company_id=self.company.id,
            )
            for login in ('leader', 'other')
        )
        team = self.env['crm.team'].create({'name': "Gyms", 'user_id': leader.id})
        order = self._create_order((self.desk, 1))
        order.team_id = team
        self.assertEqual(order._billing_get_person_to_ask(), self.salesperson)
        order._billing_ask_staff('look', "Look", "Here")
        order.action_confirm()
        self.salesperson.action_archive()
        self.assertEqual(order.activity_ids.user_id, leader)
        order._billing_report_payment_on_account(
            self._create_initial_transaction(order, 'pending'), "Too much."
        )
        order.billing_transaction_ids._billing_ask_person_about_outcome()
        self.assertEqual(len(order.activity_ids), 3)
        self.assertEqual(order.activity_ids.user_id, leader)
        leader.active = False
        manager = self.company._billing_get_person_to_ask()
        self.assertTrue(manager.active)
        self.assertTrue(manager.has_group('billpro_portal.group_billing_manager'))
        self.assertIn(self.company, manager.company_ids)
        self.assertEqual(order.activity_ids.user_id, manager)
        # Nor somebody of another company.
        other.write(
            {
                'company_ids': [Command.set(self.env.ref('base.main_company').ids)],
                'company_id': self.env.ref('base.main_company').id,
            }
        )
        order.user_id = other
        self.assertEqual(order._billing_get_person_to_ask(), manager)


@tagged('post_install', '-at_install')
class TestNotBooked(BooksRefuseCommon):
    """Money that has moved is booked in the end."""

    def test_an_initial_payment(self):
        with freeze_time(DUE):
            order = self._create_order((self.gym, 1))
            order._portal_ensure_token()
            reference = self._post_transaction(order)['result']['reference']
            self.company.sale_lock_date = (DUE + timedelta(days=30)).date()
            self._simulate(reference, 'done')
            answer = self._call_json('/payment/status/poll', {})
            self.assertEqual(answer['result']['state'], 'done')
            page = self.url_open(self._link(order, '/result'))
            self.assertIn(
                "We have received your payment of $ 24.20", page.text.replace('\xa0', ' ')
            )
            self.assertNotIn("being processed", page.text)
            self.assertIn("received", order._billing_get_not_payable_reason())
        self._assert_booked_when_it_can_be(order)
        self.assertEqual(order.billing_status, 'active')

    def test_refunds(self):
        with freeze_time(DUE):
            order = self._create_paid_order()
            self.company.sale_lock_date = (DUE + timedelta(days=30)).date()
            refund = self._refund(order, 21.0)
            self.assertEqual((refund.state, order.billing_credited), ('done', 0.0))
        self._assert_booked_when_it_can_be(order)
        self.assertEqual((order.billing_refunded, order.billing_credited), (21.0, 21.0))

    def test_captures(self):
        self.provider.capture_manually = True
        with freeze_time(DUE):
            order = self._create_order()
            self._create_initial_transaction(order, 'done')._post_process()
            self.company.sale_lock_date = (DUE + timedelta(days=30)).date()
            with self._committing_env(self.billing_manager) as env:
                env['sale.order'].browse(order.id).sudo()._billing_create_capture(
                    121.0
                )._billing_send_capture_or_void()
            self.assertEqual(order.billing_status, 'active')
        self._assert_booked_when_it_can_be(order)
        self.assertEqual(order.billing_status, 'complete')

    def test_scheduled_payments(self):
        order = self._create_due_orders(1)
        event = order.billing_event_ids
        with freeze_time(DUE):
            with self._committing_env() as env:
                run = env['billpro.billing.run']
                tx = run._open(run._get_due_domain())
                tx._set_done()
            self.company.sale_lock_date = (DUE + timedelta(days=30)).date()
        self._assert_booked_when_it_can_be(order)
        self.assertEqual(event.status, 'completed')

    def _assert_booked_when_it_can_be(self, order):
        """Check that the scheduled action goes on trying, and closes what it told about."""
        # Odoo's own job is switched off along with the last provider.
        self.env.ref('payment.cron_post_process_payment_tx').active = False
        for minutes in (0, 6, 75):
            self._run_at(minutes=minutes)
        rows = self._assert_told_once(order, 'unbooked')
        self.assertIn("Sales Lock Date", rows.reason)
        self.assertIn("until it can be done", rows.next_step)
        for day in (1, 4):
            self._run_at(days=day)
            self._assert_told_once(order, 'unbooked')
        self.company.sale_lock_date = False
        self._run_at(days=5, hours=12)
        self._assert_nothing_left(order)
        self.assertFalse(self._get_failures('book'))
