import re
from datetime import datetime

from freezegun import freeze_time

from odoo.tests import new_test_user, tagged

from ..common.cards import NEEDS_BANK
from ..common.nightly import nightly
from ..common.stripe_checkout import ORDERED, StripeCheckoutCommon

# What the gateway notes of the cards that the tour tries one after the other, in that order.
DECLINES = [
    ('card_declined', 'generic_decline'),
    ('card_declined', 'insufficient_funds'),
    ('card_declined', 'lost_card'),
    ('card_declined', 'stolen_card'),
    ('expired_card', 'expired_card'),
    ('incorrect_cvc', 'incorrect_cvc'),
    ('processing_error', 'processing_error'),
    ('card_declined', 'card_velocity_exceeded'),
    ('card_declined', 'fraudulent'),
    ('card_declined', 'generic_decline'),
    ('card_declined', 'insufficient_funds'),
    ('card_declined', 'generic_decline'),
]


@tagged('post_install', '-at_install')
class TestStripeCheckout(StripeCheckoutCommon):
    """Single payments."""

    @nightly("Paid with after the bank was left without an answer for each change.")
    def test_visa(self):
        self._assert_paid_once(self._pay('visa'), 121.0)
        self.assertEqual(self._movements(), [('charge', 12100)])

    @nightly("One more card.")
    def test_mastercard(self):
        self._assert_paid_once(self._pay('mastercard'), 121.0)
        self.assertEqual(self._movements(), [('charge', 12100)])

    @nightly("One more card.")
    def test_amex(self):
        self._assert_paid_once(self._pay('amex'), 121.0)
        self.assertEqual(self._movements(), [('charge', 12100)])

    @nightly("To the checkout it is one more card.")
    def test_disputed(self):
        """The payment is approved; the cardholder disputes it afterwards."""
        self._assert_paid_once(self._pay('disputed'), 121.0)
        self.assertEqual(self._movements(), [('charge', 12100), ('dispute', 12100)])

    @nightly("Confirmed at the first payment of a subscription for each change.")
    def test_the_bank_always_asks(self):
        order = self._pay('bank_always')
        self._assert_paid_once(order, 121.0)
        self.assertEqual(self._charges(order.billing_transaction_ids), [(None, None)])

    @nightly("One more card that the bank asks about.")
    def test_the_bank_asks_on_request(self):
        self._assert_paid_once(self._pay('bank_requested'), 121.0)


@tagged('post_install', '-at_install')
class TestStripeScript(StripeCheckoutCommon):
    """Who is sent to Stripe: customers to whom its form is shown, not all who open an order."""

    def _get_scripts(self, order):
        page = self.url_open(self._link(order))
        self.assertIn('o_payment_form', page.text)
        return re.findall(r'<script[^>]*src="([^"]*/v3/)"', page.text)

    def test_pages_of_orders_wait_for_no_script(self):
        with freeze_time(ORDERED):
            order = self._create_order((self.desk, 1))
            order._portal_ensure_token()
            self.assertEqual(self._get_scripts(order), [])

    def test_other_providers_need_no_script_of_stripe(self):
        self.env['payment.provider'].search([('code', '=', 'demo')]).state = 'test'
        self.provider.state = 'disabled'
        with freeze_time(ORDERED):
            order = self._create_order((self.desk, 1))
            order._portal_ensure_token()
            page = self.url_open(self._link(order))
        self.assertIn('o_payment_form', page.text)
        self.assertNotIn('/v3/', page.text)

    def test_other_pages_are_as_without_the_addon(self):
        self.authenticate('admin', 'admin')
        page = self.url_open('/my/payment_method')
        scripts = re.findall(r'<script[^>]*src="([^"]*/v3/)"', page.text)
        self.assertEqual(scripts, [self.gateway.script_url])


