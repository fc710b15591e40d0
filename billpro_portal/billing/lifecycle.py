"""The life of an order as a table: which trigger leads from which status to which.

The statuses and transitions are those of the product's order portal: before the initial payment
an order is *draft*, *pending*, *rejected* or *cancelled*; recurring orders then are *live*;
*complete* and *cancelled* are final.
"""

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

_APPROVAL = {'activate': 'active', 'complete': 'complete'}
_LIVE_EXITS = {'complete': 'complete', 'review': 'review'}

ORDER_TRANSITIONS = {
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
        'decline_soft': 'suspended',
        'decline_hard': 'suspended',
        'recover': 'active',
        'pause': 'paused',
    },
    'paused': {
        **_LIVE_EXITS,
        'resume_active': 'active',
        'resume_failed': 'failed',
        'resume_suspended': 'suspended',
    },
    'review': {'complete': 'complete', 'recover': 'active'},
    'complete': {},
}


class TransitionRefused(Exception):
    """A trigger that the table doesn't know for the current status."""

    def __init__(self, status, trigger):
        super().__init__(f"{trigger!r} is not possible while the order is {status!r}")
        self.status = status
        self.trigger = trigger


def next_order_status(status, trigger):
    """Return the status that a trigger leads to.

    :param str status: The current status, one of ``ORDER_STATUSES``.
    :param str trigger: What happened, a key of the status's row in ``ORDER_TRANSITIONS``.
    :return: The new status; the same one where the trigger changes nothing.
    :rtype: str
    :raise TransitionRefused: If the table has no such transition.
    """
    try:
        return ORDER_TRANSITIONS[status][trigger]
    except KeyError:
        raise TransitionRefused(status, trigger) from None
