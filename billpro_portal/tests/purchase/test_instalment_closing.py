from datetime import date, timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from ..common.nightly import nightly, some
from ..common.schedule_actions import ScheduleActionCommon


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
        """Check the books: revenue, taxes, and nothing that is open."""
        self._assert_revenue(order, revenue, taxes)
        self.assertEqual(order.invoice_status, 'invoiced')
        self._assert_books_closed(order)

    def _assert_revenue(self, order, revenue, taxes):
        """Check revenue and taxes, and that nothing is on the account of the down payments."""
        round_ = order.currency_id.round
        moves = order.billing_move_ids.filtered(lambda move: move.state == 'posted')
        # The taxes of the test have no accounts of their own.
        lines = moves.line_ids.filtered(lambda line: not line.tax_line_id)
        on_hold = lines.filtered(lambda line: line.account_id == self.down_payment_account)
        self.assertTrue(on_hold)
        self.assertEqual(round_(sum(on_hold.mapped('amount_currency'))), 0.0)
        earned = lines.filtered(lambda line: line.account_id.account_type == 'income')
        self.assertEqual(round_(-sum(earned.mapped('amount_currency'))), revenue)
        self.assertEqual(self._tax_amounts(moves), taxes)

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
        for tx in order._billing_get_refundable_transactions():
            with self._committing_env() as env:
                refund_tx = (
                    env['payment.transaction'].browse(tx.id)._billing_create_order_refund(amount)
                )
                refund_tx._billing_send_order_refund()

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

    @nightly("That of one the final invoice has deducted arrives late for each change.")
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

    @nightly("The last one is skipped for each change.")
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

    @nightly("Each currency is cleared for each change, several taxes in drawn orders.")
    def test_each_currency_with_several_taxes(self):
        sales = (('JPY', (500, 200, 100), 1000), ('KWD', (5.0, 2.0, 1.0), 10.001))
        for currency, prices, total in some(sales):
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

    def test_completed_before_anything_is_delivered(self):
        """What was collected is earned, delivered or not; nothing is paid back by itself."""
        product = self._create_sold_product("Goods", 100.0, self.tax_21, 'instalment')
        product.invoice_policy = 'delivery'
        order = self._create_instalments((product, 1))
        self._run_on('2027-02-10')
        with freeze_time('2027-02-15 10:00:00'):
            order.with_user(self.billing_manager).action_mark_complete()
        self.assertEqual(set(order.billing_move_ids.mapped('move_type')), {'out_invoice'})
        self._assert_revenue(order, 44.9, {'VAT 21%': 9.43})
        self._assert_books_closed(order)

    # === BY HAND BESIDE US === #

    def _create_invoice(self, order, user=None, **values):
        """Press *Create Invoice* as staff do; return the invoice."""
        wizard = self.env['sale.advance.payment.inv'].with_user(user or self.billing_user)
        wizard = wizard.with_context(active_model='sale.order', active_ids=order.ids).create(values)
        before = order.billing_move_ids
        wizard.create_invoices()
        return order.billing_move_ids - before

    def test_create_invoice_makes_that_of_the_next_payment(self):
        """Goods invoiced on delivery, nothing delivered: Odoo would credit the down payments."""
        product = self._create_sold_product("Goods", 100.0, self.tax_21, 'instalment')
        product.invoice_policy = 'delivery'
        order = self._create_instalments((product, 1))
        with freeze_time('2027-01-20 10:00:00'):
            first, second, last = (self._create_invoice(order) for _number in range(3))
            with self.assertRaisesRegex(UserError, "have their invoices"):
                self._create_invoice(order)
        invoices = first | second | last
        self.assertEqual(invoices, order.billing_event_ids.invoice_id)
        self.assertRecordValues(
            invoices,
            [
                {
                    'move_type': 'out_invoice',
                    'state': 'draft',
                    'amount_total': amount,
                    'invoice_date_due': day,
                }
                for amount, day in (
                    (33.33, date(2027, 2, 10)),
                    (33.33, date(2027, 3, 10)),
                    (33.34, date(2027, 4, 10)),
                )
            ],
        )
        # One of them is paid by bank, the others by card on their days.
        with freeze_time('2027-01-25 10:00:00'):
            first.action_post()
            self._pay_by_bank(first)
        for day in ('2027-02-10', '2027-03-10', '2027-04-10'):
            self._run_on(day)
        self.assertEqual(
            order.billing_event_ids.mapped('status'), ['recovered', 'completed', 'completed']
        )
        self.assertEqual(len(order.billing_event_ids.transaction_ids), 2)
        self._assert_totals(order, paid=121.0, balance=0.0)
        self.assertEqual(order.billing_status, 'complete')

    def test_create_invoice_of_several_orders(self):
        subscription = self._create_active_order()
        single = self._create_order((self.desk, 1))
        single.action_confirm()
        paused = self._create_active_order()
        paused._billing_pause()
        orders = subscription | single | paused
        with freeze_time('2027-01-20 10:00:00'):
            invoices = orders.with_user(self.billing_user)._create_invoices()
        self.assertEqual(
            sorted(invoices.mapped('amount_total')),
            sorted([subscription.billing_event_ids.amount, single.amount_total]),
        )
        self.assertEqual(
            subscription.billing_event_ids.invoice_id & invoices,
            subscription.billing_event_ids.invoice_id,
        )

    def test_no_down_payment_beside_the_schedule(self):
        order = self._create_instalments()
        with self.assertRaisesRegex(UserError, "paid by scheduled payments"):
            self._create_invoice(order, advance_payment_method='fixed', fixed_amount=10)
        subscription = self._create_active_order()
        subscription._billing_pause()
        with self.assertRaisesRegex(UserError, "no payment to invoice now"):
            self._create_invoice(subscription)

    def _pay_by_bank(self, invoice, **values):
        self.env['account.payment.register'].with_context(
            active_model='account.move', active_ids=invoice.ids
        ).create(values)._create_payments()

    def _credit(self, invoice, modify=False, **values):
        """Credit an invoice as accountants do; return the credit note, or the corrected invoice."""
        wizard = (
            self.env['account.move.reversal']
            .with_context(active_model='account.move', active_ids=invoice.ids)
            .create({'journal_id': invoice.journal_id.id, **values})
        )
        if modify:
            wizard.modify_moves()
            return wizard.new_move_ids
        wizard.refund_moves()
        credit_note = invoice.reversal_move_ids
        credit_note.action_post()
        return credit_note

    @nightly("A deposit that is cancelled is taken back for each change.")
    def test_the_accountant_credits_the_deposit(self):
        """It counts like a credit note of ours, and the last payment is what was agreed."""
        order = self._create_instalments()
        self._run_on('2027-02-10')
        deposit = order.billing_move_ids.sorted('id')[0]
        with freeze_time('2027-02-15 10:00:00'):
            credit_note = self._credit(deposit)
        self._assert_totals(order, paid=54.33, credited=21.0)
        for day in ('2027-03-10', '2027-04-10'):
            self._run_on(day)
        self.assertEqual(set(order.billing_event_ids.mapped('status')), {'completed'})
        self.assertEqual(order.billing_event_ids[-1].invoice_id.amount_total, 33.34)
        # What was credited is the customer's.
        self.assertEqual(credit_note.amount_residual, 21.0)
        self._assert_totals(order, paid=121.0, credited=21.0, balance=-21.0)
        with freeze_time('2027-04-15 10:00:00'):
            self._pay_by_bank(credit_note)
        self._assert_totals(order, refunded=21.0, balance=0.0)
        self.assertEqual(set(order.billing_move_ids.mapped('amount_residual')), {0.0})
        self._assert_revenue(order, 82.64, {'VAT 21%': 17.36})

    @nightly("Crediting the deposit is tried for each change.")
    def test_the_accountant_credits_a_part_of_an_instalment(self):
        order = self._create_instalments()
        self._run_on('2027-02-10')
        invoice = order.billing_event_ids[0].invoice_id
        with freeze_time('2027-02-15 10:00:00'):
            credit_note = invoice._reverse_moves()
            credit_note.invoice_line_ids.price_unit = 10.0
            credit_note.action_post()
        self.assertEqual(order.billing_credited, 12.1)
        for day in ('2027-03-10', '2027-04-10'):
            self._run_on(day)
        self.assertEqual(order.billing_event_ids[-1].status, 'completed')
        self._assert_totals(order, paid=121.0, credited=12.1, balance=-12.1)
        self.assertEqual(order.billing_event_ids[-1].invoice_id.amount_total, 33.34)
        self._assert_revenue(order, 90.0, {'VAT 21%': 18.9})

    @nightly("Cancelling one is tried for each change.")
    def test_a_deposit_that_was_collected_is_corrected(self):
        order = self._create_instalments()
        deposit = order.billing_move_ids
        deposit.button_draft()
        self._run_on('2027-02-10')
        deposit.invoice_line_ids.name = "First payment"
        deposit.action_post()
        self.assertEqual(deposit.amount_residual, 0)
        for day in ('2027-03-10', '2027-04-10'):
            self._run_on(day)
        self._assert_earned(order, 100.0, {'VAT 21%': 21.0})

    def test_a_deposit_that_was_collected_is_cancelled(self):
        """The last invoice bills it again, and takes its payment."""
        order = self._create_instalments()
        deposit = order.billing_move_ids
        with freeze_time('2027-01-20 10:00:00'):
            deposit.button_draft()
            deposit.button_cancel()
        self.assertIn("had been paid", order.activity_ids.summary)
        for day in ('2027-02-10', '2027-03-10', '2027-04-10'):
            self._run_on(day)
        self.assertEqual(order.billing_status, 'complete')
        last = order.billing_event_ids[-1]
        self.assertEqual(
            (last.invoice_id.amount_total, last.transaction_ids.amount), (54.34, 33.34)
        )
        self._assert_totals(order, paid=121.0, balance=0.0)
        posted = order.billing_move_ids.filtered(lambda move: move.state == 'posted')
        self.assertEqual(set(posted.mapped('amount_residual')), {0.0})
        self.assertTrue(order._billing_get_initial_attempts().payment_id.is_reconciled)
        self._assert_revenue(order, 100.0, {'VAT 21%': 21.0})

    @nightly("Crediting a deposit is tried for each change.")
    def test_a_deposit_is_credited_and_made_anew(self):
        order = self._create_instalments()
        deposit = order.billing_move_ids
        with freeze_time('2027-01-20 10:00:00'):
            corrected = self._credit(deposit, modify=True)
            self.assertEqual(corrected.state, 'draft')
            corrected.action_post()
        self.assertEqual((corrected.billing_order_id, corrected.amount_residual), (order, 0.0))
        for day in ('2027-02-10', '2027-03-10', '2027-04-10'):
            self._run_on(day)
        self._assert_revenue(order, 100.0, {'VAT 21%': 21.0})
        self.assertEqual(set(order.billing_move_ids.mapped('amount_residual')), {0.0})

    def test_a_correction_of_what_is_still_to_be_collected(self):
        order = self._create_instalments()
        with freeze_time('2027-01-20 10:00:00'):
            invoice = self._create_invoice(order)
            invoice.action_post()
            corrected = self._credit(invoice, modify=True)
            corrected.action_post()
        self.assertEqual(order.billing_event_ids[0].invoice_id, corrected)
        for day in ('2027-02-10', '2027-03-10', '2027-04-10'):
            self._run_on(day)
        self._assert_totals(order, paid=121.0)
        self._assert_revenue(order, 100.0, {'VAT 21%': 21.0})

    def test_invoices_made_ahead_follow_the_lines(self):
        """A draft of weeks ago would be charged with the taxes of then."""
        order = self._create_active_order()
        with freeze_time('2027-01-20 10:00:00'):
            draft = self._create_invoice(order)
            order.order_line.tax_ids = self.tax_6
        self.assertFalse(draft.exists())
        instalments = self._create_instalments()
        with freeze_time('2027-01-20 10:00:00'):
            self._create_invoice(instalments)
            instalments.partner_shipping_id = self.customer.copy()
        self.assertFalse(instalments.billing_event_ids.invoice_id)
        self.assertEqual(len(instalments.order_line.filtered('is_downpayment')), 2)

    def test_an_invoice_posted_for_what_is_paused_then(self):
        order = self._create_active_order()
        with freeze_time('2027-01-20 10:00:00'):
            invoice = self._create_invoice(order)
            invoice.action_post()
        due = order.billing_event_ids.due_date
        with freeze_time(due - timedelta(days=2)):
            order._billing_pause()
        with freeze_time(due + timedelta(days=20)):
            order._billing_resume()
        self.assertFalse(order.billing_event_ids.invoice_id)
        self.assertIn("bills what was paused", order.activity_ids.summary)

    def test_one_that_is_set_aside_keeps_no_other_waiting(self):
        order = self._create_instalments()
        with freeze_time('2027-01-20 10:00:00'):
            first = self._create_invoice(order)
            first.action_post()
            self._pay_by_bank(first, amount=10.0)
        self._run_on('2027-03-10')
        self.assertEqual(
            order.billing_event_ids.mapped('status'), ['scheduled', 'completed', 'scheduled']
        )
        self.assertIn("by hand", order.billing_event_ids[0].status_message)

    def test_each_currency_is_cleared_to_the_cent(self):
        """Also if rates change, and whatever staff post at once."""
        rate = self.env['res.currency.rate']
        for at_once in some((True, False)):
            with self.subTest(at_once=at_once):
                order = self._create_taxed_order('KWD', (5.0, 2.0, 1.0), 10.001)
                order.billing_instalment_count = 3
                with freeze_time('2027-01-10 10:00:00'):
                    self._register_card(order)
                rate.create(
                    {
                        'currency_id': order.currency_id.id,
                        'company_id': self.company.id,
                        'name': f'2027-0{3 if at_once else 2}-20',
                        'rate': order.currency_id.rate * 1.1,
                    }
                )
                if at_once:
                    with freeze_time('2027-01-20 10:00:00'):
                        for _number in range(3):
                            self._create_invoice(order)
                        order.billing_event_ids.invoice_id.action_post()
                for day in ('2027-02-10', '2027-03-10', '2027-04-10'):
                    self._run_on(day)
                held = order.billing_move_ids.line_ids.filtered(
                    lambda line: line.account_id == self.down_payment_account
                )
                company_currency = self.company.currency_id
                self.assertTrue(held)
                self.assertEqual(company_currency.round(sum(held.mapped('balance'))), 0.0)
                self.assertEqual(set(order.billing_event_ids.mapped('status')), {'completed'})

    def test_what_is_due_is_worth_what_it_is_on_that_day(self):
        """However much the rate has moved since the first payments."""
        order = self._create_order((self.course, 1, 20.0), currency='KWD')
        order.order_line.tax_ids = False
        order.billing_instalment_count = 2
        with freeze_time('2027-01-10 10:00:00'):
            self._register_card(order)
        for day, rate in (('2027-02-01', 0.5), ('2027-02-20', 2.0)):
            self.env['res.currency.rate'].create(
                {
                    'currency_id': order.currency_id.id,
                    'company_id': self.company.id,
                    'name': day,
                    'rate': rate,
                }
            )
        self._run_on('2027-02-10')
        self._run_on('2027-03-10')
        self.assertEqual(order.billing_status, 'complete')
        final = order.billing_event_ids.sorted('number')[-1].invoice_id
        due = final.line_ids.filtered(lambda line: line.display_type == 'payment_term')
        self.assertEqual(due.balance, 5)
        billed = final.invoice_line_ids.filtered(lambda line: not line.is_downpayment)
        self.assertEqual(sum(billed.mapped('balance')), -25)
        self._assert_books_closed(order)

    @nightly("A final invoice is made beside down payments that are drafts for each change.")
    def test_the_deposit_is_a_draft_when_the_last_payment_is_collected(self):
        order = self._create_instalments()
        deposit = order.billing_move_ids
        deposit.button_draft()
        for day in ('2027-02-10', '2027-03-10', '2027-04-10'):
            self._run_on(day)
        self.assertEqual(order.billing_status, 'complete')
        deposit.action_post()
        self._assert_earned(order, 100.0, {'VAT 21%': 21.0})