@tagged('post_install', '-at_install')
class TestStripeSubscription(StripeCheckoutCommon):
    """Cards that are saved at the checkout and charged later."""

    @nightly("One more card: that of Visa is paid with for each change.")
    def test_mastercard(self):
        order = self._subscribe('subscription_mastercard')
        self._assert_paid_once(order, 24.2, 'active')
        self._assert_card(order, 'mastercard', '4444')
        self._assert_second_payment(order)

    @nightly("A bank that always asks is answered for each change.")
    def test_the_bank_asks_once(self):
        order = self._subscribe('subscription_bank_once')
        self._assert_paid_once(order, 24.2, 'active')
        self._assert_card(order, 'visa', '3155')
        self._assert_second_payment(order)

    @nightly("A bank that always asks is answered for a payment for each change.")
    def test_the_bank_asks_once_to_save_a_card(self):
        order = self._subscribe('register_bank_once', trial_days=31)
        self._assert_registered(order)
        self._run_on(2, 10)
        self.assertEqual(self._movements(), [('charge', 2420)])
        self.assertEqual((order.billing_status, order.billing_paid), ('active', 24.2))
        self._assert_books_closed(order)

    def test_the_bank_always_asks(self):
        """The customer of a later payment comes from the mail and confirms that same payment."""
        order = self._subscribe('subscription_bank_always')
        self._assert_paid_once(order, 24.2, 'active')
        self._run_on(2, 10)
        event = order.billing_event_ids.sorted('number')[0]
        tx = event.transaction_ids
        intent = tx.provider_reference
        self.assertEqual((event.status, order.billing_status), ('action_required', 'failed'))
        self.assertEqual((tx.state, tx.billing_action_required), ('pending', True))
        self.assertEqual(self._movements(), [('charge', 2420)])
        self.assertEqual(self._kinds(order), ['purchase_confirmation', 'payment_authentication'])
        with freeze_time(datetime(2027, 2, 10, 12), tick=True):
            self.start_tour(self._get_mailed_link(order), 'billpro_portal.bank_confirms')
        self.assertEqual(event.transaction_ids, tx)
        self.assertEqual((tx.provider_reference, tx.state), (intent, 'done'))
        self.assertEqual(self._movements(), [('charge', 2420), ('charge', 2420)])
        [_first, second] = self.gateway.ledger.movements()[self.past_movements :]
        self.assertEqual(second.payment_intent, intent)
        self.assertEqual((event.status, event.attempt_count), ('recovered', 1))
        self.assertEqual((order.billing_status, order.billing_paid), ('active', 48.4))
        self._assert_books_closed(order)
        self._assert_nothing_left(order, datetime(2027, 2, 12, 10))

    def test_the_bank_asks_about_a_stored_card(self):
        with freeze_time(ORDERED):
            order = self._create_order((self.gym, 1))
            order._portal_ensure_token()
            card = self._create_token()
            self.gateway.treat_card_as(card.stripe_payment_method, NEEDS_BANK)
            user = new_test_user(self.env, login='anna', groups='base.group_portal')
            user.partner_id = self.customer
        with freeze_time(ORDERED, tick=True):
            self.start_tour(self._link(order), 'billpro_portal.stripe_stored_card', login='anna')
        tx = order.billing_transaction_ids
        self.assertEqual((tx.state, tx.operation, tx.amount), ('done', 'online_token', 24.2))
        self.assertEqual(self._movements(), [('charge', 2420)])
        self.assertEqual((order.billing_status, order.billing_paid), ('active', 24.2))
        self._assert_books_closed(order)

    def _get_mailed_link(self, order):
        """Send the notices; return the link in the mail that asks to confirm a payment."""
        with (
            freeze_time(datetime(2027, 2, 10, 11)),
            self.enter_registry_test_mode(),
        ):
            self.env.ref('billpro_portal.cron_send_notifications').method_direct_trigger()
        self.env.invalidate_all()
        notice = order.billing_notification_ids.filtered(
            lambda one: one.kind == 'payment_authentication'
        )
        body = notice.message_id.body.replace('&amp;', '&')
        return re.search(r'/order/[^"\s]+', body).group()

    @nightly("Such a card is charged by the run for each change.")
    def test_a_card_that_can_be_saved_but_not_charged(self):
        order = self._subscribe('register_charge_fails', trial_days=31)
        self._assert_registered(order)
        self._run_on(2, 10)
        event = order.billing_event_ids.sorted('number')[0]
        self.assertEqual((event.status, order.billing_status), ('soft_declined', 'failed'))
        self.assertEqual((order.billing_paid, self._movements()), (0, []))
        self.assertEqual(self._kinds(order), ['purchase_confirmation', 'payment_declined'])
        self.assertNotIn('posted', order.billing_move_ids.mapped('state'))

    @nightly("Declined payments are tried again in a browser for each change.")
    def test_declined_registrations(self):
        """One card after the other for the same trial, and at last one that is saved."""
        order = self._subscribe('register_declines', trial_days=31)
        self._assert_registered(order)
        self._assert_card(order, 'visa', '4242')


