"""What Flutterwave says of a declined payment: a text, no codes.

Sources, developer.flutterwave.com (v3.0): "Card tokenization"
(docs/recurring-payments/tokenization), "Common errors" and "Transaction
Verification" (docs/verifications/transaction).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .declines import AUTHENTICATION, HARD, SOFT, DeclineClass, DeclineCodes
from .http_errors import read_body
from .provider_answers import Decline
from .request_outcomes import DECLINED, UNKNOWN, Outcome, classify_failed_request

_DECLINED_STATUSES = frozenset({'failed', 'cancelled'})
# Words of the texts, in small letters.
_HARD_WORDS = (
    'expired card',
    'card expired',
    'invalid card',
    'invalid token',
    'lost card',
    'stolen card',
    'restricted card',
    'token has expired',
    'token not found',
    'not permitted to cardholder',
)
_AUTHENTICATION_WORDS = ('authentication', 'pending auth')
# What banks say of a card that may pay later. Any other error is no decline that is known of: not
# that of a reference which was used before, either, whose first request may have been executed.
_SOFT_WORDS = (
    'declined',
    'do not honor',
    'do not honour',
    'exceeds',
    'insufficient',
    'limit',
    'refused by',
)


def classify_failure(error: BaseException | None) -> Outcome:
    """Return what a failed request leaves of the payment.

    :param BaseException|None error: What the HTTP library raised.
    :rtype: str
    """
    outcome = classify_failed_request(error)
    if outcome != DECLINED:
        return outcome
    body = read_body(error)
    text = (body.get('message') or '').lower()
    is_known = _has(text, (*_HARD_WORDS, *_AUTHENTICATION_WORDS, *_SOFT_WORDS))
    return DECLINED if body.get('status') == 'error' and is_known else UNKNOWN


def read_error(error: BaseException | None) -> Decline | None:
    """Return the decline in the answer to a failed request.

    :param BaseException|None error: What the HTTP library raised.
    :rtype: Decline|None
    """
    text = read_body(error).get('message')
    return Decline(_classify(text), DeclineCodes(decline_code=text)) if text else None


def read_decline(payment: Mapping[str, Any]) -> Decline | None:
    """Return the decline of a payment.

    :param Mapping payment: The payment as Flutterwave describes it.
    :return: The decline; None if it hasn't failed.
    :rtype: Decline|None
    """
    if (payment.get('status') or '').lower() not in _DECLINED_STATUSES:
        return None
    text = payment.get('processor_response')
    return Decline(_classify(text), DeclineCodes(decline_code=text))


def _classify(text: str | None) -> DeclineClass:
    text = (text or '').lower()
    if _has(text, _AUTHENTICATION_WORDS):
        return AUTHENTICATION
    return HARD if _has(text, _HARD_WORDS) else SOFT


def _has(text: str, words: tuple[str, ...]) -> bool:
    return any(word in text for word in words)
