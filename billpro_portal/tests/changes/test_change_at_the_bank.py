"""Changes whose payment the customer's bank wants to have confirmed."""

from datetime import datetime

from freezegun import freeze_time

from odoo.tests import tagged

from fake_gateway import browser_pages
from fake_gateway.store import Caller

from ...billing.agreement import agreement_text
from ..common.cards import GOOD, NEEDS_BANK
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

    def _agree(self, quantity=1):
        """Agree to the larger plan on the page; return the change and where it leads."""
        order, Change = self.order, self.env['billpro.change']
        self.gateway.treat_card_as(order.billing_token_id.stripe_payment_method, NEEDS_BANK)
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
        return order.billing_change_ids, answer.headers['Location']

    def _confirm(self, tx):
        """Let the customer confirm a payment on the bank's page."""
        values = tx._billing_get_authentication_values()
        self._post(
            f'payment_intents/{tx.provider_reference}/confirm',
            payment_method=values['payment_method'],
        )
        with self.gateway.store.session(Caller(version='2019-05-16')) as session:
            browser_pages.authenticate(
                session,
                tx.provider_reference,
                {'client_secret': values['client_secret'], 'outcome': 'complete'},
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
