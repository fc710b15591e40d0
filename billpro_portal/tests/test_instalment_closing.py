from freezegun import freeze_time

from odoo import Command
from odoo.tests import tagged

from .common.schedule_actions import ScheduleActionCommon


@tagged('post_install', '-at_install')
class TestInstalmentClosing(ScheduleActionCommon):
    """What was collected becomes revenue, whatever the last payments come to."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.down_payment_account = cls.env['account.account'].create(
            {
                'name': "Down payments of customers",
                'code': '211999',
                'account_type': 'liability_current',
                'company_ids': [Command.set(cls.company.ids)],
            }
        )
        cls.company.downpayment_account_id = cls.down_payment_account

    def _assert_earned(self, order, revenue, taxes):
        """Check the books: revenue, taxes, and nothing on the account of the down payments."""
        round_ = order.currency_id.round
        # The taxes of the test have no accounts of their own.
        lines = order.billing_move_ids.line_ids.filtered(lambda line: not line.tax_line_id)
        on_hold = lines.filtered(lambda line: line.account_id == self.down_payment_account)
        self.assertTrue(on_hold)
        self.assertEqual(round_(sum(on_hold.mapped('amount_currency'))), 0.0)
        earned = lines.filtered(lambda line: line.account_id.account_type == 'income')
        self.assertEqual(round_(-sum(earned.mapped('amount_currency'))), revenue)
        self.assertEqual(self._tax_amounts(order.billing_move_ids), taxes)
        self.assertEqual(order.invoice_status, 'invoiced')
        self._assert_books_closed(order)

    def _skip_the_last(self, **values):
        """Return an order whose last payment was skipped after the others were collected."""
        order = self._create_instalments(**values)
        for day in ('2027-02-10', '2027-03-10'):
            self._run_on(day)
        with freeze_time('2027-03-15 10:00:00'):
            self._skip(order.billing_event_ids[-1])
        return order

    def _approve_late(self, event):
        """Let the provider say that the declined attempt of a payment was approved after all."""
        with freeze_time('2027-04-12 10:00:00'):
            event.transaction_ids._set_done(extra_allowed_states=('error',))
            event.transaction_ids._post_process()

    def _refund_of_each(self, order, amount):
        for tx in order._get_refundable_transactions():
            with self._committing_env() as env:
                refund_tx = env['payment.transaction'].browse(tx.id)._create_order_refund(amount)
                refund_tx._send_order_refund()

    def test_a_final_invoice_names_down_payments_that_are_not_posted_yet(self):
        order = self._create_instalments(count=2, state='error')
        self._run_on('2027-02-10')
        first, last = order.billing_event_ids
        self.assertEqual(first.invoice_id.state, 'draft')
        order._get_purchase()._create_event_invoices(last)
        names = last.invoice_id.invoice_line_ids.mapped('name')
        self.assertFalse([name for name in names if "(Draft)" in name])
        self.assertIn("Instalment 1 of 2", names)

    def test_refunds_take_back_revenue(self):
        order = self._create_instalments()
        with freeze_time('2027-01-20 10:00:00'):
            self._refund_of_each(order, 5.0)
        for day in ('2027-02-10', '2027-03-10', '2027-04-10'):
            self._run_on(day)
        with freeze_time('2027-04-11 10:00:00'):
            self._assert_earned(order, 95.87, {'VAT 21%': 20.13})
            self._refund_of_each(order, 5.0)
        self.assertEqual((order.billing_paid, order.billing_refunded), (121.0, 25.0))
        self._assert_earned(order, 79.35, {'VAT 21%': 16.65})

    def test_the_last_one_is_skipped(self):
        order = self._skip_the_last()
        self.assertEqual(order.billing_status, 'complete')
        self._assert_totals(order, paid=87.66, skipped=33.34, balance=0.0)
        closing = order.billing_move_ids.sorted('id')[-1]
        self.assertEqual(
            order.billing_move_ids.sorted('id').mapped('amount_total'), [21.0, 33.33, 33.33, 0.0]
        )
        self.assertIn("Skipped payments", closing.invoice_line_ids.mapped('name'))
        self.assertEqual(str(closing.invoice_date), '2027-03-15')
        self.assertEqual(closing.payment_state, 'paid')
        self._assert_earned(order, 72.45, {'VAT 21%': 15.21})

    def test_its_money_arrives_all_the_same(self):
        order = self._create_instalments()
        for day in ('2027-02-10', '2027-03-10'):
            self._run_on(day)
        order.billing_token_id.demo_simulated_state = 'error'
        self._run_on('2027-04-10')
        last = order.billing_event_ids[-1]
        with freeze_time('2027-04-10 11:00:00'):
            self._skip(last)
        self._assert_earned(order, 72.45, {'VAT 21%': 15.21})
        self._approve_late(last)
        self.assertEqual((last.status, last.invoice_id.amount_total), ('recovered', 33.34))
        self._assert_totals(order, paid=121.0, skipped=0.0, balance=0.0)
        self._assert_earned(order, 100.0, {'VAT 21%': 21.0})

    def test_one_is_skipped_that_the_final_invoice_has_deducted(self):
        order = self._create_instalments()
        first, second, last = order.billing_event_ids
        self._run_on('2027-02-10')
        order.billing_token_id.demo_simulated_state = 'error'
        self._run_on('2027-03-10')
        order.billing_token_id.demo_simulated_state = 'done'
        with freeze_time('2027-03-10 11:00:00'), self._committing_env(self.billing_user) as env:
            env['billpro.billing.event'].browse(last.id).action_execute_now()
        self.assertEqual(
            (first | second | last).mapped('status'), ['completed', 'soft_declined', 'completed']
        )
        with freeze_time('2027-03-10 12:00:00'):
            self._skip(second)
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual(
            order.billing_move_ids.sorted('id').mapped('amount_total'), [21.0, 33.33, 33.34, 0.0]
        )
        self._assert_totals(order, paid=87.67, skipped=33.33, balance=0.0)
        self._assert_earned(order, 72.45, {'VAT 21%': 15.22})
        self._approve_late(second)
        self._assert_totals(order, paid=121.0, skipped=0.0, balance=0.0)
        self._assert_earned(order, 100.0, {'VAT 21%': 21.0})

    def test_completed_before_the_last_one(self):
        order = self._create_instalments()
        self._run_on('2027-02-10')
        with freeze_time('2027-02-15 10:00:00'):
            self._skip(order.billing_event_ids[1])
            order.with_user(self.billing_manager).action_mark_complete()
        self.assertEqual(
            order.billing_move_ids.sorted('id').mapped('amount_total'), [21.0, 33.33, 0.0]
        )
        closing = order.billing_move_ids.sorted('id')[-1]
        self.assertIn("Payments that are not collected", closing.invoice_line_ids.mapped('name'))
        self._assert_totals(order, paid=54.33, skipped=33.33)
        self._assert_earned(order, 44.9, {'VAT 21%': 9.43})

    def test_completed_when_the_final_invoice_is_there(self):
        order = self._create_instalments(count=1)
        self._refund(order, 5.0)
        self._run_on('2027-02-10')
        self.assertEqual(order.billing_status, 'review')
        moves = order.billing_move_ids
        order.with_user(self.billing_manager).action_mark_complete()
        self.assertEqual((order.billing_status, order.billing_move_ids), ('complete', moves))

    def test_nothing_was_collected(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.course, 1), billing_instalment_count=2)
        for event in order.billing_event_ids:
            self._skip(event)
        self.assertEqual(order.billing_status, 'complete')
        self.assertFalse(order.billing_move_ids)

    def test_each_currency_with_several_taxes(self):
        for currency, prices, total in (
            ('JPY', (500, 200, 100), 1000),
            ('KWD', (5.0, 2.0, 1.0), 10.001),
        ):
            with self.subTest(currency):
                with freeze_time('2027-01-10 10:00:00'):
                    order = self._create_taxed_order(currency, prices, total)
                    order.billing_instalment_count = 3
                    self._register_card(order)
                for day in ('2027-02-10', '2027-03-10'):
                    self._run_on(day)
                with freeze_time('2027-03-15 10:00:00'):
                    self._skip(order.billing_event_ids[-1])
                round_ = order.currency_id.round
                self.assertEqual(
                    round_(sum(order.billing_move_ids.mapped('amount_total'))),
                    round_(order.billing_paid),
                )
                amounts = self._tax_amounts(order.billing_move_ids)
                tax = round_(sum(amounts.values()))
                self._assert_earned(order, round_(order.billing_paid - tax), amounts)
                for taxes_of_order in order.tax_totals['subtotals'][0]['tax_groups']:
                    share = taxes_of_order['tax_amount_currency'] * order.billing_paid / total
                    self.assertAlmostEqual(
                        amounts[taxes_of_order['group_name']],
                        share,
                        delta=2 * order.currency_id.rounding,
                    )
