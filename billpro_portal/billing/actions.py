"""What may be done with an order, and with its scheduled payments, by whoever has the right to.

The same decision shows a button, opens its dialog, and carries it out. What depends on the
purchase type are capabilities that the type declares; why something isn't possible has its words
in the models.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from .lifecycle import (
    BEFORE_APPROVAL,
    CHARGEABLE_ORDERS,
    COLLECTABLE_ORDERS,
    IN_FLIGHT,
    LIVE,
    MERGEABLE,
    PAID,
    SKIPPABLE,
)

# === ORDERS === #


class OrderAction(Enum):
    """What may be done with an order; each is the end of a field's name, `billing_can_…`."""

    CHANGE_TERMS = 'change_terms'
    CHANGE_TYPE = 'change_type'
    # To give the link of an order that waits for its initial payment, or of any other.
    OFFER = 'offer'
    GIVE_LINK = 'give_link'
    # The customer may have the link by now: it is shown, to be copied.
    COPY_LINK = 'copy_link'
    REMIND = 'remind'
    CANCEL_UNPAID = 'cancel_unpaid'
    CHARGE_CARD = 'charge_card'
    CHANGE_CARD = 'change_card'
    TAKE_PAYMENT = 'take_payment'
    PAUSE = 'pause'
    RESUME = 'resume'
    # To replace a plan by another one of its family, or to change how many there are.
    CHANGE_PLAN = 'change_plan'
    # To give a discount on payments to come, and what else staff grant of a live subscription.
    ADJUST = 'adjust'
    # To collect before its day what is to come.
    PAY_EARLY = 'pay_early'
    # A subscription, as its customer can.
    CANCEL = 'cancel'
    UNDO_CANCELLATION = 'undo_cancellation'
    # To go on with what is over, or about to be, by an order that the customer agrees to anew.
    CONTINUE = 'continue'
    # To go on with what is left by an order that another customer agrees to.
    HAND_OVER = 'hand_over'
    COMPLETE = 'complete'


class OrderRefusal(Enum):
    """Why something may not be done with an order."""

    ORDINARY = 'ordinary'
    TYPE = 'type'
    STATUS = 'status'
    SALE_STATE = 'sale_state'
    LOCKED = 'locked'
    PAID_OTHERWISE = 'paid_otherwise'
    NO_CARD = 'no_card'
    CANCELLED = 'cancelled'
    NOT_CANCELLED = 'not_cancelled'
    RESERVED = 'reserved'
    GOES_ON = 'goes_on'
    NOTHING_LEFT = 'nothing_left'
    SUCCEEDED = 'succeeded'
    NOT_AGREED = 'not_agreed'


@dataclass(frozen=True)
class Capabilities:
    """What orders of a purchase type may do besides being paid."""

    can_pause: bool = False
    can_cancel: bool = False
    can_take_payments: bool = False
    can_change_plan: bool = False
    can_pay_early: bool = False
    can_be_succeeded: bool = False


@dataclass(frozen=True)
class OrderFacts:
    """What decides about an order; without capabilities it is an ordinary sale."""

    status: str
    capabilities: Capabilities | None
    # What Odoo says of the sale.
    is_quotation: bool = True
    is_sale_cancelled: bool = False
    is_locked: bool = False
    is_paid_otherwise: bool = False
    has_card: bool = False
    has_reserved: bool = False
    # The subscription was cancelled; its paid period lasts.
    is_cancelled: bool = False
    is_cancelled_ahead: bool = False
    # What was used is billed and collected when it is over.
    is_billed_after_end: bool = False
    # No payment is to come any more.
    is_last_period: bool = False
    # Another order goes on with it, or is to; or it is such an order itself.
    is_succeeded: bool = False
    is_successor: bool = False


