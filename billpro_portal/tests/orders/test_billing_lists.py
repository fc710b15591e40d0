from datetime import datetime, timedelta

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..common.billing_lists import ListCommon

START = datetime(2027, 1, 10, 10)


@tagged('post_install', '-at_install')
class TestPendingOrders(ListCommon):
    def test_how_long_reminded_and_how_often(self):
        with freeze_time(START):
            order = self._create_order()
            order._billing_note_link_given('mail')._send()
        with freeze_time(START + timedelta(days=3, hours=1)):
            self.env['billpro.notification']._queue_reminders()
            order.billing_notification_ids.filtered(lambda n: n.state == 'queued')._send()
            order.invalidate_recordset()
            self.assertEqual(order.billing_pending_date, START)
            self.assertEqual(order.billing_pending_days, 3)
            self.assertEqual(order.billing_reminder_count, 1)
            self.assertEqual(order.billing_mail_state, 'handed_over')
            # A link that is sent again doesn't make the order a new one.
            order.order_link_sent_date = START + timedelta(days=3)
            self.assertEqual(order.billing_pending_days, 3)

    def test_many_are_reminded_and_cancelled_at_once(self):
        orders = self._create_order() + self._create_order()
        orders.with_user(self.salesperson).action_send_reminder()
        self.assertEqual(
            orders.billing_notification_ids.mapped('kind'), ['order_reminder', 'order_reminder']
        )
        paid = self._create_paid_order()
        with self.assertRaisesRegex(UserError, f"Order {paid.name} is not waiting"):
            (orders + paid).with_user(self.salesperson).action_cancel_unpaid()
        self.assertEqual(orders.mapped('billing_status'), ['pending', 'pending'])
        with self.assertRaises(AccessError):
            orders.with_user(self.accountant).action_cancel_unpaid()
        orders.with_user(self.salesperson).action_cancel_unpaid()
        self.assertEqual(orders.mapped('billing_status'), ['cancelled', 'cancelled'])
        self.assertEqual(orders.mapped('state'), ['cancel', 'cancel'])

    def test_groups_follow_the_life_of_an_order(self):
        self._create_order(sent=False)
        self._create_paid_order()
        self._create_active_order()
        self._create_order()
        groups = (
            self.env['sale.order']
            .with_context(read_group_expand=True)
            .web_read_group(
                [('purchase_type', '!=', False), ('company_id', '=', self.company.id)],
                ['billing_status'],
            )['groups']
        )
        self.assertEqual(
            [group['billing_status'] for group in groups],
            ['draft', 'pending', 'active', 'complete'],
        )


@tagged('post_install', '-at_install')
class TestBillingExceptions(ListCommon):
    def test_declined_payments(self):
        with freeze_time(START):
            soft, hard, fine = (
                self._create_active_order(state=state) for state in ('error', 'cancel', 'done')
            )
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
            rows = self._exceptions(soft, hard, fine)
            self.assertRecordValues(
                rows.sorted(lambda row: row.order_id.id),
                [
                    {
                        'order_id': soft.id,
                        'kind': 'retried',
                        'amount': 24.2,
                        'billing_status': 'failed',
                        'next_step': soft.billing_event_ids[0].next_step,
                    },
                    {
                        'order_id': hard.id,
                        'kind': 'card',
                        'amount': 24.2,
                        'billing_status': 'suspended',
                        'next_step': hard.billing_event_ids[0].next_step,
                    },
                ],
            )
            self.assertIn("error", rows.filtered(lambda row: row.order_id == soft).reason)
        for day in (11, 14, 21):
            with freeze_time(f'2027-02-{day} 10:00:00'):
                self._run()
        with freeze_time('2027-02-21 12:00:00'):
            self.assertEqual(self._exceptions(soft).kind, 'exhausted')

    def test_what_the_run_cannot_open(self):
        with freeze_time(START):
            order = self._create_active_order()
        order.billing_event_ids.amount = 30.0
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
            row = self._exceptions(order)
            self.assertRecordValues(row, [{'kind': 'blocked', 'amount': 30.0}])
            self.assertIn("the order was changed since", row.reason)

    def test_orders_in_review_and_suspended(self):
        course = self._create_sold_product("Course", 100.0, self.tax_21, 'instalment')
        with freeze_time(START):
            review = self._create_active_order(
                (course, 1), billing_instalment_count=2, billing_deposit=21.0
            )
            suspended = self._create_active_order()
            suspended._apply_billing_trigger('suspend', "A test.")
            review._apply_billing_trigger('review', "A test.")
            rows = self._exceptions(review, suspended).sorted(lambda row: row.order_id.id)
            self.assertRecordValues(
                rows,
                [
                    {'kind': 'review', 'amount': 100.0, 'event_id': False},
                    {'kind': 'suspended', 'amount': 24.2, 'event_id': False},
                ],
            )
            self.assertIn("were not collected", rows[0].reason)
            with self.assertRaisesRegex(UserError, "no payment that could be collected"):
                rows.with_user(self.billing_manager).action_execute_now()

    def test_many_are_retried_and_asked_for_cards_at_once(self):
        with freeze_time(START):
            orders = self._create_active_order(state='error') + self._create_active_order(
                state='error'
            )
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
            ids = self._exceptions(*orders).ids
            with self._committing_env(self.billing_manager) as env:
                rows = env['billpro.billing.exception'].browse(ids)
                action = rows.action_request_card_update()
            self.assertIn("2 orders", action['params']['message'])
            asked = orders.billing_notification_ids.filtered(lambda n: n.kind == 'card_update')
            self.assertEqual(len(asked), 2)
            for user in (self.salesperson, self.accountant):
                with self.assertRaises(AccessError):
                    self.env['billpro.billing.exception'].browse(ids).with_user(
                        user
                    ).action_execute_now()
            self.assertEqual(sum(orders.billing_event_ids.mapped('attempt_count')), 2)
            orders.billing_token_id.demo_simulated_state = 'done'
            with self._committing_env(self.billing_manager) as env:
                action = env['billpro.billing.exception'].browse(ids).action_execute_now()
            self.assertEqual(action['params']['message'], "2 charged, 0 declined, 0 unknown.")
            self.assertEqual(orders.mapped('billing_paid'), [48.4, 48.4])
            self.assertFalse(self._exceptions(*orders))


@tagged('post_install', '-at_install')
class TestCardExpiries(ListCommon):
    def test_states_on_their_days(self):
        with freeze_time(START):
            order = self._create_active_order()
            order.billing_token_id.card_expiry_date = '2027-05-31'
        expiries = self.env['billpro.card.expiry']
        domain = [('order_id', '=', order.id)]
        for day, state in (
            ('2027-04-14', 'valid'),
            ('2027-04-15', 'expiring'),
            ('2027-05-31', 'expiring'),
            ('2027-06-01', 'expired'),
        ):
            with freeze_time(f'{day} 12:00:00'):
                self.env.invalidate_all()
                row = expiries.search(domain)
                self.assertEqual((day, row.state), (day, state))
                self.assertEqual(row.state, order.billing_token_id.card_state)
        self.assertEqual(row.amount, 24.2)
        self.assertEqual(row.card_name, order.billing_token_id._get_card_name())
        self.assertFalse(row.asked_date)
        with freeze_time('2027-06-01 12:00:00'):
            row.with_user(self.billing_manager).action_request_card_update()
            self.env.invalidate_all()
            self.assertTrue(expiries.search(domain).asked_date)
            order._billing_cancel_subscription(at_once=False)
            self.assertFalse(expiries.search(domain))
