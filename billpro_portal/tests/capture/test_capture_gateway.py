from contextlib import contextmanager
from datetime import timedelta

from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..common.gateway import DUE, GatewayCommon


@tagged('post_install', '-at_install')
class TestCaptureGateway(GatewayCommon):
    """Captures and releases against a gateway that keeps a ledger and breaks on demand."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Odoo refuses manual capture beside methods that can't be authorised.
        cls.provider.payment_method_ids = cls.payment_method
        cls.provider.capture_manually = True

    def _authorize(self, amount=100.0, **kwargs):
        """Return an order whose payment with a saved card is authorised and accepted."""
        with freeze_time(DUE):
            order = self._create_order((self.desk, 1, amount), **kwargs)
            tx = self._create_initial_transaction(
                order, operation='online_token', token_id=self._create_token().id
            )
            with self._committing_env() as env:
                env['payment.transaction'].browse(tx.id)._billing_charge_initial_payment()
            tx._post_process()
        self.assertEqual((tx.state, order.billing_status), ('authorized', 'active'))
        return order

    def _capture(self, order, amount, **delay):
        """Capture as staff do; return the message they get."""
        with self._staff_env_at(**delay) as env:
            action = env['sale.order'].browse(order.id).action_open_capture()
            wizard = env['billpro.capture'].browse(action['res_id'])
            wizard.amount = amount
            return wizard.action_capture()['params']['message']

    def _release(self, order):
        with self._staff_env_at() as env:
            return env['sale.order'].browse(order.id).action_release()['params']['message']

    @contextmanager
    def _staff_env_at(self, **delay):
        """Give a billing manager's environment, in which code may commit, at a time."""
        with (
            freeze_time(DUE + timedelta(**delay)),
            mute_logger('odoo.addons.payment'),
            self._committing_env(self.billing_manager) as env,
        ):
            yield env

    def _run_at(self, **delay):
        """Let the scheduled jobs run at a time."""
        with freeze_time(DUE + timedelta(**delay)), mute_logger('odoo.addons.payment'):
            with self.enter_registry_test_mode():
                self.env.ref('billpro_portal.cron_billing_run').method_direct_trigger()
                self.env.ref('payment.cron_post_process_payment_tx').method_direct_trigger()
            self.env.invalidate_all()
            self.env['account.move']._get_sequence_cache().clear()

    def _let_expire(self, **delay):
        with freeze_time(DUE + timedelta(**delay)):
            self.gateway.advance(0)

    def _get_captures_and_voids(self, order):
        return order.billing_authorization_id._billing_get_captures_and_voids().sorted('id')

    def _assert_collected(self, order, amount, minor_units):
        """Check the gateway's ledger and that the books agree with it."""
        reference = order.billing_authorization_id.reference
        movements = self.gateway.ledger.movements(description=reference)
        self.assertEqual(
            [(movement.kind, movement.amount) for movement in movements],
            [('capture', minor_units)] if minor_units else [],
        )
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual(order.billing_paid, amount)
        if amount:
            self.assertEqual(order.billing_move_ids.mapped('amount_total'), [amount])
            self._assert_books_closed(order)
        else:
            self.assertFalse(order.billing_move_ids)

    # === CAPTURE METHOD === #

    def test_recurring_orders_and_scheduled_payments_are_captured_at_once(self):
        order = self._create_active_order()
        with freeze_time(DUE), mute_logger('odoo.addons.payment'):
            self._run()
        self.assertEqual(order.billing_event_ids.sorted('number')[0].status, 'completed')
        intent = self.gateway.find_all('payment_intent')[0]
        self.assertEqual(intent['capture_method'], 'automatic')
        tx = self._create_initial_transaction(
            self._create_order((self.gym, 1)), payment_method_id=self.payment_method.id
        )
        self.assertEqual(tx._stripe_prepare_payment_intent_payload()['capture_method'], 'automatic')
        single_tx = self._create_initial_transaction(self._create_order((self.desk, 1)))
        self.assertEqual(
            single_tx._stripe_prepare_payment_intent_payload()['capture_method'], 'manual'
        )

    def test_the_form_names_the_capture_method_of_the_payment(self):
        for product, method in ((self.gym, 'automatic'), (self.desk, 'manual')):
            order = self._create_order((product, 1))
            values = self.provider._stripe_get_inline_form_values(
                10,
                order.currency_id,
                self.customer.id,
                False,
                payment_method_sudo=self.payment_method,
                sale_order_id=order.id,
            )
            self.assertIn(f'"capture_method": "{method}"', values)

    # === CAPTURE === #

    def test_captured_in_whole(self):
        order = self._authorize()
        self.assertIn("121.00 were captured", self._capture(order, 121))
        self._assert_collected(order, 121, 12100)
        self.assertEqual(order.billing_authorization_id.state, 'done')

    def test_captured_in_part_and_refunded(self):
        order = self._authorize()
        self._capture(order, 50.01)
        self._assert_collected(order, 50.01, 5001)
        self.assertEqual(
            [(tx.state, tx.amount) for tx in self._get_captures_and_voids(order)],
            [('done', 50.01), ('cancel', 70.99)],
        )
        with freeze_time(DUE):
            refund_tx = self._refund(order, 50.01)
        self.assertEqual(refund_tx.state, 'done')
        self.assertEqual((order.billing_refunded, order.billing_credited), (50.01, 50.01))
        self.assertEqual(order.billing_balance, 0)
        self._assert_books_closed(order)

    def test_captured_and_the_answer_was_lost(self):
        """The look-up that follows a lost answer already finds the capture."""
        order = self._authorize()
        self.gateway.faults.add('drop_after', path='*/capture')
        self._capture(order, 100)
        self._assert_collected(order, 100, 10000)

    def test_neither_the_answer_nor_the_look_up_came(self):
        order = self._authorize()
        self.gateway.faults.add('drop_after', path='/v1/payment_intents/*', times=2)
        self.assertIn("didn't answer", self._capture(order, 100))
        (capture_tx,) = self._get_captures_and_voids(order)
        self.assertEqual((capture_tx.state, capture_tx.billing_outcome_unknown), ('pending', True))
        self.assertEqual(order.billing_status, 'active')
        for action in (order.action_open_capture, order.action_release):
            with self.assertRaisesRegex(UserError, "being captured or released already"):
                action()
        self._run_at(minutes=4)
        self.assertEqual(capture_tx.state, 'pending')
        self._run_at(minutes=6)
        self._assert_collected(order, 100, 10000)
        self.assertFalse(order.activity_ids)

    def test_the_request_was_lost(self):
        order = self._authorize()
        self.gateway.faults.add('drop_before', path='*/capture')
        self.assertIn("didn't answer", self._capture(order, 100))
        self.assertEqual(self._get_captures_and_voids(order).state, 'pending')
        self._run_at(minutes=6)
        self._assert_collected(order, 100, 10000)

    def test_an_error_is_repeated_under_the_key_until_it_is_forgotten(self):
        order = self._authorize()
        self.gateway.faults.add('error_before', path='*/capture', times=None)
        self._capture(order, 100)
        self._run_at(minutes=6)
        (capture_tx,) = self._get_captures_and_voids(order)
        self.assertEqual(capture_tx.state, 'pending')
        self.gateway.faults.clear()
        self._run_at(hours=26)
        self.assertEqual(capture_tx.state, 'error')
        self.assertEqual(order.billing_status, 'active')
        self._capture(order, 90, hours=27)
        self._assert_collected(order, 90, 9000)

    def test_a_worker_died_during_the_call(self):
        order = self._authorize()
        with freeze_time(DUE):
            capture_tx = order._billing_create_capture(100)
            capture_tx.billing_sent_date = DUE
            self._post(
                f'payment_intents/{order.billing_authorization_id.provider_reference}/capture',
                amount_to_capture=10000,
            )
        self.assertEqual(capture_tx.state, 'draft')
        self._run_at(minutes=20)
        self.assertEqual(capture_tx.state, 'pending')
        self._run_at(minutes=26)
        self._assert_collected(order, 100, 10000)
        self.assertEqual(capture_tx.state, 'done')

    def test_captured_at_the_provider(self):
        order = self._authorize()
        tx = order.billing_authorization_id
        self._post(f'payment_intents/{tx.provider_reference}/capture', amount_to_capture=7000)
        with freeze_time(DUE):
            for _copy in range(2):
                tx._billing_refresh_authorization()
        self._run_at(minutes=1)
        self._assert_collected(order, 70, 7000)

    def test_captured_at_the_provider_while_staff_capture_another_amount(self):
        order = self._authorize()
        tx = order.billing_authorization_id
        self._post(f'payment_intents/{tx.provider_reference}/capture', amount_to_capture=7000)
        self.assertIn("refused", self._capture(order, 100))
        self._run_at(minutes=1)
        self._assert_collected(order, 70, 7000)

    def test_currencies(self):
        for currency, price, part, minor_units in (
            ('JPY', 1001, 733, 733),
            ('KWD', 10.0, 7.33, 7330),
        ):
            with self.subTest(currency):
                order = self._authorize(price, currency=currency)
                self._capture(order, part)
                self._assert_collected(order, part, minor_units)

    # === RELEASE === #

    def test_released(self):
        order = self._authorize()
        self.assertIn("121.00 were released", self._release(order))
        self._assert_collected(order, 0, 0)
        self.assertFalse(order.activity_ids)

    def test_released_and_the_answer_was_lost(self):
        order = self._authorize()
        self.gateway.faults.add('drop_after', path='/v1/payment_intents/*', times=2)
        self._release(order)
        self.assertEqual(order.billing_status, 'active')
        self._run_at(minutes=6)
        self._assert_collected(order, 0, 0)
        self.assertEqual(order.billing_authorization_id.state, 'cancel')
        self.assertFalse(order.activity_ids)

    def test_a_person_finds_a_release_executed(self):
        order = self._authorize()
        self.gateway.faults.add('error_before', path='/v1/payment_intents/*', times=None)
        self._release(order)
        (release_tx,) = self._get_captures_and_voids(order)
        release_tx.with_user(self.billing_manager).action_was_executed()
        order.billing_authorization_id._post_process()
        self.assertEqual(release_tx.state, 'cancel')
        self._assert_collected(order, 0, 0)

    # === EXPIRY === #

    def test_staff_are_reminded_once_and_then_it_expires(self):
        order = self._authorize()
        with freeze_time(DUE):
            self.assertEqual(order.billing_capture_deadline, DUE + timedelta(days=7))
        self._run_at(days=4, hours=23)
        self.assertFalse(order.activity_ids)
        self._run_at(days=5)
        self.assertEqual(
            order.activity_ids.mapped('summary'),
            [f"Capture or release the payment of {order.name}"],
        )
        order.activity_ids.unlink()
        self._run_at(days=5, hours=1)
        self.assertFalse(order.activity_ids)
        self._let_expire(days=7, minutes=1)
        self._run_at(days=7, minutes=2)
        self._assert_collected(order, 0, 0)
        self.assertEqual(
            order.activity_ids.mapped('summary'), [f"The authorisation of {order.name} has ended"]
        )

    def test_a_capture_that_comes_too_late_says_so(self):
        order = self._authorize()
        self._let_expire(days=8)
        self.assertIn("refused", self._capture(order, 121, days=8))
        self._assert_collected(order, 0, 0)
