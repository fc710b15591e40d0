from datetime import timedelta
from unittest.mock import patch

import requests
import urllib3
from freezegun import freeze_time

from odoo.exceptions import ValidationError

from ...billing.declines import AUTHENTICATION, HARD, SOFT
from ...billing.request_outcomes import NOT_ATTEMPTED, UNKNOWN, NotSent
from ...models.attempts.payment_transaction import PaymentTransaction
from ...models.capture.payment_transaction import PaymentTransaction as Settled
from .gateway import DUE

NOT_UNDERSTOOD = "not understood"
OPERATIONS = {'online_token', 'offline', 'refund', 'capture', 'void'}


class ProviderContract:
    """What `models/attempts/provider.py` promises, to be kept by each provider's own model.

    A class that tests a provider has beside this one a class that makes companies, orders and
    cards of the provider, and says which cards are approved and declined.
    """

    # Odoo's own runner leaves out tests that a class has from another one.
    allow_inherited_tests_method = True
    # The provider's code, its own word for a card that is declined, and what that means.
    code = ''
    # Whether it can be asked about a payment by its number.
    can_be_asked = False
    # Whether it is found out what became of a request without an answer; else a person is asked.
    finds_lost_requests = True
    # Whether refunds, captures and releases are received first, and reported by a message.
    reports_later = False
    declined_card = ''
    declined_class = SOFT

    def _lose_provider(self):
        """Have nothing that is asked answered any more; for providers that can be asked."""

    def _report(self, tx):
        """Have the provider report what it has received; for providers that do it later."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seam = cls.env['billpro.provider']._of(cls.code)
        with freeze_time(DUE - timedelta(days=31)):
            cls.order = cls._create_active_order()
        cls.event = cls.order.billing_event_ids

    def _run_at(self, **delay):
        with freeze_time(DUE + timedelta(**delay)):
            self._run()

    # === WHAT IT IS === #

    def test_it_has_a_model_of_its_own(self):
        self.assertEqual(self.seam._name, f'billpro.provider.{self.code}')
        self.assertEqual(self.provider._in_billing(), self.seam)
        self.assertEqual(self.env['billpro.provider']._get_providers()[self.code], self.seam)

    def test_it_says_how_long_it_keeps_what(self):
        self.assertLessEqual(self.seam._repeatable_operations, OPERATIONS)
        self.assertEqual(bool(self.seam._repeatable_operations), self.seam._key_hours > 0)
        self.assertGreaterEqual(self.seam._authorization_days, 0)
        if self.seam._search_hours:
            # Nothing may arrive any more under the key when "not found" is believed.
            self.assertGreater(self.seam._search_hours, self.seam._key_hours)
        self.assertIn('provider_ref', self.seam._token_fields)
        for name in self.seam._token_fields:
            self.assertIn(name, self.env['payment.token']._fields)

    # === WHAT NOBODY KNOWS === #

    def test_a_decline_needs_proof(self):
        unconnected = urllib3.exceptions.MaxRetryError(
            None, '/', urllib3.exceptions.NewConnectionError(None, "refused")
        )
        response = requests.Response()
        response.status_code = 503
        for error, outcome in (
            (None, UNKNOWN),
            (ValueError("not understood"), UNKNOWN),
            (ValidationError(NOT_UNDERSTOOD), UNKNOWN),
            (requests.exceptions.ReadTimeout(), UNKNOWN),
            (requests.exceptions.HTTPError(response=response), UNKNOWN),
            (requests.exceptions.ConnectTimeout(), NOT_ATTEMPTED),
            (requests.exceptions.ConnectionError(unconnected), NOT_ATTEMPTED),
            (NotSent("elsewhere"), NOT_ATTEMPTED),
        ):
            with self.subTest(error=error):
                self.assertEqual(self.seam._classify_failure(error), outcome)
                self.assertIsNone(self.seam._decline_of(error))

    def test_nothing_is_read_from_what_says_nothing(self):
        tx = self.order.billing_transaction_ids
        self.assertIsNone(self.seam._get_number(tx, {}))
        self.assertIsNone(self.seam._reported_decline_of(tx, {}))
        self.assertIsNone(self.seam._capture_or_void_of(tx, {}))
        self.assertEqual(self.seam._correct_report(tx, {}), {})
        self.assertEqual(self.seam._prepare_card_values({}), {})
        self.assertIn(self.seam._class_without_codes(tx), {SOFT, HARD, AUTHENTICATION})
        if self.seam._tells_payments_apart:
            self.assertTrue(self.seam._find_mismatch(tx, {}))

    def test_no_answer_is_none(self):
        self._run_at()
        tx = self.event.transaction_ids
        state = tx.state
        self._lose_provider()
        self.assertIs(self.seam._fetch_outcome(tx), False)
        self.assertIsNone(self.seam._look_up(tx))
        self.assertIs(self.seam._withdraw(tx), False)
        self.assertIsNone(self.seam._get_confirmation_values(tx))
        self.assertEqual(tx.state, state)

    # === CHARGES === #

    def test_an_approval_is_booked(self):
        self._run_at()
        tx = self.event.transaction_ids
        self.assertEqual((tx.state, tx.billing_outcome_unknown), ('done', False))
        self.assertEqual((self.event.status, self.order.billing_paid), ('completed', 48.4))
        self._assert_books_closed(self.order)

    def test_a_decline_has_a_class(self):
        self.order.billing_token_id = self._create_token(self.declined_card)
        self._run_at()
        tx = self.event.transaction_ids
        self.assertIn(tx.state, {'error', 'cancel'})
        self.assertFalse(tx.billing_outcome_unknown)
        self.assertEqual(tx.billing_decline_class, self.declined_class)
        self.assertEqual(self.event.status, f'{self.declined_class}_declined')
        self.assertEqual(self.order.billing_paid, 24.2)

    def _assert_unknown(self):
        tx = self.event.transaction_ids
        self.assertEqual(len(tx), 1)
        self.assertEqual((tx.state, tx.billing_outcome_unknown), ('pending', True))
        self.assertEqual((self.event.status, self.order.billing_paid), ('unknown', 24.2))
        self.assertFalse(tx.billing_decline_class)

    def _assert_found_out(self):
        self._run_at(minutes=6)
        tx = self.event.transaction_ids
        self.assertEqual(len(tx), 1)
        self.assertEqual((tx.state, tx.billing_outcome_unknown), ('done', False))
        self.assertEqual((self.event.status, self.order.billing_paid), ('completed', 48.4))
        self._assert_books_closed(self.order)

    @staticmethod
    def _not_understood(_tx, *_args, **_kwargs):
        raise ValidationError(NOT_UNDERSTOOD)

    def test_what_fails_unclassified_is_unknown(self):
        with patch.object(PaymentTransaction, '_process', self._not_understood):
            self._run_at()
        self._assert_unknown()
        if self.finds_lost_requests:
            self._assert_found_out()
        else:
            self._run_at(minutes=6)
            self._assert_unknown()
            self.assertTrue(self.order.activity_ids)

    def test_an_answer_that_cannot_be_taken_in_is_no_decline(self):
        with patch.object(Settled, '_set_done', self._not_understood):
            self._run_at()
        self._assert_unknown()
        if self.can_be_asked:
            self._assert_found_out()
        else:
            # What has a number is never sent again: a person is asked in the end.
            self._run_at(minutes=6)
            self._assert_unknown()

    # === WHAT FOLLOWS === #

    def test_what_it_cannot_do_is_known(self):
        support = self.order.billing_transaction_ids._billing_get_support_refund()
        self.assertEqual(support != 'none', isinstance(self, RefundContract))
        can_capture = isinstance(self, CaptureContract)
        self.assertEqual(bool(self.provider.support_manual_capture), can_capture)
        if can_capture:
            self.assertEqual(self.seam._releases, isinstance(self, ReleaseContract))

    def _assert_received(self, tx):
        """Check that what was received is pending, and nobody is asked whether it was executed."""
        self.assertEqual((tx.state, tx.billing_outcome_unknown), ('pending', False))
        self.assertNotEqual(tx.provider_reference, tx.source_transaction_id.provider_reference)
        self.assertFalse(tx.billing_order_id.activity_ids)


class RefundContract(ProviderContract):
    """What holds of providers that pay back."""

    def _pay_back(self):
        """Pay back what was collected of the scheduled payment; return the refund."""
        with self._committing_env() as env, freeze_time(DUE):
            tx = env['payment.transaction'].browse(self.event.transaction_ids.id)
            refund_tx = tx._billing_create_order_refund(24.2)
            refund_tx._billing_send_order_refund()
        return self.env['payment.transaction'].browse(refund_tx.id)

    def test_a_refund_is_booked(self):
        self._run_at()
        refund_tx = self._pay_back()
        if self.reports_later:
            self._assert_received(refund_tx)
            self._report(refund_tx)
        self.assertEqual((refund_tx.state, refund_tx.amount), ('done', -24.2))
        self.assertEqual((self.order.billing_refunded, self.order.billing_credited), (24.2, 24.2))
        self._assert_books_closed(self.order)

    def test_a_refund_that_fails_unclassified_is_unknown(self):
        if self.reports_later:
            return  # It says nothing before.
        self._run_at()
        with patch.object(PaymentTransaction, '_process', self._not_understood):
            refund_tx = self._pay_back()
        self.assertEqual((refund_tx.state, refund_tx.billing_outcome_unknown), ('pending', True))
        self.assertEqual(self.order.billing_refunded, 0)


class CaptureContract(ProviderContract):
    """What holds of providers that authorise payments first."""

    def _authorize(self):
        """Return a payment that is authorised and accepted."""
        self.provider.write(
            {'payment_method_ids': self.payment_method.ids, 'capture_manually': True}
        )
        with freeze_time(DUE):
            order = self._create_order((self.desk, 1, 100.0))
            tx = self._create_initial_transaction(
                order, operation='online_token', token_id=self._create_token().id
            )
            with self._committing_env() as env:
                env['payment.transaction'].browse(tx.id)._billing_charge_initial_payment()
            tx._post_process()
        self.assertEqual((tx.state, order.billing_status), ('authorized', 'active'))
        self.assertEqual(
            bool(tx._billing_get_capture_deadline()), bool(self.seam._authorization_days)
        )
        return tx

    def _settle(self, tx, **values):
        """Capture or release all of an authorised payment; return what became of it."""
        with self._committing_env() as env, freeze_time(DUE):
            authorized = env['payment.transaction'].browse(tx.id)
            authorized.billing_order_id._lock_billing()
            child = authorized._billing_create_capture_or_void(tx.amount, **values)
            child._billing_send_capture_or_void()
        child = self.env['payment.transaction'].browse(child.id)
        if self.reports_later:
            self._assert_received(child)
            self._report(child)
        self.assertFalse(child.billing_outcome_unknown)
        return child

    def test_a_capture_is_booked(self):
        tx = self._authorize()
        capture_tx = self._settle(tx)
        self.assertEqual((capture_tx.state, capture_tx.amount, tx.state), ('done', 121, 'done'))
        self.assertEqual(tx.billing_order_id.billing_paid, 121)
        self._assert_books_closed(tx.billing_order_id)


class ReleaseContract(CaptureContract):
    """What holds of those that can release what they have authorised."""

    def test_a_release_collects_nothing(self):
        tx = self._authorize()
        release_tx = self._settle(tx, is_release=True)
        self.assertEqual((release_tx.state, tx.state), ('cancel', 'cancel'))
        self.assertEqual(tx.billing_order_id.billing_paid, 0)
