"""What Razorpay says of a declined payment.

Sources, razorpay.com/docs: "Error Codes" of recurring payments by card
(payments/payment-gateway/s2s-integration/recurring-payments/cards/error-codes), of card payments
(errors/payments/cards) and of UPI: `error.reason` decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import declines
from .declines import DeclineCodes
from .http_errors import read_body
from .provider_answers import Decline
from .request_outcomes import DECLINED, REFUSED, UNKNOWN, Outcome, classify_failed_request

_AUTHENTICATION_CODES = frozenset({'authentication_failed', 'customer_action_required'})
_HARD_CODES = frozenset(
    {
        'bank_account_invalid',
        'card_disabled_for_online_payments',
        'card_expired',
        'card_not_enrolled',
        'card_number_invalid',
        'card_type_invalid',
        'debit_instrument_blocked',
        'debit_instrument_inactive',
        'incorrect_card_details',
        'incorrect_card_expiry_date',
        'international_transaction_not_allowed',
        'invalid_vpa',
        'mandate_not_active',
        'payment_mandate_not_active',
        'payment_risk_check_failed',
        'transaction_on_vpa_restricted',
    }
)
_INVALID_REASONS = frozenset({'input_validation_failed', 'invalid_amount', 'invalid_currency'})


def classify_failure(error: BaseException | None) -> Outcome:
    """Return what a failed request leaves of the payment.

    :param BaseException|None error: What the HTTP library raised.
    :rtype: str
    """
    outcome = classify_failed_request(error)
    if outcome != DECLINED:
        return outcome
    described = _get_error(read_body(error))
    if not described:
        return UNKNOWN  # The answer isn't Razorpay's own.
    return REFUSED if described.get('reason') in _INVALID_REASONS else DECLINED


def read_error(error: BaseException | None) -> Decline | None:
    """Return the decline in the answer to a failed request.

    :param BaseException|None error: What the HTTP library raised.
    :rtype: Decline|None
    """
    described = _get_error(read_body(error))
    if not described:
        return None
    return _make_decline(described.get('code'), described.get('reason'), None)


def read_decline(payment: Mapping[str, Any]) -> Decline | None:
    """Return the decline of a payment.

    :param Mapping payment: The payment as Razorpay describes it.
    :return: The decline; None if it hasn't failed.
    :rtype: Decline|None
    """
    if payment.get('status') != 'failed':
        return None
    network = ((payment.get('card') or {}).get('network') or '').lower() or None
    return _make_decline(payment.get('error_code'), payment.get('error_reason'), network)


def _make_decline(code: str | None, reason: str | None, brand: str | None) -> Decline:
    codes = DeclineCodes(error_code=code, decline_code=reason, brand=brand)
    return Decline(declines.classify_decline(codes, _AUTHENTICATION_CODES, _HARD_CODES), codes)


def _get_error(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the error object of an answer; empty if it has none."""
    described = body.get('error')
    return described if isinstance(described, dict) else {}
