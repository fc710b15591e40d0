"""Changes whose payment the customer's bank wants to have confirmed."""

import re
from datetime import datetime
from html import unescape

from freezegun import freeze_time

from odoo.tests import tagged

from fake_gateway import browser_pages
from fake_gateway.store import Caller

from ...billing.agreement import agreement_text
from ..common.cards import DECLINED_BY_BANK, GOOD, NEEDS_BANK
from ..common.change import ChangeCommon
from ..common.gateway import GatewayCommon
from ..common.self_service_http import SelfServiceHttpCommon

# 21 of 31 days are left: -6.77 + 13.55 = 6.78; tax 1.42.
MOMENT = datetime(2027, 1, 20, 10)


@tagged('post_install', '-at_install')
class TestChangeAtTheBank(SelfServiceHttpCommon, GatewayCommon, ChangeCommon):
    @classmethod
    def _create_declined_orders(cls):
        """Return two subscriptions that are paid until 9 February."""
        orders = [cls._create_active_order((cls.basic, 1)) for _number in range(2)]
        cls.family.customers_may_raise = True
        for order in orders:
            order._portal_ensure_token()
        return orders

    def setUp(self):
        super().setUp()
        self.past_movements = len(self.gateway.ledger.movements())

    def _agree(self, quantity=1, card=NEEDS_BANK):
        """Agree to the larger plan on the page; return the change and where it leads."""
        order, Change = self.order, self.env['billpro.change']
        self.gateway.treat_card_as(order.billing_token_id.stripe_payment_method, card)
        line = order.order_line
        values = Change._propose(order, line, self.plus, quantity, 'now')
        answer = self._post_form(
            order,
            '/change',
            line_id=line.id,
            product_id=self.plus.id,
            quantity=quantity,
            agreed=agreement_text(Change.new(values)._get_rows()),
        )
        return order.billing_change_ids[0], answer.headers['Location']

    def _confirm(self, tx, outcome='complete'):
        """Let the customer confirm a payment on the bank's page, or fail to."""
        values = tx._billing_get_authentication_values()
        self._post(
            f'payment_intents/{tx.provider_reference}/confirm',
            payment_method=values['payment_method'],
        )
        with self.gateway.store.session(Caller(version='2019-05-16')) as session:
            browser_pages.authenticate(
                session,
                tx.provider_reference,
                {'client_secret': values['client_secret'], 'outcome': outcome},
            )

    def _get_moved(self):
        return [move.amount for move in self.gateway.ledger.movements()[self.past_movements :]]

    def _assert_unchanged(self):
        self.assertEqual(self._get_moved(), [])
        self.assertEqual(self.order.order_line.product_id, self.basic)
        self.assertRecordValues(
            self.order,
            [{'billing_status': 'active', 'billing_outstanding': 0, 'billing_next_amount': 12.1}],
        )

    def test_nothing_changes_before_it_is_confirmed(self):
        order = self.order
        with freeze_time(MOMENT, tick=True):
            change, leads_to = self._agree()
            event, tx = change.event_ids, change.event_ids.transaction_ids
            self.assertIn(f'/authenticate/{tx.id}', leads_to)
            self.assertEqual((change.state, change.amount), ('under_way', 8.2))
            self.assertEqual((event.status, tx.state), ('action_required', 'pending'))
            self._assert_unchanged()
            self.assertIn('payment_authentication', order.billing_notification_ids.mapped('kind'))
            page = self._get(order, '').text
            self.assertIn("$\xa08.20 waits for your OK", page)
            self.assertIn("Until then nothing is charged, and nothing changes.", page)
            self.assertIn(f'/authenticate/{tx.id}', page)
            self.assertNotIn("still to pay", page)
            attention = order.env['billpro.order.attention']
            self.assertEqual(attention._get_result(order), 'change_waits')
            for when in ('now', 'period_end'):
                refusal = order._billing_get_refusal_to_change(when)
                self.assertIn("waits to be confirmed with the customer's bank", refusal)
            self._run()
            self._assert_unchanged()
            self._confirm(tx)
            with self._committing_env() as env:
                run = env['billpro.billing.run']
                self.assertTrue(run._continue_collection(order.with_env(env)))
            self.env.invalidate_all()
            self.assertEqual(attention._get_result(order), 'changed')
        self.assertEqual((change.state, event.status), ('done', 'recovered'))
        self.assertEqual(self._get_moved(), [820])
        self.assertEqual(order.order_line.product_id, self.plus)
        self.assertEqual(order.billing_next_amount, 24.2)
        self.assertAlmostEqual(order.billing_paid, 20.3, places=2)
        self._assert_books_closed(order)

    def _ask_progress(self):
        """Wait on the page as a customer does who comes back from the bank."""
        order = self.order
        answer = self._call(order, '/progress/state', access_token=order.access_token)['result']
        self.assertTrue(answer['done'])
        self.env.invalidate_all()
        return answer['url']

    def test_declined_though_it_was_confirmed_nothing_changes(self):
        order = self.order
        with freeze_time(MOMENT, tick=True):
            change = self._agree(card=DECLINED_BY_BANK)[0]
            tx = change.event_ids.transaction_ids
            self._confirm(tx)
            url = self._ask_progress()
            self.assertIn('notice=not_changed', url)
            page = self.url_open(url).text
            self.assertIn("The payment was declined. Nothing has changed.", page)
            self.assertNotIn("waits for your OK", page)
            self.assertEqual((change.state, change.event_ids.status), ('declined', 'cancelled'))
            self._assert_unchanged()
            # In no tab that is open still it can be paid: another card is tried at once.
            intent = self.gateway.find('payment_intent', tx.provider_reference)
            self.assertEqual((tx.state, intent['status']), ('cancel', 'canceled'))
            order.billing_token_id = self._create_token()
            self.assertEqual(self._agree(card=GOOD)[0].state, 'done')
            self.assertEqual(self._get_moved(), [820])

    def test_who_fails_to_confirm_may_confirm_again(self):
        with freeze_time(MOMENT, tick=True):
            change = self._agree()[0]
            tx = change.event_ids.transaction_ids
            self._confirm(tx, 'fail')
            self.assertIn('notice=change_waits', self._ask_progress())
            self.assertEqual(change.state, 'under_way')
            self._confirm(tx)
            self.assertIn('notice=changed', self._ask_progress())
            self.assertEqual(self._get_moved(), [820])

    def test_what_is_owed_can_be_paid_beside_it(self):
        order = self.order
        with freeze_time(datetime(2027, 2, 9, 12), tick=True):
            # 1 of 31 days: -0.32 + 1.94 = 1.62; tax 0.34.
            change = self._agree(quantity=3)[0]
        with freeze_time(datetime(2027, 2, 10, 12), tick=True):
            page = self._get(order, '').text
            self.assertIn("$\xa012.10 is still to pay", page)
            self.assertIn("$\xa01.96 waits for your OK", page)
            self.assertIn("Pay $\xa012.10 with", page)
            self.assertIn("Confirm with your bank", page)
            self.gateway.treat_card_as(order.billing_token_id.stripe_payment_method, GOOD)
            self._post_form(order, '/pay', amount=12.1)
            self.assertIn('notice=paid', self._ask_progress())
        self.assertEqual(change.state, 'declined')
        self.assertEqual(self._get_moved(), [1210])

    # === PAID EARLY === #

    def _pay_early(self, card=NEEDS_BANK):
        """Agree to pay the next payment now; return the payment, the answer and what was shown."""
        order = self.order
        self.gateway.treat_card_as(order.billing_token_id.stripe_payment_method, card)
        page = self._get(order, '/pay-early/next').text
        agreed = unescape(re.search(r'name="agreed" value="([^"]*)"', page).group(1))
        answer = self._post_form(order, '/pay-early/next', agreed=agreed)
        return order.billing_event_ids.sorted('id')[-1], answer, agreed

    def test_the_next_payment_is_paid_early(self):
        order = self.order
        with freeze_time(MOMENT, tick=True):
            self.assertIn("/pay-early/next", self._get(order, '').text)
            event, answer, agreed = self._pay_early()
            tx = event.transaction_ids
            self.assertIn(f'/authenticate/{tx.id}', answer.headers['Location'])
            self.assertEqual(event.status, 'action_required')
            page = self._get(order, '').text
            self.assertIn("$\xa012.10 waits for your OK", page)
            self.assertNotIn("still to pay", page)
            self.assertEqual(self._get_moved(), [])
            self.assertRecordValues(order, [{'billing_status': 'active', 'billing_outstanding': 0}])
            again = self._post_form(order, '/pay-early/next', agreed=agreed)
            self._assert_refused(again, "is being processed")
            self._confirm(tx)
            self.assertIn('notice=paid', self._ask_progress())
            self.assertEqual(event.status, 'recovered')
            self.assertEqual(self._get_moved(), [1210])
            again = self._post_form(order, '/pay-early/next', agreed=agreed)
            self._assert_refused(again, "The next payment is paid already")
        self.assertEqual(order.billing_next_event_id.number, 3)
        self._assert_books_closed(order)

    def test_what_is_not_paid_early_is_due_on_its_day(self):
        order = self.order

        def take_back(_event):
            self._assert_done(self._post_form(order, '/pay-early/undo'), 'early_undone')

        def be_refused(event):
            self._confirm(event.transaction_ids)
            self.assertIn('notice=not_paid', self._ask_progress())

        def forget(_event):
            with freeze_time(datetime(2027, 1, 21, 10, 1)):
                self._run()

        for name, card, go_on in (
            ("taken back", NEEDS_BANK, take_back),
            ("declined by the bank", DECLINED_BY_BANK, be_refused),
            ("forgotten", NEEDS_BANK, forget),
        ):
            with self.subTest(name), freeze_time(MOMENT, tick=True):
                event = self._pay_early(card)[0]
                self.assertEqual(event.status, 'action_required')
                go_on(event)
                intent = self.gateway.find(
                    'payment_intent', event.transaction_ids.provider_reference
                )
                self.assertEqual((event.status, intent['status']), ('cancelled', 'canceled'))
                self._assert_unchanged()
                self.assertEqual(order.billing_next_event_id.number, 2)

    def test_what_is_not_confirmed_is_given_up(self):
        def take_back():
            self._assert_done(self._post_form(self.order, '/change/undo'), 'change_undone')
            self._run()

        def wait_until(moment):
            with freeze_time(moment):
                self._run()

        for name, order, go_on, state in (
            ("taken back", self.order, take_back, 'taken_back'),
            (
                "not for a day",
                self.other_order,
                lambda: wait_until(datetime(2027, 1, 21, 10, 1)),
                'declined',
            ),
        ):
            self.order = order
            with self.subTest(name), freeze_time(MOMENT, tick=True):
                change = self._agree()[0]
                tx = change.event_ids.transaction_ids
                wait_until(datetime(2027, 1, 21, 9))
                self.assertEqual(change.state, 'under_way')
                go_on()
                self.assertEqual((change.state, change.event_ids.status), (state, 'cancelled'))
                self.assertEqual(tx.state, 'cancel')
                intent = self.gateway.find('payment_intent', tx.provider_reference)
                self.assertEqual(intent['status'], 'canceled')
                self._assert_unchanged()

    def test_the_next_payment_waits_for_no_change(self):
        """It is agreed to on the last day of the period, and never confirmed."""
        with freeze_time(datetime(2027, 2, 9, 12), tick=True):
            change = self._agree(quantity=3)[0]
        self.gateway.treat_card_as(self.order.billing_token_id.stripe_payment_method, GOOD)
        with freeze_time(datetime(2027, 2, 10, 11)):
            self._run()
        self.assertEqual((change.state, change.event_ids.status), ('declined', 'cancelled'))
        self.assertEqual(self._get_moved(), [1210, 1210])  # Both orders, as always.
        self.assertEqual(self.order.order_line.product_id, self.basic)
