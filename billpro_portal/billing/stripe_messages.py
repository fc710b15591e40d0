"""What Stripe and Odoo tell each other to find payments again, and to report changes.

Here and not in a model: the order in which models are loaded must not depend on who needs a name.
"""

import re
from typing import Any

# What Stripe's objects carry of ours.
DATABASE_KEY = 'odoo_database'
REFERENCE_KEY = 'odoo_reference'
ORDER_KEY = 'odoo_order'
PAYMENT_KEY = 'odoo_payment'
# Money that went to the bank, or came back from there.
PAYOUT_EVENT_TYPES = (
    'payout.paid',
    'payout.reconciliation_completed',
    'payout.failed',
    'payout.canceled',
)
# What Stripe is asked to report, in order of need: money that moved, that didn't, cards, payouts.
EVENT_TYPES = (
    'payment_intent.succeeded',
    'payment_intent.amount_capturable_updated',
    'setup_intent.succeeded',
    'setup_intent.setup_failed',
    'charge.refunded',
    'refund.created',
    'refund.updated',
    'refund.failed',
    'charge.refund.updated',
    'charge.dispute.created',
    'charge.dispute.updated',
    'charge.dispute.closed',
    'charge.dispute.funds_withdrawn',
    'charge.dispute.funds_reinstated',
    'payment_intent.payment_failed',
    'payment_intent.canceled',
    'payment_intent.processing',
    'payment_method.automatically_updated',
    'payment_method.updated',
    'payment_method.detached',
    'mandate.updated',
    *PAYOUT_EVENT_TYPES,
)

# What some of them are called in older versions of the API, by which webhooks are made (Stripe
# documentation, "API changelog", 2020-08-27).
_FORMER_TYPES = {
    'payment_method.card_automatically_updated': 'payment_method.automatically_updated'
}
# The version of our requests, and by which our webhooks are made: the newest in which Odoo's own
# code finds the lists `charges` and `refunds` that it reads in the objects (changelog, 2022-11-15).
API_VERSION = '2022-08-01'

# Each is a card that was tried and declined.
DECLINE_EVENT_TYPES = ('payment_intent.payment_failed', 'setup_intent.setup_failed')


def get_present_type(event_type: Any) -> Any:
    """Return what an event is called today.

    :param event_type: Its type, from anywhere.
    :return: The type, the same if it isn't one that was renamed.
    """
    return _FORMER_TYPES.get(event_type, event_type) if isinstance(event_type, str) else event_type


def is_stripe_id(value: Any, kind: str | None = None) -> bool:
    """Return whether a value has the form of one of Stripe's numbers, and is nothing else.

    Numbers become parts of addresses: whatever else stands in one leads to another place.

    :param value: The value, from anywhere.
    :param str|None kind: The letters that it begins with, such as ``pi``; any if not given.
    :rtype: bool
    """
    pattern = rf'{kind}_[A-Za-z0-9_]+' if kind else r'[A-Za-z0-9]+_[A-Za-z0-9_]+'
    return isinstance(value, str) and bool(re.fullmatch(pattern, value))


def is_stripe_path(path: str) -> bool:
    """Return whether a path below the version of Stripe's API leads where it says.

    :param str path: For example `payment_intents/pi_1/cancel`.
    :rtype: bool
    """
    return bool(re.fullmatch(r'[A-Za-z0-9_]+(/[A-Za-z0-9_]+)*', path))
