from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.tests import tagged

from ..common.instalment import InstalmentCommon
from ..common.nightly import nightly, some

# Prices before taxes, total, deposit, and the first parts in which payments are refunded.
SALES = {
    'JPY': {'prices': (500, 200, 100), 'total': 1000, 'deposit': 151, 'parts': (50, 1)},
    'EUR': {'prices': (50.0, 20.0, 10.0), 'total': 100.0, 'deposit': 15.0, 'parts': (5.0, 0.01)},
}


@tagged('post_install', '-at_install')
class TestRefundInstalment(InstalmentCommon):
    """Payments of instalment orders are paid back to the last minor unit, tax by tax.

    Deposit and instalments are down payments; the final invoice bills the products and deducts
    them, so that its lines are much larger than its total.
    """

    # === WHAT IS SOLD === #

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.orders = cls.env['sale.order']
        for currency in some(tuple(SALES)):
            cls.orders += cls._create_order_with_deposit(currency)

    @classmethod
    def _create_order_with_deposit(cls, currency):
        """Return an active order of seven instalments, a deposit and three taxes.

        :param str currency: A key of `SALES`.
        """
        sale = SALES[currency]
        with freeze_time('2027-01-31 10:00:00'):
            order = cls._create_taxed_order(currency, sale['prices'], sale['total'])
            deposit = sale['deposit']
            order.billing_deposit = deposit
            cls._create_initial_transaction(
                order, 'done', token_id=cls._create_token().id, amount=deposit
            )._post_process()
        return order

    def _for_each_order(self):
        """Give each order, in a test of its own."""
        for order in self.orders:
            with self.subTest(order.currency_id.name):
                yield order

    def _pay_instalments(self, status='complete'):
        """Collect all but the last instalment, and then that one, which makes the final invoice."""
        for order in self._for_each_order():
            self.assertEqual(len(order.billing_event_ids), 7)
        for event in self.orders[0].billing_event_ids.sorted('number')[-2:]:
            with freeze_time(event.due_date):
                self._run()
        for order in self.orders:
            self.assertEqual(order.billing_status, status)
            self.assertEqual(order.billing_balance, 0)

    def _get_payment(self, order, which):
        """Return a payment of an order: `deposit`, `first` or `final`."""
        if which == 'deposit':
            return order._billing_get_initial_attempts()
        events = order.billing_event_ids.sorted('number')
        return events[0 if which == 'first' else -1].transaction_ids

    # === WHAT IS PAID BACK === #

    def _refund_payment(self, tx, amount):
        """Refund a part of one payment; return the refund."""
        with self._committing_env() as env:
            refund_tx = (
                env['payment.transaction'].browse(tx.id)._billing_create_order_refund(amount)
            )
            refund_tx._billing_send_order_refund()
        return self.env['payment.transaction'].browse(refund_tx.id)

    def _refund_in_parts(self, order, tx):
        """Refund a payment in three parts and check what each one leaves behind."""
        round_ = order.currency_id.round
        invoice = tx.invoice_ids
        paid, refunded_before = order.billing_paid, order.billing_refunded
        parts = SALES[order.currency_id.name]['parts']
        parts += (round_(tx.amount - sum(parts)),)
        refunded = 0
        for part in parts:
            refund_tx = self._refund_payment(tx, part)
            refunded = round_(refunded + part)
            self._assert_credited(refund_tx, invoice, part)
            self.assertEqual(tx._billing_get_refundable_amount(), round_(tx.amount - refunded))
            self.assertEqual(order.billing_paid, paid)
            total = round_(refunded_before + refunded)
            self.assertEqual(round_(order.billing_refunded), total)
            self.assertEqual(round_(order.billing_credited), total)
            self._assert_books_closed(order)
        self.assertNotIn(tx, order._billing_get_refundable_transactions())
        self._assert_taken_back(invoice, len(parts))

    def _assert_credited(self, refund_tx, invoice, amount):
        """Check one refund: its state, its credit note and the reconciliation of the two."""
        credit_note = refund_tx.invoice_ids
        currency = credit_note.currency_id
        self.assertRecordValues(
            refund_tx, [{'state': 'done', 'amount': -amount, 'currency_id': currency.id}]
        )
        self.assertRecordValues(
            credit_note,
            [
                {
                    'move_type': 'out_refund',
                    'state': 'posted',
                    'amount_total': amount,
                    'amount_residual': 0.0,
                    'reversed_entry_id': invoice.id,
                }
            ],
        )
        self.assertIn(credit_note.payment_state, {'paid', 'in_payment'})
        taxes = sum(self._tax_amounts(credit_note).values())
        self.assertAlmostEqual(-taxes, credit_note.amount_tax, places=6)
        # The taxes are in proportion, but for the rounding of each of the lines.
        share = invoice.amount_tax * amount / invoice.amount_total
        self.assertLessEqual(abs(credit_note.amount_tax - share), 3 * currency.rounding)
        payment = refund_tx.payment_id
        self.assertEqual((payment.payment_type, payment.amount), ('outbound', amount))
        self.assertTrue(payment.is_reconciled)

    def _assert_taken_back(self, invoice, count):
        """Check that credit notes take back all of an invoice: taxes, accounts and total."""
        credit_notes = invoice.reversal_move_ids
        self.assertEqual(len(credit_notes), count)
        self.assertEqual(
            invoice.currency_id.round(sum(credit_notes.mapped('amount_total'))),
            invoice.amount_total,
        )
        taken_back = self._tax_amounts(credit_notes)
        self.assertEqual(
            {name: -amount for name, amount in taken_back.items() if amount},
            {name: amount for name, amount in self._tax_amounts(invoice).items() if amount},
        )
        lines = (invoice + credit_notes).line_ids
        for account in lines.account_id:
            on_account = lines.filtered(lambda line, account=account: line.account_id == account)
            self.assertAlmostEqual(sum(on_account.mapped('amount_currency')), 0.0, places=6)

    # === TESTS === #

    @nightly("What a refund takes back after the last one is asked for each change.")
    def test_each_payment_in_parts_after_the_last_one(self):
        self._pay_instalments()
        for order in self._for_each_order():
            for which in some(('final', 'deposit', 'first'), 2):
                self._refund_in_parts(order, self._get_payment(order, which))
                self.assertEqual(order.billing_balance, 0)
            self.assertEqual(order.billing_status, 'complete')

    @nightly("Those in parts are also paid back in full in the end.")
    def test_all_payments_in_full(self):
        self._pay_instalments()
        for order in self._for_each_order():
            for tx in order._billing_get_refundable_transactions():
                refund_tx = self._refund_payment(tx, tx.amount)
                self._assert_credited(refund_tx, tx.invoice_ids, tx.amount)
                self._assert_taken_back(tx.invoice_ids, 1)
                self._assert_books_closed(order)
            round_ = order.currency_id.round
            total = SALES[order.currency_id.name]['total']
            self.assertEqual(
                [
                    round_(order.billing_paid),
                    round_(order.billing_refunded),
                    round_(order.billing_credited),
                    order.billing_balance,
                ],
                [total, total, total, 0],
            )
            self.assertEqual(set(self._tax_amounts(order.billing_move_ids).values()), {0.0})
            with self.assertRaisesRegex(UserError, "no payment left to refund"):
                order.action_open_refund()

    @nightly("A part of a deposit is refunded before the last payment for each change.")
    def test_a_deposit_refunded_before_the_last_payment(self):
        """What was paid back early is deducted by the final invoice all the same."""
        for order in self._for_each_order():
            self._refund_in_parts(order, self._get_payment(order, 'deposit'))
            sale = SALES[order.currency_id.name]
            unpaid = order.currency_id.round(sale['total'] - sale['deposit'])
            self.assertEqual(order.billing_balance, unpaid)
        # Less was collected than the total: whether that's all is for staff to say.
        self._pay_instalments(status='review')
        for order in self._for_each_order():
            final = self._get_payment(order, 'final')
            self.assertEqual(final.invoice_ids.amount_total, final.amount)
            self._assert_books_closed(order)
            self._refund_in_parts(order, final)
            self.assertEqual(order.billing_balance, 0)
