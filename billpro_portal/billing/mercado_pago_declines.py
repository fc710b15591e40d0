"""What Mercado Pago says of a declined payment.

Source, mercadopago.com/developers: "Collection results" of the Checkout API
(docs/checkout-api/response-handling/collection-results), whose `status_detail` Odoo has texts for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import declines
from .declines import HARD, DeclineCodes
from .http_errors import get_status, read_body
from .provider_answers import Decline
from .request_outcomes import DECLINED, REFUSED, UNKNOWN, Outcome, classify_failed_request

_DECLINED_STATUSES = frozenset({'rejected', 'cancelled'})
_AUTHENTICATION_CODES = frozenset({'cc_rejected_call_for_authorize', 'cc_rejected_3ds_challenge'})
_HARD_CODES = frozenset(
    {
        'cc_rejected_bad_filled_card_number',
        'cc_rejected_bad_filled_date',
        'cc_rejected_blacklist',
        'cc_rejected_card_disabled',
        'cc_rejected_card_error',
        'cc_rejected_card_type_not_allowed',
        'cc_rejected_high_risk',
    }
)
# The stored card: "card not found".
_LOST_CARD_STATUS = 404


def classify_failure(error: BaseException | None) -> Outcome:
    """Return what a failed request leaves of the payment.

    Mercado Pago declines in ordinary answers. What it refuses by an HTTP status can't be had as it
    is, unless the stored card is gone.

    :param BaseException|None error: What the HTTP library raised.
    :rtype: str
    """
    outcome = classify_failed_request(error)
    if outcome != DECLINED:
        return outcome
    if not read_body(error).get('message'):
        return UNKNOWN  # The answer isn't Mercado Pago's own.
    return DECLINED if get_status(error) == _LOST_CARD_STATUS else REFUSED


def read_error(error: BaseException | None) -> Decline | None:
    """Return the decline in the answer to a failed request: the stored card is gone.

    :param BaseException|None error: What the HTTP library raised.
    :rtype: Decline|None
    """
    if get_status(error) != _LOST_CARD_STATUS:
        return None
    return Decline(HARD, DeclineCodes(error_code='card_not_found'))


def read_decline(payment: Mapping[str, Any]) -> Decline | None:
    """Return the decline of a payment.

    :param Mapping payment: The payment as Mercado Pago describes it.
    :return: The decline; None if it isn't declined.
    :rtype: Decline|None
    """
    if payment.get('status') not in _DECLINED_STATUSES:
        return None
    codes = DeclineCodes(decline_code=payment.get('status_detail'))
    return Decline(declines.classify_decline(codes, _AUTHENTICATION_CODES, _HARD_CODES), codes)