# What was paid, or is being paid, by other ways than the order's link decides about these alone.
UNLESS_PAID_OTHERWISE = frozenset({OrderAction.REMIND, OrderAction.CHARGE_CARD})
# What other orders, and what is still to come, decide about.
OF_SUCCESSION = frozenset({OrderAction.CONTINUE, OrderAction.HAND_OVER})
_OFFERED = BEFORE_APPROVAL - {'draft'}
_ORDER_STATUSES = MappingProxyType(
    {
        OrderAction.CHANGE_TERMS: BEFORE_APPROVAL,
        OrderAction.CHANGE_TYPE: BEFORE_APPROVAL,
        OrderAction.OFFER: BEFORE_APPROVAL,
        OrderAction.GIVE_LINK: BEFORE_APPROVAL | LIVE | {'complete'},
        OrderAction.COPY_LINK: _OFFERED | LIVE | {'complete'},
        OrderAction.REMIND: frozenset({'pending'}),
        OrderAction.CANCEL_UNPAID: BEFORE_APPROVAL,
        OrderAction.CHARGE_CARD: BEFORE_APPROVAL,
        OrderAction.CHANGE_CARD: LIVE - {'paused'},
        OrderAction.TAKE_PAYMENT: LIVE,
        OrderAction.PAUSE: frozenset(COLLECTABLE_ORDERS),
        OrderAction.RESUME: frozenset({'paused'}),
        OrderAction.CHANGE_PLAN: frozenset(CHARGEABLE_ORDERS),
        OrderAction.ADJUST: frozenset(CHARGEABLE_ORDERS),
        OrderAction.PAY_EARLY: frozenset({'active'}),
        OrderAction.CANCEL: LIVE,
        OrderAction.UNDO_CANCELLATION: LIVE,
        OrderAction.CONTINUE: LIVE | {'complete'},
        OrderAction.HAND_OVER: LIVE,
        OrderAction.COMPLETE: LIVE,
    }
)
# What may be done with ordinary sales, too.
_OF_ALL_SALES = frozenset(
    {OrderAction.CHANGE_TERMS, OrderAction.CHANGE_TYPE, OrderAction.CANCEL_UNPAID}
)
_OF_CANCELLED_SUBSCRIPTIONS = frozenset({OrderAction.UNDO_CANCELLATION})
_OF_RUNNING_SUBSCRIPTIONS = frozenset(
    {
        OrderAction.CHANGE_CARD,
        OrderAction.PAUSE,
        OrderAction.RESUME,
        OrderAction.CHANGE_PLAN,
        OrderAction.ADJUST,
        OrderAction.PAY_EARLY,
        OrderAction.CANCEL,
        OrderAction.HAND_OVER,
    }
)


def refuse_order_action(action: OrderAction, order: OrderFacts) -> OrderRefusal | None:
    """Return why something may not be done with an order now.

    :param OrderAction action: What is to be done.
    :param OrderFacts order: The order.
    :return: The first reason; None if it may be done.
    :rtype: OrderRefusal|None
    """
    if order.capabilities is None and action not in _OF_ALL_SALES:
        return OrderRefusal.ORDINARY
    if order.status not in _ORDER_STATUSES[action]:
        return OrderRefusal.STATUS
    return (
        _refuse_by_sale(action, order)
        or _refuse_by_type(action, order.capabilities)
        or _refuse_by_subscription(action, order)
        or _refuse_by_succession(action, order)
        or _refuse_by_money(action, order)
    )


def _refuse_by_sale(action: OrderAction, order: OrderFacts) -> OrderRefusal | None:
    if action is OrderAction.CHANGE_TYPE and not order.is_quotation:
        return OrderRefusal.SALE_STATE
    is_of_sale = action in {OrderAction.OFFER, OrderAction.GIVE_LINK, OrderAction.CHARGE_CARD}
    if is_of_sale and order.is_sale_cancelled:
        return OrderRefusal.SALE_STATE
    if action is OrderAction.CHANGE_TERMS and order.is_locked:
        return OrderRefusal.LOCKED
    return None


def _refuse_by_type(action: OrderAction, capabilities: Capabilities | None) -> OrderRefusal | None:
    if capabilities is None:
        return None
    is_able = {
        OrderAction.PAUSE: capabilities.can_pause,
        OrderAction.CANCEL: capabilities.can_cancel,
        OrderAction.TAKE_PAYMENT: capabilities.can_take_payments,
        OrderAction.CHANGE_PLAN: capabilities.can_change_plan,
        OrderAction.ADJUST: capabilities.can_change_plan,
        OrderAction.PAY_EARLY: capabilities.can_pay_early,
        OrderAction.CONTINUE: capabilities.can_be_succeeded,
        OrderAction.HAND_OVER: capabilities.can_be_succeeded,
    }.get(action, True)
    return None if is_able else OrderRefusal.TYPE


def _refuse_by_subscription(action: OrderAction, order: OrderFacts) -> OrderRefusal | None:
    is_over = order.is_cancelled and not (
        action is OrderAction.CHANGE_CARD and order.is_billed_after_end
    )
    if action in _OF_RUNNING_SUBSCRIPTIONS and is_over:
        return OrderRefusal.CANCELLED
    if action in _OF_CANCELLED_SUBSCRIPTIONS and not order.is_cancelled_ahead:
        return OrderRefusal.NOT_CANCELLED
    return None


def _refuse_by_succession(action: OrderAction, order: OrderFacts) -> OrderRefusal | None:
    # Nobody but its customer makes an order go on.
    if action is OrderAction.CHARGE_CARD and order.is_successor:
        return OrderRefusal.NOT_AGREED
    if action not in OF_SUCCESSION:
        return None
    if order.is_succeeded:
        return OrderRefusal.SUCCEEDED
    if action is OrderAction.HAND_OVER:
        return OrderRefusal.NOTHING_LEFT if order.is_last_period else None
    is_over = order.status == 'complete' or (order.is_cancelled and not order.is_cancelled_ahead)
    is_about_to_be = order.is_last_period and not order.is_cancelled
    return None if is_over or is_about_to_be else OrderRefusal.GOES_ON


