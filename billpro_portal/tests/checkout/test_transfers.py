from datetime import datetime, timedelta

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from ..common.nightly import nightly
from ..common.transfer import IBAN, TransferCommon

START = datetime(2027, 1, 20, 10)


@tagged('post_install', '-at_install')
class TestTransfers(TransferCommon):
    """A customer transfers the money: it is awaited, found on the bank account, and booked."""

    def setUp(self):
        super().setUp()
        self.authenticate(None, None)
        self.order = self._create_order((self.desk, 1))

    def _get_mail(self, order, kind='transfer_awaited'):
        """Return the mail of an order's last notice of a kind, sent."""
        notice = order.billing_notification_ids.filtered(lambda n: n.kind == kind).sorted('id')[-1:]
        notice._send()
        return notice, notice.message_id

    def _assert_paid(self, order, amount):
        """Check that an order is as after a card payment."""
        self.assertEqual((order.billing_status, order.state), ('complete', 'sale'))
        self.assertEqual((order.billing_paid, order.billing_balance), (amount, 0))
        self.assertEqual(order.billing_move_ids.mapped('payment_state'), ['paid'])
        self.assertEqual(order.billing_move_ids.amount_total, amount)
        self._assert_books_closed(order)

    # === THE CUSTOMER === #

    def test_the_customer_is_told_how_to_pay(self):
        tx = self._choose_transfer(self.order)
        self.assertEqual(tx.state, 'pending')
        for page in (self.page, self._get_page(self.order)):
            self.assertIn(IBAN, page)
            self.assertIn('$\N{NO-BREAK SPACE}121.00', page)
            self.assertIn(f'>{self.order.name}</dd>', page)
            self.assertIn("Pay another way", page)
            self.assertNotIn(tx.reference, page)
        notice, mail = self._get_mail(self.order)
        self.assertEqual(notice.state, 'handed_over')
        for text in (IBAN, '121.00', self.order.name):
            self.assertIn(text, mail.body)

    def test_the_reference_is_on_the_invoice(self):
        self.transfers.so_reference_type = 'partner'
        tx = self._choose_transfer(self.order)
        reference = f'CUST/{self.customer.id % 97:2d}'
        self.assertEqual(tx._billing_get_transfer_reference(), reference)
        self.assertIn(f'>{reference}</dd>', self._get_page(self.order))
        self._receive(tx)
        self.assertEqual(self.order.billing_move_ids.payment_reference, reference)

    def test_qr_code(self):
        self.transfers.qr_code = True
        order = self._create_order((self.desk, 1), currency='EUR')
        self._choose_transfer(order)
        self.assertIn('data:image/png;base64', self.page)
        self._choose_transfer(self.order)
        self.assertNotIn('data:image/png;base64', self.page)  # The picture is for euros.

    def test_the_language_of_the_customer(self):
        self.env['res.lang']._activate_lang('fr_FR')
        self.transfers.pending_msg = "<p>Account 1</p>"
        self.transfers.with_context(lang='fr_FR').pending_msg = "<p>Compte 1</p>"
        self.customer.lang = 'fr_FR'
        self._choose_transfer(self.order)
        _notice, mail = self._get_mail(self.order)
        self.assertIn("Compte 1", mail.body)
        self.assertNotIn("Account 1", mail.body)

    def test_another_way(self):
        tx = self._choose_transfer(self.order)
        notice = self.order.billing_notification_ids.filtered(lambda n: n.kind != 'order_ready')
        page = self._pay_another_way(self.order, tx)
        self.assertEqual(tx.state, 'cancel')
        self.assertIn('o_payment_form', page)
        self.assertNotIn("The payment was cancelled.", page)
        notice._send()
        self.assertEqual(notice.state, 'outdated')
        card = self._begin_by_link(self.order)
        self._finish(card)
        self._assert_paid(self.order, 121)

    def test_another_way_in_two_tabs(self):
        first = self._choose_transfer(self.order)
        self._pay_another_way(self.order, first)
        second = self._choose_transfer(self.order)
        self.assertNotEqual(first, second)
        self.assertEqual(second._billing_get_transfer_reference(), self.order.name)
        page = self._pay_another_way(self.order, first)
        self.assertEqual(second.state, 'pending')
        self.assertIn(IBAN, page)

    def test_another_way_after_the_money_was_booked(self):
        tx = self._choose_transfer(self.order)
        self._receive(tx)
        self._pay_another_way(self.order, tx)
        self.assertEqual(tx.state, 'done')
        self._assert_paid(self.order, 121)

    def test_an_expired_offer(self):
        with freeze_time(START, tick=True):
            order = self._create_order((self.desk, 1))
            order.validity_date = START + timedelta(days=2)
            tx = self._choose_transfer(order)
        with freeze_time(START + timedelta(days=5), tick=True):
            page = self._get_page(order)
            self.assertIn(IBAN, page)
            self.assertNotIn("Pay another way", page)
            self._pay_another_way(order, tx)
            self.assertEqual(tx.state, 'pending')
            self._receive(tx)
        self._assert_paid(order, 121)

    def test_reminders_go_on(self):
        self.company.billing_reminder_days = '3'
        with freeze_time(START, tick=True):
            order = self._create_order((self.desk, 1))
            tx = self._choose_transfer(order)
        with freeze_time(START + timedelta(days=4)):
            self.env['billpro.notification']._queue_reminders()
            self.env['billpro.notification']._queue_reminders()
            _notice, mail = self._get_mail(order, 'order_reminder')
        reminders = order.billing_notification_ids.filtered(lambda n: n.kind == 'order_reminder')
        self.assertEqual(reminders.mapped('state'), ['handed_over'])
        for text in (IBAN, '121.00', "We have not received your payment yet", "View order"):
            self.assertIn(text, mail.body)
        self.assertNotIn("Proceed to checkout", mail.body)
        self._receive(tx)
        with freeze_time(START + timedelta(days=8)):
            self.env['billpro.notification']._queue_reminders()
        self.assertEqual(len(order.billing_notification_ids & reminders), 1)

    def test_only_what_is_paid_once(self):
        for product in (self.gym, self.metered):
            order = self._create_order((product, 1))
            answer = self._post_transaction(
                order,
                provider_id=self.transfers.id,
                payment_method_id=self.wire.id,
                flow='redirect',
            )
            self.assertIn("not available", answer['error']['data']['message'])
            self.assertNotIn("Wire Transfer", self._get_page(order))

    # === STAFF === #

    def test_it_has_arrived(self):
        tx = self._choose_transfer(self.order)
        self.assertTrue(self.order.billing_awaits_transfer)
        clerk = new_test_user(
            self.env,
            'clerk',
            groups='sales_team.group_sale_salesman_all_leads',
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        orders = self.env['sale.order'].with_user(clerk)
        self.assertEqual(orders.search([('billing_awaits_transfer', '=', True)]), self.order)
        self.assertNotIn(self.order, orders.search([('billing_awaits_transfer', '=', False)]))
        dialog = self._open_dialog(tx)
        self.assertEqual((dialog.due, dialog.amount, dialog.difference), (121, 121, 0))
        self.assertEqual(dialog.consequence, "The order is paid.")
        dialog.action_book()
        self._assert_paid(self.order, 121)
        self.assertFalse(self.order.billing_awaits_transfer)
        self.assertEqual(self.order.billing_move_ids.payment_reference, self.order.name)
        self.assertEqual(self.order.billing_move_ids.invoice_origin, self.order.name)
        self.assertFalse(self.order.activity_ids)
        confirmation = self.order.billing_notification_ids.filtered(
            lambda n: n.kind == 'purchase_confirmation'
        )
        self.assertEqual(len(confirmation), 1)
        self.assertIn("Wire Transfer", self._get_page(self.order))

    def test_it_has_arrived_in_two_tabs(self):
        tx = self._choose_transfer(self.order)
        first, second = self._open_dialog(tx), self._open_dialog(tx)
        first.action_book()
        with self.assertRaisesRegex(UserError, "changed meanwhile"):
            second.action_book()
        with self.assertRaisesRegex(UserError, "changed meanwhile"):
            first.action_book()
        self.assertEqual(len(self.order.billing_transaction_ids), 1)
        self._assert_paid(self.order, 121)

    def test_who_may_say_so(self):
        tx = self._choose_transfer(self.order)
        for name in ('action_open_transfer', 'action_end_transfer'):
            with self.assertRaisesRegex(AccessError, "Only billing users"):
                getattr(self.order.with_user(self.salesperson), name)()
        with self.assertRaises(AccessError):
            self._open_dialog(tx, user=self.salesperson)
        other = self._create_order((self.desk, 1))
        with self.assertRaises(AccessError):
            self._open_dialog(tx, order_id=other.id)

    def test_only_for_a_transfer(self):
        tx = self._create_initial_transaction(self.order, 'pending')
        with self.assertRaisesRegex(UserError, "awaits no transfer"):
            self.order.with_user(self.billing_user).action_open_transfer()
        with self.assertRaisesRegex(UserError, "No transfer is awaited"):
            tx.with_user(self.billing_user).action_open_transfer()
        with self.assertRaisesRegex(UserError, "awaits no transfer"):
            self.order.with_user(self.billing_user).action_end_transfer()
        dialog = (
            self.env['billpro.transfer']
            .with_user(self.billing_user)
            .create({'order_id': self.order.id, 'transaction_id': tx.id})
        )
        with self.assertRaisesRegex(UserError, "changed meanwhile"):
            dialog.action_book()
        self.assertEqual(tx.state, 'pending')

    def test_the_wait_is_ended(self):
        tx = self._choose_transfer(self.order)
        dialog = self._open_dialog(tx)
        self.order.with_user(self.billing_user).action_end_transfer()
        self.assertEqual((tx.state, self.order.billing_status), ('cancel', 'pending'))
        self.assertFalse(self.order._billing_get_not_payable_reason())
        with self.assertRaisesRegex(UserError, "changed meanwhile"):
            dialog.action_book()
        # It comes all the same.
        self._receive(tx)
        self._assert_paid(self.order, 121)

    def test_a_part(self):
        tx = self._choose_transfer(self.order)
        dialog = self._open_dialog(tx, amount=100)
        other = self._open_dialog(tx)
        self.assertEqual(dialog.difference, -21)
        self.assertIn('21.00 are missing', dialog.consequence)
        dialog.action_book()
        self.env.invalidate_all()
        self.assertEqual(self.order.billing_status, 'pending')
        self.assertFalse(self.order.billing_move_ids)
        with self.assertRaisesRegex(UserError, "changed meanwhile"):
            other.action_book()
        self._let_run_look()
        self.assertEqual(self.order._billing_get_amount_asked(), 21)
        self.assertIn("Paid already: Wire Transfer", self._get_page(self.order))
        rest = self._choose_transfer(self.order)
        self.assertEqual(rest.amount, 21)
        self._receive(rest)
        self._assert_paid(self.order, 121)
        self.assertEqual(tx.billing_order_id, self.order)
        self.assertFalse(self.order.activity_ids)

    @nightly("A part that is awaited comes for each change.")
    def test_a_part_of_what_nobody_awaits_any_more(self):
        tx = self._choose_transfer(self.order)
        self.order.with_user(self.billing_user).action_end_transfer()
        self._receive(tx, amount=100)
        self.assertEqual((tx.state, tx.payment_id.amount), ('done', 100))
        self.assertEqual(self.order.billing_status, 'pending')
        self.assertEqual(self.order._billing_get_amount_received(), 100)
        self.assertEqual(self.order._billing_get_amount_asked(), 21)
        self._receive(self._choose_transfer(self.order))
        self._assert_paid(self.order, 121)

    def test_a_part_of_a_transfer_that_was_replaced(self):
        first = self._choose_transfer(self.order)
        self._pay_another_way(self.order, first)
        second = self._choose_transfer(self.order)
        self._receive(first, amount=100)
        self.assertEqual((first.state, second.state), ('done', 'cancel'))
        self.assertTrue(second.billing_superseded)
        page = self._get_page(self.order)
        self.assertIn("Paid already: Wire Transfer", page)
        self.assertNotIn("The payment was cancelled.", page)

    def test_another_payment_is_under_way(self):
        tx = self._choose_transfer(self.order)
        self._pay_another_way(self.order, tx)
        card = self._create_initial_transaction(self.order, 'pending')
        for amount in (100, 121):
            with (
                self.assertRaisesRegex(UserError, f"{card.reference} of order .* is under way"),
                self.env.cr.savepoint(),
            ):
                self._open_dialog(tx, amount=amount).action_book()
            self.env.invalidate_all()
        self.assertEqual((tx.state, card.state), ('cancel', 'pending'))
        self._finish(card)
        self._receive(tx)
        self.assertEqual(self.order.billing_on_account_amount, 121)

    def test_too_much(self):
        tx = self._choose_transfer(self.order)
        dialog = self._open_dialog(tx, amount=150)
        self.assertEqual(dialog.difference, 29)
        self.assertIn('29.00 are too much', dialog.consequence)
        dialog.action_book()
        self.env.invalidate_all()
        self.assertEqual((self.order.billing_status, tx.amount), ('complete', 121))
        self.assertEqual(self.order.billing_move_ids.amount_total, 121)
        self.assertEqual(self.order.billing_move_ids.payment_state, 'paid')
        self.assertEqual(self.order.billing_on_account_amount, 29)
        self.assertEqual(len(self.order.activity_ids), 1)
        message = self.env['billpro.checkout.page']._get_success_message(self.order)
        self.assertIn('121.00', message)
        self.assertNotIn('29.00', message)

    def test_too_much_while_the_checkout_is_open(self):
        tx = self._choose_transfer(self.order)
        self._pay_another_way(self.order, tx)
        card = self._begin_by_link(self.order)
        self._receive(tx, amount=150)
        self.assertEqual((tx.state, card.state, card.billing_superseded), ('done', 'cancel', True))
        self.assertEqual(self.order.billing_status, 'complete')
        self.assertEqual(self.order.billing_on_account_amount, 29)

    def test_cash(self):
        cash = self.env['account.journal'].search(
            [('company_id', '=', self.company.id), ('type', '=', 'cash')], limit=1
        )
        tx = self._choose_transfer(self.order)
        self._receive(tx, journal_id=cash.id)
        self._assert_paid(self.order, 121)
        self.assertEqual(tx.payment_id.journal_id, cash)

    def test_what_makes_no_sense(self):
        tx = self._choose_transfer(self.order)
        with self.assertRaisesRegex(UserError, "above zero"):
            self._open_dialog(tx, amount=-1).action_book()
        sales = self.env['account.journal'].search(
            [('company_id', '=', self.company.id), ('type', '=', 'sale')], limit=1
        )
        with self.assertRaisesRegex(UserError, "where the money has arrived"):
            self._open_dialog(tx, journal_id=sales.id).action_book()
        self.assertEqual((tx.state, self.order.billing_status), ('pending', 'pending'))

    def test_a_journal_of_providers_only(self):
        tx = self._choose_transfer(self.order)
        journal = self.transfers.journal_id
        lines = journal.inbound_payment_method_line_ids
        lines.filtered(lambda line: not line.payment_provider_id).unlink()
        dialog = self._open_dialog(tx, journal_id=journal.id)
        self.assertNotIn(journal, dialog.possible_journal_ids)
        with self.assertRaisesRegex(UserError, "where the money has arrived"):
            dialog.action_book()
        self.assertEqual((tx.state, self.order.billing_status), ('pending', 'pending'))

    def test_the_order_is_in_another_currency_now(self):
        tx = self._choose_transfer(self.order)
        self.order.with_user(self.billing_user).action_end_transfer()
        tx.currency_id = self._enable_currency('EUR')
        dialog = self._open_dialog(tx)
        self.assertEqual((dialog.due, dialog.amount, dialog.difference), (0, 121, 0))
        self.assertIn("The order is in USD.", dialog.consequence)
        dialog.action_book()
        self.env.invalidate_all()
        self.assertEqual((tx.state, self.order.billing_status), ('done', 'pending'))
        self.assertFalse(tx.invoice_ids)
        self.assertEqual(tx.payment_id.currency_id.name, 'EUR')
        self.assertEqual(len(self.order.activity_ids), 1)

    def test_the_order_is_cancelled_and_the_money_comes(self):
        tx = self._choose_transfer(self.order)
        self.order.with_user(self.salesperson).action_cancel_unpaid()
        self.assertEqual((tx.state, self.order.billing_status), ('cancel', 'cancelled'))
        self.assertIn("This order was cancelled", self._get_page(self.order))
        dialog = self._open_dialog(tx)
        self.assertEqual((dialog.due, dialog.amount), (0, 121))
        self.assertIn("The order takes no payment now", dialog.consequence)
        dialog.action_book()
        self.env.invalidate_all()
        self.assertEqual((self.order.billing_status, self.order.state), ('cancelled', 'cancel'))
        self.assertFalse(self.order.billing_move_ids)
        self.assertEqual(tx.payment_id.amount, 121)
        self.assertEqual(tx.payment_id.partner_id, self.customer)
        self.assertEqual(self.order.billing_on_account_amount, 121)
        self.assertIn(tx.reference, self.order.activity_ids.summary)

    def test_paid_by_card_and_the_money_comes(self):
        tx = self._choose_transfer(self.order)
        self._pay_another_way(self.order, tx)
        self._finish(self._begin_by_link(self.order))
        self._receive(tx)
        self.assertEqual(self.order.billing_on_account_amount, 121)
        self.assertEqual(len(self.order.billing_move_ids), 1)

    def test_the_order_is_confirmed_by_hand(self):
        tx = self._choose_transfer(self.order)
        self.order.action_confirm()
        self.assertEqual((self.order.state, tx.state), ('sale', 'pending'))
        self._receive(tx)
        self._assert_paid(self.order, 121)

    # === BY THE INVOICE === #

    def test_an_invoice_is_there(self):
        tx = self._choose_transfer(self.order)
        invoice = self._invoice_by_hand(self.order)
        self._receive(tx)
        self._assert_paid(self.order, 121)
        self.assertEqual(self.order.billing_move_ids, invoice)

    @nightly("A part comes without one, and all comes with one, for each change.")
    def test_a_part_and_an_invoice_is_there(self):
        tx = self._choose_transfer(self.order)
        invoice = self._invoice_by_hand(self.order)
        self._receive(tx, amount=100)
        self._let_run_look()
        self.assertFalse(self.order.activity_ids)
        self._receive(self._choose_transfer(self.order))
        self._assert_paid(self.order, 121)
        self.assertEqual(self.order.billing_move_ids, invoice)

    def test_by_the_invoice(self):
        tx = self._choose_transfer(self.order)
        invoice = self._invoice_by_hand(self.order)
        self.assertEqual(invoice.payment_reference, self.order.name)
        self._pay_by_bank(invoice)
        page = self._get_page(self.order)
        self.assertIn("This order is paid already", page)
        self.assertNotIn(IBAN, page)
        self._let_run_look()
        self.assertEqual((tx.state, tx.billing_superseded), ('cancel', True))
        self._assert_paid(self.order, 121)

    @nightly("All comes by it, and a part comes otherwise, for each change.")
    def test_a_part_by_the_invoice(self):
        tx = self._choose_transfer(self.order)
        invoice = self._invoice_by_hand(self.order)
        self._pay_by_bank(invoice, amount=100.0)
        self._let_run_look()
        self.assertEqual((tx.state, self.order.billing_status), ('cancel', 'pending'))
        self.assertNotIn("The payment was cancelled.", self._get_page(self.order))
        rest = self._choose_transfer(self.order)
        self.assertEqual(rest.amount, 21)
        self._receive(rest)
        self._assert_paid(self.order, 121)

    def test_the_amount_was_another_and_nothing_came(self):
        tx = self._choose_transfer(self.order)
        tx.amount = 100
        self._invoice_by_hand(self.order)
        self._let_run_look()
        self.assertEqual((tx.state, self.order.billing_status), ('pending', 'pending'))
        self._receive(tx)
        self._assert_paid(self.order, 121)

    def test_an_invoice_that_does_not_fit(self):
        tx = self._choose_transfer(self.order)
        invoice = self._invoice_by_hand(self.order)
        invoice.button_draft()
        invoice.partner_id = self.env['res.partner'].create({'name': "Somebody else"})
        invoice.action_post()
        self._pay_by_bank(invoice)
        self._let_run_look()
        self.assertEqual((tx.state, self.order.billing_status), ('pending', 'pending'))
        self.assertIn("paid or invoiced in another way", self.order.activity_ids.summary)
        page = self._get_page(self.order)
        self.assertIn("This order is paid already", page)
        self.assertNotIn(IBAN, page)
        dialog = self._open_dialog(tx)
        self.assertEqual((dialog.due, dialog.amount), (0, 121))
        self.assertIn("paid or invoiced in another way", dialog.consequence)
        dialog.action_book()
        self.env.invalidate_all()
        self.assertEqual((tx.state, self.order.billing_status), ('done', 'pending'))
        self.assertEqual(self.order.billing_on_account_amount, 121)

    # === ELSEWHERE === #

    def test_foreign_currency(self):
        order = self._create_order((self.desk, 1), currency='EUR')
        amount = order.amount_total
        tx = self._choose_transfer(order)
        self.assertEqual((tx.currency_id.name, tx.amount), ('EUR', amount))
        self.assertIn(f'{amount:.2f}', self.page)
        self._receive(tx)
        self._assert_paid(order, amount)
        self.assertEqual(order.billing_move_ids.currency_id.name, 'EUR')
        self.assertEqual(tx.payment_id.currency_id.name, 'EUR')

    def test_two_companies(self):
        """Each company's customers get its own bank account, and its own books the money."""
        other = self._create_company(name="Borealis", currency_id=self._enable_currency('KWD').id)
        theirs = self._create_transfer_provider(other, 'NL91 ABNA 0417 1643 00')
        chair = self.env['product.product'].create(
            {'name': "Chair", 'list_price': 5, 'purchase_type': 'single', 'taxes_id': False}
        )
        order = (
            self.env['sale.order']
            .with_company(other)
            .create(
                {
                    'partner_id': self.customer.id,
                    'company_id': other.id,
                    'order_line': [Command.create({'product_id': chair.id, 'price_unit': 5.125})],
                }
            )
        )
        order._billing_mark_link_sent("The link was sent.")
        ours, self.transfers = self.transfers, theirs
        with self.assertRaisesRegex(AssertionError, "not available"):
            self._choose_transfer(self.order)
        tx = self._choose_transfer(order)
        self.assertIn('NL91 ABNA 0417 1643 00', self.page)
        self.assertNotIn(IBAN, self.page)
        with self.assertRaises(AccessError):
            self._open_dialog(tx)
        self.billing_user.company_ids |= other
        tx = tx.with_context(allowed_company_ids=other.ids)
        with self.assertRaisesRegex(UserError, "where the money has arrived"):
            self._open_dialog(tx, journal_id=ours.journal_id.id).action_book()
        self._open_dialog(tx).action_book()
        self.env.invalidate_all()
        self._assert_paid(order, 5.125)
        self.assertEqual((tx.payment_id.move_id | order.billing_move_ids).company_id, other)
