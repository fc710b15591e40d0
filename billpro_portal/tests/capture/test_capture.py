from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from ..common.capture import CaptureCommon
from ..common.nightly import nightly, some


@tagged('post_install', '-at_install')
class TestCapture(CaptureCommon):
    # === AUTHORISED === #

    def test_an_authorised_order_is_active_and_bills_nothing(self):
        order = self._create_authorized_order()
        tx = order.billing_transaction_ids
        self.assertEqual((tx.state, order.billing_status), ('authorized', 'active'))
        self.assertEqual(order.state, 'sale')
        self.assertEqual(order.billing_authorization_id, tx)
        self.assertEqual(order.billing_authorized_amount, 121)
        self.assertEqual((order.billing_paid, order.billing_balance), (0, 121))
        self.assertFalse(order.billing_move_ids)
        self.assertFalse(tx.payment_id)
        self.assertEqual(order.billing_notification_ids.mapped('kind'), ['purchase_confirmation'])
        self.assertTrue(order._billing_get_not_payable_reason())
        tx._post_process()
        self.assertEqual(len(order.billing_notification_ids), 1)

    def test_what_the_customer_reads(self):
        order = self._create_authorized_order()
        self.assertEqual(
            order.env['billpro.order.page']._get_billing_status_text(order), "Authorised"
        )
        text = (
            f"{order.currency_id.format(121)} are reserved on your card and not charged yet. They"
            " are charged when we confirm or deliver your order."
        )
        self.assertEqual(
            order.env['billpro.checkout.page']._get_success_message(order),
            f"{text} A confirmation is on its way to your mailbox.",
        )
        (item,) = order.env['billpro.order.attention']._get_attention(order)
        self.assertEqual((item['title'], item['text']), ("Authorised, not charged yet", text))
        (row,) = order.env['billpro.order.payments']._get_history_rows(order, 1)
        self.assertEqual((row['status'], row['documents']), ("Authorised", []))
        self.assertIn(
            ("Authorised, not charged yet", order.currency_id.format(121)),
            [
                (row['label'], row['value'])
                for row in order.env['billpro.order.page']._get_summary_rows(order)
            ],
        )

    def test_what_the_checkout_says(self):
        order = self._create_order()
        purchase = order._get_purchase()
        self.assertEqual(purchase._get_terms(order)[0]['label'], "To be reserved today")
        self.assertIn("reserved on your card now", purchase._get_explanation(order))
        other = self.provider.copy({'company_id': self.company.id})
        other.write({'capture_manually': False, 'state': 'test', 'is_published': True})
        self.assertEqual(purchase._get_terms(order)[0]['label'], "To pay today")
        self.assertIn("Depending on how you pay", purchase._get_explanation(order))
        self.provider.capture_manually = False
        self.assertEqual(
            purchase._get_explanation(order), "You pay once. Nothing is charged later."
        )

    def test_an_amount_that_does_not_fit_is_left_to_staff(self):
        order = self._create_order()
        tx = self._create_initial_transaction(order, amount=100)
        tx._process('demo', {'reference': tx.reference, 'simulated_state': 'done'})
        tx._post_process()
        self.assertEqual(order.billing_status, 'pending')
        self.assertEqual(
            order.activity_ids.mapped('summary'), [f"Release {tx.reference} at the provider"]
        )

    def test_a_given_up_payment_that_is_authorised_late(self):
        order = self._create_order()
        late = self._create_initial_transaction(order)
        late._billing_supersede()
        newer = self._create_initial_transaction(order)
        late._process('demo', {'reference': late.reference, 'simulated_state': 'done'})
        late._post_process()
        self.assertEqual((late.state, newer.state), ('authorized', 'cancel'))
        self.assertEqual((order.billing_status, order.billing_authorization_id), ('active', late))
        newer._process('demo', {'reference': newer.reference, 'simulated_state': 'done'})
        newer._post_process()
        self.assertEqual(newer.state, 'cancel')
        self.assertEqual(
            order.activity_ids.mapped('summary'), [f"Release {newer.reference} at the provider"]
        )

    # === CAPTURED === #

    def test_captured_in_whole(self):
        order = self._create_authorized_order()
        capture_tx = self._capture(order, user=self.billing_user)
        self.assertEqual(capture_tx.source_transaction_id, order.billing_authorization_id)
        self._assert_settled(order, 121)
        self.assertEqual(order.billing_move_ids.amount_tax, 21)
        self.assertEqual(order.invoice_status, 'invoiced')
        self.assertEqual(
            order.env['billpro.order.page']._get_billing_status_text(order), "Complete"
        )
        (row,) = order.env['billpro.order.payments']._get_history_rows(order, 1)
        self.assertEqual(row['status'], "Paid")
        self.assertEqual(len(row['documents']), 2)

    def test_paid_by_bank_while_it_is_authorised(self):
        """Nothing is captured that isn't needed; what is captured all the same can be refunded."""
        order = self._create_authorized_order()
        order._force_lines_to_invoice_policy_order()
        invoice = order._create_invoices()
        invoice.action_post()
        register = self.env['account.payment.register'].with_context(
            active_model='account.move', active_ids=invoice.ids
        )
        register.create({'amount': 21.0})._create_payments()
        with self.assertRaisesRegex(ValidationError, "at most .*100.00 can"):
            order._billing_create_capture(121)
        register.create({})._create_payments()
        with self.assertRaisesRegex(ValidationError, "at most .*0.00 can"):
            order._billing_create_capture(1)
        source = order.billing_authorization_id
        capture_tx = source._create_child_transaction(121)
        capture_tx._process(
            'demo',
            {'reference': capture_tx.reference, 'simulated_state': 'done', 'manual_capture': True},
        )
        capture_tx._post_process()
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual(order.billing_on_account_amount, 121)
        self.assertIn("paid in another way", order.activity_ids.note)

    def test_captured_in_part(self):
        """Shares of the taxes by hand: 120.00 of 296.09 is 40.5282 %."""
        order = self._create_authorized_order((self.desk, 1), (self.book, 3), (self.meal, 5))
        self.assertEqual(order.amount_total, 296.09)
        self._capture(order, 120)
        self._assert_settled(order, 120, released=176.09)
        invoice = order.billing_move_ids
        taxes = {
            line.tax_line_id.name: -line.balance for line in invoice.line_ids if line.tax_line_id
        }
        # 21.00, 6.00 and 7.40 in the order.
        self.assertEqual(
            {name: round(amount, 2) for name, amount in taxes.items()},
            {"VAT 21%": 8.51, "VAT 6%": 2.43, "VAT 12%": 3.0},
        )
        self.assertEqual(invoice.amount_untaxed, 106.06)
        self.assertEqual(order.invoice_status, 'invoiced')
        self.assertEqual(invoice.invoice_line_ids.mapped('quantity'), [1, 3, 5])
        self.assertIn(
            ("Released, not charged", order.currency_id.format(176.09)),
            [
                (row['label'], row['value'])
                for row in order.env['billpro.order.page']._get_summary_rows(order)
            ],
        )

    @nightly("Captured in a currency at the gateway for each change.")
    def test_currencies(self):
        sales = (
            ('JPY', 1001, (1, 1233, 3633)),
            ('EUR', 33.37, (0.01, 33.34, 100.0, 121.12)),
            ('KWD', 10.001, (0.001, 12.303, 36.303)),
        )
        for currency, price, parts in some(sales):
            for part in parts:
                with self.subTest(currency, part=part):
                    order = self._create_authorized_order(
                        (self.desk, 2, price), (self.desk, 1, price), currency=currency
                    )
                    self._capture(order, part)
                    rest = order.currency_id.round(order.amount_total - part)
                    self._assert_settled(order, part, released=rest)

    def test_lines_without_taxes_and_with_discounts(self):
        included = self._create_vat("VAT 19% incl.", 19)
        included.price_include_override = 'tax_included'
        for taxes, part in ((included, 10.01), (self.tax_21.browse(), 20.01)):
            with self.subTest(taxes.name):
                order = self._create_order((self.desk, 3, 19.99), (self.book, 1, 19.99))
                order.order_line.write({'discount': 7, 'tax_ids': [Command.set(taxes.ids)]})
                self._create_initial_transaction(order, 'done')._post_process()
                rest = order.currency_id.round(order.amount_total - part)
                self._capture(order, part)
                self._assert_settled(order, part, released=rest)

    def test_fixed_taxes_that_are_less_than_a_coin_a_unit(self):
        fee = self._create_vat("Fee", 0.35)
        fee.amount_type = 'fixed'
        order = self._create_order((self.desk, 100, 34), currency='JPY')
        order.order_line.tax_ids = self.tax_21 | fee
        self._create_initial_transaction(order, 'done')._post_process()
        self._capture(order, 1383)
        self._assert_settled(order, 1383, released=2766)
        self.assertEqual(
            {
                line.tax_line_id.name: -line.amount_currency
                for line in order.billing_move_ids.line_ids
                if line.tax_line_id
            },
            {"VAT 21%": 238, "Fee": 12},
        )

    def test_the_dialog_captures_once_however_often_it_is_sent(self):
        order = self._create_authorized_order()
        with self._committing_env(self.billing_user) as env:
            action = env['sale.order'].browse(order.id).action_open_capture()
            wizard = env['billpro.capture'].browse(action['res_id'])
            self.assertEqual((wizard.amount, wizard.released_amount), (121, 0))
            wizard.amount = 50
            self.assertEqual(wizard.released_amount, 71)
            first = wizard.action_capture()
            second = wizard.action_capture()
        self.assertEqual(first['params']['type'], 'success')
        self.assertEqual(first['params']['message'], second['params']['message'])
        self._assert_settled(order, 50, released=71)

    def test_what_can_not_be_captured(self):
        order = self._create_authorized_order()
        for amount in (0, -1, 121.01):
            with self.assertRaisesRegex(ValidationError, "can't be captured: at most .*121.00"):
                order._billing_create_capture(amount)
        self.payment_method.support_manual_capture = 'full_only'
        with self.assertRaisesRegex(ValidationError, "as a whole only"):
            order._billing_create_capture(100)
        order._billing_create_capture(121)
        with self.assertRaisesRegex(UserError, "being captured or released already"):
            order.action_release()
        self.assertEqual(len(order.billing_transaction_ids), 2)
        paid = self._create_order()
        with self.assertRaisesRegex(UserError, "no authorised payment"):
            paid.action_open_capture()

    def test_no_more_than_ordered_is_captured(self):
        order = self._create_authorized_order((self.desk, 2))
        order.order_line.product_uom_qty = 1
        with self.assertRaisesRegex(ValidationError, "at most .*121.00"):
            order._billing_create_capture(242)
        self._capture(order)
        self._assert_settled(order, 121, released=121)

    def test_refunds_of_a_captured_payment(self):
        order = self._create_authorized_order()
        self._capture(order, 100)
        for amount in (30, 70):
            refund_tx = self._refund(order, amount)
            self.assertEqual(refund_tx.state, 'done')
        self.assertEqual((order.billing_refunded, order.billing_credited), (100, 100))
        self.assertEqual((order.billing_paid, order.billing_balance), (100, 0))
        self.assertEqual(order.billing_move_ids.sorted('id').mapped('amount_total'), [100, 30, 70])
        self._assert_books_closed(order)
        with self.assertRaisesRegex(UserError, "no payment left to refund"):
            order.action_open_refund()

    # === RELEASED === #

    def test_released(self):
        order = self._create_authorized_order()
        notification = self._release(order)
        self.assertEqual(notification['params']['type'], 'success')
        tx = order.billing_authorization_id
        self.assertEqual((tx.state, order.billing_status), ('cancel', 'complete'))
        self.assertEqual((order.billing_paid, order.billing_balance), (0, 0))
        self.assertFalse(order.billing_move_ids)
        self.assertFalse(order.billing_transaction_ids.payment_id)
        self.assertFalse(order.activity_ids)
        self.assertEqual(
            order.env['billpro.order.page']._get_billing_status_text(order),
            "Released – nothing was charged",
        )
        (row,) = order.env['billpro.order.payments']._get_history_rows(order, 1)
        self.assertEqual(row['status'], "Released, not charged")
        self.assertFalse(order.env['billpro.order.attention']._get_attention(order))
        with self.assertRaisesRegex(UserError, "no authorised payment"):
            order.action_release()

    def test_the_customer_stays_until_it_is_captured(self):
        """Somebody else's invoice would be paid with it."""
        order = self._create_authorized_order()
        message = f"Money is reserved for order {order.name}"
        for name in ('partner_id', 'partner_invoice_id'):
            with self.assertRaisesRegex(UserError, message), self.env.cr.savepoint():
                order[name] = self.other_customer
        self._capture(order)
        self.assertEqual(order.billing_move_ids.partner_id, self.customer)

    def test_an_authorisation_that_ends_at_the_provider(self):
        order = self._create_authorized_order()
        tx = order.billing_authorization_id
        tx._process('demo', {'reference': tx.reference, 'simulated_state': 'cancel'})
        for _time in range(2):
            tx._post_process()
        self.assertEqual((tx.state, order.billing_status), ('cancel', 'complete'))
        self.assertEqual(
            order.activity_ids.mapped('summary'), [f"The authorisation of {order.name} has ended"]
        )

    def test_rights(self):
        order = self._create_authorized_order()
        with self.assertRaises(AccessError):
            order.with_user(self.salesperson).action_open_capture()
        with self.assertRaisesRegex(AccessError, "Only billing managers"):
            order.with_user(self.billing_user).action_release()
        with self.assertRaisesRegex(UserError, "Capture or release the authorised payment"):
            order.with_user(self.billing_manager).action_mark_complete()
        with self.assertRaises(UserError):
            order.action_cancel()
        self.assertEqual(order.billing_transaction_ids.state, 'authorized')

    def test_odoos_own_buttons_lead_to_ours(self):
        order = self._create_authorized_order()
        tx = order.billing_transaction_ids
        self.assertEqual(tx.action_capture()['res_model'], 'billpro.capture')
        with self._committing_env(self.billing_manager) as env:
            env['payment.transaction'].browse(tx.id).action_void()
        self.assertEqual((tx.state, order.billing_status), ('cancel', 'complete'))

    # === ONLY SINGLE PAYMENTS === #

    def test_recurring_orders_are_charged_at_once(self):
        order = self._create_active_order()
        tx = order.billing_transaction_ids
        self.assertEqual((tx.state, order.billing_status), ('done', 'active'))
        self.assertEqual(order.billing_paid, 24.2)
        event = order.billing_event_ids
        event.due_date = '2026-01-01'
        self._run()
        self.assertEqual(event.status, 'completed')
        self.assertEqual(event.transaction_ids.state, 'done')
        self.assertEqual(order.billing_paid, 48.4)
        self.assertEqual(self._refund(order, 10).state, 'done')
        self.assertEqual(order.billing_refunded, 10)

    def test_a_registered_card_is_no_authorised_payment(self):
        order = self._create_active_order(billing_trial_days=14)
        tx = order.billing_transaction_ids
        self.assertEqual((tx.operation, tx.state), ('validation', 'done'))
        self.assertEqual((order.billing_status, order.billing_paid), ('active', 0))
        self.assertFalse(order.billing_authorization_id)

    def test_providers_that_can_not_choose_are_not_offered_for_recurring_orders(self):
        recurring, single = self._create_order((self.gym, 1)), self._create_order()
        self.provider.code = 'none'
        offered = {
            order: self.provider._get_compatible_providers(
                self.company.id, self.customer.id, 10, sale_order_id=order.id
            )
            for order in (recurring, single)
        }
        self.assertNotIn(self.provider, offered[recurring])
        self.assertIn(self.provider, offered[single])
