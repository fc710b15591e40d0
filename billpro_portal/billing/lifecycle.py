"""The lives of orders and billing events as tables: which trigger leads from where to where.

The statuses and transitions are those of the product's order portal: before the initial payment
an order is *draft*, *pending*, *rejected* or *cancelled*; recurring orders then are *live*;
*complete* and *cancelled* are final.
"""

from collections.abc import Mapping
from types import MappingProxyType

# By status and trigger: the status that follows.
Transitions = Mapping[str, Mapping[str, str]]

ORDER_STATUSES = (
    'draft',
    'pending',
    'rejected',
    'cancelled',
    'active',
    'failed',
    'suspended',
    'paused',
    'review',
    'complete',
)
BEFORE_APPROVAL = frozenset({'draft', 'pending', 'rejected'})
LIVE = frozenset({'active', 'failed', 'suspended', 'paused', 'review'})
FINAL = frozenset({'cancelled', 'complete'})
# Orders whose customers get text messages, and may want none: reminders of what is unpaid are some.
TOLD_BY_SMS = LIVE | {'pending', 'rejected'}
# Orders whose payments the charge run collects by itself.
CHARGEABLE_ORDERS = ('active', 'failed')
# Orders that the customer may pay the outstanding payments of, whatever the run may.
COLLECTABLE_ORDERS = (*CHARGEABLE_ORDERS, 'suspended')

# How statuses look in the lists of staff: what is gone is grey, the whole row of it.
ORDER_LEVELS = MappingProxyType(
    {
        'draft': 'muted',
        'pending': 'info',
        'rejected': 'danger',
        'cancelled': 'gone',
        'active': 'success',
        'failed': 'warning',
        'suspended': 'danger',
        'paused': 'muted',
        'review': 'warning',
        'complete': 'success',
    }
)

_APPROVAL = {'activate': 'active', 'complete': 'complete'}
_LIVE_EXITS = {'complete': 'complete', 'review': 'review'}

ORDER_TRANSITIONS: Transitions = {
    'draft': {
        **_APPROVAL,
        'send_link': 'pending',
        'reject': 'rejected',
        'cancel': 'cancelled',
    },
    'pending': {
        **_APPROVAL,
        'send_link': 'pending',
        'reject': 'rejected',
        'cancel': 'cancelled',
        'expire': 'cancelled',
    },
    'rejected': {
        **_APPROVAL,
        'send_link': 'pending',
        'reject': 'rejected',
        'cancel': 'cancelled',
    },
    'cancelled': {'reopen': 'draft'},
    'active': {
        **_LIVE_EXITS,
        'decline_soft': 'failed',
        'decline_hard': 'suspended',
        'suspend': 'suspended',
        'pause': 'paused',
    },
    'failed': {
        **_LIVE_EXITS,
        'decline_soft': 'failed',
        'decline_hard': 'suspended',
        'recover': 'active',
        'suspend': 'suspended',
        'pause': 'paused',
    },
    'suspended': {
        **_LIVE_EXITS,
        # Another card was tried, and will be tried again.
        'decline_soft': 'failed',
        'decline_hard': 'suspended',
        'suspend': 'suspended',
        'recover': 'active',
        'pause': 'paused',
    },
    'paused': {
        **_LIVE_EXITS,
        'resume_active': 'active',
        'resume_failed': 'failed',
        'resume_suspended': 'suspended',
    },
    'review': {
        'complete': 'complete',
        'review': 'review',
        # The excess was paid back, and payments remain.
        'recover': 'active',
        'decline_soft': 'failed',
        'decline_hard': 'suspended',
        'suspend': 'suspended',
    },
    # Its last payment was taken back by the bank.
    'complete': {'return': 'failed'},
}


EVENT_STATUSES = (
    'scheduled',
    'processing',
    'completed',
    'recovered',
    'soft_declined',
    'hard_declined',
    'action_required',
    'unknown',
    'skipped',
    'merged',
    'cancelled',
    'paused',
)
PAID = frozenset({'completed', 'recovered'})
# Nobody but the gateway knows what becomes of these: nothing else may touch them.
IN_FLIGHT = frozenset({'processing', 'unknown'})
DECLINED = frozenset({'soft_declined', 'hard_declined', 'action_required'})
OPEN = frozenset({'scheduled', 'paused'}) | IN_FLIGHT | DECLINED
# Payments that a run may open, and those that only the customer's request opens.
CHARGEABLE_EVENTS = ('scheduled', 'soft_declined')
REQUESTABLE_EVENTS = (*CHARGEABLE_EVENTS, 'hard_declined', 'action_required')
# Payments that staff may merge, and those that they may leave out.
MERGEABLE = (*CHARGEABLE_EVENTS, 'hard_declined')
SKIPPABLE = (*MERGEABLE, 'action_required', 'paused')

