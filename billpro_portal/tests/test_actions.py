from dataclasses import replace

from odoo.tests import BaseCase, tagged

from ..billing.actions import (
    Capabilities,
    EventAction,
    EventFacts,
    EventRefusal,
    OrderAction,
    OrderFacts,
    OrderRefusal,
    event_actions,
    order_actions,
    refuse_event_action,
    refuse_order_action,
)
from ..billing.lifecycle import EVENT_STATUSES, FINAL, LIVE, ORDER_STATUSES

ABLE = Capabilities(
    can_pause=True,
    can_cancel=True,
    can_take_payments=True,
    can_change_plan=True,
    can_pay_early=True,
    can_be_succeeded=True,
)
LIVE_ORDER = OrderFacts('active', ABLE, is_quotation=False, has_card=True)
OFFER = {
    OrderAction.CHANGE_TERMS,
    OrderAction.CHANGE_TYPE,
    OrderAction.OFFER,
    OrderAction.GIVE_LINK,
    OrderAction.CANCEL_UNPAID,
    OrderAction.CHARGE_CARD,
}
RUNNING = {
    OrderAction.GIVE_LINK,
    OrderAction.COPY_LINK,
    OrderAction.CHANGE_CARD,
    OrderAction.TAKE_PAYMENT,
    OrderAction.PAUSE,
    OrderAction.CHANGE_PLAN,
    OrderAction.ADJUST,
    OrderAction.PAY_EARLY,
    OrderAction.CANCEL,
    OrderAction.HAND_OVER,
    OrderAction.COMPLETE,
}
CHANGES_OF_TERMS = {OrderAction.CHANGE_PLAN, OrderAction.ADJUST, OrderAction.PAY_EARLY}
CHANGES = {EventAction.RESCHEDULE, EventAction.MERGE, EventAction.SKIP}


@tagged('post_install', '-at_install')
class TestOrderActions(BaseCase):
    def _assert_actions(self, expected, order, **changes):
        self.assertEqual(order_actions(replace(order, **changes)), expected)

    def _assert_refused(self, action, refusal, order, **changes):
        self.assertEqual(refuse_order_action(action, replace(order, **changes)), refusal)

    def test_each_status_of_an_order_that_may_do_all(self):
        expected = {
            'draft': OFFER,
            'pending': OFFER | {OrderAction.COPY_LINK, OrderAction.REMIND},
            'rejected': OFFER | {OrderAction.COPY_LINK},
            'cancelled': set(),
            'active': RUNNING,
            'failed': RUNNING - {OrderAction.PAY_EARLY},
            'suspended': RUNNING - CHANGES_OF_TERMS,
            'paused': RUNNING
            - {
                OrderAction.CHANGE_CARD,
                OrderAction.PAUSE,
                OrderAction.CHANGE_PLAN,
                OrderAction.ADJUST,
                OrderAction.PAY_EARLY,
            }
            | {OrderAction.RESUME},
            'review': RUNNING - CHANGES_OF_TERMS - {OrderAction.PAUSE},
            'complete': {OrderAction.GIVE_LINK, OrderAction.COPY_LINK, OrderAction.CONTINUE},
        }
        self.assertEqual(set(expected), set(ORDER_STATUSES))
        for status, actions in expected.items():
            with self.subTest(status):
                self._assert_actions(actions, OrderFacts(status, ABLE, has_card=True))

    def test_an_ordinary_sale_is_left_to_odoo(self):
        order = OrderFacts('draft', None)
        self._assert_actions(
            {OrderAction.CHANGE_TERMS, OrderAction.CHANGE_TYPE, OrderAction.CANCEL_UNPAID}, order
        )
        self._assert_refused(OrderAction.OFFER, OrderRefusal.ORDINARY, order)

    def test_what_the_type_is_asked(self):
        unable = {
            OrderAction.PAUSE,
            OrderAction.CANCEL,
            OrderAction.TAKE_PAYMENT,
            OrderAction.CHANGE_PLAN,
            OrderAction.ADJUST,
            OrderAction.PAY_EARLY,
            OrderAction.HAND_OVER,
        }
        self._assert_actions(RUNNING - unable, LIVE_ORDER, capabilities=Capabilities())
        for action in unable:
            self._assert_refused(action, OrderRefusal.TYPE, LIVE_ORDER, capabilities=Capabilities())

    def test_a_cancelled_subscription(self):
        """While its paid period lasts it can be taken back; after that it only ends."""
        gone = {
            OrderAction.CHANGE_CARD,
            OrderAction.PAUSE,
            OrderAction.CHANGE_PLAN,
            OrderAction.ADJUST,
            OrderAction.PAY_EARLY,
            OrderAction.CANCEL,
            OrderAction.HAND_OVER,
        }
        over = RUNNING - gone | {OrderAction.CONTINUE}
        self._assert_actions(over, LIVE_ORDER, is_cancelled=True)
        self._assert_actions(
            RUNNING - gone | {OrderAction.UNDO_CANCELLATION},
            LIVE_ORDER,
            is_cancelled=True,
            is_cancelled_ahead=True,
        )
        for action in gone:
            self._assert_refused(action, OrderRefusal.CANCELLED, LIVE_ORDER, is_cancelled=True)
        self._assert_refused(
            OrderAction.RESUME,
            OrderRefusal.CANCELLED,
            LIVE_ORDER,
            status='paused',
            is_cancelled=True,
        )
        self._assert_refused(OrderAction.UNDO_CANCELLATION, OrderRefusal.NOT_CANCELLED, LIVE_ORDER)

    def test_orders_that_go_on_with_others(self):
        last = RUNNING - {OrderAction.HAND_OVER} | {OrderAction.CONTINUE}
        self._assert_actions(last, LIVE_ORDER, is_last_period=True)
        for changes, action, refusal in (
            ({}, OrderAction.CONTINUE, OrderRefusal.GOES_ON),
            ({'is_last_period': True}, OrderAction.HAND_OVER, OrderRefusal.NOTHING_LEFT),
            ({'is_succeeded': True}, OrderAction.HAND_OVER, OrderRefusal.SUCCEEDED),
            (
                {'is_succeeded': True, 'status': 'complete'},
                OrderAction.CONTINUE,
                OrderRefusal.SUCCEEDED,
            ),
            (
                {'is_successor': True, 'status': 'pending'},
                OrderAction.CHARGE_CARD,
                OrderRefusal.NOT_AGREED,
            ),
        ):
            with self.subTest(**changes):
                self._assert_refused(action, refusal, LIVE_ORDER, **changes)

    def test_money_that_is_there_already(self):
        self._assert_refused(
            OrderAction.COMPLETE, OrderRefusal.RESERVED, LIVE_ORDER, has_reserved=True
        )
        self._assert_refused(
            OrderAction.CHANGE_CARD, OrderRefusal.NO_CARD, LIVE_ORDER, has_card=False
        )
        pending = OrderFacts('pending', ABLE, is_paid_otherwise=True)
        for action in (OrderAction.REMIND, OrderAction.CHARGE_CARD):
            self._assert_refused(action, OrderRefusal.PAID_OTHERWISE, pending)

    def test_what_the_sale_says(self):
        draft = OrderFacts('draft', ABLE)
        self._assert_actions(OFFER - {OrderAction.CHANGE_TERMS}, draft, is_locked=True)
        self._assert_actions(OFFER - {OrderAction.CHANGE_TYPE}, draft, is_quotation=False)
        self._assert_actions(
            {OrderAction.CHANGE_TERMS, OrderAction.CANCEL_UNPAID},
            draft,
            is_quotation=False,
            is_sale_cancelled=True,
        )


