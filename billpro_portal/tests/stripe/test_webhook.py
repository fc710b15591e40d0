import json
from datetime import timedelta

from freezegun import freeze_time

from odoo.exceptions import AccessError
from odoo.tests import tagged

from fake_gateway.webhooks import signature as sign

from ...billing.stripe_messages import EVENT_TYPES
from ..common.gateway import DUE, GatewayCommon
from ..common.webhook import SECRET, WebhookCommon


@tagged('post_install', '-at_install')
class TestWebhookVerification(WebhookCommon):
    """Only messages that the account's secret has signed are taken."""

    def setUp(self):
        super().setUp()
        intent = self._lose_answer()
        (self.message,) = self._find_messages('payment_intent.succeeded', payment=intent['id'])

    def _assert_refused(self, **options):
        with freeze_time(DUE):
            self.assertEqual(self._deliver(self.message, **options), 403)
            self._process()
        self.assertFalse(self._get_events())
        self.assertEqual(self.event.status, 'unknown')
        self.assertEqual(self.provider.webhook_refused_date, DUE)

    def test_unsigned(self):
        self._assert_refused(signature='')

    def test_nonsense(self):
        self._assert_refused(signature='t=now,v1=none')
        self._assert_refused(signature=f't={int(DUE.timestamp())},v1=é'.encode())

    def test_wrong_secret(self):
        self._assert_refused(secret='whsec_wrong')

    def test_old(self):
        self._assert_refused(age=301)

    def test_without_secret(self):
        """Stock Odoo takes everything then."""
        self.provider.stripe_webhook_secret = False
        self._assert_refused()

    def test_other_content(self):
        payload = json.dumps(self.message)
        signature = sign(payload.encode(), SECRET, int(DUE.timestamp()))
        self.message['data']['object']['amount'] = 1
        self._assert_refused(signature=signature)

    def test_genuine(self):
        with freeze_time(DUE):
            self.assertEqual(self._deliver(self.message, age=299), 200)
        self.assertRecordValues(
            self._get_events(),
            [
                {
                    'event_id': self.message['id'],
                    'provider_id': self.provider.id,
                    'event_type': 'payment_intent.succeeded',
                    'payment_reference': self.message['data']['object']['id'],
                    'reference': self.event.transaction_ids.reference,
                    'state': 'received',
                }
            ],
        )
        self.assertEqual(self.event.status, 'unknown')


