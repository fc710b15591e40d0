"""What Stripe's refusals are about: the card, what was asked for, or who asks.

Sources: Stripe documentation, "Error codes", "Error handling" and "Rate limits"; API reference,
"Errors". An answer that isn't known here is none of these: it stays unknown.
"""

from typing import Final, Literal

import stripe

from .declines import DeclineCodes
from .stripe_declines import is_known_decline

# What was asked for can't be had, whoever's card it is: an amount that is too small or too large, a
# parameter, an object of the other mode.
INVALID: Final = 'invalid'
# Refused at the door: the key is revoked, of another account, or has no right to it.
KEY: Final = 'key'
LIMIT: Final = 'limit'  # Too many requests.
Refusal = Literal['invalid', 'key', 'limit']
# Ours: Stripe has no code for a card that was detached, and that of a customer who was deleted
# doesn't say what is missing.
LOST_CARD: Final = 'payment_method_lost'

_LOST_PARAMETERS = frozenset({'customer', 'payment_method'})
_DETACHED = ('detached from a Customer', 'must be attached to the customer')
_OTHER_MODE = 'a similar object exists in'
_REFUSED_KEY_STATUSES = frozenset({401, 403})
_LIMIT_STATUS = 429
_INVALID_STATUSES = frozenset({400, 404})


def find_refusal(error: Exception | None) -> Refusal | None:
    """Return what a refusal is about that no card is to blame for.

    :param Exception|None error: What Stripe's library raised.
    :return: ``KEY``, ``LIMIT`` or ``INVALID``; None for everything else, among it declines.
    :rtype: str|None
    """
    if not isinstance(error, stripe.StripeError) or isinstance(error, stripe.IdempotencyError):
        return None
    if error.http_status in _REFUSED_KEY_STATUSES:
        return KEY
    if error.http_status == _LIMIT_STATUS:
        # Of a single object that another request has locked it says nothing about others.
        return None if error.code == 'lock_timeout' else LIMIT
    is_invalid = (
        error.http_status in _INVALID_STATUSES
        and get_error_object(error).get('type') == 'invalid_request_error'
    )
    return INVALID if is_invalid and not _is_about_card(error) else None


def is_lost_card(error: Exception | None) -> bool:
    """Return whether a refusal says that the stored card, or its customer, is gone.

    :param Exception|None error: What Stripe's library raised.
    :rtype: bool
    """
    if not isinstance(error, stripe.InvalidRequestError):
        return False
    message = get_error_object(error).get('message') or ''
    if _OTHER_MODE in message:
        return False  # It is there, but the key is another one.
    is_missing = error.code == 'resource_missing' and error.param in _LOST_PARAMETERS
    return is_missing or any(words in message for words in _DETACHED)


def _is_about_card(error: stripe.StripeError) -> bool:
    """Return whether a refusal is a decline, though it doesn't come as one: of authentication."""
    details = get_error_object(error)
    codes = DeclineCodes(error_code=error.code, decline_code=details.get('decline_code'))
    return is_lost_card(error) or is_known_decline(codes)


def get_error_object(error: stripe.StripeError) -> dict[str, str]:
    """Return Stripe's error object.

    :param stripe.StripeError error: What Stripe's library raised.
    :return: The object; empty if the answer isn't Stripe's own, but that of a proxy, for example.
    :rtype: dict[str, str]
    """
    body = error.json_body
    details = body.get('error') if isinstance(body, dict) else None
    return details if isinstance(details, dict) else {}
