from datetime import date

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from ..common.deferral import DeferralCommon

NO_BREAK_SPACE = '\N{NO-BREAK SPACE}'


@tagged('post_install', '-at_install')
class TestLongerIntervals(DeferralCommon):
    """A gym membership of 24.20 a month, with a locker of 145.20 a year, both with 21 % tax."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.locker = cls._create_longer("Locker", 120.0, 1, 'year')
        cls.magazine = cls._create_longer("Magazine", 9.0, 3, 'month')

    @classmethod
    def _create_longer(cls, name, price, count, unit):
        product = cls._create_sold_product(name, price, cls.tax_21, 'subscription')
        product.write({'billing_interval_count': count, 'billing_interval_unit': unit})
        return product

    def _get_amounts(self, order):
        events = order.billing_event_ids.filtered('number').sorted('number')
        return [(event.number, event.amount) for event in events]

    def _run_months(self, first, count):
        """Collect what is due on the second of some months that follow each other."""
        for month in range(first, first + count):
            year, index = divmod(month - 1, 12)
            with freeze_time(f'{2027 + year}-{index + 1:02}-02 12:00:00'):
                self._run()

    def test_a_year_beside_months_on_invoices_and_in_the_books(self):
        with freeze_time('2027-01-01 10:00:00'):
            order = self._create_active_order((self.gym, 1), (self.locker, 1))
        self.assertEqual(order.billing_paid, 169.4)
        with freeze_time('2027-01-31 12:00:00'):
            # 334 of 365 days of 120.00.
            self.assertEqual(self._get_deferred(order), 109.81)
        self._run_months(2, 13)
        amounts = [24.2] * 11 + [169.4, 24.2, 24.2]
        self.assertEqual(self._get_amounts(order), list(enumerate(amounts, start=2)))
        self.assertEqual(order.billing_paid, 169.4 + 11 * 24.2 + 169.4 + 24.2)
        invoices = order.billing_move_ids.sorted('id')
        self.assertEqual([len(move.invoice_line_ids) for move in invoices], [2, *[1] * 11, 2, 1])
        first, again = invoices[0], invoices[12]
        self.assertEqual(
            first.invoice_line_ids.mapped('name'),
            [
                "Gym membership\n01/01/2027 to 01/31/2027",
                "Locker\n01/01/2027 to 12/31/2027",
            ],
        )
        self.assertEqual(
            again.invoice_line_ids.mapped('name'),
            [
                "Gym membership\n01/01/2028 to 01/31/2028",
                "Locker\n01/01/2028 to 12/31/2028",
            ],
        )
        self.assertEqual(again.amount_total, 169.4)
        with freeze_time('2028-02-14 12:00:00'):
            # 321 of the 366 days of the year, and 15 of the 29 of the month.
            self.assertEqual(self._get_deferred(order), 115.59)
        self._assert_books_closed(order)

    def _get_deferred(self, order):
        self.env.flush_all()
        rows = self.env['billpro.deferral.report'].search([('order_id', '=', order.id)])
        return order.currency_id.round(sum(rows.mapped('deferred')))

    def test_entries_of_deferred_revenue(self):
        with freeze_time('2027-01-16 10:00:00'):
            order = self._create_active_order((self.gym, 1), (self.locker, 1))
        self._post_on('2027-02-03')
        # 15 of 31 days of 20.00, and 349 of 365 of 120.00.
        self.assertEqual(self._get_balance(self.deferred_account), -124.42)
        self.assertEqual(order.billing_event_ids.amount, 24.2)

    def _get_balance(self, account):
        domain = [('account_id', '=', account.id), ('parent_state', '=', 'posted')]
        [(balance,)] = self.env['account.move.line']._read_group(domain, [], ['balance:sum'])
        return self.company.currency_id.round(balance)

    def test_three_intervals_and_reports(self):
        with freeze_time('2027-01-01 10:00:00'):
            order = self._create_active_order((self.locker, 1), (self.magazine, 1), (self.gym, 1))
        self.assertEqual((order.billing_interval_count, order.billing_interval_unit), (1, 'month'))
        self.assertEqual(order.order_line.mapped('billing_every_periods'), [12, 3, 0])
        with freeze_time('2027-01-15 12:00:00'):
            self.env.flush_all()
            rows = self.env['billpro.cash.report'].search(
                [('order_id', '=', order.id)], order='date'
            )
            self.assertEqual(
                rows.mapped('amount'),
                [24.2, 24.2, 35.09, 24.2, 24.2, 35.09, 24.2, 24.2, 35.09, 24.2, 24.2, 180.29],
            )
            mrr = self.env['billpro.mrr.report'].search([('order_id', '=', order.id)])
            self.assertEqual(mrr.mrr, 33.0)  # 20.00, a third of 9.00, and a twelfth of 120.00.

    def test_words(self):
        order = self._create_order((self.gym, 1), (self.locker, 1), (self.magazine, 1))
        purchase = order._get_purchase()
        rates = "$_24.20 every month, $_10.89 every 3 months, and $_145.20 every year".replace(
            '_', NO_BREAK_SPACE
        )
        self.assertEqual(purchase._get_plan_text(order), f'{rates}, until cancelled')
        terms = {term['label']: term['value'] for term in purchase._get_later_terms(order)}
        self.assertEqual(terms['Then'], rates)
        self.assertIn(
            "charged every month, every 3 months, and every year",
            purchase._get_explanation(order),
        )
        self.assertEqual(purchase._get_initial_amount(order), 180.29)
        self.assertEqual(purchase._get_later_amounts(order), [24.2, 169.4, 35.09, 180.29])
        self.assertEqual(purchase._get_mandate_terms(order)['amount'], 180.29)

    def test_the_end_of_february(self):
        with freeze_time('2028-02-29 10:00:00'):
            order = self._create_active_order((self.gym, 1), (self.locker, 1))
        line = order.billing_move_ids.invoice_line_ids[1]
        self.assertEqual(
            (line.billing_period_start, line.billing_period_end),
            (date(2028, 2, 29), date(2029, 2, 27)),
        )

    def test_what_is_due_after_a_trial_in_yen(self):
        with freeze_time('2027-01-01 10:00:00'):
            order = self._create_order((self.gym, 1, 1001), (self.locker, 1, 9999), currency='JPY')
            order.billing_trial_days = 14
            self._register_card(order)
        self.assertEqual(self._get_amounts(order), [(1, 1211 + 12099)])
        with freeze_time('2027-01-15 12:00:00'):
            self._run()
        self.assertEqual(self._get_amounts(order), [(1, 13310), (2, 1211)])
        self.assertEqual(order.billing_event_ids[0].invoice_id.amount_total, 13310)

    def test_what_is_due_while_it_is_paused_is_charged_afterwards(self):
        with freeze_time('2027-01-01 10:00:00'):
            order = self._create_active_order((self.gym, 1), (self.magazine, 1))
        self._run_months(2, 2)
        event = order.billing_next_event_id
        self.assertEqual((event.number, event.amount), (4, 35.09))
        with freeze_time('2027-03-10 12:00:00'):
            order._billing_pause()
        with freeze_time('2027-05-10 12:00:00'):
            order._billing_resume()
        self.assertEqual((event.number, event.amount), (6, 35.09))
        self._run_months(6, 3)
        self.assertEqual(
            self._get_amounts(order)[2:], [(6, 35.09), (7, 24.2), (8, 24.2), (9, 35.09)]
        )
        self.assertIn(
            "Magazine\n06/01/2027 to 08/31/2027", event.invoice_id.invoice_line_ids[1].name
        )

    def test_a_payment_moves_into_a_period_that_charges_more(self):
        with freeze_time('2027-01-01 10:00:00'):
            order = self._create_active_order((self.gym, 1), (self.magazine, 1))
        event = order.billing_next_event_id
        purchase = order._get_purchase()
        self.assertEqual(purchase._get_amount_after_pause(event, date(2027, 3, 1)), 24.2)
        self.assertEqual(purchase._get_amount_after_pause(event, date(2027, 5, 1)), 35.09)
        with freeze_time('2027-01-10 12:00:00'):
            order._billing_pause()
        with freeze_time('2027-04-10 12:00:00'):
            order._billing_resume()
        self.assertEqual((event.number, event.amount), (5, 35.09))

    def test_only_what_is_due_each_time_is_skipped(self):
        with freeze_time('2027-01-01 10:00:00'):
            order = self._create_active_order((self.gym, 1), (self.magazine, 1))
            order.billing_next_event_id._skip()
        self._run_months(3, 1)
        event = order.billing_next_event_id
        self.assertEqual((event.number, event.amount), (4, 35.09))
        with self.assertRaisesRegex(
            UserError, "“Magazine” is due with this payment, every 3 months: it can't be skipped"
        ):
            event._skip()
        self.assertEqual(event.status, 'scheduled')

    def test_declined_payments_are_paid_together(self):
        with freeze_time('2027-01-01 10:00:00'):
            order = self._create_active_order((self.gym, 1), (self.magazine, 1))
        self._run_months(2, 2)
        order.billing_token_id.demo_simulated_state = 'error'
        self._run_months(4, 2)
        events = order.billing_event_ids.filtered(lambda event: event.number in {4, 5})
        self.assertEqual(events.mapped('amount'), [35.09, 24.2])
        order.billing_token_id.demo_simulated_state = 'done'
        with freeze_time('2027-05-10 12:00:00'):
            merged = events._merge_by_staff(date(2027, 5, 10))
            self._run()
        self.assertEqual(merged.invoice_id.amount_total, 59.29)
        with freeze_time('2027-05-31 12:00:00'):
            # 30 of the 91 days of 9.00.
            self.assertEqual(self._get_deferred(order), 2.97)

    def test_what_is_paid_longer_lasts_longer(self):
        with freeze_time('2027-01-01 10:00:00'):
            order = self._create_active_order((self.gym, 1), (self.locker, 1))
        with freeze_time('2027-01-22 12:00:00'):
            unused, days, amount, txs = order._billing_get_unused()
            self.assertEqual((unused.days, unused.last, days), (344, date(2027, 12, 31), 365))
            # 10 of 31 days of 24.20, and 344 of 365 of 145.20.
            self.assertEqual(amount, 144.65)
            self.assertEqual(txs, order.billing_transaction_ids)
            order._billing_cancel_subscription(at_once=False)
        self.assertEqual(order.billing_cancel_date, date(2027, 12, 31))
        self.assertEqual(order.billing_event_ids.status, 'cancelled')
        self.assertEqual(order.billing_status, 'active')

    def test_a_withdrawal_owes_days_of_each_interval(self):
        with freeze_time('2027-01-01 10:00:00'):
            order = self._create_active_order((self.gym, 1), (self.locker, 1))
            self.patch(type(order), '_billing_wants_start', lambda order: True)
            # 5 of 31 days of 24.20, and 5 of 365 of 145.20.
            self.assertEqual(order._billing_get_used_amount(date(2027, 1, 5)), 5.89)

    def test_changed_lines(self):
        with freeze_time('2027-01-01 10:00:00'):
            order = self._create_active_order((self.gym, 1), (self.magazine, 1))
        self._run_months(2, 1)
        gym, magazine = order.order_line
        with freeze_time('2027-02-10 12:00:00'):
            magazine.with_user(self.billing_manager).product_uom_qty = 2
            self.assertEqual(order.billing_next_event_id.amount, 24.2)
            notice = order.billing_notification_ids.sorted('id')[-1]
            self.assertEqual(notice.kind, 'payment_changed')
            self.assertEqual(
                notice.text.replace(NO_BREAK_SPACE, " "),
                "Your later payments are $ 24.20 every month and $ 21.78 every 3 months.",
            )
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                magazine.with_user(self.salesperson).product_uom_qty = 3
        self._run_months(3, 1)
        self.assertEqual(order.billing_next_event_id.amount, 45.98)
        with freeze_time('2027-03-10 12:00:00'):
            gym.with_user(self.billing_manager).price_unit = 30
            self.assertEqual(order.billing_next_event_id.amount, 58.08)
            with (
                self.assertRaisesRegex(ValidationError, "must be positive"),
                self.env.cr.savepoint(),
            ):
                gym.product_uom_qty = 0

    def test_what_is_refused_of_live_orders(self):
        with freeze_time('2027-01-01 10:00:00'):
            order = self._create_active_order((self.gym, 1), (self.magazine, 1))
            refusal = order._billing_get_refusal_with_longer_lines()
            self.assertEqual(
                refusal,
                f"“Magazine” is charged every 3 months, and not with each payment of order"
                f" {order.name}: this can't be changed. Cancel it, and make another order.",
            )
            event = order.billing_next_event_id
            for when in ('now', 'period_end'):
                self.assertEqual(order._billing_get_refusal_to_change(when), refusal)
            self.assertEqual(order._billing_get_refusal_of_discount(), refusal)
            for method, args in (
                (order._billing_get_day_rows, (date(2027, 2, 15),)),
                (order._billing_get_end_rows, (3, False)),
                (order._get_purchase()._check_can_change_later, (event,)),
            ):
                with self.assertRaisesRegex(UserError, "this can't be changed"):
                    method(*args)
            for product in (self.locker, self.magazine):
                with (
                    self.assertRaisesRegex(ValidationError, f"“{product.name}” every"),
                    self.env.cr.savepoint(),
                ):
                    order.order_line = [Command.create({'product_id': product.id})]

    def test_what_is_refused_before_it_is_sold(self):
        weekly = self._create_longer("Towel", 2.0, 1, 'week')
        with self.assertRaisesRegex(
            ValidationError, "“Gym membership” is charged every month, “Towel” every week"
        ):
            self._create_order((self.gym, 1), (weekly, 1))
        order = self._create_order((self.gym, 1), (self.magazine, 1), (self.locker, 1))
        purchase = order._get_purchase()
        for values, text in (
            ({'billing_cycles': 6}, "“Locker” is charged every year: let order"),
            ({'billing_end_date': '2099-12-31'}, "“Magazine” is charged every 3 months: let order"),
            ({'billing_interval_count': 2}, "it recurs as that one does, every month"),
        ):
            with self.assertRaisesRegex(ValidationError, text), self.env.cr.savepoint():
                order.write(values)
                purchase._check_order(order)
        order.billing_cycles = 24
        purchase._check_order(order)
        self.locker.billing_interval_count = 2
        with self.assertRaisesRegex(ValidationError, "“Locker” is charged every 2 years now"):
            purchase._check_order(order)

    def test_renewals_that_are_to_be_announced_have_an_order_of_their_own(self):
        self.customer.country_id = self.env.ref('base.it')
        order = self._create_order((self.gym, 1), (self.locker, 1))
        order.billing_buyer = 'consumer'
        with self.assertRaisesRegex(ValidationError, "wants the renewal of “Locker”, every year"):
            order._get_purchase()._check_order(order)
