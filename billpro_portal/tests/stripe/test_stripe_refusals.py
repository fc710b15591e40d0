from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import ValidationError
from odoo.tests import tagged

from ..common.gateway import DUE
from ..common.webhook import WebhookCommon


@tagged('post_install', '-at_install')
class TestInvalidRequests(WebhookCommon):
    """What Stripe can't have as it is asked for: no card is to blame, and no customer.

    Stripe documentation, "Error codes": `amount_too_small`, `resource_missing`.
    """

    def _collect(self):
        notices = self.order.billing_notification_ids
        self._run_at()
        self.new_notices = self.order.billing_notification_ids - notices
        return self.event.transaction_ids.sorted('id')[-1:]

    def _get_exceptions(self):
        self.env.flush_all()
        return self.env['billpro.billing.exception'].search([('order_id', '=', self.order.id)])

    def _assert_left_to_staff(self, tx, reason):
        self.assertEqual((tx.state, tx.billing_refusal), ('cancel', 'invalid'))
        self.assertIn(reason, tx.state_message)
        self.assertEqual(
            (self.event.status, self.event.decline_class, self.event.retry_date),
            ('scheduled', False, False),
        )
        self.assertEqual(self.order.billing_status, 'active')
        self.assertFalse(self.new_notices)
        (exception,) = self._get_exceptions()
        self.assertEqual((exception.kind, exception.event_id), ('set_aside', self.event))
        self.assertIn(reason, exception.reason)
        (activity,) = self.order.activity_ids
        self.assertIn(f"Payment {self.event.display_name} can't be collected so", activity.summary)

    def test_an_amount_that_is_too_small(self):
        self.event._set_amount(0.3)
        self._assert_left_to_staff(self._collect(), "Amount must be at least 0.50 usd")
        # Nothing is tried again by itself, and nobody is asked again.
        self._run_at(hours=2)
        self._run_at(days=2)
        self.assertEqual(len(self.event.transaction_ids), 1)
        self.assertEqual(len(self.order.activity_ids), 1)

    def test_the_customer_reads_of_no_decline(self):
        """Neither at once nor when it is overdue: no card is to blame, and paying is no use."""
        self.event._set_amount(0.3)
        self._collect()
        self.order._portal_ensure_token()
        for hours in (0, 2, 50):
            with self.subTest(hours), freeze_time(DUE + timedelta(hours=hours)):
                self.env.flush_all()
                page = self.url_open(self._link(self.order)).text
                self.assertNotIn("declined", page)
                self.assertNotIn(self._link(self.order, '/pay').replace('&', '&amp;'), page)
                self.assertIn("We see to a payment", page)
        self.assertEqual(self.order.billing_status, 'active')

    def test_overdue_for_want_of_a_run_is_no_decline(self):
        self.order._portal_ensure_token()
        with freeze_time(DUE + timedelta(hours=2)):
            self.env.flush_all()
            page = self.url_open(self._link(self.order)).text
        self.assertNotIn("declined", page)
        self.assertIn("is still to pay", page)
        self.assertIn("you can also pay now", page)

    def test_it_is_collected_once_it_is_mended(self):
        self.event._set_amount(0.3)
        refused = self._collect()
        self.event._set_amount(24.2)
        with freeze_time(DUE + timedelta(hours=1)):
            self._get_exceptions().with_user(self.billing_manager).action_try_again()
        self._run_at(hours=1)
        tx = self.event.transaction_ids - refused
        self.assertEqual((tx.state, self.event.status), ('done', 'completed'))
        self.assertFalse(self._get_exceptions())
        charges = self.gateway.ledger.movements(kind='charge', description=tx.reference)
        self.assertEqual([charge.amount for charge in charges], [2420])
        self._assert_books_closed(self.order)

    def test_a_key_of_the_other_mode(self):
        token = self.order.billing_token_id
        self._set('live_objects', (token.provider_ref,))
        self._assert_left_to_staff(self._collect(), "a similar object exists in live mode")

    def _assert_stays_unknown(self, refuse):
        """Lose an answer, let other keys ask for it, and find it when the keys are back.

        :param Callable refuse: Lets the gateway refuse the repeated request.
        """
        self.gateway.faults.add('drop_after', path='/v1/payment_intents')
        tx = self._collect()
        self.assertEqual((tx.state, self.event.status), ('pending', 'unknown'))
        # Another account has other requests and payments.
        self.gateway.store.answers.clear()
        self._set('search_delay', 30 * 24 * 3600)
        refuse()
        for delay in ({'minutes': 6}, {'hours': 30}, {'hours': 60}):
            self._run_at(**delay)
            self.assertEqual((tx.state, tx.billing_outcome_unknown), ('pending', True))
            self.assertEqual((self.event.status, self.event.transaction_ids), ('unknown', tx))
        self.assertFalse(self.new_notices)
        self.assertEqual(self.order.activity_ids.summary, f"Was {tx.reference} executed?")
        self.gateway.settings.live_objects = ()
        self.gateway.settings.search_delay = 0
        self._run_at(days=4)
        self.assertEqual((tx.state, self.event.status), ('done', 'completed'))
        charges = self.gateway.ledger.movements(kind='charge', description=tx.reference)
        self.assertEqual([charge.amount for charge in charges], [2420])
        self._assert_books_closed(self.order)

    def test_a_lost_answer_and_keys_of_the_other_mode(self):
        customer = self.order.billing_token_id.provider_ref
        self._assert_stays_unknown(lambda: self._set('live_objects', (customer,)))

    def test_a_lost_answer_and_keys_of_another_account(self):
        self._assert_stays_unknown(self._delete_customer)

    def test_what_was_declined_is_owed_as_it_was(self):
        self.order.billing_token_id = self._create_token('pm_card_chargeCustomerFail')
        self._collect()
        self.assertEqual(self.event.status, 'soft_declined')
        refused_on = self.event.first_declined_date
        self._set('live_objects', (self.order.billing_token_id.provider_ref,))
        self._run_at(days=1, hours=1)
        tx = self.event.transaction_ids.sorted('id')[-1]
        self.assertEqual((tx.state, tx.billing_refusal), ('cancel', 'invalid'))
        self.assertEqual(
            (self.event.status, self.event.first_declined_date), ('soft_declined', refused_on)
        )
        self.assertEqual(len(self.event._get_attempt_dates()), 1)  # No bank has seen the other one.
        self.assertEqual(self.order.billing_status, 'failed')

    def _set(self, name, value):
        settings = self.gateway.settings
        self.addCleanup(setattr, settings, name, getattr(settings, name))
        setattr(settings, name, value)

    def _assert_needs_card(self):
        tx = self._collect()
        self.assertEqual((tx.state, tx.billing_decline_class), ('error', 'hard'))
        self.assertEqual((self.event.status, self.event.retry_date), ('hard_declined', False))
        self.assertTrue(self.new_notices)
        self.assertEqual(self._get_exceptions().kind, 'card')

    def test_a_customer_who_was_deleted(self):
        self._delete_customer()
        self._assert_needs_card()

    def _delete_customer(self):
        customer = self.order.billing_token_id.provider_ref
        with self.gateway._session() as session:
            record = session.get('customer', customer)
            session.save(record | {'deleted': True})

    def test_a_card_that_was_detached(self):
        self._post(f'payment_methods/{self.order.billing_token_id.stripe_payment_method}/detach')
        self._assert_needs_card()


