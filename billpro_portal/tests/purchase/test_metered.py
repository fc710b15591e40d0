from datetime import datetime

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from ..common.subscription import SubscriptionCommon


@tagged('post_install', '-at_install')
class TestMetered(SubscriptionCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.water = cls._create_sold_product("Water", 2.5, cls.tax_6, 'metered')

    def _take(self, order, user=None, **values):
        """Take a payment as the dialog does; return its notification."""
        with self._committing_env(user or self.billing_manager) as env:
            action = env['sale.order'].browse(order.id).action_open_take_payment()
            wizard = env['billpro.take.payment'].browse(action['res_id'])
            wizard.write(values)
            return wizard.action_take_payment()

    def test_a_registered_card_and_payments(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.water, 1))
            self.assertEqual(order.billing_status, 'active')
            self.assertFalse(order.billing_move_ids)
            self.assertFalse(order.billing_event_ids)
            notification = self._take(order, amount=17.43, note="Usage in January", when='now')
            self.assertEqual(notification['params']['type'], 'success')
            event = order.billing_event_ids
            self.assertEqual((event.number, event.status), (1, 'completed'))
            invoice = event.invoice_id
            self.assertEqual(
                (invoice.amount_total, invoice.amount_untaxed, invoice.amount_tax),
                (17.43, 16.44, 0.99),
            )
            self.assertIn("Usage in January", invoice.invoice_line_ids.name)
            self._assert_books_closed(order)
            self._take(order, amount=0.01)
            scheduled = order.billing_event_ids - event
            self.assertEqual(scheduled.due_date, datetime(2027, 1, 11, 10))
            self._assert_nothing_due(order)
        with freeze_time('2027-01-11 10:00:00'):
            self._run()
            self._assert_nothing_due(order)
        self.assertEqual(order.billing_paid, 17.44)
        self.assertEqual(order.billing_balance, 0)
        self.assertEqual(order.billing_status, 'active')
        self._assert_books_closed(order)

    def test_a_price_below_the_minor_unit(self):
        for price, shown in (
            (0.0025, '0.0025'),
            (0.000001, '0.000001'),
            (1.005, '1.005'),
            (2.5, '2.50'),
            (16.52892561983471, '16.53'),
        ):
            with self.subTest(price):
                order = self._create_order((self.water, 1, price))
                terms = order._get_purchase()._get_terms(order)
                self.assertEqual(terms[-1]['value'].replace('\xa0', ' '), f"$ {shown} per Units")
                (row,) = order._billing_get_line_rows()
                self.assertEqual(row['unit_price'].replace('\xa0', ' '), f'$ {shown}')
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.water, 1, 0.0025))
            self._take(order, amount=17.43, when='now')
            self.assertEqual(order.billing_move_ids.amount_tax, 0.99)
            self._assert_books_closed(order)

    def test_an_initial_amount(self):
        self.water.billing_initial_amount = 10
        order = self._create_active_order((self.water, 1))
        self.assertEqual(order.billing_paid, 10)
        self.assertEqual(order.billing_move_ids.amount_total, 10)
        self.assertEqual(order.billing_move_ids.amount_tax, 0.57)
        self._assert_books_closed(order)

    def test_a_dialog_takes_one_payment(self):
        order = self._create_active_order((self.water, 1))
        with self._committing_env(self.billing_manager) as env:
            action = env['sale.order'].browse(order.id).action_open_take_payment()
            wizard = env['billpro.take.payment'].browse(action['res_id'])
            wizard.write({'amount': 5, 'when': 'now'})
            wizard.action_take_payment()
            wizard.action_take_payment()
        self.assertEqual(order.billing_paid, 5)
        self.assertEqual(len(order.billing_event_ids), 1)

    def test_a_declined_payment(self):
        order = self._create_active_order((self.water, 1), state='error')
        notification = self._take(order, amount=5, when='now')
        self.assertEqual(notification['params']['type'], 'warning')
        self.assertEqual(order.billing_status, 'failed')
        self.assertEqual(order.billing_balance, 5)

    def test_what_is_refused(self):
        order = self._create_active_order((self.water, 1))
        with self.assertRaisesRegex(UserError, "above zero"):
            self._take(order, amount=0)
        with self.assertRaisesRegex(UserError, "time in the future"):
            self._take(order, amount=5, due_date='2020-01-01')
        with self.assertRaises(AccessError):
            self._take(order, user=self.salesperson, amount=5)
        unpaid = self._create_order((self.water, 1))
        with self.assertRaisesRegex(UserError, "that are active"):
            self._take(unpaid, amount=5)
        membership = self._create_active_order()
        with self.assertRaisesRegex(UserError, "no other payments are taken"):
            self._take(membership, amount=5)
        self.assertFalse((order + unpaid).billing_event_ids)

    def test_a_metered_product_needs_a_price(self):
        order = self._create_order((self.water, 1, 0.0), sent=False)
        with self.assertRaisesRegex(ValidationError, "needs a unit price"):
            order.action_open_order_link()

    # === WHAT IS CHARGED ONCE === #

    def _add(self, order, price, moment='2027-01-11 10:00:00', user=None):
        """Add a fee, or a credit, in the form, as staff do; return its line."""
        with freeze_time(moment):
            order.with_user(user or self.billing_manager).order_line = [
                Command.create({'product_id': self.fee.id, 'price_unit': price})
            ]
        return order.order_line.sorted('id')[-1]

    def _create_metered(self):
        with freeze_time('2027-01-10 10:00:00'):
            return self._create_active_order((self.water, 1))

    def _take_now(self, order, amount, moment='2027-01-12 10:00:00'):
        with freeze_time(moment):
            self._take(order, amount=amount, when='now')
        return order.billing_event_ids.sorted('number')[-1]

    def test_a_fee_is_charged_once_with_the_next_payment(self):
        order = self._create_metered()
        with freeze_time('2027-01-10 10:00:00'):
            self._take(order, amount=17.43, note="Usage", due_date='2027-01-20 09:00:00')
        line = self._add(order, 50.0)
        event = order.billing_event_ids
        self.assertEqual((event.amount, event.added_amount), (77.93, 60.5))
        notice = order.billing_notification_ids.filtered(lambda n: n.kind == 'payment_changed')
        self.assertEqual(
            notice.text.replace('\xa0', ' '),
            "Your payment on January 20, 2027 is $ 77.93 instead of $ 17.43.",
        )
        (row,) = order.env['billpro.order.payments']._get_upcoming_rows(order)
        self.assertEqual(row['description'], f'Usage · {line.name}')
        with freeze_time('2027-01-20 10:00:00'):
            self._run()
        self.assertEqual(event.status, 'completed')
        invoice = event.invoice_id
        self.assertEqual(invoice.invoice_line_ids.mapped('price_total'), [17.43, 60.5])
        self.assertEqual(line.qty_invoiced, 1)
        self.assertEqual(self._take_now(order, 5.0, '2027-01-21 10:00:00').amount, 5.0)
        self.assertEqual(order.billing_paid, 82.93)
        self._assert_books_closed(order)

    def test_a_fee_waits_for_a_payment_to_be_taken(self):
        order = self._create_metered()
        line = self._add(order, 50.0)
        with self._committing_env(self.billing_manager) as env:
            action = env['sale.order'].browse(order.id).action_open_take_payment()
            wizard = env['billpro.take.payment'].browse(action['res_id'])
            self.assertEqual(wizard.added_amount, 60.5)
        event = self._take_now(order, 17.43)
        self.assertEqual((event.amount, event.status), (77.93, 'completed'))
        self.assertEqual(line.qty_invoiced, 1)
        self._assert_books_closed(order)

    def test_a_credit_waits_for_a_payment_that_is_larger(self):
        order = self._create_metered()
        line = self._add(order, -10.0)
        self.assertEqual(self._take_now(order, 12.1).amount, 12.1)
        self.assertFalse(line.billing_event_id)
        self.assertEqual(self._take_now(order, 20.0).amount, 7.9)
        self.assertEqual(order.billing_paid, 20.0)
        self._assert_books_closed(order)

    def test_a_fee_waits_when_its_payment_is_skipped(self):
        order = self._create_metered()
        with freeze_time('2027-01-10 10:00:00'):
            self._take(order, amount=17.43, due_date='2027-01-20 09:00:00')
        line = self._add(order, 50.0)
        with freeze_time('2027-01-12 10:00:00'):
            order.billing_event_ids._skip()
        self.assertEqual(order.billing_skipped, 17.43)
        self.assertFalse(line.billing_event_id)
        self.assertNotIn(f"{line.name} isn't charged", order.activity_ids.mapped('summary'))
        self.assertEqual(self._take_now(order, 5.0).amount, 65.5)

    def test_an_owed_payment_stays_when_a_fee_is_added(self):
        order = self._create_metered()
        order.billing_token_id.demo_simulated_state = 'error'
        self.assertEqual(self._take_now(order, 5.0).status, 'soft_declined')
        self._add(order, 50.0, '2027-01-12 11:00:00')
        self.assertEqual(order.billing_event_ids.amount, 5.0)
        self.assertEqual(self._take_now(order, 7.0, '2027-01-12 12:00:00').amount, 67.5)

    def test_only_billing_users_add_a_fee(self):
        order = self._create_metered()
        with (
            self.assertRaisesRegex(AccessError, "only billing users can change what it costs"),
            self.env.cr.savepoint(),
        ):
            self._add(order, 50.0, user=self.salesperson)
        self.assertEqual(self._take_now(order, 5.0).amount, 5.0)
