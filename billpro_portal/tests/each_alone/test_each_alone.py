from datetime import timedelta

import psycopg2
from freezegun import freeze_time

from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.account.models.account_move import AccountMove
from odoo.addons.sale.models.sale_order import SaleOrder

from ...billing.backoff import OWN_TRANSACTION
from ...models.charging.billing_run import BillproBillingRun
from ...models.checkout.sale_order import SaleOrder as OrderToPay
from ...models.notices.notification import BillproNotification
from ...models.schedule.sale_order import SaleOrder as PausedOrder
from ..common.each_alone import (
    DUE,
    LOGGER,
    RAISED,
    TRIES,
    EachAloneCommon,
    break_database,
    forget_key,
    redirect,
)


@tagged('post_install', '-at_install')
class TestEachAlone(EachAloneCommon):
    def test_booking(self):
        orders = self._create_due_orders()
        bad, good = orders[:2], orders[2:]
        events = bad.billing_event_ids
        errors = dict(zip(bad, (redirect, break_database), strict=True))
        # Only once they are charged: otherwise they would not be.
        with self._broken_for(
            AccountMove,
            '_post',
            errors,
            lambda moves: moves.billing_order_id.filtered(
                lambda order: order.billing_event_ids.status == 'processing'
            ),
        ):
            for delay in (*TRIES, timedelta(days=1)):
                with freeze_time(DUE + delay):
                    self._run()
                    if not delay:
                        self.assertTrue(all(events.mapped('status_message')))
                        self.assertFalse(bad.activity_ids)
            self.assertEqual(good.billing_paid, 48.4)
            self.assertEqual(events.mapped('status'), ['processing', 'processing'])
            self.assertEqual(self._get_failures('book').mapped('failure_count'), [4, 4])
            for order in bad:
                self._assert_set_aside(order, 'book', 'unbooked')
        with freeze_time(DUE + timedelta(days=1, hours=3)):
            self._run()
            self.assertEqual(events.mapped('status'), ['processing', 'processing'])
            self._try_again(bad[0])
            self._run()
            self.assertEqual(events.mapped('status'), ['completed', 'processing'])
        with freeze_time(DUE + timedelta(days=3)):
            self._run()  # Nobody need ask for it.
        self.assertEqual(events.mapped('status'), ['completed', 'completed'])
        self.assertEqual([len(event.transaction_ids) for event in events], [1, 1])
        self.assertFalse(self._get_failures('book'))
        self.assertFalse(self._get_rows(bad))
        for order in orders:
            self._assert_books_closed(order)

    def test_opening(self):
        orders = self._create_due_orders()
        bad = orders[:2]
        events = bad.billing_event_ids
        errors = dict(zip(bad, (redirect, forget_key), strict=True))
        with self._broken_for(SaleOrder, '_prepare_invoice', errors):
            for delay in (*TRIES, timedelta(days=1)):
                with freeze_time(DUE + delay):
                    self._run()
            self.assertEqual(orders.mapped('billing_paid'), [24.2, 24.2, 48.4])
            self.assertFalse(events.transaction_ids)
            self.assertTrue(all(events.mapped('status_message')))
            for order in bad:
                self._assert_set_aside(order, 'open')
        with freeze_time(DUE + timedelta(days=1)):
            self._try_again(bad)
            self._run()
        self.assertEqual(bad.mapped('billing_paid'), [48.4, 48.4])
        self.assertFalse(self._get_rows(bad))
        self.assertFalse(any(events.mapped('status_message')))

    def test_what_became_needless_is_not_listed_any_more(self):
        order = self._create_due_orders(1)
        with self._broken(SaleOrder, '_prepare_invoice', lambda order: True, forget_key):
            for delay in TRIES:
                with freeze_time(DUE + delay):
                    self._run()
            self._assert_set_aside(order, 'open')
            with freeze_time(DUE + timedelta(days=1)):
                order.billing_event_ids._skip()
                self._run()
        self.assertFalse(self._get_failures('open'))
        self.assertFalse(self._get_rows(order))

    def test_what_cannot_be_opened_is_collected_by_hand(self):
        orders = self._create_due_orders(1)
        with self._broken(SaleOrder, '_prepare_invoice', lambda order: True, forget_key):
            for delay in TRIES:
                with freeze_time(DUE + delay):
                    self._run()
            with freeze_time(DUE + timedelta(days=1)):
                ids = orders.billing_event_ids.ids
                with self._committing_env(self.billing_manager) as env:
                    action = env['billpro.billing.event'].browse(ids).action_execute_now()
                self.assertIn("l10n_xx_state", action['params']['message'])
        self.assertEqual(len(orders.activity_ids), 1)
        with (
            freeze_time(DUE + timedelta(days=1)),
            self._committing_env(self.billing_manager) as env,
        ):
            action = env['billpro.billing.event'].browse(ids).action_execute_now()
        self.assertEqual(action['params']['message'], "1 charged, 0 declined, 0 unknown.")
        self.assertFalse(self._get_failures('open'))

    def test_an_initial_payment(self):
        with freeze_time(DUE) as clock:
            orders = self.env['sale.order'].union(*(self._create_order() for _n in range(3)))
            bad = orders[:2]
            for order in orders:
                self._create_initial_transaction(order, 'done')
            errors = dict(zip(bad, (redirect, break_database), strict=True))
            with self._broken_for(SaleOrder, 'action_confirm', errors):
                for delay in (*TRIES, timedelta(days=1)):
                    clock.move_to(DUE + delay)
                    self._post_process()
                self.assertEqual(
                    orders.mapped('billing_status'), ['pending', 'pending', 'complete']
                )
                for order in bad:
                    self._assert_set_aside(order, 'book', 'unbooked')
                    self.assertEqual(self._get_rows(order).amount, 121.0)
            # A person may come after Odoo's job has given up.
            clock.move_to(DUE + timedelta(days=9))
            self._try_again(bad)
            self._post_process()
            self.assertEqual(bad.mapped('billing_status'), ['complete', 'complete'])
            self.assertFalse(self._get_rows(bad))
            for order in bad:
                self._assert_books_closed(order)

    def _post_process(self):
        with self.enter_registry_test_mode():
            self.env.ref('payment.cron_post_process_payment_tx').method_direct_trigger()
        self.env.invalidate_all()
        self.env['account.move']._get_sequence_cache().clear()

    def test_notices(self):
        with freeze_time(DUE) as clock:
            orders = self.env['sale.order'].union(*(self._create_paid_order() for _n in range(3)))
            bad = orders[:2].billing_notification_ids
            errors = dict(zip(orders[:2], (redirect, forget_key), strict=True))
            with self._broken_for(
                BillproNotification, '_send_mail', errors, lambda notice: notice.order_id
            ):
                self._run_job()
                self.assertEqual(orders[2].billing_notification_ids.state, 'handed_over')
                self.assertTrue(all(bad.mapped('failure_reason')))
                self.assertEqual(bad.mapped('state'), ['queued', 'queued'])
                self.assertEqual(set(bad.mapped('send_date')), {DUE + OWN_TRANSACTION[0]})
                for delay in (*TRIES, timedelta(days=1)):
                    clock.move_to(DUE + delay)
                    self._run_job()
                self.assertEqual(bad.mapped('state'), ['failed', 'failed'])
                self.assertEqual([len(order.activity_ids) for order in orders[:2]], [1, 1])
            bad.with_user(self.salesperson).action_send_again()
            self._run_job()
            self.assertEqual(bad.mapped('state'), ['handed_over', 'handed_over'])
            self.assertFalse(any(bad.mapped('failure_reason')))
            self.assertFalse(self._get_failures('send'))

    def test_dates(self):
        orders = self._create_due_orders()
        bad = orders[:2]
        with freeze_time(DUE - timedelta(days=20)):
            for order in orders:
                order._billing_pause((DUE - timedelta(days=1)).date())
        errors = dict(zip(bad, (forget_key, break_database), strict=True))
        with self._broken_for(PausedOrder, '_billing_resume', errors):
            for delay in (*TRIES, timedelta(days=1)):
                with freeze_time(DUE + delay):
                    self._run()
            self.assertEqual(orders.mapped('billing_status'), ['paused', 'paused', 'active'])
            for order in bad:
                self._assert_set_aside(order, 'resume')
        with freeze_time(DUE + timedelta(days=2)):
            self._try_again(bad)
            self._run()
        self.assertEqual(bad.mapped('billing_status'), ['active', 'active'])
        self.assertFalse(self._get_rows(bad))

    def test_reminders(self):
        self.company.billing_reminder_days = '3'
        with freeze_time(DUE - timedelta(days=4)):
            orders = self.env['sale.order'].union(*(self._create_order() for _n in range(3)))
        bad = orders[0]
        with (
            freeze_time(DUE),
            self._broken(
                OrderToPay,
                '_billing_get_not_payable_reason',
                lambda order: order.id == bad.id,
                forget_key,
            ),
        ):
            self._queue_timed()
        reminded = [bool(order.billing_notification_ids) for order in orders]
        self.assertEqual(reminded, [False, True, True])
        self.assertEqual(self._get_failures('remind').reason, "KeyError: 'l10n_xx_state'")
        with freeze_time(DUE + OWN_TRANSACTION[0]):
            self._queue_timed()
        self.assertTrue(bad.billing_notification_ids)
        self.assertFalse(self._get_failures('remind'))

    def _queue_timed(self):
        with self.enter_registry_test_mode():
            self.env.ref('billpro_portal.cron_queue_timed_notifications').method_direct_trigger()
        self.env.invalidate_all()

    def test_a_part_of_the_job_that_breaks_off_keeps_nothing_from_being_collected(self):
        orders = self._create_due_orders(1)
        with self._broken(
            BillproBillingRun, '_get_orders_to_resume', lambda _run: True, break_database
        ):
            self._run_at()
            self._run_at(minutes=5)
            self.assertFalse(self._get_admin_activities())
            self._run_at(hours=2)
            self._run_at(hours=3)
        self.assertEqual(orders.billing_paid, 48.4)
        self.assertEqual(len(self._get_admin_activities()), 1)
        self._run_at(hours=4)
        self.assertFalse(self._get_failures('dates'))

    def test_a_search_that_breaks_off_keeps_the_other_dates(self):
        orders = self._create_due_orders(1)
        with freeze_time(DUE - timedelta(days=20)):
            orders._billing_pause((DUE - timedelta(days=1)).date())
        with self._broken(
            BillproBillingRun, '_get_orders_to_end', lambda _run: True, break_database
        ):
            self._run_at()
        self.assertEqual((orders.billing_status, orders.billing_paid), ('active', 48.4))
        self.assertEqual(len(self._get_failures('dates')), 1)
        self._run_at(hours=1)
        self.assertFalse(self._get_failures('dates'))

    def _get_admin_activities(self):
        return self.env['mail.activity'].search([('summary', 'ilike', "Set aside")])

    def test_who_gives_way_has_not_failed(self):
        orders = self._create_due_orders(2)
        bad = orders[0]

        def give_way(_env):
            raise psycopg2.errors.SerializationFailure

        with self._broken(
            PausedOrder, '_billing_resume', lambda order: order.id == bad.id, give_way
        ):
            for order in orders:
                order._billing_pause((DUE - timedelta(days=1)).date())
            self._run_at()
        self.assertEqual(orders.mapped('billing_status'), ['paused', 'active'])
        self.assertFalse(self._get_failures('resume'))
        self._run_at()
        self.assertEqual(bad.billing_status, 'active')

    def test_who_is_held_holds_up_nobody_else(self):
        orders = self._create_due_orders(2)

        def hold(_env):
            raise psycopg2.errors.LockNotAvailable

        with self._broken_for(SaleOrder, '_prepare_invoice', {orders[0]: hold}):
            self._run_at()
        self.assertEqual(orders.mapped('billing_paid'), [24.2, 48.4])
        self.assertFalse(self._get_failures('open'))
        self._run_at()
        self.assertEqual(orders.mapped('billing_paid'), [48.4, 48.4])

    @mute_logger(LOGGER, 'odoo.sql_db')
    def test_whatever_is_raised(self):
        order = self._create_order()
        for raises in RAISED:
            with self.subTest(raises.__name__), self._committing_env() as env:
                record = env['sale.order'].browse(order.id)
                own = env['billpro.own.transaction']

                def act(record=record, raises=raises):
                    record.client_order_ref = "Half done"
                    raises(record.env)

                self.assertFalse(own._commit_alone(record, 'resume', act))
                self.assertFalse(record.client_order_ref)
                failure = env['billpro.failure']._search_of(record, 'resume')
                self.assertTrue(failure.reason)
                self.assertEqual((failure.failure_count, failure.order_id), (1, record))
                results, failed = own._split_until_alone(
                    [record], 'resume', lambda _records, act=act: act()
                )
                self.assertEqual((results, failed), ([], record))
                self.assertFalse(record.client_order_ref)
                self.assertEqual(failure.failure_count, 2)
                self.assertTrue(own._commit_alone(record, 'resume', lambda: None))
                self.assertFalse(failure.exists())

    @mute_logger(LOGGER)
    def test_a_record_that_is_deleted_meanwhile_is_not_missed(self):
        order = self._create_order()
        with self._committing_env() as env:
            notice = env['billpro.notification'].create(
                {'kind': 'order_ready', 'order_id': order.id, 'fact': 'test'}
            )
            notice.unlink()
            env.cr.commit()
            own = env['billpro.own.transaction']
            is_done = own._commit_alone(notice, 'send', lambda: notice.kind)
        self.assertFalse(is_done)
        self.assertFalse(self._get_failures('send'))

    def test_a_taken_reference(self):
        orders = self._create_due_orders(2)
        event, other = orders.billing_event_ids
        taken = self._create_initial_transaction(
            self._create_order(partner=self.other_customer),
            reference=f'{orders[0].name}-E{event.id}-A1',
            billing_order_id=False,
        )
        self._run_at()
        self.assertEqual(orders.mapped('billing_paid'), [48.4, 48.4])
        self.assertEqual(event.transaction_ids.reference, f'{taken.reference}-1')
        self.assertEqual(other.transaction_ids.reference, f'{orders[1].name}-E{other.id}-A1')
        self.assertEqual(taken.state, 'draft')

    def test_only_billing_users_try_again(self):
        order = self._create_due_orders(1)
        with self._broken(SaleOrder, '_prepare_invoice', lambda order: True, forget_key):
            for delay in TRIES:
                with freeze_time(DUE + delay):
                    self._run()
        with self.assertRaises(AccessError):
            self._get_rows(order).with_user(self.salesperson).action_try_again()
