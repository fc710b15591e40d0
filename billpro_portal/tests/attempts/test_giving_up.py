from datetime import timedelta

import requests
from freezegun import freeze_time

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..common.gateway import DUE
from ..common.nightly import nightly
from ..common.whose_payment import WhosePaymentCommon

# Asks its customer for authentication at each payment.
NEEDS_AUTHENTICATION = 'pm_card_authenticationRequired'


@tagged('post_install', '-at_install')
class TestGivingUp(WhosePaymentCommon):
    """Whoever gives up a payment ends it at the provider first."""

    def setUp(self):
        super().setUp()
        self.single, self.tx = self._begin_single()

    def _get_intent(self, tx=None):
        return self.gateway.find('payment_intent', (tx or self.tx).provider_reference)

    def _get_charges(self):
        return self.gateway.ledger.movements(
            kind='charge', metadata={'odoo_order': self.single.name}
        )

    def _begin_otherwise(self):
        """Begin another payment of the order in a second tab."""
        return self._begin(self.single, tokenization_requested=True)

    def _assert_under_way(self):
        """Check that no second payment can be begun."""
        with mute_logger('odoo.http'):
            answer = self._post_transaction(self.single, tokenization_requested=True)
        self.assertIn("under way already", answer['error']['data']['message'])
        self.assertEqual(self.single.billing_transaction_ids, self.tx)

    def _lose_answers(self, times):
        self.gateway.faults.add('error_before', path='/v1/payment_intents/*', times=times)

    def test_two_tabs(self):
        """The first one is at the bank when the second one pays."""
        intent = self._post(
            f'payment_intents/{self.tx.provider_reference}/confirm',
            payment_method=NEEDS_AUTHENTICATION,
            return_url='https://example.com',
        )
        self.assertEqual(intent['status'], 'requires_action')
        second = self._begin_otherwise()
        self.assertEqual(self._get_intent()['status'], 'canceled')
        self.assertEqual((self.tx.state, self.tx.billing_superseded), ('cancel', True))
        self._confirm(second)
        self._return(second, payment_intent=second.provider_reference)
        self.assertEqual(second.state, 'done')
        self.assertEqual(len(self._get_charges()), 1)

    def test_the_provider_does_not_answer(self):
        self._lose_answers(2)
        self._assert_under_way()
        self.assertEqual(self.tx.state, 'draft')
        self._begin_otherwise()
        self.assertEqual(self.tx.state, 'cancel')
        # Nobody has a checkout open for days.
        forgotten = self.single.billing_transaction_ids - self.tx
        self._lose_answers(2)
        self.env.cr.execute(
            "UPDATE payment_transaction SET create_date = create_date - interval '25 hours'"
            " WHERE id = %s",
            [forgotten.id],
        )
        forgotten.invalidate_recordset()
        self.assertFalse(forgotten._billing_give_up())
        self._begin_otherwise()
        self.assertEqual((forgotten.state, forgotten.billing_superseded), ('cancel', True))

    def test_pages_ask_no_more_than_they_must(self):
        def ask(**headers):
            asked = len(self.gateway.requests)
            self.env.flush_all()
            self.url_open(self.single._billing_get_order_link(), headers=headers)
            self.env.invalidate_all()
            return len(self.gateway.requests) - asked

        self.assertEqual(ask(**{'User-Agent': "Googlebot/2.1"}), 0)
        self.assertEqual((ask(), ask()), (1, 1))
        with self.assertRaises(requests.HTTPError):
            self._post(
                f'payment_intents/{self.tx.provider_reference}/confirm',
                payment_method='pm_card_chargeCustomerFail',
                return_url='https://example.com',
            )
        self._tell('payment_intent.payment_failed', {'id': self.tx.provider_reference})
        self.assertEqual((self.tx.state, ask()), ('error', 1))
        newer = self._begin_otherwise()
        self.tx.billing_ended = False
        self.assertEqual(ask(), 1)  # Of the newer one.
        with freeze_time(tick=True) as clock:
            self._lose_answers(1)
            self.assertEqual((ask(), ask()), (1, 0))
            self.assertTrue(newer.billing_unanswered_date)
            clock.move_to(newer.billing_unanswered_date + timedelta(seconds=11))
            self.assertEqual(ask(), 1)

    def test_the_provider_carries_it_out_without_an_answer(self):
        self.gateway.faults.add('drop_after', path='/v1/payment_intents/*/cancel')
        self._begin_otherwise()
        self.assertEqual((self.tx.state, self._get_intent()['status']), ('cancel', 'canceled'))

    def test_the_first_tab_was_faster(self):
        self._confirm(self.tx)
        self._assert_under_way()
        self.assertEqual(self.tx.state, 'done')
        self.tx._post_process()
        self.assertEqual((self.single.billing_status, len(self._get_charges())), ('complete', 1))

    def test_the_same_payment_that_has_ended_is_not_gone_on_with(self):
        self._post(f'payment_intents/{self.tx.provider_reference}/cancel')
        second = self._begin(self.single)
        self.assertNotEqual(second, self.tx)
        self.assertEqual(self.tx.state, 'cancel')

    def test_the_same_payment_that_is_paid_is_not_gone_on_with(self):
        self._confirm(self.tx)
        with mute_logger('odoo.http'):
            answer = self._post_transaction(self.single)
        self.assertIn("under way already", answer['error']['data']['message'])
        self.assertEqual(self.tx.state, 'done')

    def test_declined_in_a_tab_that_is_still_open(self):
        """Another card could be tried there."""
        with self.assertRaises(requests.HTTPError):
            self._post(
                f'payment_intents/{self.tx.provider_reference}/confirm',
                payment_method='pm_card_chargeCustomerFail',
                return_url='https://example.com',
            )
        self._tell('payment_intent.payment_failed', {'id': self.tx.provider_reference})
        self.assertEqual(self.tx.state, 'error')
        self._begin(self.single)
        self.assertEqual(self._get_intent()['status'], 'canceled')
        self.assertEqual(self.tx.state, 'error')

    @mute_logger('odoo.http')
    def test_many_cards_at_one_payment(self):
        """Whoever tests stolen cards asks the provider, not Odoo; the messages tell of it."""
        for number in range(1, 6):
            self.assertEqual(self._get_intent()['status'], 'requires_payment_method')
            with self.assertRaises(requests.HTTPError):
                self._post(
                    f'payment_intents/{self.tx.provider_reference}/confirm',
                    payment_method='pm_card_chargeCustomerFail',
                    return_url='https://example.com',
                )
            self._tell('payment_intent.payment_failed', {'id': self.tx.provider_reference})
            self.assertEqual(self.single._billing_count_tries_left(), 10 - number)
        self.assertEqual((self._get_intent()['status'], self.tx.state), ('canceled', 'error'))
        for left in (4, 3, 2, 1, 0):
            self._begin(self.single, tokenization_requested=left % 2 == 0)
            self.assertEqual(self.single._billing_count_tries_left(), left)
        answer = self._post_transaction(self.single)
        self.assertIn("tried to be paid many times", answer['error']['data']['message'])

    def test_staff_change_what_is_being_paid(self):
        """An open tab can't finish it at the terms that it has shown."""
        intent = self._get_intent
        for change in (
            lambda: self.single.order_line[0].write({'price_unit': 900}),
            lambda: self.single.write(
                {'order_line': [Command.create({'product_id': self.book.id})]}
            ),
            lambda: self.single.write({'partner_invoice_id': self.other_customer.id}),
        ):
            change()
            self.assertEqual((intent()['status'], self.tx.state), ('canceled', 'cancel'))
            self.tx = self._begin(self.single)
            self.assertEqual(intent()['status'], 'requires_payment_method')
        self._lose_answers(2)
        with self.assertRaisesRegex(UserError, "is under way"):
            self.single.order_line[0].price_unit = 1
        self.assertEqual(self.single.order_line[0].price_unit, 900)

    def test_money_of_an_order_that_is_no_longer_one(self):
        """However it comes about, it is on account and the books go on."""
        self.env.cr.execute(
            "UPDATE sale_order SET purchase_type = NULL WHERE id = %s", [self.single.id]
        )
        self.single.invalidate_recordset()
        self._confirm(self.tx)
        self._return(self.tx, payment_intent=self.tx.provider_reference)
        self.tx._post_process()
        self.assertEqual((self.tx.state, self.tx.billing_on_account), ('done', True))
        self.assertTrue(self.tx.is_post_processed)

    def test_staff_cancel_the_order(self):
        self.single._action_cancel()
        self.assertEqual((self._get_intent()['status'], self.tx.state), ('canceled', 'cancel'))
        self.assertEqual(self.single.billing_status, 'cancelled')

    def test_staff_cannot_cancel_what_may_be_paid(self):
        self._lose_answers(2)
        with self.assertRaisesRegex(UserError, "is under way"):
            self.single._action_cancel()
        self._confirm(self.tx)
        with self.assertRaisesRegex(UserError, "is under way"):
            self.single._action_cancel()
        self.assertEqual((self.single.billing_status, self.tx.state), ('pending', 'done'))

    def test_staff_charge_a_card_instead(self):
        card = self._create_token()
        self._lose_answers(2)
        with self.assertRaisesRegex(UserError, "is under way"):
            self.single._billing_create_initial_charge(card, has_consent=True)
        charge = self.single._billing_create_initial_charge(card, has_consent=True)
        self.assertEqual((self._get_intent()['status'], self.tx.state), ('canceled', 'cancel'))
        self.assertEqual(charge.state, 'draft')

    def test_a_stored_card_is_charged_instead(self):
        card = self._create_token()
        new_test_user(
            self.env, login='anna', groups='base.group_portal', partner_id=self.customer.id
        )
        self.authenticate('anna', 'anna')
        self._begin(self.single, flow='token', token_id=card.id, payment_method_id=None)
        self.assertEqual((self._get_intent()['status'], self.tx.state), ('canceled', 'cancel'))
        self.assertEqual(len(self._get_charges()), 1)

    def test_the_link_is_replaced(self):
        self.single.action_revoke_order_link()
        self.assertEqual((self._get_intent()['status'], self.tx.state), ('canceled', 'cancel'))

    def test_paid_in_another_way(self):
        self.single.action_confirm()
        invoice = self.single._create_invoices()
        invoice.action_post()
        self.env['account.payment.register'].with_context(
            active_model='account.move', active_ids=invoice.ids
        ).create({})._create_payments()
        self.single._billing_follow_other_payments()
        self.assertEqual(self._get_intent()['status'], 'canceled')

    def test_a_card_registration_that_is_begun_anew(self):
        def begin():
            params = self._prepare_new_card(
                access_token=self.order.access_token, tokenization_requested=True
            )
            answer = self._call_json(f'/order/{self.order.id}/card/transaction', params)
            reference = answer['result']['reference']
            return self.env['payment.transaction'].search([('reference', '=', reference)])

        self.order._portal_ensure_token()
        first, second = begin(), begin()
        self.assertEqual(
            [
                self.gateway.find('setup_intent', tx.provider_reference)['status']
                for tx in (first, second)
            ],
            ['canceled', 'requires_payment_method'],
        )
        self.assertEqual((first.state, second.state), ('cancel', 'draft'))

    # === OTHER PROVIDERS === #

    def _use_redirects(self):
        """Let the order be paid at a provider with pages of its own; return it."""
        provider = self.provider.copy({'company_id': self.company.id, 'name': "Elsewhere"})
        provider.write({'code': 'none', 'state': 'test', 'is_published': True})
        provider.payment_method_ids = self.payment_method
        return provider

    def test_payment_pages_give_a_new_payment_each_time(self):
        other = self._use_redirects()
        values = {'provider_id': other.id, 'flow': 'redirect'}
        first = self._begin(self.single, **values)
        self.assertEqual(self._get_intent()['status'], 'canceled')
        with mute_logger('odoo.http'):
            answer = self._post_transaction(self.single, **values)
        self.assertIn("already being processed", answer['error']['data']['message'])
        page = self.url_open(self._link(self.single))
        self.assertIn("own page", page.text)
        self.assertNotIn('o_payment_form', page.text)
        with freeze_time(fields.Datetime.now() + timedelta(minutes=31)):
            second = self._begin(self.single, **values)
        self.assertNotEqual(first, second)
        self.assertEqual((first.state, second.state), ('cancel', 'draft'))
        # Paid after all: it is known, and somebody decides.
        first._set_done()
        first._post_process()
        self.assertEqual((first.state, self.single.billing_status), ('done', 'complete'))

    # === PAID ALL THE SAME === #

    def test_money_for_a_cancelled_order_is_refunded_with_one_click(self):
        self.single._action_cancel()
        self.tx._set_done()
        self.tx._post_process()
        self.assertEqual(self.single.billing_status, 'cancelled')
        amount = self.single.amount_total
        self.assertEqual(self.single.billing_on_account_amount, amount)
        self.assertEqual(len(self.single.activity_ids), 1)
        page = self.url_open(self._link(self.single))
        self.assertIn("arrived all the same", page.text)
        self.assertIn("we will pay it back", page.text)
        with self.assertRaises(AccessError):
            self.single.with_user(self.salesperson).action_refund_on_account()
        paid = self._pay_by_reference(self.tx.reference, amount=round(amount * 100))
        self.tx.provider_reference = paid['id']
        with self._committing_env(self.billing_manager) as env:
            order = env['sale.order'].browse(self.single.id)
            order.action_refund_on_account()
            with self.assertRaises(UserError):
                order.action_refund_on_account()
        refund = self.tx.child_transaction_ids
        self.assertEqual((refund.state, refund.amount), ('done', -amount))
        self.assertEqual(self.single.billing_on_account_amount, 0)
        self.assertTrue(self.tx.payment_id.is_reconciled)
        self.assertTrue(refund.payment_id.is_reconciled)
        self.assertIn("were paid back", self.url_open(self._link(self.single)).text)

    # === NOBODY COMES BACK === #

    def _count_questions(self, tx=None):
        """Return how often Stripe was asked about the payment that was begun."""
        path = f'/v1/payment_intents/{(tx or self.tx).provider_reference}'
        return sum((one['method'], one['path']) == ('GET', path) for one in self.gateway.requests)

    def test_the_browser_is_closed_after_the_payment_and_no_message_comes(self):
        self._confirm(self.tx)
        self._run_at(minutes=16)
        self.assertEqual((self.tx.state, self.single.billing_status), ('done', 'complete'))
        self.assertEqual(self.single.billing_paid, self.tx.amount)
        self.assertFalse(self.single.activity_ids)
        self._assert_books_closed(self.single)

    @nightly("It is closed after the first one, and after a registration, for each change.")
    def test_the_browser_is_closed_after_a_second_card_was_entered(self):
        with self.assertRaises(requests.HTTPError):
            self._post(
                f'payment_intents/{self.tx.provider_reference}/confirm',
                payment_method='pm_card_chargeDeclined',
                return_url='https://example.com',
            )
        self._return(self.tx, payment_intent=self.tx.provider_reference)
        self.assertEqual(self.tx.state, 'error')
        self._confirm(self.tx)
        self._run_at(minutes=16)
        self.assertEqual((self.tx.state, self.single.billing_status), ('done', 'complete'))

    @nightly("It is closed after a payment for each change.")
    def test_the_browser_is_closed_after_a_card_was_registered(self):
        with freeze_time(DUE):
            self.gym.billing_trial_days = 14
            order = self._create_order((self.gym, 1))
            tx = self._begin(order)
        self.assertEqual(tx.operation, 'validation')
        self._post(
            f'setup_intents/{tx.provider_reference}/confirm',
            payment_method='pm_card_visa',
            return_url='https://example.com',
        )
        self._run_at(minutes=16)
        self.assertEqual((tx.state, order.billing_status), ('done', 'active'))
        self.assertTrue(order.billing_token_id)

    def test_who_pays_nothing_is_asked_about_a_few_times(self):
        for days in range(10):
            self._run_at(days=days)
        self.assertEqual((self.tx.state, self._count_questions()), ('draft', 4))
        self.assertFalse(self.single.activity_ids)
        self._confirm(self.tx)
        self._return(self.tx, payment_intent=self.tx.provider_reference)
        self.assertEqual(self.tx.state, 'done')

    @nightly("A provider that doesn't answer is met for each change.")
    def test_stripe_does_not_answer_about_who_has_not_come_back(self):
        self._confirm(self.tx)
        self._lose_answers(None)
        self._run_at(minutes=16)
        self.assertEqual(self.tx.state, 'draft')
        self.gateway.faults.clear()
        self._run_at(minutes=30)
        self.assertEqual(self.tx.state, 'done')
