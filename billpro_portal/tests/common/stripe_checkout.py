from datetime import date, datetime

from freezegun import freeze_time

from .self_service import SelfServiceCommon

ORDERED = datetime(2027, 1, 10, 10)


class StripeCheckoutCommon(SelfServiceCommon):
    """Orders that are paid with Stripe's test cards, entered at the checkout."""

    def _pay(self, tour, *lines, trial_days=0):
        """Walk a tour from the checkout of a new order; return the order."""
        with freeze_time(ORDERED):
            self.gym.billing_trial_days = trial_days
            order = self._create_order(*(lines or [(self.desk, 1)]))
        self._start(order, f'stripe_{tour}', ORDERED)
        return order

    def _subscribe(self, tour, **terms):
        return self._pay(tour, (self.gym, 1), **terms)

    def _kinds(self, order):
        return order.billing_notification_ids.sorted('id').mapped('kind')

    def _charges(self, tx):
        """Return what the gateway has tried for a transaction, in the order of time."""
        charges = [
            charge
            for charge in self.gateway.find_all('charge')
            if charge['payment_intent'] == tx.provider_reference
        ]
        return [(one['failure_code'], one['outcome']['reason']) for one in reversed(charges)]

    def _assert_paid_once(self, order, amount, status='complete'):
        """Check that one payment of one amount is all there is, and all is booked."""
        tx = order.billing_transaction_ids
        self.assertEqual(len(tx), 1)
        self.assertEqual((tx.state, tx.amount, tx.operation), ('done', amount, 'online_direct'))
        self.assertEqual(order.billing_status, status)
        self.assertEqual((order.billing_paid, order.billing_outstanding), (amount, 0))
        self.assertEqual(self._kinds(order), ['purchase_confirmation'])
        [charge] = [
            movement
            for movement in self.gateway.ledger.movements()[self.past_movements :]
            if movement.kind == 'charge'
        ]
        self.assertEqual(
            (charge.amount, charge.currency, charge.payment_intent, charge.description),
            (round(amount * 100), 'usd', tx.provider_reference, tx.reference),
        )
        self.assertEqual(order.billing_move_ids.mapped('payment_state'), ['paid'])
        self.assertEqual(order.billing_move_ids.amount_total, amount)
        self._assert_books_closed(order)

    def _assert_registered(self, order):
        """Check that a card was saved and no money moved."""
        tx = order.billing_transaction_ids
        self.assertEqual((tx.operation, tx.state), ('validation', 'done'))
        self.assertEqual((order.billing_status, order.billing_paid), ('active', 0))
        self.assertFalse(order.billing_move_ids)
        self.assertEqual(self._kinds(order), ['purchase_confirmation'])
        self.assertEqual(self._movements(), [])
        self.assertEqual(order.billing_token_id.card_expiry_date, date(2034, 12, 31))

    def _assert_card(self, order, brand, last_digits):
        card = order.billing_token_id
        self.assertEqual(
            (card.card_brand.lower(), card.card_last_digits, card.card_expiry_date),
            (brand, last_digits, date(2034, 12, 31)),
        )

    def _assert_second_payment(self, order):
        """Let the second payment be due, and check that it is collected without the customer."""
        self._run_on(2, 10)
        self.assertEqual(self._movements(), [('charge', 2420), ('charge', 2420)])
        self.assertEqual(
            self._events(order), [('E2', 'completed', 24.2), ('E3', 'scheduled', 24.2)]
        )
        self.assertEqual((order.billing_status, order.billing_paid), ('active', 48.4))
        self.assertEqual(self._kinds(order), ['purchase_confirmation', 'payment_received'])
        self._assert_books_closed(order)
