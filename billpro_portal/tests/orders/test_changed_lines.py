from datetime import date

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Domain
from odoo.tests import tagged

from ..common.nightly import nightly
from ..common.schedule_actions import ScheduleActionCommon


@tagged('post_install', '-at_install')
class TestChangedLines(ScheduleActionCommon):
    """Staff change price or quantity on a live subscription: the payments to come follow."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time('2027-01-10 10:00:00'):
            cls.order = cls._create_active_order((cls.gym, 1), (cls.gym, 1, 10.0))
        cls.event = cls.order.billing_event_ids

    def _set_price(self, price, user=None, moment='2027-02-01 10:00:00'):
        with freeze_time(moment):
            self.order.order_line[0].with_user(user or self.billing_user).price_unit = price

    def _assert_collected(self, *amounts):
        """Check the invoices after the first one, and that each was collected as it is."""
        invoices = self.order.billing_move_ids.sorted('id')[1:]
        self.assertEqual(invoices.mapped('amount_total'), list(amounts))
        self._assert_totals(self.order, paid=round(36.3 + sum(amounts), 2), balance=0.0)
        self._assert_books_closed(self.order)

    def test_the_next_payment_follows_and_the_customer_is_told(self):
        self._set_price(25.0)
        self.assertEqual(self._schedule(self.order), [('E2', 'scheduled', 42.35, '2027-02-10')])
        self.assertEqual(
            self._last_notice(self.order),
            "Your payment on February 10, 2027 is $ 42.35 instead of $ 36.30. Your later payments"
            " are $ 42.35, too.",
        )
        note = self.order.message_ids.filtered(lambda m: "All later payments follow." in m.body)
        self.assertIn("-E2 was changed from $&nbsp;36.30 to $&nbsp;42.35", str(note.body))
        self.assertEqual(note.author_id, self.billing_user.partner_id)
        self._run_on('2027-02-10')
        self._run_on('2027-03-10')
        self._assert_collected(42.35, 42.35)

    def test_several_lines_are_one_change(self):
        first, second = self.order.order_line
        with freeze_time('2027-02-01 10:00:00'):
            self.order.with_user(self.billing_user).order_line = [
                Command.update(first.id, {'product_uom_qty': 2}),
                Command.update(second.id, {'price_unit': 5.0}),
            ]
        self.assertEqual(self.event.amount, 54.45)
        notices = self.order.billing_notification_ids
        self.assertEqual(len(notices.filtered(lambda n: n.kind == 'payment_changed')), 1)
        self._run_on('2027-02-10')
        self._assert_collected(54.45)

    def test_a_payment_that_staff_set_stays(self):
        with freeze_time('2027-01-20 10:00:00'):
            self._reschedule(self.event, amount=20.0)
        self._set_price(25.0)
        self.assertEqual((self.event.amount, self.event.adjustment), (20.0, -22.35))
        self.assertIn("Its payments stay as they are", self.order.message_ids[0].body)
        self._run_on('2027-02-10')
        self._run_on('2027-03-10')
        self._assert_collected(20.0, 42.35)

    def test_an_amount_that_staff_set_for_all_stays(self):
        with freeze_time('2027-01-20 10:00:00'):
            self._reschedule(self.event, amount=30.0, scope='later')
        self._set_price(25.0)
        self._run_on('2027-02-10')
        self._run_on('2027-03-10')
        self._assert_collected(30.0, 30.0)

    def test_an_amount_for_all_that_is_set_back_lets_them_follow_again(self):
        with freeze_time('2027-01-20 10:00:00'):
            self._reschedule(self.event, amount=30.0, scope='later')
        self._set_price(25.0)
        with freeze_time('2027-02-02 10:00:00'):
            self._reschedule(self.event, amount=42.35, scope='later')
        self.assertEqual((self.order.billing_period_amount, self.event.adjustment), (0.0, 0.0))
        with freeze_time('2027-02-03 10:00:00'):
            self.order.order_line[0].with_user(self.billing_user).product_uom_qty = 2
        self.assertEqual(self.event.amount, 72.6)
        self._run_on('2027-02-10')
        self._run_on('2027-03-10')
        self._assert_collected(72.6, 72.6)

    def test_what_is_owed_already_stays(self):
        self.order.billing_token_id.demo_simulated_state = 'error'
        self._run_on('2027-02-10')
        self._set_price(25.0, moment='2027-02-10 11:00:00')
        self.assertEqual(
            self._schedule(self.order),
            [
                ('E2', 'soft_declined', 36.3, '2027-02-10'),
                ('E3', 'scheduled', 42.35, '2027-03-10'),
            ],
        )
        self.order.billing_token_id.demo_simulated_state = 'done'
        with freeze_time('2027-02-10 12:00:00'):
            merged = self._merge(self.order.billing_event_ids, date(2027, 2, 20))
        self.assertEqual(merged.amount, 78.65)
        self._set_price(30.0, moment='2027-02-15 10:00:00')
        self.assertEqual(merged.amount, 78.65)
        self._run_on('2027-02-20')
        self.assertEqual(merged.status, 'recovered')
        self._run_on('2027-04-10')
        self._assert_collected(78.65, 48.4)

    def test_what_is_under_way_stays(self):
        with freeze_time('2027-02-10 10:00:00'):
            tx = self.env['billpro.billing.run']._open(Domain('id', '=', self.event.id))
            self._set_price(25.0, moment='2027-02-10 10:00:00')
            tx._set_done()
            tx._post_process()
        self.assertEqual(
            self._schedule(self.order),
            [('E2', 'completed', 36.3, '2027-02-10'), ('E3', 'scheduled', 42.35, '2027-03-10')],
        )
        self._assert_collected(36.3)

    def test_paused(self):
        with freeze_time('2027-02-01 10:00:00'):
            self.order._billing_pause()
        self._set_price(25.0)
        with freeze_time('2027-02-05 10:00:00'):
            self.order._billing_resume()
        self._run_on('2027-02-10')
        self._assert_collected(42.35)

    def test_refused(self):
        with self.assertRaisesRegex(AccessError, "only billing users can change what it costs"):
            self._set_price(25.0, user=self.salesperson)
        with self.assertRaisesRegex(ValidationError, "must be positive"):
            self._set_price(-10.0)
        self.gym.billing_lock_pricing = True
        with self.assertRaisesRegex(ValidationError, "is locked"):
            self._set_price(25.0)

    def test_salespeople_may_change_what_costs_nothing(self):
        self.order.order_line[0].with_user(self.salesperson).name = "Gym, at all hours"
        self.assertEqual(self.event.amount, 36.3)

    # === WHAT IS CHARGED ONCE === #

    def _add(self, product, price, moment='2027-02-01 10:00:00', **values):
        """Add a line in the form, as staff do; return it."""
        with freeze_time(moment):
            self.order.with_user(self.billing_user).order_line = [
                Command.create({'product_id': product.id, 'price_unit': price, **values})
            ]
        return self.order.order_line.sorted('id')[-1]

    def test_a_fee_is_charged_once_with_the_next_payment(self):
        line = self._add(self.fee, 50.0)
        self.assertEqual(self._schedule(self.order), [('E2', 'scheduled', 96.8, '2027-02-10')])
        self.assertEqual(
            self._last_notice(self.order),
            "Your payment on February 10, 2027 is $ 96.80 instead of $ 36.30.",
        )
        (row,) = self.order.env['billpro.order.payments']._get_upcoming_rows(self.order)
        self.assertIn(f"Mar 9, 2027 · {line.name}", row['description'])
        self.assertIn(
            '96.80',
            self.order.env['billpro.order.payments']._get_next_payment(self.order)['amount'],
        )
        self._run_on('2027-02-10')
        self.assertEqual(line.qty_invoiced, 1)
        self._run_on('2027-03-10')
        self._run_on('2027-04-10')
        self._assert_collected(96.8, 36.3, 36.3)
        with freeze_time('2027-04-10 10:00:00'):
            mrr = self.env['billpro.mrr.report'].search([('order_id', '=', self.order.id)])
            self.assertEqual(set(mrr.mapped('mrr')), {30.0})

    @nightly("A fee is charged once for each change: a credit is one below zero.")
    def test_a_credit_is_given_once(self):
        self._add(self.fee, -10.0)
        self._run_on('2027-02-10')
        self._run_on('2027-03-10')
        self._assert_collected(24.2, 36.3)
        with self.assertRaisesRegex(ValidationError, "would be .*: credit less"):
            self._add(self.fee, -30.0, moment='2027-03-20 10:00:00')

    def test_a_fee_beside_other_changes(self):
        line = self._add(self.fee, 50.0)
        self._set_price(25.0, moment='2027-02-02 10:00:00')
        self.assertEqual(
            self._last_notice(self.order),
            "Your payment on February 10, 2027 is $ 102.85 instead of $ 96.80. Your later"
            " payments are $ 42.35.",
        )
        with freeze_time('2027-02-03 10:00:00'):
            line.with_user(self.billing_user).price_unit = 100.0
        self.assertEqual(self.event.amount, 163.35)
        with freeze_time('2027-02-04 10:00:00'):
            self._reschedule(self.event, amount=100.0)
        self._add(self.gym, 10.0, moment='2027-02-05 10:00:00')
        self.assertEqual(self.event.amount, 100.0)
        self._run_on('2027-02-10')
        self._run_on('2027-03-10')
        self._assert_collected(100.0, 54.45)
        self.assertEqual(self.order.order_line.mapped('qty_invoiced'), [1, 1, 1, 1])

    def test_a_fee_while_a_payment_is_under_way_or_owed(self):
        with freeze_time('2027-02-10 10:00:00'):
            tx = self.env['billpro.billing.run']._open(Domain('id', '=', self.event.id))
            self._add(self.fee, 50.0, moment='2027-02-10 10:00:00')
            tx._set_done()
            tx._post_process()
        self.assertEqual(self.order.billing_next_event_id.amount, 96.8)
        self.order.billing_token_id.demo_simulated_state = 'error'
        self._run_on('2027-03-10')
        self._add(self.fee, 10.0, moment='2027-03-10 11:00:00')
        self.assertEqual(
            self._schedule(self.order)[1:],
            [
                ('E3', 'soft_declined', 96.8, '2027-03-10'),
                ('E4', 'scheduled', 48.4, '2027-04-10'),
            ],
        )
        self.order.billing_token_id.demo_simulated_state = 'done'
        with freeze_time('2027-03-10 12:00:00'):
            merged = self._merge(self.order.billing_event_ids[1:], date(2027, 4, 10))
        self.assertEqual(merged.amount, 145.2)
        self.order.billing_token_id.demo_simulated_state = 'error'
        self._run_on('2027-04-10')
        self.order.billing_token_id.demo_simulated_state = 'done'
        self._run_on('2027-04-11')
        self._run_on('2027-05-10')
        self._assert_collected(36.3, 145.2, 36.3)

    def test_a_fee_waits_through_a_pause(self):
        self._add(self.fee, 50.0)
        with freeze_time('2027-02-02 10:00:00'):
            self.order._billing_pause()
        with freeze_time('2027-04-15 10:00:00'):
            self.order._billing_resume()
        self._run_on('2027-05-10')
        self._run_on('2027-06-10')
        self._assert_collected(96.8, 36.3)

    def test_a_fee_waits_for_the_payment_after_one_that_is_skipped(self):
        line = self._add(self.fee, 50.0)
        with freeze_time('2027-02-02 10:00:00'):
            self._skip(self.event)
        self.assertEqual(
            self._schedule(self.order),
            [('E2', 'skipped', 36.3, '2027-02-10'), ('E3', 'scheduled', 96.8, '2027-03-10')],
        )
        self.assertEqual(line.billing_event_id, self.order.billing_next_event_id)
        self._assert_totals(self.order, skipped=36.3, paid=36.3, balance=0.0)
        self._run_on('2027-03-10')
        self._run_on('2027-04-10')
        self.assertEqual(line.qty_invoiced, 1)
        self._assert_collected(96.8, 36.3)

    def test_a_fee_on_a_declined_payment_that_is_skipped(self):
        """The bank may approve it all the same: the next payment doesn't charge it, too."""
        line = self._add(self.fee, 50.0)
        self.order.billing_token_id.demo_simulated_state = 'error'
        self._run_on('2027-02-10')
        with freeze_time('2027-02-11 10:00:00'):
            self._skip(self.event)
        self.assertEqual(self.event.amount, 96.8)
        self.assertEqual(line.billing_event_id, self.event)
        self.assertEqual(self.order.billing_next_event_id.amount, 36.3)
        activity = self.order.activity_ids.filtered(lambda one: one.summary.endswith("charged"))
        self.assertEqual(activity.summary, f"{line.name} isn't charged")

    def test_a_fee_on_the_last_payment_that_is_skipped(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.gym, 1), billing_cycles=2)
        with freeze_time('2027-02-01 10:00:00'):
            order.order_line = [Command.create({'product_id': self.fee.id, 'price_unit': 50.0})]
        line = order.order_line[-1]
        self.assertEqual(order.billing_event_ids.amount, 84.7)
        with freeze_time('2027-02-02 10:00:00'):
            self._skip(order.billing_event_ids)
        self.assertEqual(order.billing_skipped, 24.2)
        self.assertFalse(order.billing_next_event_id)
        self.assertIn(f"{line.name} isn't charged", order.activity_ids.mapped('summary'))

    def test_a_fee_that_was_invoiced_by_hand_is_not_charged(self):
        line = self._add(self.fee, 50.0)
        with freeze_time('2027-02-02 10:00:00'):
            self.env['account.move'].create(
                {
                    **self.order._prepare_invoice(),
                    'invoice_line_ids': [Command.create(line._prepare_invoice_line(quantity=1.0))],
                }
            ).action_post()
        self.assertEqual(line.qty_invoiced, 1)
        self._run_on('2027-02-10')
        self.assertEqual(self.order.billing_event_ids[0].amount, 36.3)
        self.assertEqual(self.order.billing_event_ids[0].status, 'completed')

    def test_a_fee_without_a_payment_to_come_is_refused(self):
        with freeze_time('2027-02-01 10:00:00'):
            self.order._billing_cancel_subscription(at_once=False)
        with self.assertRaisesRegex(ValidationError, "could charge “.*Sign-up fee"):
            self._add(self.fee, 50.0)
        with freeze_time('2027-02-01 10:00:00'), self.assertRaises(AccessError):
            self.order.with_user(self.salesperson).order_line = [
                Command.create({'product_id': self.fee.id})
            ]