@tagged('post_install', '-at_install')
class TestWebhook(WebhookCommon):
    """What becomes of messages."""

    def test_a_lost_answer(self):
        intent = self._lose_answer()
        messages = self._find_messages('payment_intent.succeeded', payment=intent['id'])
        with freeze_time(DUE):
            self._deliver_all(messages)
            self._process()
        self._assert_charged_once()
        self.assertEqual(self._get_events().state, 'processed')
        self.assertEqual(self._get_events().order_id, self.order)
        self._run_at(minutes=6)
        self._assert_charged_once()

    def test_twice(self):
        intent = self._lose_answer()
        messages = self._find_messages('payment_intent.succeeded', payment=intent['id'])
        with freeze_time(DUE):
            self._deliver_all(messages * 3)
            self._process()
            self._deliver_all(messages)
            self._process()
            later = {**messages[0], 'id': 'evt_later', 'type': 'payment_intent.processing'}
            self._deliver_all([later])
            notes = len(self.event.invoice_id.message_ids)
            self._process()
        self.assertEqual(len(self._get_events()), 2)
        self.assertEqual(self._get_events().mapped('tries'), [1, 1])
        # What is booked isn't booked, and logged, once more.
        self.assertEqual(len(self.event.invoice_id.message_ids), notes)
        self._assert_charged_once()

    def test_days_late(self):
        """After a person has given the payment up, and it was collected once more."""
        self.gateway.faults.add('drop_after', path='/v1/payment_intents')
        self._run_at()
        tx = self.event.transaction_ids
        intent = self._find_intent(tx)
        with freeze_time(DUE + timedelta(days=2)):
            self.event.with_user(self.billing_manager).action_was_not_charged()
        self.assertEqual(self.event.status, 'soft_declined')
        with freeze_time(DUE + timedelta(days=2, hours=1)):
            self._deliver_all(self._find_messages('payment_intent.succeeded', payment=intent['id']))
            self._process()
        self.assertEqual((self.event.status, tx.state), ('recovered', 'done'))
        self.assertEqual(self.order.billing_status, 'active')
        self._run_at(days=9)
        self.assertEqual(self.event.transaction_ids, tx)
        self.assertEqual(self.order.billing_paid, 48.4)
        self._assert_books_closed(self.order)

    def test_in_another_order(self):
        """The decline is reported after the approval of the same payment."""
        intent = self._lose_answer()
        (succeeded,) = self._find_messages('payment_intent.succeeded', payment=intent['id'])
        failed = {**succeeded, 'id': 'evt_earlier', 'type': 'payment_intent.payment_failed'}
        with freeze_time(DUE):
            self._deliver_all([succeeded])
            self._process()
            self._deliver_all([failed])
            self._process()
        self.assertEqual(self._get_events().mapped('state'), ['processed', 'processed'])
        self._assert_charged_once()

    def test_an_initial_payment_charged_by_staff_is_declined_later(self):
        self.gateway.settings.processing_payments = 1
        with freeze_time(DUE):
            order = self._create_order((self.gym, 1))
            token = self._create_token()
            with self._committing_env() as env:
                card = env['payment.token'].browse(token.id)
                env['sale.order'].browse(order.id)._billing_create_initial_charge(
                    card, has_consent=True
                )._billing_charge_by_staff()
            tx = order.billing_transaction_ids
            self.assertEqual((tx.state, order.billing_status), ('pending', 'pending'))
            intent = self.gateway.settle_payment(tx.provider_reference, succeeds=False)
            self._deliver_all(
                self._find_messages('payment_intent.payment_failed', payment=intent['id'])
            )
            self._process()
        self.assertEqual((tx.state, order.billing_status), ('error', 'rejected'))
        self.assertFalse(order.billing_move_ids)

    def test_before_the_answer(self):
        """The worker died during the call, and the message is faster than the next run."""
        with freeze_time(DUE):
            run = self.env['billpro.billing.run']
            tx = run._open(run._get_due_domain())
            tx.billing_sent_date = DUE
            tx._stripe_create_intent()
            self.assertEqual((self.event.status, tx.state), ('processing', 'draft'))
            self._deliver_all(
                self._find_messages('payment_intent.succeeded', payment=self._find_intent(tx)['id'])
            )
            self._process()
        self._assert_charged_once()
        self._run_at(minutes=5)
        self._assert_charged_once()

    def test_the_provider_does_not_answer(self):
        intent = self._lose_answer()
        self.gateway.faults.add('error_before', path='/v1/payment_intents/*', times=2)
        with freeze_time(DUE):
            self._deliver_all(self._find_messages('payment_intent.succeeded', payment=intent['id']))
            self._process()
            event = self._get_events()
            self.assertEqual((event.state, event.tries), ('received', 1))
            self.assertEqual(event.next_try, DUE + timedelta(minutes=1))
            self._process()
            self.assertEqual(event.tries, 1)
        with freeze_time(DUE + timedelta(minutes=1)):
            self._process()
            self.assertEqual(event.next_try, DUE + timedelta(minutes=6))
        with freeze_time(DUE + timedelta(minutes=6)):
            self._process()
        self.assertEqual((event.state, event.tries), ('processed', 3))
        self._assert_charged_once()

    def test_given_up_and_processed_again(self):
        intent = self._lose_answer()
        self.gateway.faults.add('error_before', path='/v1/payment_intents/*', times=6)
        moment = DUE
        with freeze_time(moment):
            self._deliver_all(self._find_messages('payment_intent.succeeded', payment=intent['id']))
        event = self._get_events()
        for minutes in (0, 1, 5, 30, 120, 720):
            moment += timedelta(minutes=minutes)
            with freeze_time(moment):
                self._process()
        self.assertEqual((event.state, event.tries), ('failed', 6))
        self.assertFalse(event.transaction_id)
        with self.assertRaises(AccessError):
            event.with_user(self.salesperson).action_process_again()
        with freeze_time(moment):
            event.with_user(self.billing_manager).action_process_again()
            self._process()
        self.assertEqual(event.state, 'processed')
        self._assert_charged_once()

    def test_payments_that_are_not_ours(self):
        """Another shop on the account, and a payment of ours that Odoo has no more."""
        foreign = self._pay_by_reference("Another shop's order")
        lost = self._pay_by_reference(
            'S09999-E1-A1',
            **{
                'metadata[odoo_reference]': 'S09999-E1-A1',
                'metadata[odoo_order]': 'S09999',
            },
        )
        for intent, states in ((foreign, []), (lost, ['failed'])):
            self._deliver_all(self._find_messages('payment_intent.succeeded', payment=intent['id']))
            self._process()
            self.assertEqual(self._get_events().mapped('state'), states)
        self.assertEqual(self._get_events().message, "No payment S09999-E1-A1 in Odoo.")

    def test_the_message_of_another_account(self):
        """Two accounts number their payments alike."""
        intent = self._lose_answer()
        other = self.provider.copy({'stripe_webhook_secret': 'whsec_other'})
        (message,) = self._find_messages('payment_intent.succeeded', payment=intent['id'])
        with freeze_time(DUE):
            self.assertEqual(self._deliver(message, secret='whsec_other'), 200)
            event = self._get_events()
            self.assertEqual(event.provider_id, other)
            self.assertFalse(event._find_transaction())
            # Both accounts can send a message of the same number.
            self._deliver_all([message])
            self._process()
        self.assertEqual(len(self._get_events()), 2)
        self._assert_charged_once()

    def test_types_that_nobody_asked_for(self):
        intent = self._lose_answer()
        (message,) = self._find_messages('payment_intent.succeeded', payment=intent['id'])
        self._deliver_all([{**message, 'type': 'customer.created'}])
        self.assertFalse(self._get_events())


