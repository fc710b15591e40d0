from datetime import datetime

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .common.subscription import SubscriptionCommon


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
                (row,) = order._get_line_rows()
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
