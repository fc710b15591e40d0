from datetime import datetime

from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from fake_gateway import browser_pages
from fake_gateway.store import Caller

from ..common.cards import GOOD, LOST, NEEDS_BANK, NO_FUNDS
from ..common.gateway import DUE, GatewayCommon
from ..common.nightly import nightly


@tagged('post_install', '-at_install')
class TestRecovery(GatewayCommon):
    """What becomes of declined payments, by the gateway's ledger."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls._create_active_order()
        cls.card = cls.order.billing_token_id

    def _treat_card_as(self, number, card=None):
        self.gateway.treat_card_as((card or self.card).stripe_payment_method, number)

    def _run_on(self, month, day, hour=10):
        with (
            freeze_time(datetime(2027, month, day, hour)),
            mute_logger('odoo.addons.payment'),
        ):
            self._run()

    def _collect(self, moment, amount=None):
        """Let the customer ask to collect what is outstanding, and the run do it."""
        with freeze_time(moment), mute_logger('odoo.addons.payment'):
            self.order._billing_request_collection(amount or self.order.billing_outstanding)
            self._run()

    def _charges(self):
        events = self.order.billing_event_ids
        references = events.transaction_ids.mapped('reference')
        return [
            movement.amount
            for movement in self.gateway.ledger.movements(kind='charge')
            if movement.description in references
        ]

    def _events(self):
        return [
            (event.display_name.split('-')[-1], event.status, event.amount)
            for event in self.order.billing_event_ids.sorted('id')
        ]

    def test_a_soft_decline_is_retried_after_1_3_and_7_days_and_then_suspends(self):
        self._treat_card_as(NO_FUNDS)
        self._run_on(2, 10)
        event = self.order.billing_event_ids[0]
        tx = event.transaction_ids
        self.assertEqual(
            (tx.billing_decline_class, tx.billing_decline_code, tx.billing_network_code),
            ('soft', 'insufficient_funds', '51'),
        )
        self.assertEqual((event.status, self.order.billing_status), ('soft_declined', 'failed'))
        with freeze_time(DUE):
            self.assertIn("Retry 1 on", event.next_step)
        for attempts, (day, hour) in enumerate(
            [(11, 9), (11, 11), (12, 11), (13, 11), (17, 11)], 1
        ):
            self._run_on(2, day, hour)
            expected = {1: 1, 2: 2, 3: 2, 4: 3, 5: 4}[attempts]
            self.assertEqual(event.attempt_count, expected, (day, hour))
        self.assertEqual(event.retry_verdict, 'exhausted')
        self.assertEqual(self.order.billing_status, 'suspended')
        self.assertIn("all 3 retries were declined", event.next_step)
        # Nothing is charged while it is suspended, not even with a card that would do.
        self._treat_card_as(GOOD)
        self._run_on(3, 10)
        self._run_on(4, 10)
        self.assertEqual(self._charges(), [])
        # The schedule went on: February, March and April are owed now.
        with freeze_time(datetime(2027, 4, 10, 12)):
            self.assertEqual(self.order.billing_outstanding, 72.6)
        self._collect(datetime(2027, 4, 10, 12))
        self.assertEqual(self._charges(), [7260])
        self.assertEqual(self.order.billing_status, 'active')
        self.assertEqual(
            self._events(),
            [
                ('E2', 'merged', 24.2),
                ('E3', 'merged', 24.2),
                ('E4', 'merged', 24.2),
                ('E5', 'scheduled', 24.2),
                ('E2+E3+E4', 'recovered', 72.6),
            ],
        )
        self._run_on(4, 10, 13)
        self.assertEqual(self._charges(), [7260])
        self._assert_books_closed(self.order)

    @nightly("Retries are drawn by the life cycle and by the courses for each change.")
    def test_a_retry_that_succeeds_recovers(self):
        self._treat_card_as(NO_FUNDS)
        self._run_on(2, 10)
        self._treat_card_as(GOOD)
        self._run_on(2, 11, 11)
        event = self.order.billing_event_ids[0]
        self.assertEqual((event.status, event.attempt_count), ('recovered', 2))
        self.assertEqual(self.order.billing_status, 'active')
        self.assertEqual(self._charges(), [2420])
        self._assert_books_closed(self.order)

    @nightly("They go on in the life cycle that is drawn for each change.")
    def test_later_payments_go_on_while_one_is_declined_softly(self):
        self.company.billing_retry_days = ''
        self.company.billing_auto_suspend = False
        self._treat_card_as(NO_FUNDS)
        self._run_on(2, 10)
        self.assertEqual(self.order.billing_status, 'failed')
        self._treat_card_as(GOOD)
        self._run_on(3, 10)
        self.assertEqual(self._charges(), [2420])
        self.assertEqual(
            self._events(),
            [
                ('E2', 'soft_declined', 24.2),
                ('E3', 'completed', 24.2),
                ('E4', 'scheduled', 24.2),
            ],
        )
        self.assertEqual(self.order.billing_status, 'failed')  # February is still owed.
        self._collect(datetime(2027, 3, 11, 10))
        self.assertEqual(self._charges(), [2420, 2420])
        self.assertEqual(self.order.billing_status, 'active')

    def test_a_hard_decline_waits_for_another_card(self):
        self._treat_card_as(LOST)
        self._run_on(2, 10)
        event = self.order.billing_event_ids[0]
        self.assertEqual((event.status, event.retry_verdict), ('hard_declined', 'needs_card'))
        self.assertEqual(self.order.billing_status, 'suspended')
        self._treat_card_as(GOOD)
        for day in (11, 13, 17, 25):
            self._run_on(2, day)
        self.assertEqual(event.attempt_count, 1)
        with (
            freeze_time(datetime(2027, 2, 26)),
            self.assertRaisesRegex(UserError, "declined for good"),
        ):
            self.order._billing_request_collection(24.2)
        new_card = self._create_token()
        with freeze_time(datetime(2027, 2, 26)):
            self.order._billing_select_card(new_card)
        self._collect(datetime(2027, 2, 26))
        self.assertEqual((event.status, event.attempt_count), ('recovered', 2))
        self.assertEqual(event.transaction_ids.sorted('id')[1].token_id, new_card)
        self.assertEqual(self._charges(), [2420])
        self.assertEqual(self.order.billing_status, 'active')
        self._assert_books_closed(self.order)

    def test_the_new_card_is_declined_too(self):
        self._treat_card_as(LOST)
        self._run_on(2, 10)
        event = self.order.billing_event_ids[0]
        new_card = self._create_token()
        self._treat_card_as(NO_FUNDS, new_card)
        self.order._billing_select_card(new_card)
        self._collect(datetime(2027, 2, 12))
        self.assertEqual(self.order.billing_token_id, new_card)
        self.assertEqual((event.status, event.retry_count), ('soft_declined', 0))
        self.assertEqual(event.first_declined_date, datetime(2027, 2, 12))
        # It may be charged, so the retries begin anew.
        self.assertEqual(self.order.billing_status, 'failed')
        self.assertEqual(self.order.billing_outstanding, 24.2)
        self._treat_card_as(GOOD, new_card)
        self._run_on(2, 13, 1)
        self.assertEqual(self._charges(), [2420])
        self.assertEqual(self.order.billing_status, 'active')

    def test_what_the_customer_agreed_to_is_what_is_collected(self):
        self._treat_card_as(NO_FUNDS)
        self._run_on(2, 10)
        with freeze_time(datetime(2027, 2, 10, 11)):
            with self.assertRaisesRegex(UserError, r"24\.20 are outstanding now"):
                self.order._billing_request_collection(20.0)
            self.order._billing_request_collection(24.2)
            with self.assertRaisesRegex(UserError, "is being processed"):
                self.order._billing_request_collection(24.2)
        self._treat_card_as(GOOD)
        event = self.order.billing_event_ids[0]
        with (
            freeze_time(datetime(2027, 2, 10, 11)),
            self._committing_env(self.billing_manager) as env,
            self.assertRaisesRegex(UserError, "has just asked to pay what is outstanding"),
        ):
            env['billpro.billing.event'].browse(event.id).action_execute_now()
        # A run that had begun before collects it: the request has become pointless.
        with freeze_time(datetime(2027, 2, 10, 11)), self._committing_env() as env:
            env['billpro.billing.run']._run_events(env['billpro.billing.event'].browse(event.id))
        self._run_on(2, 10, 12)
        self.assertFalse(self.order.billing_collection_date)
        self.assertEqual(self._charges(), [2420])

    @nightly("The ceiling is counted without a database for each change.")
    def test_no_sixteenth_attempt_in_thirty_days(self):
        self._treat_card_as(NO_FUNDS)
        self._run_on(2, 10)
        event = self.order.billing_event_ids[0]
        self.company.billing_auto_suspend = False
        with freeze_time(datetime(2027, 2, 10, 20)), mute_logger('odoo.addons.payment'):
            for _attempt in range(14):
                with self._committing_env(self.billing_manager) as env:
                    env['billpro.billing.event'].browse(event.id).action_execute_now()
            with (
                self._committing_env(self.billing_manager) as env,
                self.assertRaisesRegex(
                    UserError, "It was tried 15 times in 30 days: no more attempts for now."
                ),
            ):
                env['billpro.billing.event'].browse(event.id).action_execute_now()
        self.assertEqual(event.attempt_count, 15)
        self.assertEqual(event.retry_verdict, 'ceiling')
        with (
            freeze_time(datetime(2027, 2, 11)),
            self.assertRaisesRegex(UserError, "tried too often"),
        ):
            self.order._billing_request_collection(24.2)
        # Another card is another matter.
        with freeze_time(datetime(2027, 2, 11)):
            self.order._billing_select_card(self._create_token())
        self._collect(datetime(2027, 2, 11))
        self.assertEqual(self._charges(), [2420])

    @nightly("Walked on a desktop for each change.")
    def test_the_bank_wants_the_customer(self):
        self._treat_card_as(NEEDS_BANK)
        self._run_on(2, 10)
        event = self.order.billing_event_ids[0]
        tx = event.transaction_ids
        self.assertEqual((event.status, self.order.billing_status), ('action_required', 'failed'))
        self.assertEqual((tx.state, tx.billing_action_required), ('pending', True))
        self.assertTrue(tx.provider_reference.startswith('pi_'))
        self._run_on(2, 11, 11)
        self.assertEqual(event.attempt_count, 1)
        values = tx._billing_get_authentication_values()
        self.assertTrue(values['client_secret'].startswith(tx.provider_reference))
        # The customer confirms the same payment in the browser.
        self._confirm(tx, values)
        with freeze_time(datetime(2027, 2, 11, 12)), self._committing_env() as env:
            order = env['sale.order'].browse(self.order.id)
            self.assertTrue(env['billpro.billing.run']._continue_collection(order))
        self.assertEqual((event.status, tx.state), ('recovered', 'done'))
        self.assertEqual(self.order.billing_status, 'active')
        self.assertEqual(self._charges(), [2420])
        self.assertEqual(len(event.transaction_ids), 1)
        self._assert_books_closed(self.order)

    def _confirm(self, tx, values):
        """Confirm a payment as the customer's browser does, the bank's page included."""
        self._post(
            f'payment_intents/{tx.provider_reference}/confirm',
            payment_method=values['payment_method'],
        )
        with self.gateway.store.session(Caller(version='2019-05-16')) as session:
            browser_pages.authenticate(
                session,
                tx.provider_reference,
                {'client_secret': values['client_secret'], 'outcome': 'complete'},
            )

    def test_confirmed_without_coming_back(self):
        self._treat_card_as(NEEDS_BANK)
        self._run_on(2, 10)
        event = self.order.billing_event_ids[0]
        tx = event.transaction_ids
        self._confirm(tx, tx._billing_get_authentication_values())
        self._run_on(2, 10, 11)
        self.assertEqual((event.status, tx.state), ('recovered', 'done'))
        self.assertEqual(self.order.billing_status, 'active')
        self.assertEqual(self._charges(), [2420])
        self._assert_books_closed(self.order)

    def test_what_was_approved_late_is_not_tried_again(self):
        self._treat_card_as(NO_FUNDS)
        self._run_on(2, 10)
        event = self.order.billing_event_ids[0]
        tx = event.transaction_ids
        tx._set_done()  # As a late webhook does; nobody has booked it.
        with freeze_time(datetime(2027, 2, 11, 11)):
            self.assertTrue(self.order._billing_is_collection_under_way())
            run = self.env['billpro.billing.run']
            self.assertFalse(run._open(run._get_due_domain()))
            self.assertEqual(event.status_message, "An earlier attempt was approved after all.")
        self._run_on(2, 11, 11)
        self.assertEqual((event.status, event.attempt_count), ('recovered', 1))
        self.assertEqual(self._charges(), [])

    def test_approved_late_between_opening_and_sending(self):
        self._treat_card_as(NO_FUNDS)
        self._run_on(2, 10)
        event = self.order.billing_event_ids[0]
        first = event.transaction_ids
        self._treat_card_as(GOOD)
        with freeze_time(datetime(2027, 2, 11, 11)):
            run = self.env['billpro.billing.run']
            second = run._open(run._get_due_domain())
            self.assertEqual(second.billing_attempt, 2)
        first._set_done()
        self._run_on(2, 11, 11)
        self.assertEqual((first.state, second.state), ('done', 'cancel'))
        self.assertEqual(event.status, 'recovered')
        self.assertEqual(self._charges(), [])
        self.assertTrue(first.payment_id)

    def test_authentication_is_withdrawn_before_another_card_is_charged(self):
        self._treat_card_as(NEEDS_BANK)
        self._run_on(2, 10)
        tx = self.order.billing_event_ids[0].transaction_ids
        self.order._billing_select_card(self._create_token())
        self._collect(datetime(2027, 2, 11))
        self.assertEqual(tx.state, 'cancel')
        self.assertEqual(
            self.gateway.find('payment_intent', tx.provider_reference)['status'], 'canceled'
        )
        self.assertEqual(self._charges(), [2420])
        self.assertEqual(self.order.billing_event_ids[0].status, 'recovered')
        self._assert_books_closed(self.order)

    def test_the_customer_confirms_while_another_card_is_tried(self):
        self._treat_card_as(NEEDS_BANK)
        self._run_on(2, 10)
        tx = self.order.billing_event_ids[0].transaction_ids
        self.order._billing_select_card(self._create_token())
        with freeze_time(datetime(2027, 2, 11)):
            self.order._billing_request_collection(24.2)
        self._confirm(tx, tx._billing_get_authentication_values())
        self._run_on(2, 11)
        self.assertEqual(tx.state, 'done')
        self.assertEqual(self._charges(), [2420])
        self.assertEqual(self.order.billing_event_ids[0].status, 'recovered')
        self.assertFalse(self.order.billing_collection_date)
        self._assert_books_closed(self.order)

    def test_ignored_authentication_suspends_after_a_week(self):
        self._treat_card_as(NEEDS_BANK)
        self._run_on(2, 10)
        self._run_on(2, 17, 9)
        self.assertEqual(self.order.billing_status, 'failed')
        self._run_on(2, 17, 11)
        self.assertEqual(self.order.billing_status, 'suspended')

    def test_an_unknown_outcome_blocks_what_the_customer_asks_for(self):
        self._treat_card_as(NO_FUNDS)
        self._run_on(2, 10)
        self._treat_card_as(GOOD)
        self.gateway.faults.add('drop_after', path='/v1/payment_intents', times=1)
        self._run_on(2, 11, 11)
        event = self.order.billing_event_ids[0]
        self.assertEqual(event.status, 'unknown')
        with (
            freeze_time(datetime(2027, 2, 11, 11, 1)),
            self.assertRaisesRegex(UserError, "is being processed"),
        ):
            self.order._billing_request_collection(24.2)
        self._run_on(2, 11, 12)
        self.assertEqual((event.status, self._charges()), ('recovered', [2420]))

    def test_a_suspended_subscription_is_cancelled_after_a_while(self):
        self.company.billing_cancel_after_days = 10
        self._treat_card_as(LOST)
        self._run_on(2, 10)
        self._run_on(2, 19)
        self.assertEqual(self.order.billing_status, 'suspended')
        self._run_on(2, 20, 11)
        self.assertEqual(self.order.billing_status, 'complete')
        self.assertEqual(self._events(), [('E2', 'cancelled', 24.2), ('E3', 'cancelled', 24.2)])
        self.assertEqual(self.order.billing_cancel_note, "Suspended for 10 days without a payment.")

    # === INVOICES THAT SOMEBODY HAS CHANGED BY HAND === #

    def _pay_by_bank(self, invoice, **values):
        if invoice.state == 'draft':
            invoice.action_post()
        self.env['account.payment.register'].with_context(
            active_model='account.move', active_ids=invoice.ids
        ).create(values).action_create_payments()

    def _assert_set_aside_for_its_invoice(self, event):
        """Check that the payment isn't collected, says why, and was told to staff once."""
        self._treat_card_as(GOOD)
        self._run_on(2, 11, 11)
        self._run_on(2, 11, 12)
        self.assertEqual((event.status, event.attempt_count), ('soft_declined', 1))
        self.assertIn("by hand", event.status_message)
        self.assertEqual(self._charges(), [])
        summary = f"Payment {event.display_name} can't be collected as agreed"
        self.assertEqual(self.order.activity_ids.mapped('summary').count(summary), 1)

    def _decline(self):
        self._treat_card_as(NO_FUNDS)
        self._run_on(2, 10)
        event = self.order.billing_event_ids[0]
        self.assertEqual((event.status, event.invoice_id.state), ('soft_declined', 'draft'))
        return event

    def test_what_was_paid_by_bank_is_not_collected(self):
        event = self._decline()
        self._pay_by_bank(event.invoice_id)
        self._treat_card_as(GOOD)
        self._run_on(2, 11, 11)
        self.assertEqual((event.status, self.order.billing_status), ('recovered', 'active'))
        self.assertEqual((event.attempt_count, self._charges()), (1, []))
        self.assertFalse(self.order.activity_ids)

    def test_what_was_paid_in_part_by_bank_is_not_collected(self):
        event = self._decline()
        self._pay_by_bank(event.invoice_id, amount=4.2)
        self._assert_set_aside_for_its_invoice(event)

    def test_what_was_cancelled_in_accounting_is_not_collected(self):
        event = self._decline()
        event.invoice_id.button_cancel()
        self._assert_set_aside_for_its_invoice(event)
        event.invoice_id.button_draft()
        self._run_on(2, 11, 13)
        self.assertEqual(event.status, 'recovered')
        self._assert_books_closed(self.order)

    def test_the_customer_asks_to_pay_what_was_paid_by_bank(self):
        event = self._decline()
        self._pay_by_bank(event.invoice_id)
        self._treat_card_as(GOOD)
        with self.assertRaisesRegex(UserError, "Nothing is outstanding"):
            self._collect(datetime(2027, 2, 10, 12), 24.2)
        self._run_on(2, 10, 13)
        self.assertEqual((event.status, event.requested_date), ('recovered', False))
        self.assertEqual(self._charges(), [])

    def test_paid_by_bank_between_opening_and_sending(self):
        with freeze_time(datetime(2027, 2, 10, 10)):
            run = self.env['billpro.billing.run']
            tx = run._open(run._get_due_domain())
            self._pay_by_bank(tx.invoice_ids)
        self._run_on(2, 10, 11)
        event = self.order.billing_event_ids[0]
        self.assertEqual((event.status, tx.state), ('recovered', 'cancel'))
        self.assertEqual(self._charges(), [])

    def test_paid_by_bank_while_the_card_is_charged(self):
        self.gateway.faults.add('drop_after', path='/v1/payment_intents')
        self._run_on(2, 10)
        event = self.order.billing_event_ids[0]
        self.assertEqual(event.status, 'unknown')
        self._pay_by_bank(event.invoice_id)
        self._run_on(2, 10, 11)
        tx = event.transaction_ids
        self.assertEqual((event.status, tx.state), ('completed', 'done'))
        self.assertTrue(tx.billing_on_account)
        self.assertEqual(self.order.billing_on_account_amount, 24.2)
        activity = self.order.activity_ids.filtered(lambda a: tx.reference in a.summary)
        self.assertIn("refund one of them", activity.note)

    def test_paid_in_part_by_bank_while_the_card_is_charged(self):
        """A refund of the whole charge would leave the merchant without a part of it."""
        self.gateway.faults.add('drop_after', path='/v1/payment_intents')
        self._run_on(2, 10)
        event = self.order.billing_event_ids[0]
        self.assertEqual(event.status, 'unknown')
        self._pay_by_bank(event.invoice_id, amount=10.0)
        self._run_on(2, 10, 11)
        tx = event.transaction_ids
        self.assertEqual((event.status, tx.state), ('completed', 'done'))
        self.assertEqual(tx.invoice_ids, event.invoice_id)
        self.assertEqual(event.invoice_id.amount_residual, 0)
        self.assertEqual(self.order.billing_on_account_amount, 0)
        activity = self.order.activity_ids.filtered(lambda a: tx.reference in a.summary)
        self.assertIn("pay it back", activity.note)

    def test_an_invoice_that_staff_made_free(self):
        event = self._decline()
        event.invoice_id.invoice_line_ids.price_unit = 0
        event.invoice_id.action_post()
        self.assertEqual(event.invoice_id.payment_state, 'paid')
        self._assert_set_aside_for_its_invoice(event)
        self.assertFalse(self.env['billpro.failure'].search([('task', '=', 'dates')]))