@tagged('post_install', '-at_install')
class TestChangedLinesOfInstalments(ScheduleActionCommon):
    """The payments of a purchase in instalments were agreed to: what it costs is watched."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.course = cls._create_sold_product("Course", 100.0, cls.tax_21, 'instalment')
        with freeze_time('2027-01-10 10:00:00'):
            cls.order = cls._create_active_order(
                (cls.course, 1), billing_deposit=21.0, billing_instalment_count=2
            )
        cls.line = cls.order.order_line.filtered(lambda line: line.product_id == cls.course)

    def test_salespeople_change_nothing_that_costs(self):
        for change in (
            lambda line: line.write({'price_unit': 10.0}),
            lambda line: line.write({'product_uom_qty': 2}),
            lambda line: line.write({'discount': 10}),
            lambda line: line.write({'is_downpayment': True, 'product_uom_qty': 0}),
            lambda line: line.order_id.write(
                {'order_line': [Command.create({'product_id': self.course.id})]}
            ),
            lambda line: line.create({'order_id': line.order_id.id, 'product_id': self.course.id}),
        ):
            with (
                self.assertRaisesRegex(AccessError, "only billing users can change what it costs"),
                self.env.cr.savepoint(),
            ):
                change(self.line.with_user(self.salesperson))
        self.line.with_user(self.salesperson).name = "Course, at all hours"
        self.line.create(
            {'order_id': self.order.id, 'display_type': 'line_note', 'name': "Thank you"}
        )
        self.assertEqual(self.order.amount_total, 121.0)

    def test_the_payments_stay_and_it_is_said(self):
        self.line.with_user(self.billing_user).price_unit = 110.0
        self.assertEqual(self.order.billing_event_ids.mapped('amount'), [50.0, 50.0])
        self.assertIn(
            "add up to $ 133.10 now. Its payments stay",
            str(self.order.message_ids[0].body).replace('\xa0', ' ').replace('&nbsp;', ' '),
        )
        self._run_on('2027-02-10')
        self._run_on('2027-03-10')
        last = self.order.billing_event_ids[1]
        self.assertEqual(last.status, 'scheduled')
        self.assertIn("Its invoice would be $\xa062.10 instead of $\xa050.00", last.status_message)
        with freeze_time('2027-03-11 10:00:00'):
            self._reschedule(last, amount=62.1)
        self._run_on('2027-03-11')
        self.assertEqual(self.order.billing_status, 'complete')
        self._assert_totals(self.order, paid=133.1, balance=0.0)

    def test_what_was_collected_beyond_it_is_reviewed_at_once(self):
        self._run_on('2027-02-10')
        self.line.with_user(self.billing_user).price_unit = 50.0
        self.assertEqual(self.order.billing_status, 'review')
        self._run_on('2027-03-10')
        self.assertEqual(self.order.billing_event_ids.mapped('status'), ['completed', 'scheduled'])
        self._assert_totals(self.order, paid=71.0)
