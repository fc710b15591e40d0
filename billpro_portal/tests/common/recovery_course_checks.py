from collections import Counter
from datetime import timedelta

from ...billing.declines import CEILING, CEILING_DAYS, HARD, RETRY_PAUSE
from ...billing.lifecycle import DECLINED, FINAL, IN_FLIGHT, LIVE, OPEN, PAID

OVERDUE = timedelta(hours=1)


class CourseChecks:
    """What holds at any moment of a course, whatever was done before."""

    def get_charges(self):
        """Return what the gateway charged, in minor units, by reference."""
        charged = Counter()
        for movement in self.gateway.ledger.movements():
            self.test.assertEqual(movement.kind, 'charge')
            charged[movement.description] += movement.amount
        return charged

    def get_charged(self, txs):
        """Return what the gateway charged for attempts, in minor units."""
        charged = self.get_charges()
        return sum(charged[reference] for reference in txs.mapped('reference'))

    def check(self):
        """Compare orders, payments and attempts with the gateway's ledger."""
        self.test.env.invalidate_all()
        charged = self.get_charges()
        for order in self.orders:
            for tx in order.billing_event_ids.transaction_ids:
                self._check_attempt(tx, charged[tx.reference])
                if tx.billing_sent_date:
                    self._check_card(tx)
            for event in order.billing_event_ids:
                self._check_event(event, charged)
            self._check_order(order, charged)

    def _check_attempt(self, tx, charged):
        test, event = self.test, tx.billing_event_id
        amount = round(tx.amount * 100)
        test.assertIn(charged, {0, amount}, tx.reference)
        if tx.state == 'done':
            test.assertEqual(charged, amount, f'{tx.reference} is done without a charge')
            if tx.is_post_processed:
                test.assertIn(event.status, PAID, tx.reference)
                test.assertTrue(tx.payment_id, tx.reference)
        elif tx.state in {'error', 'cancel'}:
            test.assertEqual(charged, 0, f'{tx.reference} is {tx.state} but was charged')
        if event.status not in OPEN | PAID | {'cancelled'}:
            test.assertEqual(charged, 0, f'{tx.reference}: {event.status} but charged')
        if event.status in {'scheduled', 'paused', 'soft_declined', 'hard_declined'}:
            test.assertEqual(charged, 0, f'{tx.reference}: {event.status} but charged')

    def _check_event(self, event, charged):
        test = self.test
        leaves = event._get_leaves()
        amount = event.amount + event.rebate_amount if event.merged_event_ids else event.amount
        test.assertAlmostEqual(sum(leaves.mapped('amount')), amount, 2, event.display_name)
        test.assertEqual(bool(event.merged_into_id), event.status == 'merged', event.display_name)
        if not event.merged_into_id:
            attempts = event._get_sources().transaction_ids
            total = sum(charged[reference] for reference in attempts.mapped('reference'))
            test.assertLessEqual(total, round(event.amount * 100), event.display_name)
        if event.status in PAID and event.amount:  # Credit has paid the others.
            done = event.transaction_ids.filtered(lambda tx: tx.state == 'done')
            test.assertEqual(len(done), 1, event.display_name)
        if event.status in IN_FLIGHT:
            test.assertEqual(
                len(event.transaction_ids.filtered(lambda tx: tx.state in {'draft', 'pending'}))
                or bool(event.transaction_ids.filtered(lambda tx: not tx.is_post_processed)),
                1,
                event.display_name,
            )

    def _check_card(self, tx):
        """Check that no card is tried too often, or again after it was declined for good."""
        earlier = self._get_earlier(tx).filtered(lambda other: other.token_id == tx.token_id)
        spent = earlier.filtered(lambda other: other.billing_decline_class == HARD)
        self.test.assertFalse(
            spent.filtered(lambda other: other.state in {'error', 'cancel'}),
            f'{tx.reference} on a spent card',
        )
        since = tx.billing_sent_date - timedelta(days=CEILING_DAYS)
        recent = earlier.filtered(lambda other: other.billing_sent_date > since)
        self.test.assertLess(len(recent), CEILING, tx.reference)

    def _check_automatic_attempt(self, tx):
        earlier = self._get_earlier(tx)
        if not earlier or not tx.billing_sent_date:
            return
        last = max(earlier.mapped('billing_sent_date'))
        self.test.assertGreaterEqual(tx.billing_sent_date, last + RETRY_PAUSE, tx.reference)
        since = tx.billing_sent_date - timedelta(days=CEILING_DAYS)
        recent = earlier.filtered(lambda other: other.billing_sent_date > since)
        self.test.assertLess(len(recent), CEILING, tx.reference)
        self.counts['automatic retries'] += 1

    @staticmethod
    def _get_earlier(tx):
        """Return the attempts of before to collect what an attempt is to collect."""
        return tx.billing_event_id._get_sources().transaction_ids.filtered(
            lambda other: other.id < tx.id and other.billing_sent_date
        )

    def _check_order(self, order, charged):
        test = self.test
        paid = order.billing_event_ids.filtered(lambda event: event.status in PAID)
        leaves = test.env['billpro.billing.event'].union(*(e._get_leaves() for e in paid))
        test.assertEqual(len(leaves), sum(len(e._get_leaves()) for e in paid))
        # What a change has cost is for a part of a period that is paid.
        leaves = leaves.filtered(lambda leaf: leaf.period_start and not leaf.change_id)
        periods = leaves.mapped('period_start')
        test.assertEqual(len(set(periods)), len(periods), "a period was collected twice")
        done = order.billing_event_ids.transaction_ids.filtered(lambda tx: tx.state == 'done')
        total = sum(charged[reference] for reference in done.mapped('reference'))
        test.assertAlmostEqual(order.billing_paid, self.initial[order.id] + total / 100, places=2)
        outstanding = order.billing_event_ids.filtered(
            lambda event: (
                (event.status in DECLINED and not event._is_optional())
                or (event.status == 'scheduled' and event.due_date <= self.now - OVERDUE)
            )
        )
        test.assertAlmostEqual(
            order.billing_outstanding, sum(outstanding.mapped('amount')), places=2
        )
        if order.billing_status in LIVE and (unused := order._billing_get_unused()):
            rest, days, amount, _txs = unused
            test.assertLessEqual(rest.days, days, order.name)
            test.assertLessEqual(amount, order.billing_paid, order.name)
            test.assertGreaterEqual(order._get_purchase()._get_paid_until(order), rest.last)
        if order.billing_status in FINAL:
            open_events = order.billing_event_ids.filtered(lambda event: event.status in OPEN)
            test.assertFalse(open_events, order.name)
        for activity in order.activity_ids:
            test.assertNotIn("needs a decision", activity.summary, activity.note)

    def _check_books(self, order):
        test = self.test
        charges = self.get_charged(order.billing_event_ids.transaction_ids)
        paid = order.billing_event_ids.filtered(lambda event: event.status in PAID)
        test.assertAlmostEqual(charges / 100, sum(paid.mapped('amount')), places=2)
        test.assertAlmostEqual(order.billing_paid, self.initial[order.id] + charges / 100, places=2)
        invoices = order.billing_move_ids
        posted = invoices.filtered(lambda move: move.state == 'posted')
        notes = posted.filtered(lambda move: move.move_type == 'out_refund')
        left = order._billing_get_open_credit_notes()
        invoiced = sum((posted - notes).mapped('amount_total')) - sum(notes.mapped('amount_total'))
        invoiced += sum(left.mapped('amount_residual'))
        test.assertAlmostEqual(invoiced, order.billing_paid, places=2)
        payments = order.billing_transaction_ids.payment_id
        test.assertAlmostEqual(sum(payments.mapped('amount')), order.billing_paid, places=2)
        if invoices and not left:
            test._assert_books_closed(order)
        self.counts['charges'] += len(paid)
        self.counts['merged charges'] += len(paid.filtered('merged_event_ids'))
        self.counts['attempts'] += len(order.billing_event_ids.transaction_ids)