def _refuse_by_money(action: OrderAction, order: OrderFacts) -> OrderRefusal | None:
    if action is OrderAction.CHANGE_CARD and not order.has_card:
        return OrderRefusal.NO_CARD
    if action is OrderAction.COMPLETE and order.has_reserved:
        return OrderRefusal.RESERVED
    if action in UNLESS_PAID_OTHERWISE and order.is_paid_otherwise:
        return OrderRefusal.PAID_OTHERWISE
    return None


def order_actions(order: OrderFacts) -> frozenset[OrderAction]:
    """Return all that may be done with an order now.

    :param OrderFacts order: The order.
    :rtype: frozenset[OrderAction]
    """
    return frozenset(action for action in OrderAction if not refuse_order_action(action, order))


# === SCHEDULED PAYMENTS === #


class EventAction(Enum):
    """What may be done with a scheduled payment; each is the end of a field's name, `can_…`."""

    EXECUTE = 'execute'
    # The same for what was declined.
    RETRY = 'retry'
    RESCHEDULE = 'reschedule'
    MERGE = 'merge'
    SKIP = 'skip'
    # To tell what became of a payment that nobody knows it of.
    DECIDE = 'decide'


class EventRefusal(Enum):
    """Why something may not be done with a scheduled payment."""

    IN_FLIGHT = 'in_flight'
    PAID = 'paid'
    MERGED = 'merged'
    ORDER_STATUS = 'order_status'
    STATUS = 'status'
    ORDER_PAUSED = 'order_paused'
    ASKED_FOR = 'asked_for'
    APPROVED = 'approved'
    DISPUTED = 'disputed'
    OTHER_IN_FLIGHT = 'other_in_flight'


@dataclass(frozen=True)
class EventFacts:
    """What decides about a scheduled payment."""

    status: str
    order_status: str
    # The customer has asked to pay what the order owes; or this payment, which comes to the same.
    is_order_asked_for: bool = False
    is_asked_for: bool = False
    # An attempt was approved that isn't booked yet.
    is_approved: bool = False
    # A payment of the order is disputed as fraud: nothing is charged.
    is_disputed: bool = False
    has_other_in_flight: bool = False


_EVENT_STATUSES = MappingProxyType(
    {
        EventAction.EXECUTE: frozenset({'scheduled'}),
        EventAction.RETRY: frozenset({'soft_declined'}),
        EventAction.RESCHEDULE: frozenset(MERGEABLE),
        EventAction.MERGE: frozenset(MERGEABLE),
        EventAction.SKIP: frozenset(SKIPPABLE),
        EventAction.DECIDE: frozenset({'unknown'}),
    }
)
_CHARGES = frozenset({EventAction.EXECUTE, EventAction.RETRY})


def refuse_event_action(action: EventAction, event: EventFacts) -> EventRefusal | None:
    """Return why something may not be done with a scheduled payment now.

    :param EventAction action: What is to be done.
    :param EventFacts event: The payment.
    :return: The first reason; None if it may be done.
    :rtype: EventRefusal|None
    """
    statuses = _EVENT_STATUSES[action]
    if action is EventAction.DECIDE:
        return None if event.status in statuses else EventRefusal.STATUS
    if action in _CHARGES:
        return _refuse_charge(event, statuses)
    return _refuse_change(event, statuses)


def _refuse_charge(event: EventFacts, statuses: AbstractSet[str]) -> EventRefusal | None:
    if event.status not in statuses:
        return EventRefusal.STATUS
    if event.order_status not in CHARGEABLE_ORDERS:
        return EventRefusal.ORDER_STATUS
    if event.is_disputed:
        return EventRefusal.DISPUTED
    if event.is_order_asked_for:
        return EventRefusal.ASKED_FOR
    return EventRefusal.OTHER_IN_FLIGHT if event.has_other_in_flight else None


def _refuse_change(event: EventFacts, statuses: AbstractSet[str]) -> EventRefusal | None:
    known = _refuse_by_outcome(event)
    if known:
        return known
    if event.order_status not in LIVE:
        return EventRefusal.ORDER_STATUS
    if event.status not in statuses:
        return EventRefusal.STATUS
    # What waits may be left out, and nothing else be done with it.
    if event.order_status == 'paused' and 'paused' not in statuses:
        return EventRefusal.ORDER_PAUSED
    if event.is_order_asked_for or event.is_asked_for:
        return EventRefusal.ASKED_FOR
    return EventRefusal.APPROVED if event.is_approved else None


def _refuse_by_outcome(event: EventFacts) -> EventRefusal | None:
    if event.status in IN_FLIGHT:
        return EventRefusal.IN_FLIGHT
    if event.status in PAID:
        return EventRefusal.PAID
    return EventRefusal.MERGED if event.status == 'merged' else None


def event_actions(event: EventFacts) -> frozenset[EventAction]:
    """Return all that may be done with a scheduled payment now.

    :param EventFacts event: The payment.
    :rtype: frozenset[EventAction]
    """
    return frozenset(action for action in EventAction if not refuse_event_action(action, event))