@tagged('post_install', '-at_install')
class TestStripeScheduledDeclines(StripeCheckoutCommon):
    """Saved cards that are declined when a payment is due."""

    def _check(self, number, decline_code, *, is_final):
        order = self._create_active_order()
        order.billing_notification_ids.unlink()
        self._treat_card_as(order, number)
        self._run_on(2, 10)
        event = order.billing_event_ids.sorted('number')[0]
        tx = event.transaction_ids
        self.assertEqual(
            (event.status, order.billing_status, self._kinds(order)),
            ('hard_declined', 'suspended', ['payment_failed'])
            if is_final
            else ('soft_declined', 'failed', ['payment_declined']),
        )
        self.assertEqual((len(tx), tx.state), (1, 'error'))
        self.assertEqual(tx.billing_decline_code or tx.billing_error_code, decline_code)
        self.assertEqual((order.billing_paid, self._movements()), (24.2, []))
        with freeze_time(datetime(2027, 2, 10, 11)):
            self.assertAlmostEqual(order.billing_outstanding, 24.2, places=2)
        self.assertEqual(
            order.billing_move_ids.filtered(lambda move: move.state == 'posted').mapped(
                'payment_state'
            ),
            ['paid'],
        )

    def test_generic_decline(self):
        self._check('4000000000000002', 'generic_decline', is_final=False)

    @nightly("A card of each class is charged, and each code classified, for each change.")
    def test_insufficient_funds(self):
        self._check('4000000000009995', 'insufficient_funds', is_final=False)

    def test_lost_card(self):
        self._check('4000000000009987', 'lost_card', is_final=True)

    @nightly("A card of each class is charged, and each code classified, for each change.")
    def test_stolen_card(self):
        self._check('4000000000009979', 'stolen_card', is_final=True)

    @nightly("A card of each class is charged, and each code classified, for each change.")
    def test_expired_card(self):
        self._check('4000000000000069', 'expired_card', is_final=True)

    @nightly("A card of each class is charged, and each code classified, for each change.")
    def test_incorrect_cvc(self):
        self._check('4000000000000127', 'incorrect_cvc', is_final=False)

    @nightly("A card of each class is charged, and each code classified, for each change.")
    def test_processing_error(self):
        self._check('4000000000000119', 'processing_error', is_final=False)

    @nightly("A card of each class is charged, and each code classified, for each change.")
    def test_velocity_exceeded(self):
        self._check('4000000000006975', 'card_velocity_exceeded', is_final=False)

    @nightly("A card of each class is charged, and each code classified, for each change.")
    def test_fraudulent(self):
        self._check('4100000000000019', 'fraudulent', is_final=True)


@tagged('post_install', '-at_install')
class TestStripeCheckoutOnPhone(StripeCheckoutCommon):
    browser_size = '360x740'
    touch_enabled = True

    @nightly("Walked on a desktop for each change.")
    def test_the_bank_always_asks(self):
        self._assert_paid_once(self._pay('bank_always'), 121.0)


@tagged('post_install', '-at_install')
class TestStripeSecondTry(StripeCheckoutCommon):
    """Customers who try again at the same checkout: it is one and the same payment."""

    @nightly("Cards are declined one after the other at a registration for each change.")
    def test_declines(self):
        """One card after the other at the same checkout, and at last one that is approved."""
        order = self._pay('declines')
        self._assert_paid_once(order, 121.0)
        self.assertEqual(self._movements(), [('charge', 12100)])
        # All of them, and the approval, are attempts at one and the same payment.
        self.assertEqual(self._charges(order.billing_transaction_ids), [*DECLINES, (None, None)])

    @nightly("A bank refuses a registration, and confirms a payment, for each change.")
    def test_the_bank_refuses_and_then_confirms(self):
        order = self._pay('bank_refuses')
        self._assert_paid_once(order, 121.0)
        self.assertEqual(self._charges(order.billing_transaction_ids), [(None, None)])

    def test_the_bank_is_left_without_an_answer(self):
        order = self._pay('bank_left')
        self._assert_paid_once(order, 121.0)
        self.assertEqual(self._charges(order.billing_transaction_ids), [(None, None)])
