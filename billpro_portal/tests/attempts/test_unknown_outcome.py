from contextlib import contextmanager, suppress
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..common.gateway import DUE, GatewayCommon
from ..common.nightly import nightly


@tagged('post_install', '-at_install')
class TestUnknownOutcome(GatewayCommon):
    """Stripe, played by a gateway that keeps a ledger and breaks on demand."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls._create_active_order()
        cls.event = cls.order.billing_event_ids

    def _run_at(self, **delay):
        with freeze_time(DUE + timedelta(**delay)):
            self._run()

    def _assert_charged(self, times):
        """Check the gateway's ledger and that the books agree with it."""
        charges = self.gateway.ledger.movements(
            kind='charge', description=self.event.transaction_ids[:1].reference
        )
        self.assertEqual([charge.amount for charge in charges], [2420] * times)
        payments = self.event.transaction_ids.payment_id
        self.assertEqual(len(payments), times)
        self.assertEqual(self.order.billing_paid, 24.2 * (1 + times))
        self._assert_books_closed(self.order)

    def test_approved(self):
        self._run_at()
        self._run_at()
        self.assertEqual(self.event.status, 'completed')
        self._assert_charged(1)

    def _deliver_webhook(self, tx):
        """Let the newest message about a payment arrive, as payment_stripe's webhook takes it."""
        intent = self.gateway.find_all('payment_intent')[0]
        self.assertEqual(intent['description'], tx.reference)
        tx._process(
            'stripe', {'payment_intent': intent, 'payment_method': intent['payment_method']}
        )

    def test_a_webhook_reports_a_decline_whose_answer_was_lost(self):
        self.order.billing_token_id = self._create_token('pm_card_chargeCustomerFail')
        self.gateway.faults.add('drop_after', path='/v1/payment_intents')
        self._run_at()
        tx = self.event.transaction_ids
        self.assertEqual((self.event.status, tx.state), ('unknown', 'pending'))
        self._deliver_webhook(tx)
        self.assertEqual((tx.state, tx.billing_outcome_unknown), ('error', False))
        self._run_at(minutes=1)
        self.assertEqual(self.event.status, 'soft_declined')
        self.assertEqual(self.event.transaction_ids, tx)
        self.assertEqual(self.order.billing_paid, 24.2)

    def test_a_webhook_reports_a_charge_whose_answer_was_lost(self):
        self.gateway.faults.add('drop_after', path='/v1/payment_intents')
        self._run_at()
        for _copy in range(2):
            self._deliver_webhook(self.event.transaction_ids)
        self._run_at(minutes=1)
        self.assertEqual(self.event.status, 'completed')
        self._assert_charged(1)

    def test_charged_but_the_answer_was_lost(self):
        self.gateway.faults.add('drop_after', path='/v1/payment_intents')
        self._run_at()
        tx = self.event.transaction_ids
        self.assertEqual((self.event.status, tx.state), ('unknown', 'pending'))
        with self.assertRaisesRegex(UserError, "can't be collected now"):
            self.event.action_execute_now()
        self._run_at(minutes=4)
        self.assertEqual(self.event.status, 'unknown')
        self._run_at(minutes=5)
        self.assertEqual((self.event.status, tx.state), ('completed', 'done'))
        self.assertFalse(tx.billing_outcome_unknown)
        self._assert_charged(1)

    def test_the_request_was_lost(self):
        self.gateway.faults.add('drop_before', path='/v1/payment_intents')
        self._run_at()
        self.assertEqual(self.event.status, 'unknown')
        self._run_at(minutes=5)
        self.assertEqual(self.event.status, 'completed')
        self._assert_charged(1)

    def test_an_error_at_the_gateway(self):
        self.gateway.faults.add('error_before', path='/v1/payment_intents', times=2)
        self._run_at()
        self._run_at(minutes=5)
        self.assertEqual(self.event.status, 'unknown')
        self.assertEqual(self.event.transaction_ids.billing_inquiry_count, 2)
        self._run_at(minutes=30)
        self.assertEqual(self.event.status, 'unknown')
        self._run_at(minutes=66)
        self.assertEqual(self.event.status, 'completed')
        self._assert_charged(1)

    def test_a_refused_connection_is_no_attempt(self):
        self.gateway.refuse_connections()
        self._run_at()
        self.gateway.accept_connections()
        tx = self.event.transaction_ids
        self.assertEqual((self.event.status, tx.state), ('processing', 'draft'))
        self.assertFalse(tx.billing_sent_date)
        self.assertEqual(self.order.billing_status, 'active')
        self._run_at(minutes=5)
        self.assertEqual(self.event.transaction_ids, tx)
        self.assertEqual(self.event.status, 'completed')
        self._assert_charged(1)

    def test_too_many_requests_are_no_attempt(self):
        self.gateway.faults.add('rate_limit', path='/v1/payment_intents')
        self._run_at()
        self.assertEqual(self.event.status, 'processing')
        self._run_at(minutes=5)
        self.assertEqual(self.event.status, 'completed')
        self._assert_charged(1)

    def test_an_initial_payment_without_an_answer(self):
        with freeze_time(DUE):
            order = self._create_order((self.desk, 1))
            token = self._create_token()
            self.gateway.faults.add('drop_after', path='/v1/payment_intents')
            with self._committing_env() as env:
                tx = env['payment.transaction'].browse(
                    self._create_initial_transaction(
                        order, operation='online_token', token_id=token.id
                    ).id
                )
                env.cr.commit()
                tx._billing_charge_initial_payment()
            tx = order.billing_transaction_ids
            self.assertEqual((tx.state, tx.billing_outcome_unknown), ('pending', True))
            self.assertEqual(
                order._billing_get_not_payable_reason(), "Your payment is already being processed."
            )
        self._run_at(minutes=4)
        self.assertEqual(tx.state, 'pending')
        self._run_at(minutes=5)
        self.assertEqual((tx.state, order.billing_status), ('done', 'complete'))
        self.assertEqual(
            len(self.gateway.ledger.movements(kind='charge', description=tx.reference)), 1
        )
        self._assert_books_closed(order)

    def _refund_without_answer(self, fault):
        """Collect the payment and send a refund of 10.00 whose answer gets lost."""
        self._run_at()
        payment = self.event.transaction_ids
        self.gateway.faults.add(fault, path='/v1/refunds', method='POST')
        with freeze_time(DUE), self._committing_env() as env:
            refund_tx = (
                env['payment.transaction'].browse(payment.id)._billing_create_order_refund(10)
            )
            refund_tx._billing_send_order_refund()
        refund_tx = payment.child_transaction_ids
        self.assertEqual((refund_tx.state, refund_tx.billing_outcome_unknown), ('pending', True))
        self.assertEqual(payment._billing_get_refundable_amount(), 14.2)
        return refund_tx

    def _get_refunds(self, refund_tx):
        return self.gateway.ledger.movements(
            kind='refund', description=refund_tx.source_transaction_id.reference
        )

    def _assert_refunded(self, refund_tx):
        """Check that 10.00 were paid back once, at the gateway and in the books."""
        self.assertEqual((refund_tx.state, refund_tx.billing_outcome_unknown), ('done', False))
        self.assertEqual([refund.amount for refund in self._get_refunds(refund_tx)], [1000])
        self.assertEqual((self.order.billing_refunded, self.order.billing_credited), (10, 10))
        self.assertFalse(self.order.activity_ids)
        self._assert_books_closed(self.order)

    def test_a_refund_whose_answer_was_lost(self):
        refund_tx = self._refund_without_answer('drop_after')
        self._run_at(minutes=5)
        self._assert_refunded(refund_tx)

    def test_a_refund_that_was_lost(self):
        refund_tx = self._refund_without_answer('drop_before')
        self._run_at(minutes=5)
        self._assert_refunded(refund_tx)

    def test_a_refund_is_found_among_those_of_its_payment(self):
        """Stripe repeats its error under the key; the refund was made all the same."""
        refund_tx = self._refund_without_answer('error_after')
        self._run_at(minutes=5)
        self._assert_refunded(refund_tx)

    def test_a_refund_that_was_never_made(self):
        refund_tx = self._refund_without_answer('drop_before')
        self._run_at(hours=25)
        self.assertEqual((refund_tx.state, refund_tx.billing_outcome_unknown), ('error', False))
        self.assertFalse(self._get_refunds(refund_tx))
        self.assertEqual(refund_tx.source_transaction_id._billing_get_refundable_amount(), 24.2)

    def test_a_charge_is_found_by_its_reference(self):
        """Stripe repeats its error under the key; the search finds what was charged."""
        self.gateway.faults.add('error_after', path='/v1/payment_intents')
        self._run_at()
        self.assertEqual(self.event.status, 'unknown')
        self._run_at(minutes=5)
        self.assertEqual(self.event.status, 'completed')
        self._assert_charged(1)

    def test_a_charge_is_found_of_an_order_that_has_quotes_in_its_name(self):
        self.order.name = 'S "17\\"'
        self.gateway.faults.add('error_after', path='/v1/payment_intents')
        self._run_at()
        self.assertIn('S "17\\"', self.event.transaction_ids.reference)
        self.assertEqual(self.event.status, 'unknown')
        self._run_at(minutes=5)
        self.assertEqual(self.event.status, 'completed')
        self._assert_charged(1)

    def test_a_decline_is_found_by_its_reference(self):
        self.order.billing_token_id = self._create_token('pm_card_chargeCustomerFail')
        self.gateway.faults.add('error_after', path='/v1/payment_intents')
        self._run_at()
        self._run_at(minutes=5)
        self.assertEqual(self.event.status, 'soft_declined')
        self.assertEqual(self.event.transaction_ids.billing_decline_code, 'generic_decline')
        self._assert_not_charged()

    def test_the_same_key_with_other_values(self):
        """The customer moved since: Stripe refuses the key, and the search finds the charge."""
        self.gateway.faults.add('drop_after', path='/v1/payment_intents')
        self._run_at()
        self.customer.street = "99 Elm Street"
        self._run_at(minutes=5)
        self.assertEqual(self.event.status, 'completed')
        self._assert_charged(1)

    def test_a_search_that_is_late_proves_nothing(self):
        self.gateway.settings.search_delay = 3600
        self.addCleanup(setattr, self.gateway.settings, 'search_delay', 0)
        self.gateway.faults.add('error_after', path='/v1/payment_intents')
        self._run_at()
        self._run_at(minutes=5)
        self.assertEqual(self.event.status, 'unknown')
        self.gateway.settings.search_delay = 0
        self._run_at(minutes=66)
        self.assertEqual(self.event.status, 'completed')
        self._assert_charged(1)

    def test_a_charge_that_was_never_made(self):
        self.gateway.faults.add('drop_before', path='/v1/payment_intents')
        self._run_at()
        self._run_at(hours=25)
        tx = self.event.transaction_ids
        self.assertEqual((self.event.status, tx.state), ('soft_declined', 'error'))
        self.assertEqual(tx.state_message, "The payment provider never executed it.")
        self.assertFalse(self.order.activity_ids)
        self._assert_not_charged()

    def _assert_not_charged(self):
        self.assertFalse(
            self.gateway.ledger.movements(description=self.event.transaction_ids[:1].reference)
        )
        self.assertEqual(self.order.billing_paid, 24.2)

    def test_only_managers_decide(self):
        self.gateway.faults.add('drop_after', path='/v1/payment_intents')
        self._run_at()
        with self.assertRaises(AccessError):
            self.event.with_user(self.salesperson).action_was_charged()

    def test_a_worker_died_during_the_call(self):
        """The intent was sent and the outcome never committed: the same key finds it out."""
        with freeze_time(DUE):
            tx = self.env['billpro.billing.run']._open(
                self.env['billpro.billing.run']._get_due_domain()
            )
            tx.billing_sent_date = DUE
            tx._stripe_create_intent()  # The charge that the dead worker never heard of.
        self.assertEqual((self.event.status, tx.state), ('processing', 'draft'))
        self._run_at(minutes=5)
        self.assertEqual(self.event.status, 'completed')
        self._assert_charged(1)

    def test_a_declined_card(self):
        self.order.billing_token_id = self._create_token('pm_card_chargeCustomerFail')
        self._run_at()
        self.assertEqual(self.event.status, 'soft_declined')
        self.assertEqual(self.order.billing_status, 'failed')
        self.assertEqual(self.order.billing_paid, 24.2)
        self.assertFalse(
            self.gateway.ledger.movements(description=self.event.transaction_ids.reference)
        )

    def test_a_person_decides_when_the_gateway_does_not(self):
        self.gateway.faults.add('error_before', path='/v1/payment_intents*', times=None)
        self._run_at()
        self._run_at(minutes=5)
        self._run_at(hours=2)
        self.assertFalse(self.order.activity_ids)
        self._run_at(hours=27)
        self._run_at(hours=53)
        activity = self.order.activity_ids
        self.assertEqual(len(activity), 1)
        self.assertIn("Was executed", activity.note)
        self.assertEqual(self.event.status, 'unknown')
        self.gateway.faults.clear()
        with freeze_time(DUE + timedelta(days=3)):
            self.event.with_user(self.billing_manager).action_was_not_charged()
            self.assertEqual(self.event.status, 'soft_declined')
            self.assertEqual(self.order.billing_status, 'failed')
            with self._committing_env(self.billing_manager) as env:
                env['billpro.billing.event'].browse(self.event.id).action_execute_now()
        self.assertEqual(self.event.status, 'recovered')
        self.assertEqual(self.order.billing_status, 'active')
        self.assertEqual(
            len(
                self.gateway.ledger.movements(
                    kind='charge',
                    description=self.event.transaction_ids.sorted('id')[-1].reference,
                )
            ),
            1,
        )

    def test_a_person_finds_it_charged(self):
        self.gateway.faults.add('error_after', path='/v1/payment_intents*', times=None)
        self._run_at()
        with freeze_time(DUE + timedelta(days=2)):
            self.event.with_user(self.billing_manager).action_was_charged()
        self.assertEqual(self.event.status, 'completed')
        self._assert_charged(1)
        with self.assertRaisesRegex(UserError, "is known"):
            self.event.action_was_charged()

    def test_a_repeated_request_that_was_turned_away_leaves_it_unknown(self):
        self.gateway.faults.add('drop_after', path='/v1/payment_intents')
        self._run_at()
        self.gateway.faults.add('rate_limit', path='/v1/payment_intents*', times=2)
        self._run_at(minutes=5)
        self.assertEqual(self.event.status, 'unknown')
        self.gateway.refuse_connections()
        self._run_at(minutes=66)
        self.gateway.accept_connections()
        self.assertEqual(self.event.status, 'unknown')
        with freeze_time(DUE + timedelta(hours=27)):
            self.event.with_user(self.billing_manager).action_was_charged()
        self._assert_charged(1)

    # === BETWEEN THE COMMIT OF "SENT" AND THE LOCK === #

    @contextmanager
    def _happening_before_the_lock(self, happen):
        """Let something happen when "sent" is committed and the order isn't locked yet; once.

        The request that follows is refused untried.
        """
        lock = self.registry['sale.order']._lock_billing
        left = [happen]

        def happen_and_lock(orders):
            if left and any(orders.billing_event_ids.transaction_ids.mapped('billing_sent_date')):
                left.pop()()
                orders.env.invalidate_all()  # The view of the database is taken with the lock.
                self.gateway.faults.add('rate_limit', path='/v1/payment_intents')
            lock(orders)

        with patch.object(self.registry['sale.order'], '_lock_billing', happen_and_lock):
            yield
        self.assertFalse(left)

    def _charge_and_die(self):
        """Let another worker take the attempt over, and die when the provider has executed it."""
        charge = self.registry['payment.transaction']._charge_with_token

        def charge_and_die(tx):
            charge(tx)
            raise SystemExit

        with (
            patch.object(
                self.registry['payment.transaction'], '_charge_with_token', charge_and_die
            ),
            suppress(SystemExit),  # `assertRaises` would undo what was committed.
            self._committing_env() as env,
        ):
            run = env['billpro.billing.run']
            run._charge_one(env, run._get_attempts_to_charge().id)
            self.fail("The other worker lives.")

    def test_taken_over_by_another_worker_that_died(self):
        with self._happening_before_the_lock(self._charge_and_die):
            self._run_at()
        tx = self.event.transaction_ids
        self.assertEqual((self.event.status, tx.state), ('unknown', 'pending'))
        self.assertTrue(tx.billing_sent_date)
        with freeze_time(DUE), self.assertRaisesRegex(UserError, "isn't known yet"):
            self.event._skip()
        self._run_at(minutes=5)
        self.assertEqual(self.event.status, 'completed')
        self._assert_charged(1)

    def _act_on_order(self, method, *arguments):
        """Let somebody act on the order in a transaction of its own."""
        with self._committing_env() as env:
            getattr(env['sale.order'].browse(self.order.id), method)(*arguments)

    def test_cancelled_before_a_request_that_is_refused(self):
        with self._happening_before_the_lock(
            lambda: self._act_on_order('_billing_cancel_subscription', True)
        ):
            self._run_at()
        self._run_at(minutes=5)
        tx = self.event.transaction_ids
        self.assertEqual((self.event.status, tx.state), ('cancelled', 'cancel'))
        self.assertFalse(tx.billing_sent_date)
        self.assertEqual(self.order.billing_status, 'complete')
        self.assertEqual(self.order.billing_outstanding, 0)
        self._assert_not_charged()

    @nightly("Cancelled at once for each change.")
    def test_cancelled_at_the_end_of_the_period_before_a_request(self):
        with self._happening_before_the_lock(
            lambda: self._act_on_order('_billing_cancel_subscription', False)
        ):
            self._run_at()
        self._run_at(minutes=5)
        self.assertEqual(self.event.status, 'cancelled')
        self._assert_not_charged()

    def test_paused_before_a_request_that_is_refused(self):
        with self._happening_before_the_lock(lambda: self._act_on_order('_billing_pause')):
            self._run_at()
        self._run_at(minutes=5)
        tx = self.event.transaction_ids
        self.assertEqual((self.event.status, tx.state), ('scheduled', 'cancel'))
        self.assertEqual(self.order.billing_status, 'paused')
        self._assert_not_charged()
        self.gateway.faults.clear()
        with freeze_time(DUE + timedelta(hours=1)):
            self.order._billing_resume()
        self._run_at(hours=2)
        self.assertEqual(self.event.status, 'completed')
        self.assertEqual(self.order.billing_paid, 48.4)
