from datetime import timedelta

import requests
from freezegun import freeze_time

from odoo.tests import new_test_user, tagged

from ..common.cards import DECLINED_BY_BANK, GOOD, NEEDS_BANK
from ..common.gateway import DUE, GatewayCommon
from ..common.http import BillingHttpCommon


@tagged('post_install', '-at_install')
class TestStoredCardAuthentication(GatewayCommon, BillingHttpCommon):
    """Stored cards whose bank wants the customer at the initial payment.

    Stripe documentation, "Build a two-step confirmation" and "Charge a saved payment method later":
    on session an intent that requires an action is handed to Stripe.js, off session it is declined
    with `authentication_required` and can be confirmed by the customer afterwards.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['payment.provider'].search([('code', '=', 'demo')]).state = 'disabled'

    def setUp(self):
        super().setUp()
        self.enterContext(freeze_time(DUE, tick=True))
        self.order = self._create_order((self.gym, 1))
        self.order._portal_ensure_token()
        self.token = self._create_token()
        self.gateway.treat_card_as(self.token.stripe_payment_method, NEEDS_BANK)

    def _pay_with_stored_card(self):
        """Pay at the checkout as the customer's login does; return the form's answer."""
        if not self.env['res.users'].search([('login', '=', 'anna')]):
            user = new_test_user(self.env, login='anna', groups='base.group_portal')
            user.partner_id = self.customer
        self.env.flush_all()
        self.authenticate('anna', 'anna')
        return self._post_transaction(
            self.order,
            flow='token',
            token_id=self.token.id,
            payment_method_id=None,
            provider_id=self.provider.id,
        )['result']

    def _charge_by_staff(self):
        with self._committing_env(self.billing_manager) as env:
            action = env['sale.order'].browse(self.order.id).action_open_charge_card()
            wizard = env[action['res_model']].browse(action['res_id'])
            wizard.write({'token_id': self.token.id, 'has_consent': True})
            return wizard.action_charge()['params']

    def _open(self, suffix=''):
        self.env.flush_all()
        page = self.url_open(self._link(self.order, suffix))
        self.env.invalidate_all()
        return page

    def _get_intent(self, tx):
        intents = self.gateway.find_all('payment_intent')
        return next(one for one in intents if one['id'] == tx.provider_reference)

    def _confirm(self, tx, outcome='complete'):
        """Confirm the payment with the bank as Stripe.js does."""
        secret = self._get_intent(tx)['client_secret']
        key = self.gateway.publishable_key
        self._post(
            f'payment_intents/{tx.provider_reference}/confirm',
            key=key,
            client_secret=secret,
            payment_method=self.token.stripe_payment_method,
            use_stripe_sdk='true',
        )
        requests.post(
            f'{self.gateway.url}/3d_secure/{tx.provider_reference}',
            data={'client_secret': secret, 'outcome': outcome},
            headers={'Accept': 'application/json'},
            timeout=10,
        ).raise_for_status()

    def _assert_paid_once(self):
        paid = self.order.billing_transaction_ids.filtered(lambda tx: tx.state == 'done')
        self.assertEqual(paid.mapped('amount'), [24.2])
        self.assertEqual((self.order.billing_status, self.order.billing_paid), ('active', 24.2))
        references = self.order.billing_transaction_ids.mapped('reference')
        charges = [
            charge.amount
            for reference in references
            for charge in self.gateway.ledger.movements(kind='charge', description=reference)
        ]
        self.assertEqual(charges, [2420])
        self._assert_books_closed(self.order)

    def _assert_asks(self, page, tx):
        self.assertIn(f'/authenticate/{tx.id}', page.text)
        self.assertIn("Your bank wants you to confirm the payment of", page.text)
        self.assertIn('id="o_payment_form"', page.text)

    # === AT THE CHECKOUT === #

    def test_the_customer_is_asked(self):
        self.assertEqual(self._pay_with_stored_card()['state'], 'pending')
        tx = self.order.billing_transaction_ids
        self.assertEqual((tx.operation, tx.billing_action_required), ('online_token', True))
        self.assertEqual(self._get_intent(tx)['status'], 'requires_action')
        self.assertEqual(self.order.billing_status, 'pending')
        page = self.url_open('/payment/status')  # Where Odoo's form leads.
        self.assertIn(f'/authenticate/{tx.id}', page.url)
        self.assertIn("Confirm your payment", page.text)
        self.assertIn(self._get_intent(tx)['client_secret'], page.text)
        self.assertIn(self._link(self.order, '/result').replace('&', '&amp;'), page.text)
        self._assert_asks(self._open(), tx)
        self._confirm(tx)
        self.assertIn("We received your payment of", self._open('/result').text)
        self.assertFalse(tx.billing_action_required)
        self._assert_paid_once()

    def test_without_a_question_it_is_paid_at_once(self):
        self.gateway.treat_card_as(self.token.stripe_payment_method, GOOD)
        self.assertEqual(self._pay_with_stored_card()['state'], 'done')
        self._open('/result')
        self.url_open('/payment/status')
        self._assert_paid_once()

    def test_declined_by_the_bank_it_can_be_confirmed_again(self):
        self._pay_with_stored_card()
        tx = self.order.billing_transaction_ids
        self._confirm(tx, 'fail')
        self._assert_asks(self._open(), tx)
        self.assertEqual(self._open(f'/authenticate/{tx.id}').status_code, 200)
        self._confirm(tx)
        self._open('/result')
        self._assert_paid_once()

    def _refuse_after_confirmation(self):
        """Let the bank refuse what the customer has confirmed; return the payment."""
        tx = self.order.billing_transaction_ids
        self._confirm(tx)
        self.assertEqual(self._get_intent(tx)['status'], 'requires_payment_method')
        tx._billing_process_stripe_return(tx.provider_reference)
        self.assertEqual((tx.state, tx.billing_action_required), ('error', False))
        self.assertEqual((tx.billing_decline_class, tx.billing_ended), ('soft', False))
        return tx

    def test_refused_though_it_was_confirmed(self):
        self.gateway.treat_card_as(self.token.stripe_payment_method, DECLINED_BY_BANK)
        self._pay_with_stored_card()
        tx = self._refuse_after_confirmation()
        page = self._open()
        self.assertNotIn(f'/authenticate/{tx.id}', page.text)
        self.assertNotIn("Your bank wants you to confirm the payment of", page.text)
        reason = self.env['billpro.checkout.page']._get_declined_reason(self.order)
        self.assertEqual(reason, "Your card was declined.")
        self.token = self._create_token()
        self.assertEqual(self._pay_with_stored_card()['state'], 'done')
        # In no page that is open still it can be paid beside.
        self.assertEqual(self._get_intent(tx)['status'], 'canceled')
        self._open('/result')
        self.url_open('/payment/status')
        self._assert_paid_once()

    def test_another_card_ends_it(self):
        self._pay_with_stored_card()
        asked = self.order.billing_transaction_ids
        self.token = self._create_token()
        self.assertEqual(self._pay_with_stored_card()['state'], 'done')
        self._open('/result')
        self.url_open('/payment/status')
        self.assertEqual((asked.state, asked.billing_action_required), ('cancel', False))
        self.assertEqual(self._get_intent(asked)['status'], 'canceled')
        self._assert_paid_once()

    def test_confirmed_meanwhile_nothing_else_is_charged(self):
        self._pay_with_stored_card()
        self._confirm(self.order.billing_transaction_ids)
        self.token = self._create_token()
        with self.assertLogs('odoo.http', 'WARNING'):
            self.assertRaises(KeyError, self._pay_with_stored_card)
        self.env['payment.transaction']._billing_book_left_over()
        self._open('/result')
        self._assert_paid_once()

    def test_the_run_asks_and_gives_up(self):
        self._pay_with_stored_card()
        tx = self.order.billing_transaction_ids
        with freeze_time(DUE + timedelta(days=6)), self._committing_env() as env:
            env['billpro.billing.run']._refresh_authentications()
        self.assertEqual((tx.state, tx.billing_action_required), ('pending', True))
        with freeze_time(DUE + timedelta(days=8)), self._committing_env() as env:
            env['billpro.billing.run']._refresh_authentications()
        self.assertEqual((tx.state, tx.billing_action_required), ('cancel', False))
        self.assertEqual(self._get_intent(tx)['status'], 'canceled')
        self.assertEqual(self.order.billing_status, 'pending')

    def test_the_run_learns_that_it_was_confirmed(self):
        self._pay_with_stored_card()
        self._confirm(self.order.billing_transaction_ids)
        with freeze_time(DUE + timedelta(hours=1)), self._committing_env() as env:
            env['billpro.billing.run']._refresh_authentications()
        with freeze_time(DUE + timedelta(hours=2)), self._committing_env() as env:
            env['payment.transaction']._billing_book_left_over()
        self._assert_paid_once()

    # === BY STAFF === #

    def test_staff_learn_that_the_customer_is_asked(self):
        told = self._charge_by_staff()
        self.assertEqual(told['type'], 'warning')
        self.assertIn("The customer's bank wants the customer to confirm it", told['message'])
        tx = self.order.billing_transaction_ids
        self.assertEqual(
            (tx.operation, tx.state, tx.billing_action_required), ('offline', 'pending', True)
        )
        self.assertEqual(self.order.billing_status, 'pending')
        notice = self.order.billing_notification_ids
        self.assertEqual(notice.mapped('kind'), ['payment_authentication'])
        with self.enter_registry_test_mode():
            self.env.ref('billpro_portal.cron_send_notifications').method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(notice.state, 'handed_over')
        self.assertIn(f'/order/{self.order.id}', notice.message_id.body)
        self._assert_asks(self._open(), tx)
        page = self._open(f'/authenticate/{tx.id}')
        self.assertIn(self._get_intent(tx)['client_secret'], page.text)
        self._confirm(tx)
        self.assertIn("We received your payment of", self._open('/result').text)
        self._assert_paid_once()

    def test_staff_learn_that_no_notice_is_sent(self):
        kind = self.env['billpro.notification.kind']._get('payment_authentication')
        kind.write({'mail_on': False, 'sms_on': False})
        told = self._charge_by_staff()
        self.assertIn("The customer's bank wants the customer to confirm it", told['message'])
        self.assertIn("copy", told['message'])
        self.assertNotIn("is sent to them", told['message'])
        self.assertFalse(self.order.billing_notification_ids)

    def test_what_staff_charge_is_refused_though_it_was_confirmed(self):
        self.gateway.treat_card_as(self.token.stripe_payment_method, DECLINED_BY_BANK)
        self._charge_by_staff()
        tx = self._refuse_after_confirmation()
        tx._post_process()
        self.assertEqual(self.order.billing_status, 'rejected')

    def test_staff_charge_another_card_instead(self):
        self._charge_by_staff()
        asked = self.order.billing_transaction_ids
        self.token = self._create_token()
        self.assertEqual(self._charge_by_staff()['type'], 'success')
        self.assertEqual((asked.state, self._get_intent(asked)['status']), ('cancel', 'canceled'))
        self._assert_paid_once()

    def test_cancelled_it_can_not_be_confirmed(self):
        self._charge_by_staff()
        asked = self.order.billing_transaction_ids
        self.order._action_cancel()
        self.assertEqual(self.order.billing_status, 'cancelled')
        self.assertEqual((asked.state, self._get_intent(asked)['status']), ('cancel', 'canceled'))
        self.assertNotIn("client-secret", self._open(f'/authenticate/{asked.id}').text)

    def test_a_notice_that_comes_too_late_is_not_sent(self):
        self._charge_by_staff()
        self._confirm(self.order.billing_transaction_ids)
        self._open('/result')
        with self.enter_registry_test_mode():
            self.env.ref('billpro_portal.cron_send_notifications').method_direct_trigger()
        self.env.invalidate_all()
        notices = self.order.billing_notification_ids
        asked = notices.filtered(lambda one: one.kind == 'payment_authentication')
        self.assertFalse(asked.message_id)
