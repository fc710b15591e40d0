"""What is paid before its day, as amounts that were worked out by hand; tax is 21 %."""

from datetime import date

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ...billing.agreement import agreement_text
from ..common.change import ChangeCommon
from ..common.instalment import InstalmentCommon

APRIL = '2027-04-01'
MIDDLE = '2027-04-16'


@tagged('post_install', '-at_install')
class TestPayEarly(InstalmentCommon, ChangeCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # 363.00 with tax: 63.00 at once, then three times 100.00.
        cls.bike = cls._create_sold_product("Bike", 300.0, cls.tax_21, 'instalment')
        cls.bike.write({'billing_instalment_count': 3, 'billing_deposit': 63})

    def _start(self, day, *lines, **terms):
        with freeze_time(f'{day} 10:00:00'):
            return self._create_active_order(*lines, **terms)

    def _run_on(self, *days):
        for day in days:
            with freeze_time(f'{day} 10:00:00'):
                self._run()

    def _pay(self, order, what, moment=f'{MIDDLE} 10:00:00'):
        """Pay early as the customer does; return the payment and what was shown before."""
        with freeze_time(moment), self._committing_env() as env:
            own = env['sale.order'].browse(order.id)
            rows = own._billing_get_early_rows(what)
            event = own._billing_pay_early(what, agreement_text(rows))
            env['billpro.billing.run']._collect_early(event)
        return event.with_env(self.env), rows

    def _get_statuses(self, order):
        return order.billing_event_ids.sorted('id').mapped('status')

    def test_the_next_payment_of_a_subscription(self):
        order = self._start(APRIL, (self.basic, 1))
        event, rows = self._pay(order, 'next')
        self.assertEqual(
            rows,
            [
                ("Payment on May 1, 2027", "$\xa012.10"),
                ("Charged today", "$\xa012.10"),
                ("After that", "The next payment is on June 1, 2027."),
            ],
        )
        self.assertEqual(event.status, 'completed')
        self.assertEqual(self._get_statuses(order), ['merged', 'completed', 'scheduled'])
        self.assertEqual(order.billing_next_event_id.period_start, date(2027, 6, 1))
        self.assertEqual(order._get_purchase()._get_paid_until(order), date(2027, 5, 31))
        self.assertEqual(event.invoice_id.amount_total, 12.1)
        self.assertIn("05/01/2027", event.invoice_id.invoice_line_ids.name)
        self.assertIn('payment_received', order.billing_notification_ids.mapped('kind'))
        # What was shown is of another payment by now; and one is paid ahead, no more.
        with freeze_time(f'{MIDDLE} 11:00:00'):
            with self.assertRaisesRegex(UserError, "The next payment is paid already"):
                order._billing_pay_early('next', agreement_text(rows))
            # A change at once would settle April only.
            with self.assertRaisesRegex(UserError, "A later period is paid already"):
                self.env['billpro.change']._propose(order, order.order_line, self.plus, 1, 'now')
        self._run_on('2027-05-01', '2027-05-02')
        self.assertEqual(order.billing_paid, 24.2)
        self._run_on('2027-06-01')
        self.assertEqual(order.billing_paid, 36.3)
        self._assert_books_closed(order)
        self._assert_nothing_due(order)

    def test_declined_nothing_changes(self):
        order = self._start(APRIL, (self.basic, 1))
        card = order.billing_token_id
        for state in ('error', 'cancel'):
            card.demo_simulated_state = state
            event, _rows = self._pay(order, 'next')
            self.assertEqual(event.status, 'cancelled')
            self.assertFalse(event.invoice_id)
            self.assertRecordValues(
                order,
                [
                    {
                        'billing_status': 'active',
                        'billing_outstanding': 0,
                        'billing_next_amount': 12.1,
                        'billing_paid': 12.1,
                    }
                ],
            )
            self.assertEqual(order.billing_next_event_id.number, 2)
            self.assertNotIn('payment_declined', order.billing_notification_ids.mapped('kind'))
        # What the bank approves after all is for staff to see to: it is due once more.
        tx = event.transaction_ids
        with freeze_time('2027-04-17 10:00:00'):
            tx._set_done(extra_allowed_states=('cancel',))
            tx.is_post_processed = False
            self._run()
        self.assertEqual(event.status, 'recovered')
        self.assertIn("was collected after all", order.activity_ids.mapped('summary')[0])
        order = self._start(APRIL, (self.basic, 1))
        order.billing_token_id.demo_simulated_state = 'cancel'
        self._pay(order, 'next')
        order.billing_token_id.demo_simulated_state = 'done'
        self._run_on('2027-05-01')  # What was declined for good early is charged on its day.
        self.assertEqual(order.billing_paid, 24.2)
        self._assert_books_closed(order)

    def test_instalments_are_paid_off(self):
        """5 % of 300.00 are 15.00: 285.00 are charged; 348.00 of 363.00 are paid, 60.40 tax."""
        self.company.billing_pay_off_rebate = 5
        order = self._start(APRIL, (self.bike, 1))
        event, rows = self._pay(order, 'all')
        self.assertEqual(
            rows[3:],
            [
                ("Rebate for paying early", order.currency_id.format(-15)),
                ("Charged today", "$\xa0285.00"),
                ("After that", "Nothing more is to be paid."),
            ],
        )
        self.assertEqual((event.status, event.amount), ('completed', 285.0))
        self.assertRecordValues(
            order,
            [
                {
                    'billing_status': 'complete',
                    'billing_paid': 348.0,
                    'billing_skipped': 15.0,
                    'billing_balance': 0.0,
                }
            ],
        )
        invoice = event.invoice_id
        self.assertEqual(invoice.amount_total, 285.0)
        rebate = invoice.invoice_line_ids.filtered(lambda line: line.price_total == -15.0)
        self.assertEqual(rebate.name, "Rebate for paying early")
        # 12.40 and 2.60 tax are taken off; the deposit of 63.00 has 10.93 tax.
        self.assertEqual(rebate.price_subtotal, -12.4)
        moves = order.billing_move_ids
        self.assertEqual(sum(moves.mapped('amount_total')), 348.0)
        self.assertEqual(sum(self._tax_amounts(moves).values()), 60.4)
        self._assert_books_closed(order)
        self._assert_nothing_due(order)

    def test_paying_off_after_some(self):
        """Two of three are left, one of them after the next was paid early, without a rebate."""
        order = self._start(APRIL, (self.bike, 1))
        event, _rows = self._pay(order, 'next')
        self.assertEqual((event.status, event.amount), ('completed', 100.0))
        self.assertEqual(
            event.invoice_id.invoice_line_ids.filtered('price_total').name, "Instalment 1 of 3"
        )
        with freeze_time(f'{MIDDLE} 11:00:00'):
            order.billing_next_event_id._skip()
        event, rows = self._pay(order, 'all', '2027-05-02 10:00:00')
        self.assertEqual(rows[0], ("Payment on July 1, 2027", "$\xa0100.00"))
        self.assertEqual((event.status, event.amount), ('completed', 100.0))
        self.assertEqual(order.billing_status, 'complete')
        # 63.00, 100.00, 100.00; 100.00 were skipped.
        self.assertEqual((order.billing_paid, order.billing_skipped), (263.0, 100.0))
        self.assertEqual(sum(order.billing_move_ids.mapped('amount_total')), 263.0)
        self._assert_books_closed(order)

    def test_in_a_currency_without_minor_units(self):
        """7 % of 700 yen, 49: 651 are charged."""
        self.company.billing_pay_off_rebate = 7
        with freeze_time(f'{APRIL} 10:00:00'):
            order = self._create_taxed_order('JPY', (300, 200, 100), 700)
            tx = self._create_initial_transaction(
                order, token_id=self._create_token().id, amount=0, operation='validation'
            )
            tx._set_done()
            tx._post_process()
        event, _rows = self._pay(order, 'all')
        self.assertEqual((event.status, event.amount), ('completed', 651))
        self.assertEqual(event.invoice_id.amount_total, 651)
        self.assertEqual((order.billing_status, order.billing_balance), ('complete', 0))
        self._assert_books_closed(order)

    def test_when_nothing_is_paid_early(self):
        order = self._start(APRIL, (self.basic, 1))

        def refusal(moment=f'{MIDDLE} 10:00:00', what='next'):
            with freeze_time(moment):
                return order._billing_get_refusal_to_pay_early(what)

        self.assertFalse(refusal())
        self.assertIn("Nothing can be paid", refusal(what='all'))
        self.assertIn("Nothing is to come", refusal(order.billing_next_event_id.due_date))
        with freeze_time(f'{MIDDLE} 10:00:00'):
            with self.assertRaisesRegex(UserError, "has changed meanwhile"):
                order._billing_pay_early('next', '[]')
            order._billing_pause()
        self.assertIn("Nothing can be paid", refusal())
        with freeze_time(f'{MIDDLE} 10:00:00'):
            order._billing_resume()
            change = self._change(order, self.plus, 1, 'period_end')[0]
        self.assertIn("Take back the change that is planned first", refusal())
        with freeze_time(f'{MIDDLE} 11:00:00'):
            order._billing_take_back_change()
            self.assertEqual(change.state, 'taken_back')
            order._billing_create_next_invoices()[0].action_post()
        self.assertIn("is to be paid by invoice", refusal())
        order = self._start(APRIL, (self.basic, 1))
        order.billing_token_id.demo_simulated_state = 'error'
        self._run_on('2027-05-01')
        self.assertIn("Please pay what is outstanding first", refusal('2027-05-02 10:00:00'))

    def test_instalments_are_never_skipped_by_customers(self):
        self.company.billing_customer_skips = 1
        order = self._start(APRIL, (self.bike, 1))
        with freeze_time(f'{MIDDLE} 10:00:00'):
            refusal = order._billing_get_refusal_to_skip_by_customer()
        self.assertIn("No payment is to come that could wait", refusal)

    def test_a_worker_that_dies_before_it_is_sent(self):
        """It is collected within an hour, or not before its day."""
        for moment, status in (
            (f'{MIDDLE} 10:30:00', 'completed'),
            (f'{MIDDLE} 11:00:00', 'cancelled'),
        ):
            with self.subTest(moment):
                order = self._start(APRIL, (self.basic, 1))
                with freeze_time(f'{MIDDLE} 10:00:00'):
                    shown = agreement_text(order._billing_get_early_rows('next'))
                    event = order._billing_pay_early('next', shown)
                    # In another tab, or by a second click.
                    with self.assertRaisesRegex(UserError, "is being processed"):
                        order._billing_pay_early('next', shown)
                    with self.assertRaisesRegex(UserError, "has just asked to pay"):
                        event._skip()
                with freeze_time(moment):
                    self._run()
                self.assertEqual(event.status, status)
                self.assertEqual(
                    order.billing_next_event_id.number, 3 if status == 'completed' else 2
                )

    def test_staff_collect_it(self):
        order = self._start(APRIL, (self.bike, 1))
        with self.assertRaises(AccessError):
            order.with_user(self.salesperson).action_open_pay_early()
        with freeze_time(f'{MIDDLE} 10:00:00'), self._committing_env(self.billing_manager) as env:
            own = env['sale.order'].browse(order.id)
            wizard = env['billpro.pay.early'].browse(own.action_open_pay_early()['res_id'])
            self.assertTrue(wizard.has_instalments)
            wizard.what = 'all'
            self.assertFalse(wizard.problem)
            self.assertIn("300.00", wizard.preview)
            action = wizard.action_pay()
        self.assertEqual(action['params']['message'], "The payment was collected.")
        self.assertEqual((order.billing_status, order.billing_paid), ('complete', 363.0))
