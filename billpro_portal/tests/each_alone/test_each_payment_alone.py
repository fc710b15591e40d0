from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from odoo.addons.payment.models.payment_transaction import PaymentTransaction
from odoo.addons.payment_stripe.models.payment_transaction import (
    PaymentTransaction as StripeTransaction,
)

from ...models.attempts.payment_transaction import PaymentTransaction as BilledTransaction
from ...models.stripe.payment_transaction import PaymentTransaction as TransactionOfMessage
from ..common.each_alone import (
    DUE,
    TRIES,
    EachAloneCommon,
    break_database,
    forget_key,
    redirect,
)
from ..common.gateway import GatewayCommon
from ..common.nightly import nightly
from ..common.webhook import WebhookCommon


@tagged('post_install', '-at_install')
class TestEachChargeAlone(EachAloneCommon, GatewayCommon):
    """An attempt that raises ends nobody else's; what was answered isn't asked for again."""

    def _get_charges(self, tx):
        return self.gateway.ledger.movements(kind='charge', description=tx.reference)

    def _break_charges_of(self, order, method, raises, times=None, model=StripeTransaction):
        calls = []

        def applies(txs):
            if order.id not in txs.billing_order_id.ids:
                return False
            calls.append(1)
            return times is None or len(calls) <= times

        return self._broken(model, method, applies, raises)

    def test_before_anything_is_sent(self):
        orders = self._create_due_orders(2)
        bad = orders[0]
        with self._break_charges_of(
            bad, '_ensure_provider_is_not_disabled', forget_key, model=PaymentTransaction
        ):
            for delay in (*TRIES, timedelta(days=1)):
                with freeze_time(DUE + delay):
                    self._run()
        self.assertEqual(orders.mapped('billing_paid'), [24.2, 48.4])
        self.assertEqual(bad.billing_event_ids.status, 'processing')
        self.assertFalse(bad.billing_event_ids.transaction_ids.billing_sent_date)
        self._assert_set_aside(bad, 'charge')
        with freeze_time(DUE + timedelta(days=1)):
            self._try_again(bad)
            self._run()
        self.assertEqual(bad.billing_paid, 48.4)

    @nightly("One that never can be, and one that a person takes in, are for each change.")
    def test_an_answer_that_can_be_taken_in_the_second_time(self):
        orders = self._create_due_orders()
        events = orders.billing_event_ids
        with (
            self._sent() as sent,
            self._break_charges_of(orders[0], '_apply_updates', forget_key, times=1),
            self._break_charges_of(orders[1], '_apply_updates', break_database, times=1),
        ):
            self._run_at()
        self.assertEqual(orders.mapped('billing_paid'), [48.4, 48.4, 48.4])
        self.assertEqual(sorted(sent), sorted(events.transaction_ids.mapped('reference')))
        self.assertEqual(len(self._get_charges(events[0].transaction_ids)), 1)
        self.assertFalse(self._get_failures('charge'))

    def test_an_answer_that_cannot_be_taken_in(self):
        orders = self._create_due_orders()
        bad = orders[:2]
        events = bad.billing_event_ids
        with self._sent() as sent:
            with (
                self._break_charges_of(bad[0], '_apply_updates', redirect),
                self._break_charges_of(bad[1], '_apply_updates', break_database),
            ):
                self._run_at()
                txs = events.transaction_ids
                self.assertEqual(orders.mapped('billing_paid'), [24.2, 24.2, 48.4])
                self.assertEqual(events.mapped('status'), ['unknown', 'unknown'])
                self.assertEqual(txs.mapped('state'), ['pending', 'pending'])
                self.assertEqual(len(txs.filtered('provider_reference')), 2)
                for event in events:
                    self.assertIn("could not be taken in", event.status_message)
                for minutes in (5, 10, 70, 600):
                    self._run_at(minutes=minutes)
                self.assertEqual(events.mapped('status'), ['unknown', 'unknown'])
                for order in bad:
                    reference = order.billing_event_ids.transaction_ids.reference
                    self.assertEqual(
                        order.activity_ids.mapped('summary'), [f"Was {reference} executed?"]
                    )
                    self.assertEqual(self._get_rows(order).kind, 'set_aside')
            with freeze_time(DUE + timedelta(hours=12)):
                self._try_again(bad)
                self._run()
        self.assertEqual(events.mapped('status'), ['completed', 'completed'])
        for tx in txs:
            self.assertEqual(sent.count(tx.reference), 1)
            self.assertEqual(len(self._get_charges(tx)), 1)
        for order in bad:
            self._assert_books_closed(order)

    def test_an_answer_that_a_person_takes_in(self):
        order = self._create_due_orders(1)
        with self._break_charges_of(order, '_apply_updates', redirect):
            for delay in (*TRIES, timedelta(hours=3)):
                with freeze_time(DUE + delay):
                    self._run()
        event = order.billing_event_ids
        self.assertEqual(self._get_rows(order).kind, 'set_aside')
        event.transaction_ids.with_user(self.billing_manager).action_was_executed()
        self.assertEqual(event.status, 'completed')
        self._run_at(hours=4)
        self.assertFalse(self._get_failures('inquire'))
        self.assertFalse(self._get_rows(order))
        self.assertEqual(len(self._get_charges(event.transaction_ids)), 1)

    @contextmanager
    def _sent(self):
        """Give the references of the attempts that are sent to the gateway, as often as it is."""
        original = BilledTransaction._send_api_request
        references = []

        def send(tx, method, endpoint, **kwargs):
            if (method, endpoint) == ('POST', 'payment_intents'):
                references.append(tx.reference)
            return original(tx, method, endpoint, **kwargs)

        with patch.object(BilledTransaction, '_send_api_request', send):
            yield references


