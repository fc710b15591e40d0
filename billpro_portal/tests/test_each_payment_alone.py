from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.tests import tagged

from odoo.addons.payment.models.payment_transaction import PaymentTransaction
from odoo.addons.payment_stripe.models.payment_transaction import (
    PaymentTransaction as StripeTransaction,
)

from ..models.payment_transaction import PaymentTransaction as BilledTransaction
from ..models.payment_transaction_message import PaymentTransaction as TransactionOfMessage
from .common.each_alone import (
    DUE,
    TRIES,
    EachAloneCommon,
    break_database,
    forget_key,
    redirect,
)
from .common.gateway import GatewayCommon
from .common.webhook import WebhookCommon


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
        orders = self._create_due_orders()
        bad = orders[0]
        with self._break_charges_of(
            bad, '_ensure_provider_is_not_disabled', forget_key, model=PaymentTransaction
        ):
            for delay in (*TRIES, timedelta(days=1)):
                with freeze_time(DUE + delay):
                    self._run()
        self.assertEqual(orders.mapped('billing_paid'), [24.2, 48.4, 48.4])
        self.assertEqual(bad.billing_event_ids.status, 'processing')
        self.assertFalse(bad.billing_event_ids.transaction_ids.billing_sent_date)
        self._assert_set_aside(bad, 'charge')
        with freeze_time(DUE + timedelta(days=1)):
            self._try_again(bad)
            self._run()
        self.assertEqual(bad.billing_paid, 48.4)

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
        for raises in (redirect, break_database):
            with self.subTest(raises.__name__):
                orders = self._create_due_orders()
                bad = orders[0]
                event = bad.billing_event_ids
                with self._sent() as sent:
                    with self._break_charges_of(bad, '_apply_updates', raises):
                        self._run_at()
                        tx = event.transaction_ids
                        self.assertEqual(orders.mapped('billing_paid'), [24.2, 48.4, 48.4])
                        self.assertEqual((event.status, tx.state), ('unknown', 'pending'))
                        self.assertIn("could not be taken in", event.status_message)
                        self.assertTrue(tx.provider_reference)
                        for minutes in (5, 10, 70, 75, 600):
                            self._run_at(minutes=minutes)
                        self.assertEqual(event.status, 'unknown')
                        self.assertEqual(
                            bad.activity_ids.mapped('summary'), [f"Was {tx.reference} executed?"]
                        )
                        self.assertEqual(self._get_rows(bad).kind, 'set_aside')
                    with freeze_time(DUE + timedelta(hours=12)):
                        self._try_again(bad)
                        self._run()
                self.assertEqual(event.status, 'completed')
                self.assertEqual(sent.count(tx.reference), 1)
                self.assertEqual(len(self._get_charges(tx)), 1)
                self._assert_books_closed(bad)

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
        for raises in (redirect, break_database):
            with self.subTest(raises.__name__):
                orders = self._create_due_orders()
                bad = orders[0]
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
                first = self._get_events().filtered(
                    lambda event, bad=bad: event.reference.startswith(f'{bad.name}-')
                )
                with self._broken(
                    TransactionOfMessage,
                    '_take_in_stripe_message',
                    lambda tx, bad=bad: tx.billing_order_id.id == bad.id,
                    raises,
                ):
                    moment = DUE
                    for minutes in (0, 1, 5, 30, 120, 720, 1440):
                        moment += timedelta(minutes=minutes)
                        with freeze_time(moment):
                            self._process()
                            self.assertEqual(orders[1:].mapped('billing_paid'), [48.4, 48.4])
                    self.assertEqual((first.state, first.tries), ('failed', 6))
                    self.assertTrue(first.message)
                    self.assertEqual(len(bad.activity_ids), 1)
                    self.assertEqual(
                        self._get_rows(bad).filtered('failure_id').failure_id.task, 'message'
                    )
                with freeze_time(moment):
                    self._try_again_message(bad)
                    self._process()
                self.assertEqual(first.state, 'processed')
                self.assertEqual(bad.billing_paid, 48.4)
                self.assertFalse(self._get_failures('message'))

    def _try_again_message(self, order):
        with self._committing_env(self.billing_manager) as env:
            env['billpro.billing.exception'].search(
                [('order_id', '=', order.id), ('failure_id', '!=', False)]
            ).action_try_again()
