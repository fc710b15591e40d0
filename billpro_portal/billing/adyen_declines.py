"""What Adyen says of a declined payment.

Sources, docs.adyen.com: "Refusal reasons" (development-resources/refusal-reasons), "Raw responses"
(development-resources/raw-acquirer-responses), "API idempotency" and "Response handling"
(development-resources/api-idempotency, response-handling).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import declines
from .declines import HARD, DeclineCodes
from .http_errors import get_status, read_body
from .provider_answers import Decline
from .request_outcomes import DECLINED, REFUSED, UNKNOWN, Outcome, classify_failed_request

_DECLINED_RESULTS = frozenset({'Refused', 'Error', 'Cancelled'})
# `refusalReasonCode`: 3D not authenticated, authentication required, 3DS authentication error.
_AUTHENTICATION_CODES = frozenset({'11', '38', '42'})
_HARD_CODES = frozenset(
    {
        '5',  # Blocked card.
        '6',  # Expired card.
        '8',  # Invalid card number.
        '10',  # Not supported by the customer's bank.
        '14',  # Acquirer fraud.
        '20',  # Fraud.
        '22',  # Fraud, cancelled.
        '23',  # Transaction not permitted.
        '25',  # Restricted card.
        '26',  # Revocation of authorisation.
        '31',  # Issuer suspected fraud.
        '34',  # No checking account available on the card.
        '35',  # No savings account available on the card.
        '46',  # Blocked by Adyen, as more retries would cost fees.
    }
)
# `errorCode` of a refused request: "Contract not found" and "PaymentDetail not found". What was
# stored is gone.
_LOST_CARD_ERRORS = frozenset({'800', '803'})
# The same page: the request is being processed, or was, under this key.
_KEY_IN_USE_ERROR = '704'
_BRANDS = {'mc': 'mastercard', 'visa': 'visa'}


def classify_failure(error: BaseException | None) -> Outcome:
    """Return what a failed request leaves of the payment.

    Adyen declines in ordinary answers. What it refuses by an HTTP status can't be had as it is.

    :param BaseException|None error: What the HTTP library raised.
    :rtype: str
    """
    outcome = classify_failed_request(error)
    if outcome != DECLINED:
        return outcome
    code = read_body(error).get('errorCode')
    if not code or code == _KEY_IN_USE_ERROR:
        return UNKNOWN
    return DECLINED if code in _LOST_CARD_ERRORS else REFUSED


def read_error(error: BaseException | None) -> Decline | None:
    """Return the decline in a refused request: the stored card is gone.

    :param BaseException|None error: What the HTTP library raised.
    :rtype: Decline|None
    """
    code = read_body(error).get('errorCode')
    if get_status(error) is None or code not in _LOST_CARD_ERRORS:
        return None
    return Decline(HARD, DeclineCodes(error_code=code))


def read_decline(answer: Mapping[str, Any]) -> Decline | None:
    """Return the decline in an answer, or in a message.

    :param Mapping answer: What Adyen reports of the payment.
    :return: The decline; None if it isn't declined.
    :rtype: Decline|None
    """
    if answer.get('resultCode') not in _DECLINED_RESULTS:
        return None
    details = answer.get('additionalData') or {}
    method = answer.get('paymentMethod')
    brand = method.get('brand') if isinstance(method, dict) else method
    codes = DeclineCodes(
        error_code=answer.get('refusalReasonCode'),
        decline_code=answer.get('refusalReason') or answer.get('reason'),
        network_code=_get_leading_code(details.get('refusalReasonRaw')),
        network_advice_code=_get_leading_code(details.get('merchantAdviceCode')),
        brand=_BRANDS.get(brand or '', brand),
    )
    return Decline(declines.classify_decline(codes, _AUTHENTICATION_CODES, _HARD_CODES), codes)


def _get_leading_code(text: str | None) -> str | None:
    """Return the code in front of its explanation: "03 : Do not try again"."""
    return text.partition(':')[0].strip() or None if text else None
