from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from ..common.billing import BillingCommon
from ..common.nightly import nightly, some


@tagged('post_install', '-at_install')
class TestRefund(BillingCommon):
    def _tax_amounts(self, moves):
        """Return the tax amounts of moves by tax, in the currency of the moves."""
        lines = moves.line_ids.filtered('tax_line_id')
        return {
            tax.name: abs(
                sum(
                    lines.filtered(lambda line, tax=tax: line.tax_line_id == tax).mapped(
                        'amount_currency'
                    )
                )
            )
            for tax in lines.tax_line_id
        }

    def test_partial_then_full(self):
        order = self._create_paid_order((self.desk, 1), (self.book, 3), (self.meal, 5))
        total = order.amount_total
        self.assertEqual(total, 296.09)
        invoice = order.billing_move_ids
        refunded = 0
        for amount in (100.0, 0.01, 33.33):
            refund_tx = self._refund(order, amount)
            refunded = round(refunded + amount, 2)
            self.assertEqual((refund_tx.state, refund_tx.amount), ('done', -amount))
            self.assertEqual(refund_tx.invoice_ids.amount_total, amount)
            self.assertEqual(refund_tx.invoice_ids.reversed_entry_id, invoice)
            self.assertEqual(order.billing_refunded, refunded)
            self.assertEqual(order.billing_credited, refunded)
            self.assertEqual(order.billing_balance, 0)
            self._assert_books_closed(order)
        self._refund(order, round(total - refunded, 2))
        credit_notes = order.billing_move_ids - invoice
        self.assertEqual(len(credit_notes), 4)
        self.assertEqual(set(credit_notes.mapped('move_type')), {'out_refund'})
        self.assertEqual(round(sum(credit_notes.mapped('amount_total')), 2), total)
        # The taxes of the credit notes add up to those of the invoice, tax by tax.
        taken_back = self._tax_amounts(credit_notes)
        for name, amount in self._tax_amounts(invoice).items():
            self.assertAlmostEqual(taken_back[name], amount, places=6)
        self.assertAlmostEqual(
            sum(credit_notes.mapped('amount_untaxed')), invoice.amount_untaxed, places=6
        )
        # And so do the amounts on each revenue account.
        for account in invoice.invoice_line_ids.account_id:
            balance = sum(
                order.billing_move_ids.invoice_line_ids.filtered(
                    lambda line, account=account: line.account_id == account
                ).mapped('balance')
            )
            self.assertAlmostEqual(balance, 0, places=6)
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual(order.order_line.mapped('qty_invoiced'), [1, 3, 5])
        self._assert_books_closed(order)
        with self.assertRaisesRegex(UserError, "no payment left to refund"):
            order.action_open_refund()

    @nightly("Drawn orders with such lines are refunded for each change.")
    def test_lines_without_taxes_are_credited_to_the_cent(self):
        products = [
            self._create_sold_product(name, 10.0, self.env['account.tax'])
            for name in ("Lesson", "Exam", "Certificate")
        ]
        order = self._create_paid_order(*((product, 1) for product in products))
        invoice = order.billing_move_ids
        for amount in (10.0, 0.02, 5.0, 14.98):
            refund_tx = self._refund(order, amount)
            self.assertEqual(refund_tx.invoice_ids.amount_total, amount)
            self._assert_books_closed(order)
        credit_notes = order.billing_move_ids - invoice
        self.assertEqual((order.billing_refunded, order.billing_credited), (30.0, 30.0))
        for product in products:
            lines = credit_notes.invoice_line_ids.filtered(
                lambda line, product=product: line.product_id == product
            )
            self.assertAlmostEqual(sum(lines.mapped('price_subtotal')), 10.0, places=6)

    @nightly("Drawn orders in each currency are refunded for each change.")
    def test_currencies(self):
        sales = (
            ('KWD', 10.001, 36.304, (0.001, 12.303, 24.0)),
            ('JPY', 1001, 3634, (1, 1233, 2400)),
        )
        for currency, price, total, parts in some(sales):
            with self.subTest(currency):
                order = self._create_paid_order(
                    (self.desk, 2, price), (self.desk, 1, price), currency=currency
                )
                self.assertEqual(order.billing_paid, total)
                for part in parts:
                    self._refund(order, part)
                    self._assert_books_closed(order)
                credit_notes = order.billing_move_ids.filtered(
                    lambda move: move.move_type == 'out_refund'
                )
                self.assertEqual(credit_notes.sorted('id').mapped('amount_total'), list(parts))
                self.assertEqual(order.billing_refunded, total)
                self.assertEqual(order.billing_balance, 0)

    @nightly("Drawn orders with such lines are refunded for each change.")
    def test_discounts_and_price_included_taxes(self):
        included = self._create_vat("VAT 19% incl.", 19)
        included.price_include_override = 'tax_included'
        order = self._create_order((self.desk, 3, 19.99), sent=True)
        order.order_line.write({'discount': 7, 'tax_ids': [Command.set(included.ids)]})
        self._create_initial_transaction(order, 'done')._post_process()
        total = order.amount_total
        self._refund(order, 10.01)
        self._refund(order, round(total - 10.01, 2))
        invoice, *credit_notes = order.billing_move_ids.sorted('id')
        self.assertAlmostEqual(
            sum(note.amount_tax for note in credit_notes), invoice.amount_tax, places=6
        )
        self._assert_books_closed(order)

    def test_fixed_taxes_that_are_less_than_a_coin_a_unit(self):
        fee = self._create_vat("Fee", 0.35)
        fee.amount_type = 'fixed'
        order = self._create_order((self.desk, 100, 34), currency='JPY', sent=True)
        order.order_line.tax_ids = self.tax_21 | fee
        self._create_initial_transaction(order, 'done')._post_process()
        invoice = order.billing_move_ids
        self.assertEqual(self._tax_amounts(invoice), {"VAT 21%": 714, "Fee": 35})
        for amount, taxes, balance in (
            (1383, {"VAT 21%": 238, "Fee": 12}, 11.67),
            (2766, {"VAT 21%": 476, "Fee": 23}, 23.33),
        ):
            credit_note = self._refund(order, amount).invoice_ids
            self.assertEqual(credit_note.amount_total, amount)
            self.assertEqual(self._tax_amounts(credit_note), taxes)
            # The company's currency has cents, in which the tax of a single unit is some.
            fee_line = credit_note.line_ids.filtered(lambda line: line.tax_line_id == fee)
            self.assertEqual(fee_line.balance, balance)
            self._assert_books_closed(order)

    def test_more_than_paid_is_refused(self):
        order = self._create_paid_order()
        tx = order.billing_transaction_ids
        for amount in (0, -1, 121.01):
            with self.assertRaisesRegex(ValidationError, "can't be refunded: of this payment"):
                tx._billing_create_order_refund(amount)
        self._refund(order, 100)
        with self.assertRaisesRegex(ValidationError, "21.00.* are left to refund"):
            tx._billing_create_order_refund(21.01)
        self.assertEqual(len(order.billing_transaction_ids), 2)

    def test_an_open_refund_counts_as_paid_back(self):
        order = self._create_paid_order()
        tx = order.billing_transaction_ids
        refund_tx = tx._billing_create_order_refund(100)
        self.assertEqual(tx._billing_get_refundable_amount(), 21.0)
        refund_tx._set_pending()
        self.assertEqual(tx._billing_get_refundable_amount(), 21.0)
        refund_tx._set_error("Refused")
        self.assertEqual(tx._billing_get_refundable_amount(), 121.0)

    def test_a_refused_refund_changes_nothing_but_the_log(self):
        order = self._create_paid_order()
        refund_tx = order.billing_transaction_ids._billing_create_order_refund(50)
        refund_tx._process('demo', {'reference': refund_tx.reference, 'simulated_state': 'error'})
        refund_tx._post_process()
        self.assertEqual(len(order.billing_move_ids), 1)
        self.assertEqual((order.billing_refunded, order.billing_credited), (0, 0))
        self.assertEqual(order.billing_status, 'complete')
        self.assertFalse(refund_tx.payment_id)
        self.assertFalse(order.billing_notification_ids.filtered(lambda n: n.kind == 'refund'))
        self.assertTrue(
            any("encountered an error" in str(message.body) for message in order.message_ids)
        )

    def test_staff_hear_of_a_refund_that_was_made_at_the_provider(self):
        order = self._create_paid_order()
        self._refund(order, 21)
        self.assertFalse(order.activity_ids)
        payment = order.billing_transaction_ids.filtered(lambda tx: tx.operation != 'refund')
        refund_tx = payment._create_child_transaction(50, is_refund=True)
        refund_tx._set_done()
        for _time in range(2):
            refund_tx._post_process()
        self.assertEqual(
            order.activity_ids.mapped('summary'),
            [f"Refund {refund_tx.reference} was made at the provider"],
        )
        self.assertIn("50.00", str(order.activity_ids.note))
        self.assertEqual((order.billing_refunded, order.billing_credited), (71, 71))

    def test_a_refund_confirmed_late_is_booked_by_the_job(self):
        order = self._create_paid_order()
        refund_tx = order.billing_transaction_ids._billing_create_order_refund(50)
        refund_tx._set_pending()
        refund_tx._post_process()
        self.assertEqual(len(order.billing_move_ids), 1)
        refund_tx._process('demo', {'reference': refund_tx.reference, 'simulated_state': 'done'})
        with self.enter_registry_test_mode():
            self.env.ref('payment.cron_post_process_payment_tx').method_direct_trigger()
        self.assertEqual(order.billing_refunded, 50)
        self.assertEqual(order.billing_credited, 50)
        self._assert_books_closed(order)

    def test_odoos_own_refund_makes_its_credit_note_too(self):
        order = self._create_paid_order()
        refund_tx = order.billing_transaction_ids._refund(amount_to_refund=21)
        refund_tx._post_process()
        self.assertEqual(refund_tx.billing_order_id, order)
        self.assertEqual(order.billing_credited, 21)
        self._assert_books_closed(order)

    def test_the_dialog_refunds_once_however_often_it_is_sent(self):
        order = self._create_paid_order()
        with self._committing_env(self.billing_manager) as env:
            action = env['sale.order'].browse(order.id).action_open_refund()
            wizard = env['billpro.refund'].browse(action['res_id'])
            self.assertEqual(wizard.amount, 121.0)
            self.assertEqual(wizard.support_refund, 'partial')
            wizard.amount = 50
            first = wizard.action_refund()
            second = wizard.action_refund()
        self.assertEqual(first['params']['type'], 'success')
        self.assertEqual(first['params']['message'], second['params']['message'])
        self.assertIn("50.00", first['params']['message'])
        self.assertEqual(order.billing_refunded, 50)
        self.assertEqual(len(order.billing_transaction_ids), 2)

    def test_rights(self):
        order = self._create_paid_order()
        with self.assertRaises(AccessError):
            order.with_user(self.salesperson).action_open_refund()
        wizard = self.env['billpro.refund'].create(
            {'order_id': order.id, 'transaction_id': order.billing_transaction_ids.id}
        )
        with self.assertRaises(AccessError):
            wizard.with_user(self.salesperson).action_refund()

    def test_a_provider_that_cannot_refund_says_what_to_do(self):
        order = self._create_paid_order()
        self.payment_method.support_refund = 'none'
        wizard = (
            self.env['billpro.refund']
            .with_user(self.billing_manager)
            .create({'order_id': order.id, 'transaction_id': order.billing_transaction_ids.id})
        )
        with self.assertRaisesRegex(UserError, "Pay it back by other means"):
            wizard.action_refund()
        self.payment_method.support_refund = 'full_only'
        wizard.invalidate_recordset()
        wizard.amount = 10
        with self.assertRaisesRegex(UserError, "as a whole only"):
            wizard.action_refund()
        self.assertEqual(len(order.billing_transaction_ids), 1)
