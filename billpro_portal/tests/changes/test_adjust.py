"""What staff adjust of live subscriptions, as amounts worked out by hand; tax is 21 %."""

from datetime import date

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ...billing.agreement import agreement_text
from ..common.change import ChangeCommon

APRIL = '2027-04-01'
MIDDLE = '2027-04-16'  # 15 of 30 days are left.


@tagged('post_install', '-at_install')
class TestAdjust(ChangeCommon):
    def _start(self, day, *lines, **terms):
        with freeze_time(f'{day} 10:00:00'):
            return self._create_active_order(*lines, **terms)

    def _run_on(self, *days):
        for day in days:
            with freeze_time(f'{day} 10:00:00'):
                self._run()

    def _adjust(self, order, today, **values):
        """Adjust a subscription as staff do; return what was shown before."""
        with (
            freeze_time(f'{today} 10:00:00'),
            self._committing_env(self.billing_manager) as env,
        ):
            own = env['sale.order'].browse(order.id)
            wizard = env['billpro.adjust'].browse(own.action_open_adjust()['res_id'])
            wizard.write(values)
            self.assertFalse(wizard.problem)
            rows = wizard._get_rows()[0]
            wizard.action_adjust()
        return rows

    def _give(self, order, percent, count, day=MIDDLE):
        """Give a discount; return it and what was shown before."""
        rows = self._adjust(order, day, percent=percent, count=count)
        return order.billing_discount_ids[0], rows

    def _get_payments(self, order):
        """Return the amounts of the scheduled payments, and the totals of their invoices."""
        events = order.billing_event_ids.sorted('number')
        return [(event.amount, event.invoice_id.amount_total) for event in events]

    def test_two_payments_and_then_the_full_price(self):
        """20 % of 24.20 are 4.84: 19.36, of which 16.00 and 3.36 tax."""
        order = self._start(APRIL, (self.plus, 1))
        discount, rows = self._give(order, 20, 2)
        self.assertEqual(
            rows,
            [
                ("Discount", "20% off the next 2 payments"),
                ("Payment on May 1, 2027", "$\xa019.36 instead of $\xa024.20"),
                ("Payment on June 1, 2027", "$\xa019.36 instead of $\xa024.20"),
                ("After that", "$\xa024.20 every month from July 1, 2027 on"),
            ],
        )
        self.assertEqual(order.billing_next_amount, 19.36)
        notice = order.billing_notification_ids.filtered(lambda n: n.kind == 'payment_changed')
        self.assertEqual(
            notice.text,
            "20% off the next 2 payments. After that: $\xa024.20 every month from July 1, 2027 on.",
        )
        facts = order.env['billpro.order.page']._get_facts(order)
        self.assertIn("20% off the next 2 payments", facts[1]['lines'])
        rows = order.env['billpro.order.payments']._get_upcoming_rows(order)
        self.assertIn("20% discount", rows[0]['description'])
        with freeze_time('2027-04-17 12:00:00'):
            cash = self.env['billpro.cash.report'].search([('order_id', '=', order.id)])
        self.assertEqual(cash[:4].mapped('amount'), [19.36, 19.36, 24.2, 24.2])
        self._run_on('2027-05-01')
        self.assertEqual(discount.left, 1)
        self._run_on('2027-06-01')
        self.assertEqual(discount.left, 0)
        self._run_on('2027-07-01')
        self.assertEqual(
            self._get_payments(order)[:3], [(19.36, 19.36), (19.36, 19.36), (24.2, 24.2)]
        )
        invoice = order.billing_event_ids.sorted('number')[0].invoice_id
        self.assertRecordValues(
            invoice.invoice_line_ids.sorted('price_subtotal'),
            [
                {'name': "20% discount, payment 1 of 2", 'price_subtotal': -4.0},
                {'name': "Plus\n05/01/2027 to 05/31/2027", 'price_subtotal': 20.0},
            ],
        )
        self.assertEqual(invoice.amount_tax, 3.36)
        self.assertEqual(order.billing_paid, 24.2 + 19.36 + 19.36 + 24.2)
        self.assertEqual(self._get_mrr(order, '2027-07-02'), [20] * 4)
        self._assert_books_closed(order)
        self._assert_nothing_due(order)

    def test_the_end_is_announced_and_is_no_higher_price(self):
        order = self._start(APRIL, (self.plus, 1))
        self._give(order, 50, 1)
        self._run_on('2027-05-01')
        event = order.billing_next_event_id
        self.assertIsNone(event._get_amount_before_rise())
        self.assertEqual(event._get_amount_before_discount_end(), 12.1)
        self.company.billing_notice_days = 0
        with freeze_time('2027-05-25 12:00:00'):
            self.env['billpro.notification']._queue_announcements()
        notice = order.billing_notification_ids.filtered(lambda n: n.event_id == event)
        self.assertEqual(notice.mapped('kind'), ['payment_upcoming'])
        rows = self.env['billpro.notice.rows']._get_event_rows(event)
        found = {row['label']: row['value'] for row in rows}
        self.assertEqual(found["With the discount until now"], "$\xa012.10")
        self.assertEqual(found["Amount"], "$\xa024.20")
        self.assertNotIn("Amount until now", found)
        self._run_on('2027-06-01')
        self.assertIsNone(order.billing_next_event_id._get_amount_before_discount_end())

    def test_free_periods(self):
        """Nothing is charged or invoiced; the first invoice is that of the first money."""
        order = self._start(APRIL, (self.basic, 1), billing_trial_days=30)
        self._give(order, 100, 2)
        self.assertEqual(order.billing_next_amount, 0)
        order.billing_token_id.demo_simulated_state = 'error'  # No card is asked.
        self._run_on('2027-05-01', '2027-06-01')
        order.billing_token_id.demo_simulated_state = 'done'
        free = order.billing_event_ids.sorted('number')[:2]
        self.assertEqual(free.mapped('status'), ['completed', 'completed'])
        self.assertFalse(free.invoice_id)
        self.assertFalse(free.transaction_ids)
        self.assertNotIn('paid_by_credit', order.billing_notification_ids.mapped('kind'))
        self.assertEqual(order._get_purchase()._get_paid_until(order), date(2027, 6, 30))
        # A change in a free period is free until it ends.
        with freeze_time('2027-06-16 10:00:00'):
            change, _rows = self._change(order, self.plus, when='now')
        self.assertEqual((change.state, change.amount), ('done', 0))
        row = order.env['billpro.order.payments']._get_history_entries(order)[0]
        self.assertEqual((row['way'], row['amount']), ("Discount", 0))
        self._run_on('2027-07-01')
        self.assertEqual(order.billing_paid, 24.2)
        self.assertEqual(order.order_line.qty_invoiced, 1)
        self._assert_books_closed(order)

    def test_a_change_in_a_discounted_period(self):
        """Of 8.00 half are credited, and half of 16.00 charged: 4.00, tax 0.84."""
        order = self._start(APRIL, (self.basic, 1))
        self._give(order, 20, 2)
        self._run_on('2027-06-01')
        self.assertEqual(self._get_payments(order)[0], (9.68, 9.68))
        with freeze_time('2027-06-16 10:00:00'):
            change, rows = self._change(order, self.plus, when='now')
        self.assertRecordValues(
            change, [{'state': 'done', 'credit': 4.0, 'charge': 8.0, 'amount': 4.84}]
        )
        self.assertEqual(rows["Payment on July 1, 2027"], "$\xa024.20")
        self._run_on('2027-07-01')
        self.assertEqual(order.billing_paid, 12.1 + 9.68 + 9.68 + 4.84 + 24.2)
        self._assert_books_closed(order)

    def test_what_is_skipped_leaves_it_to_the_next(self):
        order = self._start(APRIL, (self.basic, 1))
        discount, _rows = self._give(order, 20, 1)
        with freeze_time(f'{MIDDLE} 11:00:00'):
            order.billing_next_event_id._skip()
        self.assertEqual(discount.left, 1)
        self.assertEqual(order.billing_next_amount, 9.68)
        self._run_on('2027-06-01', '2027-07-01')
        self.assertEqual(order.billing_paid, 12.1 + 9.68 + 12.1)
        order = self._start(APRIL, (self.basic, 1))
        with freeze_time(f'{MIDDLE} 11:00:00'):
            order.billing_next_event_id._skip()
        self.assertEqual(order.billing_next_amount, 12.1)  # Nothing is left to it.

    def test_prices_that_change_meanwhile(self):
        order = self._start(APRIL, (self.basic, 1))
        self._give(order, 25, 2)
        self.assertEqual(order.billing_next_amount, 9.07)  # 12.10 - 3.025, half up.
        with freeze_time(f'{MIDDLE} 11:00:00'):
            order.with_user(self.billing_manager).order_line.price_unit = 20
            self.assertEqual(order.billing_next_amount, 18.15)
            with self.assertRaisesRegex(UserError, "Take back the discount first"):
                order.billing_next_event_id._reschedule(date(2027, 5, 1), 10, is_lasting=True)
        self._run_on('2027-05-01', '2027-06-01', '2027-07-01')
        self.assertEqual(
            [amounts[1] for amounts in self._get_payments(order)[:3]], [18.15, 18.15, 24.2]
        )
        self._assert_books_closed(order)

    def test_taken_back(self):
        order = self._start(APRIL, (self.basic, 1))
        discount, _rows = self._give(order, 20, 3)
        self._run_on('2027-05-01')
        with freeze_time('2027-05-10 10:00:00'):
            with self.assertRaises(AccessError):
                discount.with_user(self.salesperson).action_take_back()
            with self.assertRaisesRegex(UserError, "Take back the discount first"):
                self.env['billpro.discount']._propose(order, 10, 1)
            discount.with_user(self.billing_manager).action_take_back()
        self.assertEqual(order.billing_next_amount, 12.1)
        self.assertEqual(discount.left, 0)
        self.assertEqual(
            order.billing_notification_ids.sorted('id')[-1].text,
            "Your discount was taken back. Your payment on June 1, 2027 is $\xa012.10 instead of"
            " $\xa09.68.",
        )
        self._run_on('2027-06-01')
        self.assertEqual(order.billing_paid, 12.1 + 9.68 + 12.1)
        # What the customer was told of stays.
        other, _rows = self._give(order, 20, 1, '2027-06-10')
        with freeze_time('2027-06-28 10:00:00'), self.assertRaisesRegex(UserError, "nobody was"):
            other.with_user(self.billing_manager).action_take_back()
        self.assertEqual(order.billing_next_amount, 9.68)

    def test_with_credit_and_what_is_charged_once(self):
        """A credit of 6.05 pays a part of 9.68; an added fee of 12.10 has no discount."""
        order = self._start(APRIL, (self.plus, 1))
        with freeze_time(f'{MIDDLE} 10:00:00'):
            self._change(order, self.basic, when='now')
        _discount, rows = self._give(order, 20, 1, '2027-04-17')
        self.assertEqual(rows[1], ("Payment on May 1, 2027", "$\xa03.63 instead of $\xa012.10"))
        event = order.billing_next_event_id
        self.assertRecordValues(
            event, [{'amount': 3.63, 'credit_amount': 6.05, 'discount_amount': 2.42}]
        )
        with freeze_time('2027-04-18 10:00:00'):
            order.with_user(self.billing_manager).order_line = [
                (0, 0, {'product_id': self.fee.id, 'price_unit': 10, 'tax_ids': self.tax_21.ids})
            ]
        self.assertEqual(event.amount, 15.73)
        self._run_on('2027-05-01')
        self.assertEqual(event.invoice_id.amount_total, 21.78)
        self._assert_books_closed(order)

    def _charge_once(self, order, what, price, day=MIDDLE):
        """Charge or credit something once; return what was shown before."""
        values = {'product_id': self.fee.id, 'text': "Hall hire", 'price': price}
        return self._adjust(order, day, what=what, **values)

    def test_what_is_charged_once(self):
        """5.00 and 1.05 tax beside 12.10, with the next payment alone."""
        order = self._start(APRIL, (self.basic, 1))
        rows = self._charge_once(order, 'charge', 5)
        self.assertEqual(
            rows,
            [
                ("Text", "Hall hire"),
                ("Without taxes", "$\xa05.00"),
                ("Taxes", "$\xa01.05"),
                ("Payment on May 1, 2027", "$\xa018.15 instead of $\xa012.10"),
            ],
        )
        notice = order.billing_notification_ids.filtered(lambda n: n.kind == 'payment_changed')
        self.assertEqual(
            notice.text, "Your payment on May 1, 2027 is $\xa018.15 instead of $\xa012.10."
        )
        page = order.env['billpro.order.payments']._get_upcoming_rows(order)
        self.assertIn("Hall hire", page[0]['description'])
        # Taken back and charged anew.
        line = order.billing_once_line_ids
        with freeze_time(f'{MIDDLE} 11:00:00'):
            with self.assertRaises(AccessError):
                line.with_user(self.salesperson).action_take_back_once()
            line.with_user(self.billing_manager).action_take_back_once()
            self.assertEqual(order.billing_next_amount, 12.1)
            with self.assertRaisesRegex(UserError, "isn't to come any more"):
                line.with_user(self.billing_manager).action_take_back_once()
        self._charge_once(order, 'charge', 10, '2027-04-17')
        self._run_on('2027-05-01', '2027-06-01')
        self.assertEqual(self._get_payments(order)[:2], [(24.2, 24.2), (12.1, 12.1)])
        self.assertEqual(
            order.billing_event_ids.sorted('number')[0].invoice_id.invoice_line_ids.mapped('name'),
            ["Basic\n05/01/2027 to 05/31/2027", "Sign-up fee\nHall hire"],
        )
        self._assert_books_closed(order)

    def test_what_is_credited_once(self):
        """4.00 and 0.84 tax off 9.68, which has a discount of 2.42; all of it is too much."""
        order = self._start(APRIL, (self.basic, 1))
        self._give(order, 20, 1)
        rows = self._charge_once(order, 'credit', 4, '2027-04-17')
        self.assertEqual(rows[-1], ("Payment on May 1, 2027", "$\xa04.84 instead of $\xa09.68"))
        with freeze_time('2027-04-18 10:00:00'):
            for price in (-4, -100):
                with self.assertRaisesRegex(UserError, "credit less than that"):
                    order._billing_propose_once(self.fee, "All of it", price)
            with self.assertRaisesRegex(UserError, "Enter an amount"):
                order._billing_propose_once(self.fee, "Nothing", 0)
            with self.assertRaisesRegex(UserError, "that is sold once"):
                order._billing_propose_once(self.plus, "A plan", 5)
        self._run_on('2027-05-01', '2027-06-01')
        self.assertEqual(self._get_payments(order)[:2], [(4.84, 4.84), (12.1, 12.1)])
        self._assert_books_closed(order)

    def _get_mrr(self, order, day):
        """Return what the order is worth at the ends of its months until a day."""
        with freeze_time(f'{day} 10:00:00'):
            self.env.invalidate_all()
            report = self.env['billpro.mrr.report'].search([('order_id', '=', order.id)])
            return report.sorted('month').mapped('mrr')

    def test_another_billing_day(self):
        """14 of May's 31 days: 5.464... of 12.10; then from the 15th on.

        Of 4.51 without tax half is credited, 2.26; for 7 of 31 days of 20.00 4.52 are charged. The
        difference is 2.26, tax 0.47.
        """
        order = self._start(APRIL, (self.basic, 1))
        rows = self._adjust(order, MIDDLE, what='day', day=date(2027, 5, 15))
        self.assertEqual(
            rows,
            [
                ("Payment on May 1, 2027", "$\xa05.46 instead of $\xa012.10"),
                ("It is for", "May 1, 2027 to May 14, 2027, 14 of 31 days"),
                ("After that", "$\xa012.10 every month from May 15, 2027 on"),
            ],
        )
        self.assertEqual(
            order.billing_notification_ids.sorted('id')[-1].text,
            "The billing day has changed: $\xa05.46 on May 1, 2027, for the time until May 14,"
            " 2027; then $\xa012.10 every month from May 15, 2027 on.",
        )
        event = order.billing_next_event_id
        with freeze_time(f'{MIDDLE} 11:00:00'):
            with self.assertRaisesRegex(UserError, "changed by hand"):
                order._billing_get_day_rows(date(2027, 5, 20))
            self.assertIn("changed by itself", order._billing_get_refusal_to_count_anew('now'))
            with self.assertRaisesRegex(UserError, "a short period"):
                event._reschedule(date(2027, 5, 3), is_lasting=True)
        self._run_on('2027-05-01')
        self.assertRecordValues(
            event.invoice_id.invoice_line_ids.sorted('price_subtotal'),
            [
                {'name': "14 of 31 days", 'price_total': -6.64},
                {'name': "Basic\n05/01/2027 to 05/14/2027", 'price_total': 12.1},
            ],
        )
        with freeze_time('2027-05-08 10:00:00'):
            change, _rows = self._change(order, self.plus, when='now')
        self.assertRecordValues(change, [{'credit': 2.26, 'charge': 4.52, 'amount': 2.73}])
        self.assertEqual(order.billing_next_event_id.period_start, date(2027, 5, 15))
        self._run_on('2027-05-15', '2027-06-15')
        self.assertEqual(order.billing_paid, 12.1 + 5.46 + 2.73 + 24.2 + 24.2)
        self.assertEqual(self._get_mrr(order, '2027-06-20'), [10, 20, 20])
        self._assert_books_closed(order)
        self._assert_nothing_due(order)

    def test_changes_before_another_billing_day(self):
        """15 of the 30 paid days are left: 5.00 of 10.00, 6.05 with tax."""
        order = self._start(APRIL, (self.basic, 1))
        self._adjust(order, MIDDLE, what='day', day=date(2027, 5, 15))
        with freeze_time(f'{MIDDLE} 11:00:00'):
            self.assertEqual(order._billing_get_unused()[1:3], (30, 6.05))
            change, _rows = self._change(order, self.plus, when='now')
        self.assertRecordValues(change, [{'credit': 5.0, 'charge': 10.0, 'amount': 6.05}])
        self._run_on('2027-05-01', '2027-05-15')
        self.assertEqual(order.billing_paid, 12.1 + 6.05 + 10.93 + 24.2)
        self._assert_books_closed(order)

    def test_a_first_period_that_staff_made_longer_or_shorter(self):
        """39 or 19 days for 10.00, of which 24 or 4 are left on 16 April; 12.10 with tax."""
        for day, days, credit, charge, unused in (
            (date(2027, 5, 10), 39, 6.15, 12.31, 7.45),
            (date(2027, 4, 20), 19, 2.11, 4.21, 2.55),
        ):
            with self.subTest(day):
                order = self._start(APRIL, (self.basic, 1))
                with freeze_time(f'{MIDDLE} 10:00:00'):
                    order.billing_next_event_id._reschedule(day, is_lasting=True)
                    self.assertEqual(order._billing_get_unused()[1:3], (days, unused))
                    change, _rows = self._change(order, self.plus, when='now')
                self.assertRecordValues(change, [{'credit': credit, 'charge': charge}])

    def test_a_pause_does_not_make_the_first_period_longer(self):
        """The short period is left out, and its payment is one of a later period."""
        order = self._start(APRIL, (self.basic, 1))
        self._adjust(order, MIDDLE, what='day', day=date(2027, 5, 15))
        with freeze_time('2027-04-20 10:00:00'):
            order._billing_pause()
        with freeze_time('2027-05-20 10:00:00'):
            order._billing_resume()
            self.assertEqual(order.billing_next_event_id.period_start, date(2027, 6, 15))
            self.assertEqual(order._get_purchase()._get_paid_until(order), date(2027, 4, 30))
            self.assertIsNone(order._billing_get_unused())

    def test_a_pause_does_not_make_a_trial_longer(self):
        order = self._start(APRIL, (self.basic, 1), billing_trial_days=14)
        self._adjust(order, '2027-04-02', what='day', day=date(2027, 5, 1))
        with freeze_time('2027-04-03 10:00:00'):
            order._billing_pause()
        with freeze_time('2027-04-20 10:00:00'):
            order._billing_resume()
            self.assertEqual(order.billing_next_event_id.period_start, date(2027, 5, 1))
            self.assertFalse(order._billing_is_in_trial())
            self.assertEqual(order._get_purchase()._get_paid_until(order), date(2027, 4, 14))

    def test_the_first_of_the_month_with_a_discount(self):
        """28 February to 30 March are 31 days: one of them is 0.39, 20 % off 0.31; 12.10, 9.68."""
        order = self._start('2027-01-31', (self.basic, 1), billing_cycles=4)
        self._give(order, 20, 2, '2027-02-01')
        with freeze_time('2027-02-01 10:00:00'):
            for day in (date(2027, 2, 28), date(2027, 3, 31), False):
                with self.assertRaisesRegex(UserError, "Choose a day after 02/28/2027"):
                    order._billing_get_day_rows(day)
        self._adjust(order, '2027-02-01', what='day', day=date(2027, 3, 1))
        self._run_on('2027-02-28', '2027-03-01', '2027-04-01', '2027-05-01', '2027-06-01')
        self.assertEqual(
            self._get_payments(order), [(0.31, 0.31), (9.68, 9.68), (12.1, 12.1), (12.1, 12.1)]
        )
        self.assertEqual(order.billing_status, 'complete')
        self._assert_books_closed(order)

    def test_a_longer_trial(self):
        order = self._start(APRIL, (self.basic, 1), billing_trial_days=14)
        with freeze_time('2027-04-08 12:00:00'):
            self.env['billpro.notification']._queue_announcements()
            with self.assertRaisesRegex(UserError, "Choose a day after"):
                order._billing_get_trial_rows(date(2027, 4, 15))
        rows = self._adjust(order, '2027-04-09', what='trial', day=date(2027, 5, 1))
        self.assertEqual(
            rows,
            [("Free trial until", "April 30, 2027"), ("Payment on May 1, 2027", "$\xa012.10")],
        )
        self.assertEqual(
            order.billing_notification_ids.sorted('id')[-1].text,
            "The free trial is longer: it lasts until April 30, 2027. The first payment, of"
            " $\xa012.10, is collected on May 1, 2027.",
        )
        self.assertEqual(order._get_purchase()._get_paid_until(order), date(2027, 4, 30))
        self._run_on('2027-04-15')
        for day in ('20', '24', '25'):  # Its end is told of once more.
            with freeze_time(f'2027-04-{day} 12:00:00'):
                self.env['billpro.notification']._queue_announcements()
        kinds = order.billing_notification_ids.mapped('kind')
        self.assertEqual(kinds.count('trial_ending'), 2)
        self._run_on('2027-05-01')
        # Another billing day is no trial: 14 of 30 days of June are 5.65, and 11.29 of Plus.
        self._adjust(order, '2027-05-02', what='day', day=date(2027, 6, 15))
        with freeze_time('2027-05-17 10:00:00'):
            with self.assertRaisesRegex(UserError, "wait until it is paid"):
                order._billing_get_trial_rows(date(2027, 8, 1))
            self.assertEqual(order.billing_next_amount, 5.65)
            change, rows = self._change(order, self.plus, when='now')
        self.assertEqual(change.amount, 5.86)  # -4.84 + 9.68, tax 1.02.
        self.assertEqual(rows["Payment on June 1, 2027"], "$\xa011.29")
        self._run_on('2027-06-01', '2027-06-15')
        self.assertEqual(order.billing_paid, 12.1 + 5.86 + 11.29 + 24.2)
        self._assert_books_closed(order)

    def test_another_end(self):
        """Five payments, the first one among them, become three; then four; then all there are."""
        order = self._start(APRIL, (self.basic, 1), billing_cycles=5)
        rows = self._adjust(order, MIDDLE, what='end', payments=2)
        self.assertEqual(
            rows,
            [
                ("Payments still to come", "2"),
                ("The last payment", "June 1, 2027"),
                ("Paid until", "June 30, 2027"),
            ],
        )
        self.assertEqual(
            order.billing_notification_ids.sorted('id')[-1].text,
            "The end of the subscription has changed: the last payment is on June 1, 2027, and it"
            " is paid until June 30, 2027 then.",
        )
        self.assertEqual(order.billing_cycles, 3)
        self._run_on('2027-05-01')
        with freeze_time('2027-05-10 10:00:00'):
            for payments, last_day in ((-1, False), (1, date(2028, 1, 1)), (121, False)):
                with self.assertRaisesRegex(UserError, "Enter at most 120 payments"):
                    order._billing_propose_end(payments, last_day)
            with self.assertRaisesRegex(UserError, "Choose a day after 05/31/2027"):
                order._billing_propose_end(0, date(2027, 5, 31))
        rows = self._adjust(order, '2027-05-10', what='end', last_day=date(2027, 7, 15))
        self.assertEqual([value for _label, value in rows], ["2", "July 1, 2027", "July 31, 2027"])
        self._run_on('2027-06-01')
        rows = self._adjust(order, '2027-06-11', what='end')
        self.assertEqual(rows, [("Runs", "until cancelled")])
        self._run_on('2027-07-01', '2027-08-01')
        self.assertEqual(order.billing_paid, 12.1 * 5)
        self.assertEqual(order.billing_next_event_id.period_start, date(2027, 9, 1))
        self._assert_books_closed(order)

    def test_what_is_refused(self):
        order = self._start(APRIL, (self.basic, 1))
        Discount = self.env['billpro.discount']
        with freeze_time(f'{MIDDLE} 10:00:00'):
            for percent, count in ((0, 1), (101, 1), (10, 0), (10, 121)):
                with self.subTest(percent=percent, count=count), self.assertRaises(UserError):
                    Discount._propose(order, percent, count)
            shown = agreement_text(Discount._propose(order, 20, 1)._get_rows())
            with self.assertRaisesRegex(UserError, "has changed meanwhile"):
                order._billing_give_discount(20, 2, shown)
            with self.assertRaises(AccessError):
                order.with_user(self.salesperson).action_open_adjust()
            order._billing_pause()
            with self.assertRaisesRegex(UserError, "its billing status is “Paused”"):
                Discount._propose(order, 20, 1)