@tagged('post_install', '-at_install')
class TestWebhookRegistration(GatewayCommon):
    """The webhook is made with one click."""

    def _get_endpoints(self):
        return [one for one in self.gateway.find_all('webhook_endpoint') if not one.get('deleted')]

    def test_one_click(self):
        self.provider.stripe_webhook_secret = False
        self.provider.action_billpro_create_webhook()
        self.assertFalse(self.provider.billpro_is_webhook_outdated)
        (endpoint,) = self._get_endpoints()
        self.assertEqual(endpoint['url'], self.provider._get_stripe_webhook_url())
        self.assertEqual(endpoint['enabled_events'], list(EVENT_TYPES))
        self.assertEqual(endpoint['api_version'], '2022-08-01')
        secret = self.provider.stripe_webhook_secret
        self.assertTrue(secret.startswith('whsec_'))
        self._post(f'webhook_endpoints/{endpoint["id"]}', **{'enabled_events[]': 'charge.refunded'})
        self.provider.action_billpro_create_webhook()
        (endpoint,) = self._get_endpoints()
        self.assertEqual(endpoint['enabled_events'], list(EVENT_TYPES))
        self.assertEqual(self.provider.stripe_webhook_secret, secret)
        self.provider.stripe_webhook_secret = False
        self.provider.action_billpro_create_webhook()
        (renewed,) = self._get_endpoints()
        self.assertNotEqual(renewed['id'], endpoint['id'])
        self.assertNotIn(self.provider.stripe_webhook_secret, (False, secret))

    def test_an_older_one_is_replaced(self):
        """Earlier releases made it by the version of `payment_stripe`."""
        url = self.provider._get_stripe_webhook_url()
        old = self.gateway.add_webhook(url, 'whsec_test', api_version='2019-05-16')
        self.assertTrue(self.provider.billpro_is_webhook_outdated)
        self.provider.action_billpro_create_webhook()
        (endpoint,) = self._get_endpoints()
        self.assertNotEqual(endpoint['id'], old['id'])
        self.assertEqual(endpoint['api_version'], '2022-08-01')
        self.assertNotIn(self.provider.stripe_webhook_secret, (False, 'whsec_test'))
        self.assertFalse(self.provider.billpro_is_webhook_outdated)

    # === TEST OF THE CONNECTION === #

    def _test(self):
        params = self.provider.action_billpro_test_connection()['params']
        return params['type'], params['message']

    def test_connected(self):
        self.provider.stripe_webhook_secret = False
        self.provider.action_billpro_create_webhook()
        self.assertEqual(
            self._test(), ('success', "Stripe takes the key, and sends its messages here.")
        )
        self.assertEqual(self.provider.billpro_key_text, "Taken")
        self.assertTrue(self.provider.billpro_tested_date)
        self.assertEqual(self.provider.billpro_failures_text, "Nothing was tried in 30 days.")

    def test_no_webhook(self):
        kind, message = self._test()
        self.assertEqual(kind, 'warning')
        self.assertIn("Create webhook", message)

    def test_a_revoked_key(self):
        self.addCleanup(setattr, self.gateway.settings, 'revoked_keys', ())
        self.gateway.settings.revoked_keys = (self.gateway.secret_key,)
        self.assertEqual(self.provider.billpro_key_text, "Not known yet: press “Test connection”.")
        self.assertEqual(self.provider.billpro_last_success_text, "Nothing was paid yet.")
        self.assertEqual(self.provider.billpro_last_message_text, "No message has come yet.")
        self.assertEqual(self.provider.billpro_failures_text, "Nothing was tried in 30 days.")
        kind, message = self._test()
        self.assertEqual(kind, 'danger')
        self.assertIn("Expired API Key provided", message)
        self.provider.invalidate_recordset()
        self.assertIn("Expired API Key provided", self.provider.billpro_key_text)
        self.gateway.settings.revoked_keys = ()
        self._test()
        self.provider.invalidate_recordset()
        self.assertEqual(self.provider.billpro_key_text, "Taken")


