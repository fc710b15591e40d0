"""What a failed request to a payment provider says about the money."""

from typing import Final, Literal

import requests
import stripe
import urllib3

from .stripe_errors import INVALID, find_refusal

DECLINED: Final = 'declined'
NOT_ATTEMPTED: Final = 'not_attempted'
UNKNOWN: Final = 'unknown'
REFUSED: Final = 'refused'
Outcome = Literal['declined', 'not_attempted', 'unknown', 'refused']

# Refused before anything was executed, for a reason that is not the customer's card: bad keys,
# missing rights, too many requests (Stripe API reference, "Errors" and "Rate limits").
_REFUSED_STATUSES = frozenset({401, 403, 429})
# The same idempotency key is being used at this moment (Stripe API reference, "Idempotent
# requests"): what becomes of that other request isn't known.
_CONFLICT_STATUS = 409


def classify_failed_request(error: Exception | None) -> Outcome:
    """Return what a failed request leaves of the payment.

    :param Exception|None error: What the HTTP library or Stripe's library raised; None or anything
                                 else means that the provider's answer was understood and is a
                                 refusal.
    :return: ``DECLINED``: no money moved; ``NOT_ATTEMPTED``: the provider never tried;
             ``REFUSED``: it can't be had, whoever's card it is, and no money moved;
             ``UNKNOWN``: money may have moved.
    :rtype: str
    """
    if isinstance(error, stripe.StripeError):
        return _classify_stripe_error(error)
    if isinstance(error, requests.exceptions.HTTPError):
        return _classify_status(None if error.response is None else error.response.status_code)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return NOT_ATTEMPTED
    if isinstance(error, requests.exceptions.ConnectionError):
        reason = getattr(error.args[0], 'reason', None) if error.args else None
        is_unconnected = isinstance(reason, urllib3.exceptions.NewConnectionError)
        return NOT_ATTEMPTED if is_unconnected else UNKNOWN
    if isinstance(error, requests.exceptions.RequestException):
        return UNKNOWN
    return DECLINED


def _classify_stripe_error(error: stripe.StripeError) -> Outcome:
    """Return what an error of Stripe's library leaves of the payment.

    An answer that is no JSON has the status of a success, and an idempotency error means that an
    earlier request had the same key and other parameters: both leave the outcome open.
    """
    if isinstance(error, stripe.APIConnectionError):
        cause = error.__cause__
        if isinstance(cause, requests.exceptions.RequestException):
            return classify_failed_request(cause)
        return UNKNOWN
    if isinstance(error, stripe.IdempotencyError):
        return UNKNOWN
    if find_refusal(error) == INVALID:
        return REFUSED
    return _classify_status(error.http_status)


def _classify_status(status: int | None) -> Outcome:
    if status in _REFUSED_STATUSES:
        return NOT_ATTEMPTED
    is_refusal = status and 400 <= status < 500 and status != _CONFLICT_STATUS
    return DECLINED if is_refusal else UNKNOWN
