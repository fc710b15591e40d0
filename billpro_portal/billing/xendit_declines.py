"""What Xendit says of a declined payment.

Sources, docs.xendit.co: "Card declines and error codes" (credit-cards/understanding-card-declines),
and of the API reference "Create charge", whose errors have an `error_code`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import declines
from .declines import DeclineCodes
from .http_errors import read_body
from .provider_answers import Decline
from .request_outcomes import DECLINED, REFUSED, UNKNOWN, Outcome, classify_failed_request

_AUTHENTICATION_CODES = frozenset({'AUTHENTICATION_FAILED', 'AUTHENTICATION_ID_MISSING_ERROR'})
_LOST_CARD_ERRORS = frozenset({'TOKEN_NOT_FOUND_ERROR', 'INVALID_TOKEN_ID_ERROR'})
_HARD_CODES = _LOST_CARD_ERRORS | {
    'EXPIRED_CARD',
    'FRAUD_RISK_BLOCKED',
    'INACTIVE_CARD',
    'INACTIVE_OR_UNAUTHORIZED_CARD',
    'INVALID_CARD',
    'ISSUER_SUSPECT_FRAUD',
    'STOLEN_CARD',
}
# The reference was used: the first request under it may have been executed.
_USED_ERROR = 'EXTERNAL_ID_ALREADY_USED_ERROR'


def classify_failure(error: BaseException | None) -> Outcome:
    """Return what a failed request leaves of the payment.

    Xendit declines in ordinary answers, but for tokens that are gone, and for authentication.

    :param BaseException|None error: What the HTTP library raised.
    :rtype: str
    """
    outcome = classify_failed_request(error)
    if outcome != DECLINED:
        return outcome
    code = read_body(error).get('error_code')
    if not code or code == _USED_ERROR:
        return UNKNOWN
    return DECLINED if code in _LOST_CARD_ERRORS | _AUTHENTICATION_CODES else REFUSED


def read_error(error: BaseException | None) -> Decline | None:
    """Return the decline in the answer to a failed request.

    :param BaseException|None error: What the HTTP library raised.
    :rtype: Decline|None
    """
    code = read_body(error).get('error_code')
    return _make_decline(DeclineCodes(error_code=code)) if code else None


def read_decline(charge: Mapping[str, Any]) -> Decline | None:
    """Return the decline of a charge.

    :param Mapping charge: The charge as Xendit describes it.
    :return: The decline; None if it hasn't failed.
    :rtype: Decline|None
    """
    if charge.get('status') != 'FAILED':
        return None
    brand = (charge.get('card_brand') or '').lower() or None
    return _make_decline(DeclineCodes(decline_code=charge.get('failure_reason'), brand=brand))


def _make_decline(codes: DeclineCodes) -> Decline:
    return Decline(declines.classify_decline(codes, _AUTHENTICATION_CODES, _HARD_CODES), codes)
