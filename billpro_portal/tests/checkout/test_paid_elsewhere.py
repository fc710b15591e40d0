from datetime import datetime, timedelta

from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..common.nightly import nightly, some
from ..common.other_payments import OtherPaymentsCommon

START = datetime(2027, 1, 20, 10)


@tagged('post_install', '-at_install')
class TestPaidElsewhere(OtherPaymentsCommon):
    """Money is money wherever it came from: the order goes on as if paid by its link."""

    def _assert_begun(self, order, status, paid, events=0):
        """Check that an order has begun, with what was paid and one posted invoice for it."""
        self.assertEqual(order.billing_status, status)
        self.assertEqual(order.billing_paid, paid)
        self.assertEqual(len(order.billing_event_ids), events)
        self.assertFalse(order.billing_on_account_amount)
        if paid:
            moves = order.billing_move_ids
            self.assertEqual(set(moves.mapped('state')), {'posted'})
            self.assertEqual(set(moves.mapped('amount_residual')), {0.0})
            payments = moves.line_ids.matched_credit_ids.credit_move_id
            self.assertTrue(all(payments.mapped('reconciled')))
            self.assertEqual(sum(order.billing_move_ids.mapped('amount_total')), paid)

    def _assert_nothing_collected(self, order):
        self.assertTrue(order._billing_get_not_payable_reason())
        with mute_logger('odoo.http'):
            self.assertIn('error', self._post_transaction(order))
        self.assertFalse(order.billing_transaction_ids)

    # === SINGLE PAYMENT: NO CARD NEEDED === #

    def test_an_invoice_paid_by_bank(self):
        order = self._create_order((self.desk, 1))
        payment = self._pay_by_bank(self._invoice_by_hand(order))
        self._assert_nothing_collected(order)
        self.assertIn("Bank transfer", self._get_page(order))
        self._let_run_look()
        self._assert_begun(order, 'complete', 121)
        self.assertEqual(order.billing_balance, 0)
        self.assertFalse(order.billing_consent_ids)
        self.assertFalse(order.activity_ids)
        page = self._get_page(order)
        self.assertIn("Bank transfer", page)
        self.assertIn("121.00", order.billing_other_payments)
        self.assertIn(order.billing_move_ids.name, page)
        notice = order.billing_notification_ids.filtered(
            lambda n: n.kind == 'purchase_confirmation'
        )
        notice._send()
        self.assertEqual(notice.state, 'handed_over')
        # What was paid counts no more when the bank takes it back.
        payment.action_cancel()
        self.env.invalidate_all()
        self.assertEqual((order.billing_paid, order.billing_balance), (0, 121))

    def test_odoo_s_payment_link(self):
        order = self._create_order((self.desk, 1))
        self._pay_by_odoo_link(order)
        self._assert_nothing_collected(order)
        self._let_run_look()
        self._assert_begun(order, 'complete', 121)
        self._refund(order, 21)
        self.assertEqual((order.billing_refunded, order.billing_credited), (21, 21))
        self._assert_books_closed(order)

    def test_odoo_s_payment_link_that_reserves_first(self):
        self.provider.capture_manually = True
        order = self._create_order((self.desk, 1))
        tx = self._pay_by_odoo_link(order)
        self.assertEqual(tx.state, 'authorized')
        self._assert_nothing_collected(order)
        capture_tx = tx._capture()
        (tx | capture_tx)._post_process()
        self.assertEqual((tx.state, capture_tx.state), ('done', 'done'))
        self._let_run_look()
        self.assertEqual((order.billing_status, order.billing_paid), ('complete', 121))
        self.assertEqual(order.billing_move_ids.payment_state, 'paid')
        self.assertFalse(order.activity_ids)

    def test_a_part_paid_by_bank(self):
        """The link asks for the rest, on the invoice that there is."""
        order = self._create_order((self.desk, 1))
        invoice = self._invoice_by_hand(order)
        shown = order._billing_get_shown()
        self._pay_by_bank(invoice, amount=21.0)
        changes = " ".join(order._billing_get_changes_since(shown)).replace("\xa0", " ")
        self.assertIn("now $ 100.00", changes)
        self._let_run_look()
        self.assertFalse(order.activity_ids)
        page = self._get_page(order)
        self.assertIn("Paid already: Bank transfer", page)
        tx = self._begin_by_link(order)
        self.assertEqual(tx.amount, 100)
        self._finish(tx)
        self._assert_begun(order, 'complete', 121)
        self.assertEqual(order.billing_move_ids, invoice)

    @nightly("A part comes by bank, and all by that link, for each change.")
    def test_a_part_paid_by_odoo_s_link(self):
        order = self._create_order((self.desk, 1))
        self._pay_by_odoo_link(order, amount=21)
        tx = self._begin_by_link(order)
        self.assertEqual(tx.amount, 100)
        self._finish(tx)
        self._assert_begun(order, 'complete', 121)

    def test_a_down_payment(self):
        order = self._create_order((self.desk, 1))
        self._pay_by_bank(self._invoice_down_payment(order, 21))
        tx = self._begin_by_link(order)
        self.assertEqual(tx.amount, 100)
        self._finish(tx)
        self._assert_begun(order, 'complete', 121)
        self.assertEqual(len(order.billing_move_ids), 2)

    def test_a_down_payment_that_is_open(self):
        """The link pays all: what is invoiced, and the rest."""
        order = self._create_order((self.desk, 1))
        self._invoice_down_payment(order, 21)
        tx = self._begin_by_link(order)
        self.assertEqual(tx.amount, 121)
        self._finish(tx)
        self._assert_begun(order, 'complete', 121)

    def test_an_open_invoice(self):
        order = self._create_order((self.desk, 1))
        invoice = self._invoice_by_hand(order)
        tx = self._begin_by_link(order)
        self.assertEqual(tx.amount, 121)
        self._finish(tx)
        self._assert_begun(order, 'complete', 121)
        self.assertEqual(order.billing_move_ids, invoice)

    def test_another_currency(self):
        order = self._create_order((self.desk, 1, 100.01), currency='JPY')
        invoice = self._invoice_by_hand(order)
        self._pay_by_bank(invoice, amount=21, currency_id=order.currency_id.id)
        self.assertEqual(order._billing_get_amount_asked(), order.amount_total - 21)
        self._pay_by_bank(invoice, currency_id=self.company.currency_id.id)
        self.assertEqual(order._billing_get_amount_asked(), 0)
        self._let_run_look()
        self._assert_begun(order, 'complete', order.amount_total)

    def _reconcile_statement_line(self, invoice, amount):
        """Match a line of the bank's statement with an invoice, as an accountant does."""
        line = self.env['account.bank.statement.line'].create(
            {
                'journal_id': self.company_data['default_journal_bank'].id,
                'payment_ref': invoice.name,
                'partner_id': invoice.partner_id.id,
                'amount': amount,
            }
        )
        due = invoice.line_ids.filtered(lambda line: line.display_type == 'payment_term')
        suspense = line.move_id.line_ids.filtered(
            lambda other: other.account_id == line.journal_id.suspense_account_id
        )
        suspense.account_id = due.account_id
        (suspense | due).reconcile()

    def test_the_bank_s_statement(self):
        order = self._create_order((self.desk, 1))
        invoice = self._invoice_by_hand(order)
        self._reconcile_statement_line(invoice, 21)
        self.assertEqual(order._billing_get_amount_asked(), 100)
        self._reconcile_statement_line(invoice, 100)
        self._assert_nothing_collected(order)
        self._let_run_look()
        self._assert_begun(order, 'complete', 121)
        self.assertIn("Bank transfer", order.billing_other_payments)

    # === A CARD IS NEEDED LATER === #

    def _register_card_by_link(self, order):
        page = self._get_page(order)
        self.assertIn("Nothing is charged today", page)
        self.assertIn("Paid already", page)
        tx = self._begin_by_link(order)
        self.assertEqual((tx.operation, order.billing_status), ('validation', 'pending'))
        self.assertIn("Paid already", order.billing_consent_ids.agreement)
        self._finish(tx)
        self.assertTrue(order.billing_token_id)

    def test_a_subscription(self):
        order = self._create_order((self.gym, 1))
        invoice = self._invoice_by_hand(order)
        self._pay_by_bank(invoice)
        self._let_run_look()
        self.assertEqual(order.billing_status, 'pending')
        self.assertFalse(order.activity_ids)
        self._register_card_by_link(order)
        self._assert_begun(order, 'active', 24.2, events=1)
        self.assertEqual(order.billing_move_ids, invoice)

    @nightly("It is paid by bank, and a single order by that link, for each change.")
    def test_a_subscription_by_odoo_s_link(self):
        order = self._create_order((self.gym, 1))
        self._pay_by_odoo_link(order)
        self._register_card_by_link(order)
        self._assert_begun(order, 'active', 24.2, events=1)

    @nightly("A single order's open invoice is paid for each change.")
    def test_a_subscription_with_an_open_invoice(self):
        """It is not invoiced a second time."""
        order = self._create_order((self.gym, 1))
        invoice = self._invoice_by_hand(order)
        self._finish(self._begin_by_link(order))
        self._assert_begun(order, 'active', 24.2, events=1)
        self.assertEqual(order.billing_move_ids, invoice)

    @nightly("All of one, and a part of a single order, are paid for each change.")
    def test_a_part_of_a_subscription(self):
        order = self._create_order((self.gym, 1))
        self._pay_by_bank(self._invoice_by_hand(order), amount=4.2)
        tx = self._begin_by_link(order)
        self.assertEqual(tx.amount, 20)
        self._finish(tx)
        self._assert_begun(order, 'active', 24.2, events=1)

    def test_the_money_is_taken_back_before_the_card_is_there(self):
        order = self._create_order((self.gym, 1))
        payment = self._pay_by_bank(self._invoice_by_hand(order))
        tx = self._begin_by_link(order)
        payment.action_cancel()
        self._finish(tx)
        self.assertEqual(order.billing_status, 'pending')
        self.assertFalse(order.billing_token_id)
        self.assertEqual(self._begin_by_link(order).amount, 24.2)

    def test_a_deposit(self):
        self.course.write({'billing_deposit': 21, 'billing_instalment_count': 2})
        order = self._create_order((self.course, 1))
        self._pay_by_bank(self._invoice_down_payment(order, 21))
        self._register_card_by_link(order)
        self._assert_begun(order, 'active', 21, events=2)
        self._pay_all(order)
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual((order.billing_paid, order.billing_balance), (121, 0))

    def test_instalments_paid_at_once(self):
        self.course.billing_deposit = 21
        ways = (
            lambda order: self._pay_by_bank(self._invoice_by_hand(order)),
            self._pay_by_odoo_link,
        )
        for pay in some(ways):
            order = self._create_order((self.course, 1))
            pay(order)
            self._assert_nothing_collected(order)
            self._let_run_look()
            self._assert_begun(order, 'complete', 121)

    def test_metered(self):
        order = self._create_order((self.metered, 1))
        self._pay_by_odoo_link(order, amount=30)
        self._register_card_by_link(order)
        self._assert_begun(order, 'active', 30)

    # === WHAT DOESN'T FIT === #

    def test_an_invoice_that_is_not_the_deposit(self):
        self.course.billing_deposit = 21
        order = self._create_order((self.course, 1))
        invoice = self._invoice_by_hand(order)
        self._assert_nothing_collected(order)
        self._let_run_look()
        self._let_run_look()
        self.assertEqual(len(order.activity_ids), 1)
        self.assertIn("another way", order.activity_ids.summary)
        invoice._reverse_moves(cancel=True)
        self.assertFalse(order._billing_get_not_payable_reason())
        self.assertEqual(order._billing_get_amount_asked(), 21)
        self._let_run_look()
        self.assertFalse(order.activity_ids)

    def test_money_for_a_trial(self):
        """Nothing was to be paid: it is refunded, and the link asks for the card."""
        order = self._create_order((self.gym, 1))
        order.billing_trial_days = 14
        self._pay_by_bank(self._invoice_by_hand(order))
        self._assert_nothing_collected(order)
        self._let_run_look()
        self.assertEqual(len(order.activity_ids), 1)

    def test_credited_by_hand(self):
        order = self._create_order((self.desk, 1))
        invoice = self._invoice_by_hand(order)
        self._pay_by_bank(invoice)
        credit_note = invoice._reverse_moves()
        credit_note.action_post()
        self.assertEqual(order._billing_get_amount_asked(), 121)
        tx = self._begin_by_link(order)
        self._finish(tx)
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual(tx.invoice_ids.payment_state, 'paid')

    def test_the_customer_pays_while_the_dialog_is_open(self):
        order = self._create_order((self.desk, 1))
        invoice = self._invoice_by_hand(order)
        dialog = (
            self.env['account.payment.register']
            .with_context(active_model='account.move', active_ids=invoice.ids)
            .create({})
        )
        self._finish(self._begin_by_link(order))
        with (
            self.assertRaisesRegex(UserError, f'^Paid meanwhile: {invoice.name}. Nothing was'),
            self.env.cr.savepoint(),
        ):
            dialog._create_payments()
        self.assertFalse(invoice.matched_payment_ids - invoice.transaction_ids.payment_id)
        self._assert_begun(order, 'complete', 121)

    def test_an_order_that_was_changed_since_it_was_invoiced(self):
        """The price is another one: no invoice can be made of that, and somebody must know."""
        order = self._create_order((self.desk, 1))
        self._pay_by_bank(self._invoice_by_hand(order))
        order.order_line.price_unit = 120
        tx = self._begin_by_link(order)
        self.assertAlmostEqual(tx.amount, 24.2)
        self._finish(tx)
        self.assertEqual((order.billing_status, order.billing_balance), ('complete', 0))
        self.assertIn("differ from what was paid", order.activity_ids.summary)

    def test_several_orders_paid_at_once(self):
        order, other = self._create_order((self.desk, 1)), self._create_order((self.desk, 1))
        self._pay_by_odoo_link(order, amount=242, sale_order_ids=(order | other).ids)
        self._assert_nothing_collected(order)
        self._let_run_look()
        self.assertEqual(len(order.activity_ids), 1)

    # === PAID TWICE === #

    def _assert_second_payment(self, order, tx):
        """Check that a payment is known to be too much, and is paid back with one click."""
        self._let_run_look()
        self._let_run_look()
        self.assertEqual(order.billing_on_account_amount, tx.amount)
        self.assertEqual(len(order.activity_ids), 1)
        self.assertIn(tx.reference, order.activity_ids.summary)
        paid = order.billing_paid
        with self._committing_env(self.billing_manager) as env:
            env['sale.order'].browse(order.id).action_refund_on_account()
        self.assertFalse(order.billing_on_account_amount)
        self.assertEqual((order.billing_paid, order.billing_refunded), (paid, tx.amount))
        self.assertEqual(order.billing_credited, 0)

    def test_by_the_link_and_by_odoo_s_link(self):
        order = self._create_paid_order((self.desk, 1))
        self._assert_second_payment(order, self._pay_by_odoo_link(order))

    def test_by_the_link_and_at_the_invoice(self):
        order = self._create_order((self.desk, 1))
        invoice = self._invoice_by_hand(order)
        own = self._begin_by_link(order)
        tx = self._pay_by_odoo_link(order, 'pending', sale_order_ids=False, invoice_ids=invoice.ids)
        self._finish(own)
        self.assertTrue(own.billing_on_account)
        own.flush_recordset()
        tx._set_done()
        tx._post_process()
        self._let_run_look()
        self._assert_second_payment(order, own)

    @nightly("By our link and by Odoo's for each change.")
    def test_twice_by_odoo_s_link(self):
        order = self._create_order((self.desk, 1))
        self._pay_by_odoo_link(order)
        self._let_run_look()
        self._assert_begun(order, 'complete', 121)
        self._assert_second_payment(order, self._pay_by_odoo_link(order))

    def test_beside_a_schedule_with_automatic_invoices(self):
        """Odoo would make a down payment of it, or invoice the next instalment."""
        self.env['ir.config_parameter'].set_param('sale.automatic_invoice', 'True')
        with freeze_time(START):
            order = self._create_active_order((self.course, 1), billing_deposit=21.0)
        invoices = order.billing_move_ids
        for amount in (10, 121):
            tx = self._pay_by_odoo_link(order, amount=amount)
            self.assertEqual(order.invoice_ids, invoices)
            self._let_run_look()
            self.assertEqual(tx.billing_order_id, order)
        self.assertEqual(order.billing_on_account_amount, 131)

    def test_an_order_that_was_cancelled(self):
        order = self._create_order((self.desk, 1))
        tx = self._pay_by_odoo_link(order, 'pending')
        order._action_cancel()
        tx._set_done()
        tx._post_process()
        self._assert_second_payment(order, tx)
        self.assertIn("were paid back", self._get_page(order))

    def test_for_two_orders_at_once(self):
        """Nobody can say for which of them: a person is asked, once, and it is refunded there."""
        orders = self._create_paid_order((self.desk, 1)) | self._create_paid_order((self.desk, 1))
        tx = self._pay_by_odoo_link(orders[0], amount=242, sale_order_ids=orders.ids)
        self._let_run_look()
        self._let_run_look()
        self.assertEqual(
            orders.activity_ids.mapped('summary').count(f"Payment {tx.reference} needs a decision"),
            1,
        )
        self.assertIn(orders[1].name, orders.activity_ids.note)
        orders.activity_ids.action_done()
        self._let_run_look()
        self.assertFalse(orders.activity_ids)

    def test_paid_back_before_it_was_taken_over(self):
        """What Odoo has paid back belongs to the order like the payment itself."""
        order = self._create_paid_order((self.desk, 1))
        tx = self._pay_by_odoo_link(order)
        refund = tx._refund(amount_to_refund=21)
        refund._process('demo', {'reference': refund.reference, 'simulated_state': 'done'})
        refund._post_process()
        self._let_run_look()
        self.assertEqual(refund.billing_order_id, order)
        self.assertEqual((order.billing_paid, order.billing_refunded), (242, 21))
        self.assertEqual(order.billing_on_account_amount, 100)

    def test_another_payment_is_merely_begun(self):
        """What somebody may never pay doesn't turn away the money that is here."""
        order = self._create_order((self.desk, 1))
        own = self._begin_by_link(order)
        invoice = self._invoice_by_hand(order)
        pages = self.provider.copy({'company_id': self.company.id, 'name': "Elsewhere"})
        pages.write({'code': 'none', 'state': 'test'})
        other = self.env['payment.transaction'].create(
            {
                'provider_id': pages.id,
                'payment_method_id': self.payment_method.id,
                'amount': 121,
                'currency_id': order.currency_id.id,
                'partner_id': order.partner_id.id,
                'operation': 'online_redirect',
                'invoice_ids': invoice.ids,
            }
        )
        self.assertTrue(other._billing_is_at_payment_page())
        self._finish(own)
        self.assertFalse(own.billing_on_account)
        self._assert_begun(order, 'complete', 121)
        other._set_done()
        other._post_process()
        self._let_run_look()
        self.assertEqual(other.billing_order_id, order)
        self.assertEqual(order.billing_on_account_amount, 121)

    # === SCHEDULED PAYMENTS === #

    def _create_declined_event(self):
        """Return a period of a subscription that was declined, its invoice posted by hand."""
        with freeze_time(START):
            order = self._create_active_order(state='error')
        event = order.billing_event_ids
        with freeze_time(event.due_date):
            self._run()
        self.assertEqual((event.status, order.billing_status), ('soft_declined', 'failed'))
        event.invoice_id.action_post()
        return event

    def test_a_declined_period_is_paid_by_bank(self):
        event = self._create_declined_event()
        order = event.order_id
        with freeze_time(event.due_date):
            self._pay_by_bank(event.invoice_id)
            self._let_run_look()
        self.assertEqual((event.status, order.billing_status), ('recovered', 'active'))
        self.assertEqual((order.billing_paid, order.billing_outstanding), (48.4, 0))
        self.assertEqual(len(order.billing_event_ids), 2)
        with freeze_time(event.retry_date + timedelta(days=1)):
            self._run()
        self.assertEqual(len(event.transaction_ids), 1)
        self.assertIn("Bank transfer", self._get_page(order))

    def test_a_declined_period_is_paid_in_part(self):
        """It isn't charged, and staff see why."""
        event = self._create_declined_event()
        event.order_id.billing_token_id.demo_simulated_state = 'done'
        self._pay_by_bank(event.invoice_id, amount=4.2)
        with freeze_time(event.retry_date):
            self._run()
            self.assertEqual(len(event.transaction_ids), 1)
            self.assertIn("by hand", event.status_message)
            self.assertIn("paid in another way", event.order_id._billing_get_refusal_to_collect())
        # Credited as a whole: whether the payment is still wanted is for a person to say.
        invoice = event.invoice_id
        invoice._reverse_moves(cancel=True)
        self.assertEqual(invoice.payment_state, 'reversed')
        with freeze_time(event.retry_date):
            self._run()
            self._run()
        self.assertEqual((event.status, event.attempt_count), ('soft_declined', 1))
        self.assertEqual(len(event.order_id.activity_ids), 1)
        with self._committing_env(self.billing_manager) as env:
            env['billpro.billing.event'].browse(event.id).action_execute_now()
        self.assertEqual(event.status, 'recovered')
        self.assertNotEqual(event.invoice_id, invoice)
        self.assertEqual(event.invoice_id.amount_residual, 0)

    def test_the_customer_pays_the_invoice_of_a_period(self):
        event = self._create_declined_event()
        own = event.transaction_ids
        event.order_id.billing_token_id.demo_simulated_state = 'done'
        tx = self._pay_by_odoo_link(
            event.order_id,
            'pending',
            amount=24.2,
            sale_order_ids=False,
            invoice_ids=event.invoice_id.ids,
        )
        with freeze_time(event.retry_date):
            self._run()
            self.assertEqual(len(event.transaction_ids), 1)
            tx._set_done()
            tx._post_process()
            self._run()
        self.assertEqual((event.status, event.transaction_ids - own), ('recovered', tx))
        self.assertEqual(event.order_id.billing_paid, 48.4)
        notices = event.order_id.billing_notification_ids.filtered(
            lambda n: n.kind == 'payment_received'
        )
        self.assertEqual(notices.transaction_id, tx)
        self._refund(event.order_id, 24.2)
        self.assertEqual(event.order_id.billing_credited, 24.2)

    def test_a_period_is_paid_while_it_is_charged(self):
        event = self._create_declined_event()
        order = event.order_id
        own = event.transaction_ids
        self._pay_by_bank(event.invoice_id)
        self._let_run_look()
        self.assertEqual(event.status, 'recovered')
        own._set_done()  # A late message of the provider.
        own._post_process()
        self.assertEqual(order.billing_on_account_amount, 24.2)
        self.assertEqual(len(order.activity_ids), 1)
        # And the other way round: the charge was under way when the money came.
        event = self._create_declined_event()
        order, own = event.order_id, event.transaction_ids
        own._set_done()
        self._pay_by_bank(event.invoice_id)
        own._post_process()
        self.assertEqual((event.status, order.billing_on_account_amount), ('recovered', 24.2))
        self.assertEqual(len(order.activity_ids), 1)

    # === BOTH AT ONCE === #

    def test_a_tab_is_open(self):
        """It is ended; should it be paid all the same, the money can be refunded."""
        order = self._create_order((self.desk, 1))
        tx = self._begin_by_link(order)
        self._pay_by_bank(self._invoice_by_hand(order))
        self._let_run_look()
        self.assertEqual((tx.state, order.billing_status), ('cancel', 'complete'))
        tx._set_done()
        tx._post_process()
        self.assertEqual(order.billing_on_account_amount, 121)
        self.assertEqual(len(order.activity_ids), 1)
        with self._committing_env(self.billing_manager) as env:
            env['sale.order'].browse(order.id).action_refund_on_account()
        self.assertFalse(order.billing_on_account_amount)
        self.assertEqual((order.billing_paid, order.billing_refunded), (242, 121))

    def test_a_transfer_that_comes_by_the_invoice(self):
        """The customer has chosen to transfer the money, and staff enter it on the invoice."""
        order = self._create_order((self.desk, 1))
        invoice = self._invoice_by_hand(order)
        tx = self._create_initial_transaction(order, 'pending')
        self.env.cr.execute(
            "UPDATE payment_provider SET code = 'custom' WHERE id = %s", [tx.provider_id.id]
        )
        self.env.invalidate_all()
        self._pay_by_bank(invoice)
        self._let_run_look()
        self.assertEqual((tx.state, order.billing_status), ('cancel', 'complete'))

    def test_a_payment_is_under_way_at_the_provider(self):
        order = self._create_order((self.desk, 1))
        invoice = self._invoice_by_hand(order)
        self.assertTrue(invoice._has_to_be_paid())
        tx = self._create_initial_transaction(order, 'pending')
        self.assertFalse(invoice._has_to_be_paid())
        self.assertIn("being processed", invoice._get_online_payment_error())
        self._pay_by_bank(invoice)
        self._let_run_look()
        self.assertEqual((tx.state, order.billing_status), ('pending', 'pending'))
        tx._set_done()
        tx._post_process()
        self._let_run_look()
        self.assertEqual((tx.billing_on_account, order.billing_status), (True, 'complete'))

    def test_staff_charge_a_card_for_the_rest(self):
        order = self._create_order((self.desk, 1))
        self._pay_by_bank(self._invoice_by_hand(order), amount=21)
        tx = order._billing_create_initial_charge(self._create_token(), has_consent=True)
        self.assertEqual(tx.amount, 100)
        self._finish(tx)
        self._assert_begun(order, 'complete', 121)
        with self.assertRaises(UserError):
            order._billing_create_initial_charge(self._create_token(), has_consent=True)