@tagged('post_install', '-at_install')
class TestEventActions(BaseCase):
    def _assert_actions(self, expected, event, **changes):
        self.assertEqual(event_actions(replace(event, **changes)), expected)

    def test_each_status_of_a_payment(self):
        expected = {
            'scheduled': CHANGES | {EventAction.EXECUTE},
            'processing': set(),
            'completed': set(),
            'recovered': set(),
            'soft_declined': CHANGES | {EventAction.RETRY},
            'hard_declined': CHANGES,
            'action_required': {EventAction.SKIP},
            'unknown': {EventAction.DECIDE},
            'skipped': set(),
            'merged': set(),
            'cancelled': set(),
            'paused': {EventAction.SKIP},
        }
        self.assertEqual(set(expected), set(EVENT_STATUSES))
        for status, actions in expected.items():
            with self.subTest(status):
                self._assert_actions(actions, EventFacts(status, 'active'))

    def test_each_status_of_its_order(self):
        event = EventFacts('scheduled', 'active')
        for status in ORDER_STATUSES:
            with self.subTest(status):
                if status == 'paused':
                    expected = {EventAction.SKIP}
                elif status in {'active', 'failed'}:
                    expected = CHANGES | {EventAction.EXECUTE}
                else:
                    expected = CHANGES if status in LIVE else set()
                self._assert_actions(expected, event, order_status=status)
        for status in FINAL:
            self._assert_actions(
                {EventAction.DECIDE}, EventFacts('unknown', 'active'), order_status=status
            )

    def test_what_else_happens(self):
        event = EventFacts('soft_declined', 'failed')
        for fact, expected in (
            ('is_order_asked_for', set()),
            ('is_asked_for', {EventAction.RETRY}),
            ('is_approved', {EventAction.RETRY}),
            ('is_disputed', CHANGES),
            ('has_other_in_flight', CHANGES),
        ):
            with self.subTest(fact):
                self._assert_actions(expected, event, **{fact: True})

    def test_the_first_reason_is_given(self):
        for action, status, order_status, refusal in (
            (EventAction.SKIP, 'unknown', 'complete', EventRefusal.IN_FLIGHT),
            (EventAction.SKIP, 'completed', 'complete', EventRefusal.PAID),
            (EventAction.SKIP, 'merged', 'complete', EventRefusal.MERGED),
            (EventAction.SKIP, 'cancelled', 'complete', EventRefusal.ORDER_STATUS),
            (EventAction.SKIP, 'cancelled', 'active', EventRefusal.STATUS),
            (EventAction.MERGE, 'paused', 'paused', EventRefusal.STATUS),
            (EventAction.MERGE, 'scheduled', 'paused', EventRefusal.ORDER_PAUSED),
            (EventAction.EXECUTE, 'soft_declined', 'failed', EventRefusal.STATUS),
            (EventAction.RETRY, 'soft_declined', 'suspended', EventRefusal.ORDER_STATUS),
            (EventAction.DECIDE, 'scheduled', 'active', EventRefusal.STATUS),
        ):
            with self.subTest(f'{action.name} {status} {order_status}'):
                self.assertEqual(
                    refuse_event_action(action, EventFacts(status, order_status)), refusal
                )
        asked = EventFacts(
            'scheduled', 'active', is_asked_for=True, is_approved=True, is_disputed=True
        )
        self.assertEqual(refuse_event_action(EventAction.SKIP, asked), EventRefusal.ASKED_FOR)
        self.assertEqual(refuse_event_action(EventAction.EXECUTE, asked), EventRefusal.DISPUTED)