@tagged('post_install', '-at_install')
class TestRefusedKeys(WebhookCommon):
    """Keys that Stripe doesn't take any more, and too many requests.

    Stripe documentation, "API keys", "Rate limits".
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.orders = cls.order + cls._create_active_order() + cls._create_active_order()
        cls.events = cls.orders.billing_event_ids

    def setUp(self):
        super().setUp()
        self.requests = len(self.gateway.requests)

    def _revoke(self):
        settings = self.gateway.settings
        self.addCleanup(setattr, settings, 'revoked_keys', ())
        settings.revoked_keys = (self.gateway.secret_key,)

    def _count_requests(self):
        return len(self.gateway.requests) - self.requests

    def _get_failures(self):
        return self.env['billpro.failure'].search(
            [('res_model', '=', 'payment.provider'), ('res_id', '=', self.provider.id)]
        )

    def _get_activities(self):
        return self.env['mail.activity'].search(
            [('summary', '=', f"{self.provider.name} refuses to charge: nothing is collected")]
        )

    def test_a_revoked_key(self):
        self._revoke()
        self._run_at()
        # One was asked for; the others of the run weren't.
        self.assertEqual(self._count_requests(), 1)
        self.assertEqual(set(self.events.transaction_ids.mapped('state')), {'draft'})
        self.assertFalse(self.events.filtered('decline_class'))
        self.assertEqual(set(self.orders.mapped('billing_status')), {'active'})
        self.assertEqual(len(self._get_activities()), 1)
        self.env.flush_all()
        exception = self.env['billpro.billing.exception'].search(
            [('failure_id', 'in', self._get_failures().ids)]
        )
        self.assertEqual(exception.kind, 'set_aside')
        self.assertIn("Expired API Key provided", exception.reason)

    def test_staff_hear_of_it_once_and_it_goes_on_by_itself(self):
        self._revoke()
        for minutes in (0, 10, 20):
            self._run_at(minutes=minutes)
        self.assertEqual(len(self._get_activities()), 1)
        self.gateway.settings.revoked_keys = ()
        self._run_at(minutes=30)
        self.assertEqual(set(self.events.mapped('status')), {'completed'})
        self.assertEqual({tx.state for tx in self.events.transaction_ids}, {'done'})
        self.assertFalse(self._get_failures())
        self.assertFalse(self._get_activities())

    def test_a_key_without_the_right(self):
        key = 'rk_test_restricted'
        self.provider.stripe_secret_key = key
        self.addCleanup(setattr, self.gateway.settings, 'allowed_paths', ('*',))
        self.gateway.settings.allowed_paths = ('/v1/customers*',)
        self._run_at()
        self.assertEqual(self._count_requests(), 1)
        self.assertIn("does not have the required permissions", self._get_failures().reason)
        self.assertEqual(len(self._get_activities()), 1)

    def _limit_after(self, charges):
        self.gateway.faults.add('rate_limit', path='/v1/payment_intents', skip=charges, times=None)
        self.enterContext(
            patch('odoo.addons.billpro_portal.models.charging.billing_run.BATCH_SIZE', 2)
        )

    def test_too_many_requests_across_batches(self):
        """A batch that got nothing ends the run: what is left is due at the next one."""
        self._limit_after(1)
        self._run_at()
        # One was through; of each batch one more asked, and none was charged twice.
        self.assertEqual(
            sorted(self.events.mapped('status')), ['completed', 'processing', 'processing']
        )
        self.assertEqual(self._count_requests(), 3)
        self.gateway.faults.clear()
        self._run_at(minutes=10)
        self.assertEqual(set(self.events.mapped('status')), {'completed'})
        references = self.events.transaction_ids.mapped('reference')
        charges = [
            charge.amount
            for reference in references
            for charge in self.gateway.ledger.movements(kind='charge', description=reference)
        ]
        self.assertEqual(charges, [2420, 2420, 2420])

    # === AT THE CHECKOUT === #

    def _pay(self):
        with freeze_time(DUE):
            order = self._create_order((self.desk, 1))
            order._portal_ensure_token()
            return order, self._post_transaction(order)

    def test_a_revoked_key_at_the_checkout(self):
        """Noted at once, once, and forgotten when a payment is through."""
        self._revoke()
        for _time in range(2):
            order, _answer = self._pay()
            self.assertEqual(order.billing_status, 'pending')
        (failure,) = self._get_failures()
        self.assertEqual(failure.task, 'refused')
        self.assertIn("Expired API Key provided", failure.reason)
        self.assertIn("Expired API Key provided", self.provider.billpro_key_text)
        self.assertEqual(len(self._get_activities()), 1)
        self.gateway.settings.revoked_keys = ()
        _order, answer = self._pay()
        number = answer['result']['client_secret'].split('_secret_')[0]
        self._post(
            f'payment_intents/{number}/confirm',
            payment_method='pm_card_visa',
            return_url='https://example.com',
        )
        self.url_open(
            '/payment/stripe/return',
            params={'reference': answer['result']['reference'], 'payment_intent': number},
            allow_redirects=False,
        )
        self.env.invalidate_all()
        self.assertFalse(self._get_failures())
        self.assertFalse(self._get_activities())

    def test_a_key_without_the_right_at_the_checkout(self):
        self.provider.stripe_secret_key = 'rk_test_restricted'
        self.addCleanup(setattr, self.gateway.settings, 'allowed_paths', ('*',))
        self.gateway.settings.allowed_paths = ('/v1/customers*',)
        self._pay()
        self.assertIn("does not have the required permissions", self._get_failures().reason)
        self.assertEqual(len(self._get_activities()), 1)

    def test_too_many_requests_at_the_checkout(self):
        """It passes by itself."""
        self.gateway.faults.add('rate_limit', path='/v1/payment_intents')
        self._pay()
        self.assertFalse(self._get_failures())

    def test_too_many_requests(self):
        """It passes by itself; staff hear of it when it doesn't."""
        self.gateway.faults.add('rate_limit', path='/v1/payment_intents', times=None)
        self._run_at()
        self.assertEqual(self._count_requests(), 1)
        self.assertEqual(self._get_failures().task, 'refused')
        self.assertFalse(self._get_activities())
        self._run_at(minutes=10)
        self._run_at(minutes=20)
        self.assertEqual(len(self._get_activities()), 1)
        self.gateway.faults.clear()
        self._run_at(minutes=30)
        self.assertFalse(self._get_failures())
        self.assertFalse(self._get_activities())