@tagged('post_install', '-at_install')
class TestLostMessageOfProcessing(WebhookCommon):
    """A payment takes days at Stripe, and the message that it is through is lost."""

    def setUp(self):
        super().setUp()
        self.gateway.settings.processing_payments = 1
        self._run_at()
        self.tx = self.event.transaction_ids
        self.assertEqual((self.event.status, self.tx.state), ('processing', 'pending'))

    def _count_questions(self):
        path = f'/v1/payment_intents/{self.tx.provider_reference}'
        return len(
            [one for one in self.gateway.requests if (one['method'], one['path']) == ('GET', path)]
        )

    def test_it_is_asked_about_at_growing_distance_until_it_is_final(self):
        for delay, questions in (
            ({'minutes': 10}, 0),
            ({'minutes': 20}, 1),
            ({'minutes': 22}, 1),
            ({'minutes': 30}, 2),
            ({'minutes': 60}, 2),
            ({'hours': 2}, 3),
            ({'hours': 20}, 3),
            ({'days': 2}, 4),
        ):
            self._run_at(**delay)
            self.assertEqual((self.event.status, self.tx.state), ('processing', 'pending'))
            self.assertEqual(self._count_questions(), questions, delay)
        self.gateway.settle_payment(self.tx.provider_reference)
        self._run_at(days=4)
        self.assertEqual((self.event.status, self.tx.state), ('completed', 'done'))
        self._assert_charged_once()

    def test_it_is_returned_in_the_end(self):
        self.gateway.settle_payment(self.tx.provider_reference, succeeds=False)
        self._run_at(minutes=20)
        self.assertEqual((self.event.status, self.tx.state), ('soft_declined', 'error'))
        self.assertEqual(self.order.billing_status, 'failed')
        self.assertEqual(self.event.transaction_ids, self.tx)
