"""What Worldline says of a declined payment.

Sources, docs.direct.worldline-solutions.com: "API troubleshooting"
(integration/api-developer-guide/api-troubleshooting), "Statuses" (…/statuses) and "Send idempotent
requests" (…/idempotent-requests). A payment that is rejected is answered with status 402.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import declines
from .declines import AUTHENTICATION, HARD, DeclineCodes
from .http_errors import read_body
from .provider_answers import Decline
from .request_outcomes import DECLINED, REFUSED, UNKNOWN, Outcome, classify_failed_request

_DECLINED_STATUSES = frozenset({'REJECTED', 'REJECTED_CAPTURE', 'CANCELLED'})
_AUTHENTICATION_STATUS = 'AUTHORIZATION_REQUESTED'
# `errorCode`: what the bank says of the card itself, after which it is never approved.
_HARD_CODES = frozenset(
    {
        '30041001',  # Pick up the card.
        '30141001',  # Invalid card number.
        '30331001',  # Card expired.
        '30411001',  # Lost card.
        '30431001',  # Stolen card.
        '30591001',  # Suspected fraud.
        '30621001',  # Restricted card.
    }
)
_AUTHENTICATION_CODES = frozenset({'40001134', '40001135', '40001137', '40001139'})


def classify_failure(error: BaseException | None) -> Outcome:
    """Return what a failed request leaves of the payment.

    :param BaseException|None error: What the HTTP library raised.
    :rtype: str
    """
    outcome = classify_failed_request(error)
    if outcome != DECLINED:
        return outcome
    body = read_body(error)
    if get_payment(body) or _is_about_token(body):
        return DECLINED
    return REFUSED if body.get('errors') else UNKNOWN


def is_about_payment(error: BaseException | None) -> bool:
    """Return whether the answer to a failed request tells of a payment.

    :param BaseException|None error: What the HTTP library raised.
    :rtype: bool
    """
    return bool(get_payment(read_body(error)))


def read_error(error: BaseException | None) -> Decline | None:
    """Return the decline in the answer to a failed request.

    :param BaseException|None error: What the HTTP library raised.
    :rtype: Decline|None
    """
    body = read_body(error)
    if _is_about_token(body):
        return Decline(HARD, DeclineCodes(error_code=_get_first_code(body)))
    return read_decline(body)


def read_decline(answer: Mapping[str, Any]) -> Decline | None:
    """Return the decline in an answer.

    :param Mapping answer: What Worldline reports of the payment, as Odoo takes it in.
    :return: The decline; None if it isn't declined.
    :rtype: Decline|None
    """
    payment = get_payment(answer)
    code = _get_first_code(payment.get('statusOutput') or {})
    codes = DeclineCodes(error_code=code)
    if payment.get('status') == _AUTHENTICATION_STATUS:
        return Decline(AUTHENTICATION, codes)
    if payment.get('status') not in _DECLINED_STATUSES:
        return None
    return Decline(declines.classify_decline(codes, _AUTHENTICATION_CODES, _HARD_CODES), codes)


def get_payment(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the payment in an answer: that of a rejected one stands deeper.

    :param Mapping answer: What Worldline reports.
    :return: The payment; empty if there is none.
    :rtype: Mapping
    """
    return (answer.get('paymentResult') or answer).get('payment') or {}


def _get_first_code(described: Mapping[str, Any]) -> str | None:
    errors: list[Mapping[str, str]] = described.get('errors') or [{}]
    return errors[0].get('errorCode')


def _is_about_token(body: Mapping[str, Any]) -> bool:
    """Return whether a request was refused because the stored card is gone."""
    return any(
        (error.get('propertyName') or '').endswith('.token') for error in body.get('errors') or []
    )