@tagged('post_install', '-at_install')
class TestAmounts(WebhookCommon):
    """Amounts that Stripe doesn't take are refused before the customer gets the order."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        others = cls.env['payment.provider'].search(
            [('company_id', '=', cls.company.id), ('id', '!=', cls.provider.id)]
        )
        others.state = 'disabled'

    def _create_sold(self, price, product=None, **terms):
        with freeze_time(DUE):
            order = self._create_order((product or self.desk, 1), **terms)
            order.order_line.write({'price_unit': price, 'tax_ids': False})
        return order

    def _assert_refused(self, order, message):
        with freeze_time(DUE), self.assertRaisesRegex(ValidationError, message):
            order.action_open_order_link()

    def test_too_small(self):
        self._assert_refused(self._create_sold(0.3), r"\$.0\.30 .*Stripe takes \$.0\.50 at least")

    def test_too_large(self):
        self._assert_refused(self._create_sold(1000000.0), r"Stripe takes \$.999,999\.99 at most")

    def test_each_period(self):
        order = self._create_sold(20.0, self.gym)
        order.billing_period_amount = 0.4
        self._assert_refused(order, r"Stripe takes \$.0\.50 at least")

    def test_what_another_provider_takes_is_not_refused(self):
        self.env.ref('payment.payment_provider_transfer').copy(
            {'company_id': self.company.id, 'state': 'enabled', 'is_published': True}
        )
        with freeze_time(DUE):
            self._create_sold(0.3).action_open_order_link()
