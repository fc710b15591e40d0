from datetime import date, datetime
from unittest.mock import patch
from uuid import uuid4

from freezegun import freeze_time

from odoo.http import request
from odoo.tools import mute_logger

from odoo.addons.web.models.ir_http import IrHttp

from ...models.charging.billing_run import BillproBillingRun
from ...models.stripe.payment_provider import PaymentProvider
from .cards import GOOD, LOST, NEEDS_BANK, NO_FUNDS
from .gateway import GatewayCommon
from .http import BillingHttpCommon


class SelfServiceCommon(GatewayCommon, BillingHttpCommon):
    """Customers help themselves in a browser; the gateway's ledger tells what was charged."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['payment.provider'].search([('code', '=', 'demo')]).state = 'disabled'
        # The gateway's script stands in for Stripe's, on the pages of Odoo and on ours.
        assets = cls.env.ref('payment_stripe.sdk_assets')
        arch = assets.arch_db.replace('https://js.stripe.com/v3/', cls.gateway.script_url)
        assets.arch_db = arch
        cls.startClassPatcher(
            patch.object(
                PaymentProvider,
                '_billing_get_authentication_script',
                lambda provider: cls.gateway.script_url,
            )
        )
        # Pages that go on by themselves may be left while they check in the background whether
        # their translations are up to date, which Odoo logs as an error. They don't if they have
        # none: a new hash empties the browser's cache.
        get_session_info = IrHttp.get_frontend_session_info
        cls.startClassPatcher(
            patch.object(
                IrHttp,
                'get_frontend_session_info',
                lambda ir_http: get_session_info(ir_http) | {'registry_hash': uuid4().hex},
            )
        )
        # A payment goes on when the tour has seen the page on which the customer waits for it.
        continue_collection = BillproBillingRun._continue_collection
        cls.startClassPatcher(
            patch.object(
                BillproBillingRun,
                '_continue_collection',
                lambda run, order: (
                    'billpro_progress_seen' in request.httprequest.cookies
                    and continue_collection(run, order)
                ),
            )
        )

    def setUp(self):
        super().setUp()
        self.past_movements = len(self.gateway.ledger.movements())

    @classmethod
    def _create_active_order(cls, *lines, number=GOOD, **kwargs):
        """Return a subscription, paid until 9 February 2027, with a card that is named."""
        order = super()._create_active_order(*lines, **kwargs)
        cls._name_card(order.billing_token_id, number)
        return order

    @classmethod
    def _name_card(cls, card, number):
        card.write(
            {
                'card_brand': "VISA",
                'card_last_digits': number[-4:],
                'card_expiry_date': date(2034, 12, 31),
            }
        )

    def _treat_card_as(self, order, number):
        self.gateway.treat_card_as(order.billing_token_id.stripe_payment_method, number)

    def _run_on(self, month, day):
        with (
            freeze_time(datetime(2027, month, day, 10)),
            mute_logger('odoo.addons.payment'),
        ):
            self._run()

    def _start(self, order, tour, moment):
        """Walk a tour of the order portal with the clock at a moment."""
        order._portal_ensure_token()
        with freeze_time(moment, tick=True), mute_logger('odoo.addons.payment'):
            self.start_tour(self._link(order), f'billpro_portal.{tour}')

    def _movements(self):
        """Return what the gateway has moved in this test, of whatever order."""
        movements = self.gateway.ledger.movements()[self.past_movements :]
        return [(movement.kind, movement.amount) for movement in movements]

    def _events(self, order):
        return [
            (event.display_name.split('-')[-1], event.status, event.amount)
            for event in order.billing_event_ids.sorted('id')
        ]

    def _assert_collected(self, order, amount):
        """Check that one charge and the initial payment are all there is, and all is booked."""
        self.assertEqual(self._movements(), [('charge', round(amount * 100))])
        self.assertEqual(order.billing_status, 'active')
        self.assertEqual(order.billing_outstanding, 0)
        self.assertAlmostEqual(order.billing_paid, 24.2 + amount, places=2)
        self._assert_books_closed(order)

    def _assert_nothing_left(self, order, moment):
        """Check that the run has nothing more to do."""
        movements = self._movements()
        with freeze_time(moment):
            self._assert_nothing_due(order)
        self.assertEqual(self._movements(), movements)

    # === FLOWS WITH A POINTER AND BY KEYBOARD === #

    def _decline_softly(self):
        """Return an order whose payment was declined once and would be approved now."""
        order = self._create_active_order()
        self._treat_card_as(order, NO_FUNDS)
        self._run_on(2, 10)
        self.assertEqual(order.billing_status, 'failed')
        self._treat_card_as(order, GOOD)
        return order

    def _check_recovered(self, order):
        """Check that a softly declined payment was collected at the customer's request."""
        event = order.billing_event_ids[0]
        self.assertEqual((event.status, event.attempt_count), ('recovered', 2))
        self._assert_collected(order, 24.2)
        # Neither the retry that was announced nor the request charges anything more.
        self._assert_nothing_left(order, datetime(2027, 2, 12, 10))

    def _check_soft_decline(self):
        """Pay a declined payment with the same card."""
        order = self._decline_softly()
        self._start(order, 'soft_decline', datetime(2027, 2, 10, 11))
        self._check_recovered(order)

    def _owe_with_lost_card(self, *months):
        """Return a suspended order whose payments of some months are outstanding."""
        order = self._create_active_order(number=LOST)
        self._treat_card_as(order, LOST)
        for month in months:
            self._run_on(month, 10)
        self.assertEqual(order.billing_status, 'suspended')
        return order

    def _check_hard_decline(self):
        """Pay three outstanding payments at once with a new card."""
        order = self._owe_with_lost_card(2, 3, 4)
        lost_card = order.billing_token_id
        self._start(order, 'hard_decline', datetime(2027, 4, 10, 12))
        self.assertNotEqual(order.billing_token_id, lost_card)
        self.assertEqual(
            self._events(order),
            [
                ('E2', 'merged', 24.2),
                ('E3', 'merged', 24.2),
                ('E4', 'merged', 24.2),
                ('E5', 'scheduled', 24.2),
                ('E2+E3+E4', 'recovered', 72.6),
            ],
        )
        self._assert_collected(order, 72.6)
        self._assert_nothing_left(order, datetime(2027, 4, 10, 13))

    def _check_cancellation(self):
        """Cancel at the period's end, take it back, pay once more, and cancel at once."""
        order = self._create_active_order()
        self._start(order, 'cancel_and_undo', datetime(2027, 1, 20, 10))
        self.assertFalse(order.billing_cancel_date)
        self.assertEqual(self._movements(), [])
        self._run_on(2, 10)
        self._assert_collected(order, 24.2)
        self.company.billing_cancel_mode = 'now'
        self._start(order, 'cancel_at_once', datetime(2027, 2, 11, 10))
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual(order.billing_cancel_date, date(2027, 2, 10))
        self.assertFalse(order.billing_cancel_reason_id)
        self.assertEqual(
            order.billing_notification_ids.sorted('id').mapped('kind')[-4:],
            ['cancelled', 'cancel_undone', 'payment_received', 'cancelled'],
        )
        logged = ' '.join(order.message_ids.mapped('body'))
        self.assertIn("I don't use it enough", logged.replace('&#39;', "'"))
        self.assertIn("The pool is closed.", logged)
        self._assert_nothing_left(order, datetime(2027, 3, 10, 10))
        self.assertEqual(self._movements(), [('charge', 2420)])
        self._assert_books_closed(order)

    def _check_authentication(self):
        order = self._create_active_order(number=NEEDS_BANK)
        self._treat_card_as(order, NEEDS_BANK)
        self._run_on(2, 10)
        event = order.billing_event_ids[0]
        tx = event.transaction_ids
        intent = tx.provider_reference
        # The customer fails to authenticate, twice.
        self._start(order, 'bank_refuses', datetime(2027, 2, 10, 11))
        self.assertEqual(self._movements(), [])
        self.assertEqual((event.status, order.billing_status), ('action_required', 'failed'))
        self.assertEqual((event.transaction_ids, tx.state), (tx, 'pending'))
        self._start(order, 'bank_confirms', datetime(2027, 2, 10, 12))
        self.assertEqual(event.transaction_ids, tx)
        self.assertEqual((tx.provider_reference, tx.state), (intent, 'done'))
        self.assertEqual((event.status, event.attempt_count), ('recovered', 1))
        [movement] = self.gateway.ledger.movements()[self.past_movements :]
        self.assertEqual(movement.payment_intent, intent)
        self._assert_collected(order, 24.2)
        self._assert_nothing_left(order, datetime(2027, 2, 12, 10))

    def _check_expired_card(self):
        order = self._create_active_order()
        order.billing_token_id.card_expiry_date = date(2026, 12, 31)
        self._start(order, 'expired_card', datetime(2027, 1, 20, 10))
        self.assertEqual(order.billing_token_id.card_last_digits, '4444')
        self.assertEqual(self._movements(), [])
        self.assertEqual(order.billing_paid, 24.2)
        # The new card is charged when the next payment is due.
        self._run_on(2, 10)
        self._assert_collected(order, 24.2)

    def _check_declined_update(self):
        order = self._owe_with_lost_card(2, 3)
        self._start(order, 'new_card_declined', datetime(2027, 3, 10, 12))
        self.assertEqual(self._movements(), [])
        card = order.billing_token_id
        self.assertEqual(card.card_last_digits, '0341')
        self.assertEqual(
            self._events(order),
            [
                ('E2', 'merged', 24.2),
                ('E3', 'merged', 24.2),
                ('E4', 'scheduled', 24.2),
                ('E2+E3', 'soft_declined', 48.4),
            ],
        )
        self.assertEqual((order.billing_status, order.billing_paid), ('failed', 24.2))
        with freeze_time(datetime(2027, 3, 10, 13)):
            self.assertAlmostEqual(order.billing_outstanding, 48.4, places=2)
        # Nothing is lost: when the card pays again, the announced retry collects it.
        self._treat_card_as(order, GOOD)
        with freeze_time(datetime(2027, 3, 11, 13)):
            self._run()
        self._assert_collected(order, 48.4)

    def _create_gym_orders(self):
        """Return two orders of one customer, each with its card, and a spare card."""
        order = self._create_active_order(number='0001')
        other = self._create_active_order(number='0002')
        order.name, other.name = "GYM-1", "GYM-2"
        spare = self._create_token()
        self._name_card(spare, '0003')
        return order, other, spare

    def _check_removal(self):
        order, other, spare = self._create_gym_orders()
        self._start(order, 'remove_cards', datetime(2027, 1, 20, 10))
        self.assertFalse(spare.active)
        self.assertTrue(other.billing_token_id.active)
        self.assertEqual(self._movements(), [])
        self._run_on(2, 10)
        self.assertEqual(self._movements(), [('charge', 2420)] * 2)
        for paid in order, other:
            self.assertEqual((paid.billing_status, paid.billing_paid), ('active', 48.4))
            self._assert_books_closed(paid)

    def _register(self, product):
        """Return an order for a product for which a card was registered and nothing is paid."""
        with freeze_time(datetime(2027, 1, 10, 10)):
            order = self._create_order((product, 1))
            tx = self._create_initial_transaction(
                order, token_id=self._create_token().id, amount=0, operation='validation'
            )
            tx._set_done()
            tx._post_process()
        return order

    def _check_messages(self):
        desk = self._create_sold_product("Desk", 300.0, self.tax_21, 'instalment')
        desk.write({'billing_instalment_count': 3, 'billing_deposit': 0})
        power = self._create_sold_product("Power", 0.3, self.tax_21, 'metered')
        for product in desk, power:
            order = self._register(product)
            self._start(order, 'contact', datetime(2027, 1, 20, 10))
            message = order.message_ids.filtered(lambda m: m.author_id == self.customer)
            self.assertIn("May I stop in &lt;b&gt;March&lt;/b&gt;?", message.body)
            self.assertRecordValues(
                order.activity_ids,
                [{'summary': f"Answer the customer of {order.name}", 'user_id': order.user_id.id}],
            )
            self.assertEqual(order.billing_status, 'active')
        self.assertEqual(self._movements(), [])
