from odoo.tests import BaseCase, tagged

from ..billing.lifecycle import (
    BEFORE_APPROVAL,
    EVENT_LEVELS,
    EVENT_STATUSES,
    EVENT_TRANSITIONS,
    FINAL,
    IN_FLIGHT,
    LIVE,
    OPEN,
    ORDER_LEVELS,
    ORDER_STATUSES,
    ORDER_TRANSITIONS,
    PAID,
    TransitionRefused,
    next_event_status,
    next_order_status,
)


@tagged('post_install', '-at_install')
class TestLifecycle(BaseCase):
    def test_every_status_is_in_one_group_and_has_a_row(self):
        self.assertEqual(len(ORDER_STATUSES), 10)
        self.assertEqual(BEFORE_APPROVAL | LIVE | FINAL, set(ORDER_STATUSES))
        self.assertEqual(len(BEFORE_APPROVAL) + len(LIVE) + len(FINAL), 10)
        self.assertEqual(set(ORDER_TRANSITIONS), set(ORDER_STATUSES))

    def test_every_status_has_a_look(self):
        levels = {'info', 'success', 'warning', 'danger', 'muted', 'gone'}
        for looks, statuses in ((ORDER_LEVELS, ORDER_STATUSES), (EVENT_LEVELS, EVENT_STATUSES)):
            self.assertEqual(set(looks), set(statuses))
            self.assertLessEqual(set(looks.values()), levels)

    def test_every_transition_leads_to_a_status(self):
        targets = {
            target for transitions in ORDER_TRANSITIONS.values() for target in transitions.values()
        }
        self.assertLessEqual(targets, set(ORDER_STATUSES))

    def test_final_statuses_are_final(self):
        # Unless the bank takes back what completed it.
        self.assertEqual(ORDER_TRANSITIONS['complete'], {'return': 'failed'})
        self.assertEqual(ORDER_TRANSITIONS['cancelled'], {'reopen': 'draft'})

    def test_nothing_live_goes_back_before_approval(self):
        for status in LIVE:
            targets = set(ORDER_TRANSITIONS[status].values())
            self.assertFalse(targets & (BEFORE_APPROVAL | {'cancelled'}), status)

    def test_single_payment_way(self):
        self.assertEqual(next_order_status('draft', 'send_link'), 'pending')
        self.assertEqual(next_order_status('pending', 'send_link'), 'pending')
        self.assertEqual(next_order_status('pending', 'complete'), 'complete')

    def test_unknown_transition_is_refused_by_name(self):
        with self.assertRaises(TransitionRefused) as caught:
            next_order_status('complete', 'cancel')
        self.assertEqual(caught.exception.status, 'complete')
        self.assertEqual(caught.exception.trigger, 'cancel')

    def test_events_end_paid_or_void(self):
        self.assertEqual(set(EVENT_TRANSITIONS), set(EVENT_STATUSES))
        void = {'skipped', 'merged', 'cancelled'}
        self.assertEqual(OPEN | PAID | void, set(EVENT_STATUSES))
        for status in PAID:
            # Only the bank undoes a payment: it takes a debit back.
            self.assertEqual(
                EVENT_TRANSITIONS[status],
                {'return_soft': 'soft_declined', 'return_hard': 'hard_declined'},
            )
        for status in void:
            self.assertEqual(EVENT_TRANSITIONS[status]['approve'], 'recovered')
        # Only an undone cancellation brings a payment back.
        self.assertEqual(set(EVENT_TRANSITIONS['skipped']), {'approve'})
        # A pause takes a period out of what it was merged into.
        self.assertEqual(
            EVENT_TRANSITIONS['merged'],
            {'approve': 'recovered', 'cancel': 'cancelled', 'reinstate': 'scheduled'},
        )
        self.assertEqual(
            EVENT_TRANSITIONS['cancelled'], {'approve': 'recovered', 'reinstate': 'scheduled'}
        )

    def test_nobody_touches_an_event_in_flight(self):
        for status in IN_FLIGHT:
            for trigger in ('skip', 'merge', 'cancel', 'pause', 'open'):
                with self.assertRaises(TransitionRefused):
                    next_event_status(status, trigger)

    def test_a_decline_leads_to_recovery_and_never_to_completion(self):
        self.assertEqual(next_event_status('processing', 'approve'), 'completed')
        self.assertEqual(next_event_status('processing', 'decline_soft'), 'soft_declined')
        self.assertEqual(next_event_status('soft_declined', 'open'), 'processing')
        self.assertEqual(next_event_status('processing', 'recover'), 'recovered')
        self.assertEqual(next_event_status('soft_declined', 'approve'), 'recovered')
