from freezegun import freeze_time
from psycopg2.errors import UniqueViolation

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..common.billing import BillingCommon
from ..common.nightly import nightly


@tagged('post_install', '-at_install')
class TestBooking(BillingCommon):
    def test_an_approved_payment_completes_the_order(self):
        order = self._create_order((self.desk, 2), (self.book, 3), (self.meal, 1))
        self.assertEqual(order.amount_total, 361.81)
        tx = self._create_initial_transaction(order, 'done')
        tx._post_process()
        self.assertEqual((order.state, order.billing_status), ('sale', 'complete'))
        invoice = order.billing_move_ids
        self.assertRecordValues(
            invoice,
            [
                {
                    'move_type': 'out_invoice',
                    'state': 'posted',
                    'payment_state': 'paid',
                    'amount_untaxed': 312.33,
                    'amount_tax': 49.48,
                    'amount_total': 361.81,
                    'amount_residual': 0.0,
                    'partner_id': self.customer.id,
                    'invoice_origin': order.name,
                }
            ],
        )
        self.assertEqual(tx.invoice_ids, invoice)
        self.assertEqual(order.invoice_status, 'invoiced')
        self.assertEqual(order.order_line.mapped('qty_invoiced'), [2, 3, 1])
        self.assertEqual(
            (
                order.billing_paid,
                order.billing_refunded,
                order.billing_credited,
                order.billing_balance,
            ),
            (361.81, 0, 0, 0),
        )
        self._assert_books_closed(order)

    def test_products_invoiced_on_delivery_are_invoiced_when_paid(self):
        self.desk.invoice_policy = 'delivery'
        order = self._create_paid_order()
        self.assertEqual(order.billing_move_ids.amount_total, 121.0)
        self._assert_books_closed(order)

    def test_currencies_to_their_last_minor_unit(self):
        for currency, price, quantity, total in (
            ('EUR', 99.99, 3, 362.96),
            ('JPY', 1001, 3, 3634),
            ('KWD', 10.001, 3, 36.304),
        ):
            with self.subTest(currency):
                order = self._create_order(
                    (self.desk, quantity, price), (self.desk, 0), currency=currency
                )
                self.assertEqual(order.currency_id.name, currency)
                self.assertEqual(order.currency_id.round(order.amount_total), total)
                self._create_initial_transaction(order, 'done')._post_process()
                self.assertEqual(order.billing_status, 'complete')
                self.assertEqual(order.billing_move_ids.currency_id, order.currency_id)
                self.assertEqual(order.billing_move_ids.amount_total, total)
                self.assertEqual(order.billing_paid, total)
                self.assertEqual(order.billing_balance, 0)
                self._assert_books_closed(order)

    def test_booking_twice_books_once(self):
        order = self._create_order()
        tx = self._create_initial_transaction(order, 'done')
        for _time in range(3):
            tx._post_process()
        self.assertEqual(len(order.billing_move_ids), 1)
        self.assertEqual(
            self.env['account.payment'].search_count([('payment_transaction_id', '=', tx.id)]), 1
        )
        self.assertEqual(len(order.billing_notification_ids), 1)

    def test_the_job_books_what_no_browser_came_back_for(self):
        order = self._create_order()
        self._create_initial_transaction(order, 'done')
        self.assertEqual(order.billing_status, 'pending')
        cron = self.env.ref('payment.cron_post_process_payment_tx')
        with self.enter_registry_test_mode():
            cron.method_direct_trigger()
        self.assertEqual(order.billing_status, 'complete')
        self._assert_books_closed(order)

    def test_a_declined_payment_books_nothing(self):
        order = self._create_order()
        tx = self._create_initial_transaction(order, 'error')
        tx._post_process()
        self.assertEqual((order.state, order.billing_status), ('sent', 'pending'))
        self.assertFalse(order.billing_move_ids)
        self.assertFalse(order.invoice_ids)
        self.assertEqual(order.billing_paid, 0)
        self.assertEqual(order.billing_balance, 121.0)

    def test_a_late_answer_pays_a_given_up_attempt(self):
        order = self._create_order()
        tx = self._create_initial_transaction(order)
        tx._billing_supersede()
        self.assertEqual(tx.state, 'cancel')
        tx._process('demo', {'reference': tx.reference, 'simulated_state': 'done'})
        tx._post_process()
        self.assertEqual(order.billing_status, 'complete')
        self._assert_books_closed(order)

    def test_a_second_payment_stays_on_account_and_asks_a_person(self):
        order = self._create_order()
        given_up = self._create_initial_transaction(order)
        given_up._billing_supersede()
        self._create_initial_transaction(order, 'done')._post_process()
        given_up._process('demo', {'reference': given_up.reference, 'simulated_state': 'done'})
        given_up._post_process()
        self.assertEqual(len(order.billing_move_ids), 1)
        self.assertEqual(given_up.payment_id.state, 'in_process')
        self.assertFalse(given_up.payment_id.is_reconciled)
        self.assertEqual(order.billing_paid, 242.0)
        self.assertEqual(order.billing_balance, -121.0)
        activity = order.activity_ids
        self.assertEqual(activity.user_id, self.salesperson)
        self.assertIn("already paid or closed", activity.note)

    def test_money_for_a_cancelled_order_asks_a_person(self):
        order = self._create_order()
        tx = self._create_initial_transaction(order)
        order._action_cancel()
        self.assertEqual(tx.state, 'cancel')
        tx._process('demo', {'reference': tx.reference, 'simulated_state': 'done'})
        tx._post_process()
        self.assertEqual(order.billing_status, 'cancelled')
        self.assertFalse(order.billing_move_ids)
        self.assertTrue(tx.payment_id)
        self.assertEqual(len(order.activity_ids), 1)

    def test_a_payment_of_another_amount_asks_a_person(self):
        order = self._create_order()
        tx = self._create_initial_transaction(order, 'done', amount=120.99)
        tx._post_process()
        self.assertEqual(order.billing_status, 'pending')
        self.assertFalse(order.billing_move_ids)
        self.assertIn("121.00", order.activity_ids.note)

    def test_the_order_stays_as_it_is_while_money_is_under_way(self):
        order = self._create_order()
        tx = self._create_initial_transaction(order, 'pending')
        message = "A payment for order .* is being processed"
        with self.assertRaisesRegex(UserError, message):
            order.order_line.price_unit = 1
        with self.assertRaisesRegex(UserError, message):
            order.order_line.unlink()
        with self.assertRaisesRegex(UserError, message):
            order.order_line.copy({'order_id': order.id})
        with self.assertRaisesRegex(UserError, message):
            order._action_cancel()
        tx._set_error("Declined")
        order.order_line.price_unit = 90
        self.assertEqual(order.amount_total, 108.9)

    def test_an_order_invoiced_by_hand_is_paid_by_that_invoice(self):
        order = self._create_order()
        order.action_confirm()
        invoice = order._create_invoices()
        invoice.action_post()
        self._create_initial_transaction(order, 'done')._post_process()
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual(order.billing_move_ids, invoice)
        self._assert_books_closed(order)

    @freeze_time('2026-02-28 23:30:00')
    def test_transitions_are_logged(self):
        order = self._create_paid_order()
        bodies = [str(message.body) for message in order.message_ids]
        self.assertTrue(any("Pending → Complete" in body for body in bodies))
        self.assertEqual(order.billing_move_ids.invoice_date.isoformat(), '2026-02-28')

    def test_sales_own_confirmation_mail_is_not_sent(self):
        order = self._create_paid_order()
        confirmation = self.env.ref('sale.mail_template_sale_confirmation')
        self.assertFalse(
            order.message_ids.filtered(lambda m: m.subject and "Confirmation" in m.subject),
            confirmation.name,
        )

    def test_the_database_refuses_a_second_payment_under_way(self):
        order = self._create_order()
        self._create_initial_transaction(order)
        with (
            mute_logger('odoo.sql_db'),
            self.assertRaisesRegex(UniqueViolation, '_billing_one_open_initial_payment'),
        ):
            self._create_initial_transaction(order)

    @nightly("How dear it is, not what is right.")
    def test_booking_many_orders_costs_the_same_each(self):
        orders = self.env['sale.order'].concat(*(self._create_order() for _n in range(6)))
        txs = [self._create_initial_transaction(order, 'done') for order in orders]
        txs[0]._post_process()
        self.env.flush_all()
        counts = []
        for tx in txs[1:]:
            before = self.env.cr.sql_log_count
            tx._post_process()
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(max(counts[1:]) - min(counts[1:]), 5)