EVENT_LEVELS = MappingProxyType(
    {
        'scheduled': 'info',
        'processing': 'info',
        'completed': 'success',
        'recovered': 'success',
        'soft_declined': 'warning',
        'hard_declined': 'danger',
        'action_required': 'warning',
        'unknown': 'danger',
        'skipped': 'gone',
        'merged': 'gone',
        'cancelled': 'gone',
        'paused': 'muted',
    }
)

_ANSWERS = {
    'decline_soft': 'soft_declined',
    'decline_hard': 'hard_declined',
    'require_action': 'action_required',
    'lose': 'unknown',
}
_RETURNS = {'return_soft': 'soft_declined', 'return_hard': 'hard_declined'}
_STAFF = {'skip': 'skipped', 'merge': 'merged', 'cancel': 'cancelled'}
# Money that arrives late is booked, whatever became of its event meanwhile.
_LATE_APPROVAL = {'approve': 'recovered'}

EVENT_TRANSITIONS: Transitions = {
    # Staff may have scheduled anew what was declined, and is approved all the same.
    'scheduled': {
        **_STAFF,
        **_LATE_APPROVAL,
        'open': 'processing',
        'pause': 'paused',
        'reschedule': 'scheduled',
    },
    'processing': {
        **_ANSWERS,
        'approve': 'completed',
        'recover': 'recovered',
        'refuse': 'scheduled',
    },
    'unknown': {
        **_ANSWERS,
        'wait': 'processing',  # The provider has it, and takes days.
        'approve': 'completed',
        'recover': 'recovered',
        'refuse': 'scheduled',
    },
    'soft_declined': {
        **_STAFF,
        **_LATE_APPROVAL,
        'open': 'processing',
        'reschedule': 'scheduled',
    },
    'hard_declined': {
        **_STAFF,
        **_LATE_APPROVAL,
        'open': 'processing',
        'reschedule': 'scheduled',
    },
    'action_required': {**_STAFF, **_LATE_APPROVAL, **_ANSWERS, 'open': 'processing'},
    'paused': {
        **_LATE_APPROVAL,
        'skip': 'skipped',
        'cancel': 'cancelled',
        'resume': 'scheduled',
    },
    'skipped': {**_LATE_APPROVAL},
    # A period that was paused leaves the payment it was merged into. What was to be paid early and
    # was declined is due on its day.
    'merged': {**_LATE_APPROVAL, 'cancel': 'cancelled', 'reinstate': 'scheduled'},
    'cancelled': {**_LATE_APPROVAL, 'reinstate': 'scheduled'},
    # A bank takes back what was paid by debit, weeks later.
    'completed': {**_RETURNS},
    'recovered': {**_RETURNS},
}


class TransitionRefused(Exception):
    """A trigger that the table doesn't know for the current status."""

    def __init__(self, status: str, trigger: str) -> None:
        super().__init__(f"{trigger!r} is not possible from {status!r}")
        self.status = status
        self.trigger = trigger


def next_event_status(status: str, trigger: str) -> str:
    """Return the status that a trigger leads a billing event to.

    :param str status: The current status, one of ``EVENT_STATUSES``.
    :param str trigger: What happened, a key of the status's row in ``EVENT_TRANSITIONS``.
    :rtype: str
    :raise TransitionRefused: If the table has no such transition.
    """
    return _next_status(EVENT_TRANSITIONS, status, trigger)


def next_order_status(status: str, trigger: str) -> str:
    """Return the status that a trigger leads an order to.

    :param str status: The current status, one of ``ORDER_STATUSES``.
    :param str trigger: What happened, a key of the status's row in ``ORDER_TRANSITIONS``.
    :return: The new status; the same one where the trigger changes nothing.
    :rtype: str
    :raise TransitionRefused: If the table has no such transition.
    """
    return _next_status(ORDER_TRANSITIONS, status, trigger)


def _next_status(transitions: Transitions, status: str, trigger: str) -> str:
    try:
        return transitions[status][trigger]
    except KeyError:
        raise TransitionRefused(status, trigger) from None
