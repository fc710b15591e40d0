from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..common.nightly import nightly
from ..common.payout import PayoutCommon


@tagged('post_install', '-at_install')
class TestPayouts(PayoutCommon):
    """What Stripe pays out, in the books to the cent."""

    def test_the_entry(self):
        orders = self._charge(), self._charge()
        refund_tx = self._refund(orders[0], 21.0)
        self.gateway.enter_balance('stripe_fee', -150, self.currency.name.lower())
        self.assertEqual(self._get_balance(self.outstanding), 221)
        told = self._pay_out()
        amount = 2 * (121 - 2.07) - 21 - 1.5

        payout = self._book()

        self.assertEqual((payout.provider_reference, payout.state), (told['id'], 'booked'))
        self.assertEqual(payout.amount, self.currency.round(amount))
        self.assertEqual(payout.fee_amount, 5.64)
        self.assertEqual((payout.payment_amount, payout.refund_amount), (242, -21))
        self.assertFalse(payout.difference_count)
        self._assert_items(
            payout.move_id,
            (self.fees, 5.64),
            (self.transit, payout.amount),
            (self.outstanding, -121),
            (self.outstanding, -121),
            (self.outstanding, 21),
        )
        self._assert_nothing_held()
        paid = orders[0].billing_transaction_ids + orders[1].billing_transaction_ids
        self.assertEqual(set(payout.line_ids.transaction_id), set(paid | refund_tx))
        # Each payment with its own: it says which payout it was in.
        for line in payout.line_ids.filtered('transaction_id'):
            matched = line.move_line_id.matched_debit_ids.debit_move_id
            matched |= line.move_line_id.matched_credit_ids.credit_move_id
            self.assertEqual(matched.move_id, line.transaction_id.payment_id.move_id)
            self.assertIn(line.transaction_id.reference, line.move_line_id.name)
        for order in orders:
            self._assert_books_closed(order)

    def test_the_banks_line_reconciles_at_once(self):
        self._charge()
        self._pay_out()
        payout = self._book()
        self.assertFalse(payout.is_at_bank)
        with self.assertRaisesRegex(UserError, "^0 lines of bank statements"):
            payout.action_reconcile_bank()
        bank_line = self._create_bank_line(payout.amount, date=payout.arrival_date)
        self._create_bank_line(payout.amount + 1, date=payout.arrival_date)
        payout.action_reconcile_bank()
        self.assertTrue(payout.is_at_bank)
        self.assertTrue(bank_line.is_reconciled)
        self.assertEqual(self._get_balance(self.transit), 0)
        self.assertEqual(self._get_balance(self.journal.default_account_id), 238.86)
        with self.assertRaisesRegex(UserError, "waits for the bank"):
            payout.action_reconcile_bank()

    def test_of_two_lines_the_one_that_names_the_payout_is_it(self):
        self._charge()
        self._pay_out()
        payout = self._book()
        lines = [self._create_bank_line(payout.amount, date=payout.arrival_date) for _n in range(2)]
        with self.assertRaisesRegex(UserError, "^2 lines of bank statements"):
            payout.action_reconcile_bank()
        lines[1].payment_ref = f"STRIPE {payout.provider_reference}"
        payout.action_reconcile_bank()
        self.assertEqual([line.is_reconciled for line in lines], [False, True])

    # === MESSAGES === #

    def test_messages_that_come_twice_and_late(self):
        self._charge()
        told = self._pay_out()
        messages = self._find_messages(
            'payout.paid', 'payout.reconciliation_completed', payment=told['id']
        )
        self._deliver_all([*messages[::-1], *messages])
        self._process()
        events = self._get_events()
        self.assertEqual(set(events.mapped('state')), {'processed'})
        self.assertEqual(len(events), 2)
        payout = self.env['billpro.payout'].search([])
        self.assertEqual(payout.state, 'to_book')
        cron = self.env.ref('billpro_portal.cron_book_payouts')
        self.assertTrue(self.env['ir.cron.trigger'].search([('cron_id', '=', cron.id)]))
        entry = self._book().move_id
        self.assertTrue(entry)
        self._deliver_all(messages)
        self._process()
        self.assertEqual(self._book().move_id, entry)
        self.assertEqual(self._get_balance(self.transit), 118.93)

    def test_messages_of_those_who_book_no_payouts(self):
        self._charge()
        told = self._pay_out()
        (message,) = self._find_messages('payout.paid', payment=told['id'])
        self.provider.billpro_payouts_since = fields.Date.today() + timedelta(days=1)
        self._deliver(message)
        self._process()
        self.assertEqual(self._get_events().state, 'ignored')
        self.assertFalse(self._book())
        self._get_events().unlink()
        self.provider.billpro_payouts_since = False
        self._deliver(message)  # Odoo's own.
        self.assertFalse(self._get_events())
        self.assertFalse(self._book())

    def test_nothing_is_believed(self):
        """A message names a payout; what it is, Stripe says."""
        self._charge()
        told = self._pay_out()
        (message,) = self._find_messages('payout.paid', payment=told['id'])
        message['data']['object'] |= {'amount': 1, 'status': 'failed', 'currency': 'xxx'}
        self.assertEqual(self._deliver(message, secret='whsec_wrong'), 403)
        self.assertEqual(self._deliver(message), 200)
        self._process()
        self.assertEqual(self.env['billpro.payout'].search([]).amount, 118.93)

    # === WHAT ISN'T IN THE BOOKS AS STRIPE SAYS === #

    def test_what_is_not_ours(self):
        self._charge()
        self._pay_by_reference("Another shop", amount=5000, currency=self.currency.name.lower())
        self.gateway.enter_balance(
            'reserve_transaction', -700, self.currency.name.lower(), description="Reserve"
        )
        self.gateway.enter_balance('adjustment', 300, self.currency.name.lower())
        self._pay_out()
        payout = self._book()
        self.assertEqual(
            {(line.issue, line.net_amount) for line in payout.line_ids},
            {(False, 118.93), ('not_ours', 49), ('unknown', -7), (False, 3)},
        )
        self.assertEqual((payout.difference_count, payout.difference_amount), (2, 42))
        self._assert_items(
            payout.move_id,
            (self.fees, 2.07),
            (self.transit, 163.93),
            (self.outstanding, -121),
            (self.suspense, -49),
            (self.suspense, 7),
            (self.adjustments, -3),
        )
        self._assert_nothing_held()

    def test_what_is_not_booked_yet_is_waited_for(self):
        self._charge()
        order = self._charge(book=False)
        self._pay_out()
        payout = self._book()
        self.assertEqual(payout.state, 'to_book')
        self.assertFalse(payout.line_ids)
        self.assertIn(order.billing_transaction_ids.reference, payout.problem)
        self._book_charge(order)
        self.assertFalse(self._book().move_id)  # Not yet.
        payout = self._try_again()
        self.assertEqual(payout.state, 'booked')
        self.assertFalse(payout.problem)
        self._assert_nothing_held()

    def test_what_is_never_booked_can_be_left_to_a_person(self):
        order = self._charge(book=False)
        self._pay_out()
        payout = self._book()
        payout.action_book()
        self.assertEqual(payout.line_ids.issue, 'unbooked')
        self.assertEqual(payout.line_ids.transaction_id, order.billing_transaction_ids)
        self._assert_items(
            payout.move_id,
            (self.fees, 2.07),
            (self.transit, 118.93),
            (self.suspense, -121),
        )
        self.assertFalse(self.env['billpro.failure'].search([]))

    def test_what_an_accountant_has_reconciled_otherwise(self):
        order = self._charge()
        item = order.billing_transaction_ids.payment_id.move_id.line_ids.filtered(
            lambda item: item.account_id == self.outstanding
        )
        bank_line = self._create_bank_line(121)
        bank_line.with_context(skip_account_move_synchronization=True)._seek_for_lines()[
            1
        ].account_id = self.outstanding
        (bank_line.move_id.line_ids + item).filtered(
            lambda one: one.account_id == self.outstanding
        ).reconcile()
        self._pay_out()
        payout = self._book()
        self.assertEqual(payout.line_ids.issue, 'settled')
        self._assert_items(
            payout.move_id,
            (self.fees, 2.07),
            (self.transit, 118.93),
            (self.suspense, -121),
        )

    def test_another_amount(self):
        self._charge()
        self._pay_out()
        charge = self.gateway.find_all('charge')[0]
        with self.gateway.store.session(None) as session:
            entry = session.get('balance_transaction', charge['balance_transaction'])
            session.save(entry | {'amount': 12000, 'net': 11793})
        payout = self._book()
        self.assertEqual(
            {(line.kind, line.issue, line.amount) for line in payout.line_ids},
            {('charge', 'amount', 120), ('other', 'sum', 1)},
        )
        self._assert_items(
            payout.move_id,
            (self.fees, 2.07),
            (self.transit, 118.93),
            (self.outstanding, -120),
            (self.suspense, -1),
        )
        self.assertEqual(self._get_balance(self.outstanding), 1)

    # === REFUNDS AND DISPUTES === #

    def test_a_refund_that_fails_later(self):
        order = self._charge(card='pm_card_refundFail')
        self._refund(order, 21.0)
        self._pay_out()
        first = self._book()
        self._assert_nothing_held()
        refund = self.gateway.find_all('refund')[0]
        self.gateway.settle_refund(refund['id'])
        other = self._charge()
        self._pay_out()
        second = self._book()[1]
        self.assertEqual(second.state, 'to_book')  # Odoo doesn't know yet.
        self._deliver_all(self._find_messages('refund.failed', payment=refund['id']))
        self._process()
        self.assertEqual(self._get_balance(self.outstanding), 21 + 121)
        second = self._try_again()[1]
        self.assertFalse(second.difference_count)
        self.assertEqual(second.refund_amount, 21)
        self._assert_items(
            second.move_id,
            (self.fees, 2.07),
            (self.transit, 139.93),
            (self.outstanding, -21),
            (self.outstanding, -121),
        )
        self.assertEqual(first.state, 'booked')
        self._assert_nothing_held()
        self._assert_books_closed(other)

    def test_a_refund_that_fails_when_its_month_is_closed(self):
        order = self._charge(card='pm_card_refundFail')
        payment = self._refund(order, 21.0).payment_id
        self._pay_out()
        self._book()
        today = fields.Date.today()
        self.company.fiscalyear_lock_date = today
        refund = self.gateway.find_all('refund')[0]
        self.gateway.settle_refund(refund['id'])
        self._deliver_all(self._find_messages('refund.failed', payment=refund['id']))
        self._process()
        self.assertEqual(self._get_events().state, 'processed')
        self.assertEqual(payment.move_id.state, 'posted')
        reversal = payment.move_id.reversal_move_ids
        self.assertEqual((reversal.state, reversal.date), ('posted', today + timedelta(days=1)))
        note = order.billing_move_ids.filtered(lambda move: move.move_type == 'out_refund')
        self.assertEqual((note.state, note.amount_residual), ('posted', 21))
        self.assertEqual((order.billing_refunded, order.billing_credited), (0, 21))
        self.assertEqual(self._get_balance(self.outstanding), 21)
        self.company.fiscalyear_lock_date = False
        self._charge()
        self._pay_out()
        self.assertFalse(self._book()[1].difference_count)
        self._assert_nothing_held()

    def test_a_refund_that_fails_within_the_payout(self):
        order = self._charge(card='pm_card_refundFail')
        self._refund(order, 21.0)
        refund = self.gateway.find_all('refund')[0]
        self.gateway.settle_refund(refund['id'])
        self._deliver_all(self._find_messages('refund.failed', payment=refund['id']))
        self._process()
        self._pay_out()
        payout = self._book()
        self.assertFalse(payout.difference_count)
        self.assertEqual((payout.refund_amount, payout.amount), (0, 118.93))
        self._assert_nothing_held()

    def test_a_refund_of_the_dashboard_is_waited_for(self):
        order = self._charge()
        self._post(
            'refunds', payment_intent=order.billing_transaction_ids.provider_reference, amount=2100
        )
        self._pay_out()
        self.assertEqual(self._book().state, 'to_book')
        (message,) = self._find_messages('charge.refunded')[-1:]
        self._deliver(message)
        self._process()
        payout = self._try_again()
        self.assertFalse(payout.difference_count)
        self._assert_nothing_held()

    def test_disputes(self):
        orders = self._charge(), self._charge()
        disputes = [
            self.gateway.open_dispute(order.billing_transaction_ids.provider_reference)
            for order in orders
        ]
        self._pay_out()
        lost = self._book()
        self.assertEqual(lost.amount, -2 * (20 + 2.07))  # Taken from the bank.
        self.assertEqual(lost.dispute_amount, -242)
        self._assert_items(
            lost.move_id,
            (self.fees, 44.14),
            (self.transit, -44.14),
            (self.outstanding, -121),
            (self.outstanding, -121),
            (self.disputes, 121),
            (self.disputes, 121),
        )
        self.gateway.close_dispute(disputes[0]['id'], won=True)
        self._pay_out()
        won = self._book()[1]
        self._assert_items(won.move_id, (self.transit, 121), (self.disputes, -121))
        self.assertEqual(won.line_ids.transaction_id, orders[0].billing_transaction_ids)
        self._assert_nothing_held()

    # === LOSSES OF DISPUTES === #

    def _assert_disputes(self, losses, disputes=0):
        """Check the accounts of losses and of disputes."""
        self.assertEqual(self._get_balance(self.losses), losses)
        self.assertEqual(self._get_balance(self.disputes), disputes)

    def test_a_loss_that_its_payout_has(self):
        order = self._charge()
        dispute = self._dispute(order)
        self._pay_out()
        payout = self._book()
        self._assert_disputes(0, 121)
        self.assertEqual(dispute.payout_date, payout.move_id.date)
        self.assertFalse(dispute.booking_state)
        dispute.action_book()
        self.assertFalse(dispute.loss_move_id)  # It may be won.
        self._decide(dispute, won=False)
        self.assertEqual(dispute.booking_state, 'to_book')
        self.assertTrue(order.billing_is_loss_to_book)
        dispute.with_user(self.billing_manager).action_book()
        self._assert_items(dispute.loss_move_id, (self.losses, 121), (self.disputes, -121))
        self.assertEqual(dispute.loss_move_id.line_ids.partner_id, self.customer)
        self.assertEqual(dispute.booking_state, 'booked')
        entry = dispute.loss_move_id
        dispute.action_book()
        self.assertEqual(dispute.loss_move_id, entry)
        self._assert_disputes(121)
        self.assertEqual(self._get_balance(self.fees), 22.07)
        self.assertEqual((order.billing_lost, order.billing_is_loss_to_book), (121, False))
        for record in (order, order.billing_move_ids):
            notes = record.message_ids.mapped('body')
            self.assertEqual(sum(f"was booked: {entry.name}" in note for note in notes), 1)
        self.assertEqual(dispute.action_open_entry()['res_id'], entry.id)
        self._assert_nothing_held()

    def test_a_loss_that_is_booked_before_its_payout(self):
        dispute = self._dispute(self._charge())
        self._decide(dispute, won=False)
        dispute.action_book()
        self._assert_disputes(121, -121)
        self._pay_out()
        payout = self._book()
        self._assert_items(
            payout.move_id,
            (self.fees, 22.07),
            (self.transit, -22.07),
            (self.outstanding, -121),
            (self.disputes, 121),
        )
        self._assert_disputes(121)
        self._assert_nothing_held()

    def test_a_loss_that_was_none_after_all(self):
        for is_paid_out in (True, False):
            with self.subTest(is_paid_out=is_paid_out):
                dispute = self._dispute(self._charge())
                if is_paid_out:
                    self._pay_out()
                    self._book()
                self._decide(dispute, won=False)
                dispute.action_book()
                self._change_mind(dispute)
                self.assertEqual(dispute.booking_state, 'to_take_back')
                self.assertTrue(dispute.order_id.billing_is_loss_to_book)
                dispute.action_book()
                self.assertFalse(dispute.booking_state)
                dispute.action_book()
                self.assertEqual(len(dispute.loss_move_id.reversal_move_ids), 1)
                self._pay_out()
                self._book()
                self._assert_disputes(0)
                self.assertFalse(dispute.order_id.billing_lost)

    def test_a_dispute_that_is_won_needs_no_entry(self):
        dispute = self._dispute(self._charge())
        self._pay_out()
        self._decide(dispute, won=True)
        self.assertFalse(dispute.booking_state)
        dispute.action_book()
        self.assertFalse(dispute.loss_move_id)
        self._pay_out()
        self._book()
        self._assert_disputes(0)

    @nightly("Losses are booked, and other currencies paid out, for each change.")
    def test_losses_in_another_currency(self):
        """121.00 CHF are 60.50 in the books, and 59.29 at Stripe's rate."""
        chf = self._set_rate('CHF', 2.0)
        self._settle_in(self.currency, 0.49)
        losses = 0
        for is_paid_out, loss in ((True, 59.29), (False, 60.5)):
            with self.subTest(is_paid_out=is_paid_out):
                dispute = self._dispute(self._charge((self.desk, 1, 100.0), currency='CHF'))
                self.assertEqual(dispute.currency_id, chf)
                if is_paid_out:
                    self._pay_out()
                    self._book()
                self._decide(dispute, won=False)
                dispute.action_book()
                if not is_paid_out:
                    self._pay_out()
                    self._book()
                losses = self.currency.round(losses + loss)
                self._assert_disputes(losses)
        self._assert_nothing_held()

    @nightly("A loss is booked in another currency for each change.")
    def test_a_return_in_another_currency(self):
        """121.00 CHF are owed again, which are 60.50; the payout has 59.29 of them."""
        chf = self._set_rate('CHF', 2.0)
        self._settle_in(self.currency, 0.49)
        order = self._charge((self.desk, 1, 100.0), currency='CHF')
        dispute = self._dispute(order)
        self._pay_out()
        self._book()
        self._decide(dispute, won=False)
        dispute.is_return = True
        dispute.action_book()
        self._assert_items(
            dispute.loss_move_id,
            (order.billing_move_ids.line_ids.account_id.filtered('reconcile'), 60.5),
            (self.disputes, -59.29),
            (self.losses, -1.21),
        )
        invoice = order.billing_move_ids
        self.assertEqual((invoice.payment_state, invoice.currency_id), ('not_paid', chf))
        self.assertEqual((invoice.amount_residual, invoice.amount_residual_signed), (121, 60.5))
        self._assert_disputes(-1.21)

    def test_what_comes_back_at_another_rate(self):
        """Nothing stays on the account of disputes."""
        chf = self._set_rate('CHF', 2.0)
        dispute = self._dispute(self._charge((self.desk, 1, 100.0), currency='CHF'))
        self._pay_out(currency='chf')
        self._book()
        self._assert_disputes(0, 60.5)
        chf.rate_ids.rate = 2.2
        self._decide(dispute, won=True)
        self._pay_out(currency='chf')
        self._book()
        self._assert_disputes(0)
        self.assertEqual(self._get_balance(self.disputes, in_currency=True), 0)

    def test_losses_on_the_account_of_disputes(self):
        """There is nothing to move."""
        self.provider.billpro_loss_account_id = self.disputes
        for is_paid_out in (True, False):
            dispute = self._dispute(self._charge())
            if is_paid_out:
                self._pay_out()
                self._book()
            self._decide(dispute, won=False)
            dispute.action_book()
            self.assertFalse(dispute.loss_move_id)
            self.assertEqual(dispute.booking_state, 'booked')
        self._pay_out()
        self._book()
        self.assertEqual(self._get_balance(self.disputes), 242)

    def test_the_account_of_disputes_is_another_one_when_the_payout_comes(self):
        self.provider.billpro_dispute_account_id = self.losses
        dispute = self._dispute(self._charge())
        self._decide(dispute, won=False)
        dispute.action_book()
        self.assertEqual(dispute.booking_state, 'booked')
        self.provider.billpro_dispute_account_id = self.disputes
        self._pay_out()
        self._book()
        self._assert_disputes(121)

    def test_a_loss_without_payouts(self):
        """Nothing else takes it from what the provider holds."""
        self.provider.billpro_payouts_since = False
        dispute = self._dispute(self._charge())
        self.assertEqual(self._get_balance(self.outstanding), 121)
        self._decide(dispute, won=False)
        dispute.action_book()
        self._assert_items(dispute.loss_move_id, (self.losses, 121), (self.outstanding, -121))
        self._assert_disputes(121)
        self.assertEqual(self._get_balance(self.outstanding), 0)
        # Payouts begin after all.
        self.provider.billpro_payouts_since = '2020-01-01'
        self._pay_out()
        self._book()
        self._assert_disputes(121)
        self.assertEqual(self._get_balance(self.outstanding), 0)

    def test_a_loss_after_the_money_came_back(self):
        dispute = self._dispute(self._charge())
        self._pay_out()
        self._decide(dispute, won=True)
        self._pay_out()
        self._book()
        self._assert_disputes(0)
        self._change_mind(dispute, won=False)
        self.assertEqual(dispute.booking_state, 'to_book')
        dispute.action_book()
        self._assert_items(dispute.loss_move_id, (self.losses, 121), (self.disputes, -121))

    def test_a_loss_that_was_booked_by_hand(self):
        dispute = self._dispute(self._charge())
        self._decide(dispute, won=False)
        with self.assertRaises(AccessError):
            dispute.with_user(self.salesperson).action_book_otherwise()
        dispute.with_user(self.billing_manager).action_book_otherwise()
        self.assertEqual(dispute.booking_state, 'booked')
        self.assertFalse(dispute.order_id.billing_is_loss_to_book)
        dispute.action_book()
        self.assertFalse(dispute.loss_move_id)
        # That was the wrong one.
        with self.assertRaises(AccessError):
            dispute.with_user(self.salesperson).action_reopen_booking()
        dispute.with_user(self.billing_manager).action_reopen_booking()
        self.assertEqual(dispute.booking_state, 'to_book')
        self.assertIn(
            f"{self.billing_manager.name} said that the loss of the dispute of payment"
            f" {dispute.transaction_id.reference} isn't in the books yet.",
            dispute.order_id.message_ids[0].body,
        )
        dispute.action_book()
        entry = dispute.loss_move_id
        self._assert_items(entry, (self.losses, 121), (self.disputes, -121))
        dispute.action_reopen_booking()
        self.assertEqual((dispute.booking_state, dispute.loss_move_id), ('booked', entry))

    @nightly("One in the company's currency was none for each change.")
    def test_a_loss_in_another_currency_that_was_none(self):
        """121.00 CHF are 60.50 in the books; Stripe takes 59.29 and brings back the same."""
        self._set_rate('CHF', 2.0)
        self._settle_in(self.currency, 0.49)
        dispute = self._dispute(self._charge((self.desk, 1, 100.0), currency='CHF'))
        self._decide(dispute, won=False)
        dispute.action_book()
        self._assert_disputes(60.5, -60.5)
        self._pay_out()
        self._book()
        self._assert_disputes(60.5)
        self._change_mind(dispute)
        self.assertIn("Take Loss Back", dispute.order_id.activity_ids[-1:].note)
        dispute.action_book()
        self._pay_out()
        self._book()
        self._assert_disputes(0)

    def test_an_account_that_is_not_set(self):
        self.provider.billpro_loss_account_id = False
        dispute = self._dispute(self._charge())
        self._decide(dispute, won=False)
        dispute.action_book()
        self._assert_items(dispute.loss_move_id, (self.fees, 121), (self.disputes, -121))

    def test_a_loss_in_a_closed_period(self):
        today = fields.Date.today()
        dispute = self._dispute(self._charge())
        self._decide(dispute, won=False)
        self.company.fiscalyear_lock_date = today
        dispute.action_book()
        self.assertEqual(dispute.loss_move_id.date, today + timedelta(days=1))
        self.company.fiscalyear_lock_date = today + timedelta(days=5)
        self._change_mind(dispute)
        dispute.action_book()
        reversal = dispute.loss_move_id.reversal_move_ids
        self.assertEqual((reversal.state, reversal.date), ('posted', today + timedelta(days=6)))
        self._assert_disputes(0)

    def test_what_accountants_do_with_the_entry_of_a_loss(self):
        dispute = self._dispute(self._charge())
        self._decide(dispute, won=False)
        dispute.action_book()
        entry = dispute.loss_move_id
        entry.button_draft()
        self.assertEqual(dispute.booking_state, 'to_book')
        dispute.action_book()
        self.assertEqual((dispute.loss_move_id, entry.state), (entry, 'posted'))
        entry._reverse_moves([{'date': entry.date}])._post(soft=False)
        self.assertEqual(dispute.booking_state, 'to_book')
        dispute.action_book()
        self.assertNotEqual(dispute.loss_move_id, entry)
        self._pay_out()
        self._book()
        self._assert_disputes(121)

    def test_who_may_book_losses(self):
        dispute = self._dispute(self._charge())
        self._decide(dispute, won=False)
        with self.assertRaises(AccessError):
            dispute.with_user(self.salesperson).action_book()
        self.assertFalse(dispute.loss_move_id)

    # === FAILED, INSTANT AND OTHER PAYOUTS === #

    def test_a_payout_that_the_bank_refuses(self):
        self._charge()
        told = self._pay_out()
        first = self._book()
        self.gateway.fail_payout(told['id'])
        (message,) = self._find_messages('payout.failed', payment=told['id'])
        self._deliver(message)
        self._process()
        first = self._book()
        self.assertEqual(first.state, 'failed')
        self.assertEqual(first.failure_message, "The bank account has been closed.")
        self._assert_items(
            first.failure_move_id, (self.outstanding, 118.93), (self.transit, -118.93)
        )
        self.assertEqual(self._get_balance(self.transit), 0)
        self.assertTrue(first.transit_line_id.reconciled)
        self.assertEqual(self._get_balance(self.outstanding), 118.93)  # Stripe holds it.
        self._charge()
        self._pay_out()
        second = self._book()[1]
        self.assertFalse(second.difference_count)
        self._assert_items(
            second.move_id,
            (self.fees, 2.07),
            (self.transit, 237.86),
            (self.outstanding, -118.93),
            (self.outstanding, -121),
        )
        self._assert_nothing_held()
        self.assertEqual(self._get_balance(self.fees), 4.14)

    def test_a_payout_that_comes_back_from_the_bank(self):
        """It was at the bank already: each of the bank's two lines has its own item."""
        self._charge()
        told = self._pay_out()
        payout = self._book()
        self._create_bank_line(payout.amount, date=payout.arrival_date)
        payout.action_reconcile_bank()
        self.gateway.fail_payout(told['id'])
        self._book()
        self.assertEqual(payout.state, 'failed')
        waiting = payout.failure_move_id.line_ids.filtered(
            lambda item: item.account_id == self.transit
        )
        self.assertEqual((waiting.balance, waiting.reconciled), (-118.93, False))

    def test_a_failure_that_is_known_before_the_payout(self):
        self._charge()
        told = self._pay_out()
        self.gateway.fail_payout(told['id'])
        self._pay_out()
        first, second = self._book()
        self.assertEqual((first.state, second.state), ('failed', 'booked'))
        self.assertFalse(second.difference_count)
        self._assert_nothing_held()
        self.assertEqual(self._get_balance(self.transit), 118.93)

    def test_a_payout_that_was_requested(self):
        """Of those Stripe doesn't tell what they are made of: nothing is guessed."""
        self._charge()
        self._pay_out(automatic=False, fee=100)
        payout = self._book()
        self.assertEqual(payout.amount, 117.93)
        self.assertEqual(payout.line_ids.mapped('issue'), ['untold', False])
        self._assert_items(
            payout.move_id,
            (self.fees, 1),
            (self.transit, 117.93),
            (self.outstanding, -118.93),
        )
        self.assertEqual(self._get_balance(self.outstanding), 2.07)

    def test_an_instant_payout_of_the_schedule(self):
        self._charge()
        self._pay_out(fee=100)
        payout = self._book()
        self.assertEqual((payout.amount, payout.fee_amount), (117.93, 3.07))
        self._assert_items(
            payout.move_id,
            (self.fees, 3.07),
            (self.transit, 117.93),
            (self.outstanding, -121),
        )

    def test_what_stripe_is_still_working_out(self):
        self._charge()
        told = self._pay_out(is_reconciled=False)
        payout = self._book()
        self.assertEqual(payout.state, 'to_book')
        self.assertIn("still working out", payout.problem)
        self.gateway.reconcile_payout(told['id'])
        (message,) = self._find_messages('payout.reconciliation_completed', payment=told['id'])
        self._deliver(message)
        self._process()
        self.assertEqual(self._book().state, 'booked')

    def test_no_answer(self):
        self._charge()
        self._pay_out()
        self.gateway.faults.add('error_before', path='/v1/payouts')
        self.assertFalse(self._book())
        failure = self.env['billpro.failure'].search([])
        self.assertEqual((failure.task, failure.company_id), ('ask_payouts', self.company))
        self.assertEqual(self._book().state, 'booked')
        self.assertFalse(self.env['billpro.failure'].search([]))

    # === CURRENCIES === #

    def _set_rate(self, name, rate):
        currency = self._enable_currency(name)
        currency.rate_ids.unlink()
        self.env['res.currency.rate'].create(
            {
                'currency_id': currency.id,
                'name': '2000-01-01',
                'rate': rate,
                'company_id': self.company.id,
            }
        )
        return currency

    def _settle_in(self, currency, rate):
        self.gateway.settings.settlement_currency = currency.name.lower()
        self.gateway.settings.exchange_rate = rate
        self.addCleanup(setattr, self.gateway.settings, 'settlement_currency', '')

    def _get_exchange_result(self):
        return self._get_balance(
            self.company.income_currency_exchange_account_id
        ) + self._get_balance(self.company.expense_currency_exchange_account_id)

    def test_paid_in_another_currency(self):
        """121.00 CHF are 60.50 in the books, and 59.29 at Stripe's rate."""
        self._set_rate('CHF', 2.0)
        self._settle_in(self.currency, 0.49)
        self._charge((self.desk, 1, 100.0), currency='CHF')
        self.assertEqual(self._get_balance(self.outstanding), 60.5)
        self._pay_out()
        payout = self._book()
        self.assertFalse(payout.difference_count)
        self.assertEqual((payout.payment_amount, payout.fee_amount), (59.29, 1.14))
        self.assertEqual(payout.line_ids.original_amount, 121)
        self._assert_items(
            payout.move_id,
            (self.fees, 1.14),
            (self.transit, 58.15),
            (self.outstanding, -59.29),
        )
        self._assert_nothing_held()
        self.assertAlmostEqual(self._get_exchange_result(), 1.21)

    def test_paid_out_in_another_currency(self):
        """121.00 of ours become 250.00 CHF, which are 125.00 in the books."""
        chf = self._set_rate('CHF', 2.0)
        self._settle_in(chf, 250 / 121)
        self._charge()
        self._pay_out(currency='chf')
        payout = self._book()
        self.assertFalse(payout.difference_count)
        self.assertEqual((payout.currency_id, payout.amount), (chf, 246.0))
        self.assertEqual(payout.transit_line_id.amount_currency, 246.0)
        self.assertEqual(payout.transit_line_id.balance, 123.0)
        self._assert_nothing_held()
        self.assertAlmostEqual(self._get_exchange_result(), -4)
        self.assertEqual(self._get_balance(self.fees), 2)

    @nightly("Each of both is paid out for each change.")
    def test_paid_and_paid_out_in_another_currency(self):
        chf = self._set_rate('CHF', 2.0)
        self._charge((self.desk, 1, 100.0), currency='CHF')
        chf.rate_ids.rate = 2.2
        self._pay_out(currency='chf')
        payout = self._book()
        self.assertEqual(payout.amount, 118.93)
        self.assertEqual(payout.transit_line_id.balance, 54.06)
        self._assert_nothing_held()
        self.assertEqual(self._get_balance(self.outstanding, in_currency=True), 0)

    # === SETTINGS, DATES, COMPANIES, RIGHTS === #

    def test_accounts_that_are_not_set(self):
        self._charge()
        self.provider.write({'billpro_fee_account_id': False, 'billpro_dispute_account_id': False})
        expenses = self.company.expense_account_id
        self.assertEqual(self.provider._billpro_get_payout_account('dispute'), expenses)
        self.company.expense_account_id = False
        self._pay_out()
        self.assertIn("Set the account of fees", self._book().problem)
        self.company.expense_account_id = expenses
        self.company.transfer_account_id = False
        self.assertIn("transfers between banks", self._try_again().problem)
        self.company.transfer_account_id = self.transit
        payout = self._try_again()
        self.assertIn((expenses.name, 2.07), self._get_items(payout.move_id))

    def test_a_closed_period(self):
        self._charge()
        self._pay_out()
        today = fields.Date.today()
        self.company.fiscalyear_lock_date = today
        payout = self._book()
        self.assertEqual(payout.move_id.date, today + timedelta(days=1))
        self.assertEqual(payout.arrival_date, today)

    def test_another_company(self):
        """Each provider's payouts are in its company's books."""
        company = self.env['res.company'].create(
            {'name': "Borealis", 'currency_id': self.currency.id}
        )
        self.env['account.chart.template'].try_loading('generic_coa', company, install_demo=False)
        self.env.user.company_ids |= company
        provider = self.provider.copy({'company_id': company.id})
        provider.write(
            {
                'state': 'test',
                'stripe_secret_key': self.gateway.secret_key,
                'stripe_publishable_key': self.gateway.publishable_key,
                'billpro_payouts_since': '2020-01-01',
            }
        )
        self._charge()
        self._pay_out()
        payouts = self._book()
        theirs = self.env['billpro.payout'].search([('provider_id', '=', provider.id)])
        self.assertEqual(payouts.move_id.company_id, self.company)
        self.assertEqual(theirs.move_id.company_id, company)
        self.assertEqual(theirs.line_ids.issue, 'not_ours')  # Of an account that is shared.
        self.assertEqual(theirs.with_user(self.billing_manager).search([]), payouts)

    def test_who_may_book(self):
        self._charge()
        self._pay_out()
        payout = self._book()
        self.assertEqual(payout.with_user(self.billing_manager).state, 'booked')
        for method in ('action_book', 'action_reconcile_bank'):
            with self.assertRaises(AccessError):
                getattr(payout.with_user(self.billing_manager), method)()
        with self.assertRaises(AccessError):
            payout.with_user(self.salesperson).read(['amount'])
        with self.assertRaises(UserError):
            payout.unlink()

    @nightly("How dear it is, not what is right.")
    @nightly("How dear it is, not what is right.")
    def test_many_payments_cost_no_more_queries(self):
        counts = []
        for number in (1, 5, 15):  # The first finds what is looked up once.
            self.env['account.bank.statement.line'].flush_model()
            for _charge in range(number):
                self._charge()
            self._pay_out()
            self.env['billpro.payout']._ask_stripe(self.provider)
            payout = self.env['billpro.payout'].search([('state', '=', 'to_book')])
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            payout._book_payout()
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(counts[1], counts[2])
