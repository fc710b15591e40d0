"""What a failed request to Stripe says about the money."""

from __future__ import annotations

import requests
import stripe

from .request_outcomes import (
    DECLINED,
    REFUSED,
    UNKNOWN,
    Outcome,
    classify_failed_request,
    classify_status,
)
from .stripe_errors import INVALID, find_refusal, get_error_object


def classify_stripe_error(error: Exception | None) -> Outcome:
    """Return what a failed request leaves of the payment.

    An answer that is no JSON has the status of a success, and an idempotency error means that an
    earlier request had the same key and other parameters: both leave the outcome open. Stripe
    answers with status 409 while another request has the same key, and with 401, 403 or 429 before
    it executes anything (API reference, "Errors", "Idempotent requests" and "Rate limits").

    :param Exception|None error: What Stripe's library or the HTTP library raised, or `NotSent`;
                                 None if nothing was.
    :return: ``DECLINED``, ``NOT_ATTEMPTED``, ``REFUSED`` or ``UNKNOWN``.
    :rtype: str
    """
    if isinstance(error, stripe.APIConnectionError):
        cause = error.__cause__
        is_known = isinstance(cause, requests.exceptions.RequestException)
        return classify_failed_request(cause) if is_known else UNKNOWN
    if isinstance(error, stripe.IdempotencyError):
        return UNKNOWN
    if find_refusal(error) == INVALID:
        return REFUSED
    if isinstance(error, stripe.StripeError):
        outcome = classify_status(error.http_status)
        # A proxy on the way may have passed the request on, and answered something of its own.
        is_own = outcome != DECLINED or bool(get_error_object(error))
        return outcome if is_own else UNKNOWN
    return classify_failed_request(error)