@tagged('post_install', '-at_install')
class TestEachMessageAlone(WebhookCommon, EachAloneCommon):
    def test_messages(self):
        orders = self._create_due_orders()
        bad, good = orders[:2], orders[2:]
        self.gateway.faults.add('drop_after', path='/v1/payment_intents', times=4)
        self._run_at()
        self.gateway.faults.clear()
        references = orders.billing_event_ids.transaction_ids.mapped('reference')
        messages = [
            message
            for message in self._find_messages('payment_intent.succeeded')
            if message['data']['object']['description'] in references
        ]
        with freeze_time(DUE):
            self._deliver_all(messages)
        failing = self._get_events().filtered(
            lambda event: event.reference.rpartition('-E')[0] in bad.mapped('name')
        )
        self.assertEqual(len(failing), 2)
        errors = dict(zip(bad, (redirect, break_database), strict=True))
        with self._broken_for(
            TransactionOfMessage,
            '_billing_process_stripe_event',
            errors,
            lambda txs: txs.billing_order_id,
        ):
            moment = DUE
            for minutes in (0, 1, 5, 30, 120, 720, 1440):
                moment += timedelta(minutes=minutes)
                with freeze_time(moment):
                    self._process()
                    self.assertEqual(good.billing_paid, 48.4)
            self.assertEqual(failing.mapped('state'), ['failed', 'failed'])
            self.assertEqual(failing.mapped('tries'), [6, 6])
            self.assertTrue(all(failing.mapped('message')))
            for order in bad:
                self.assertEqual(len(order.activity_ids), 1)
            rows = self._get_rows(bad).filtered('failure_id')
            self.assertEqual(rows.failure_id.mapped('task'), ['message', 'message'])
        billing_user = new_test_user(
            self.env,
            login='billing_user',
            groups='billpro_portal.group_billing_user,sales_team.group_sale_salesman_all_leads',
        )
        with self.assertRaisesRegex(AccessError, "Only billing managers"):
            rows.with_user(billing_user).action_try_again()
        with freeze_time(moment):
            with self._committing_env(self.billing_manager) as env:
                env[rows._name].browse(rows.ids).action_try_again()
            self._process()
        self.assertEqual(failing.mapped('state'), ['processed', 'processed'])
        self.assertEqual(bad.mapped('billing_paid'), [48.4, 48.4])
        self.assertFalse(self._get_failures('message'))
