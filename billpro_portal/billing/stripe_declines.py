"""What Stripe's codes say of a declined payment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import declines
from .decline_reasons import DeclineReason
from .declines import DeclineClass, DeclineCodes
from .provider_answers import Decline

# Stripe's codes of all kinds: no value stands for different things in different fields.
_AUTHENTICATION_CODES = frozenset(
    {
        # Stripe documentation, "Stripe decline codes".
        'authentication_not_handled',
        'authentication_required',
        'mobile_device_authentication_required',
        # Stripe documentation, "Error codes".
        'payment_intent_action_required',
        'payment_intent_authentication_failure',
    }
)
_HARD_CODES = frozenset(
    {
        # Stripe documentation, "Automate payment retries", section "Hard decline codes": Stripe
        # itself never retries these, nor `authentication_required`.
        'highest_risk_level',
        'incorrect_number',
        'lost_card',
        'pickup_card',
        'revocation_of_all_authorizations',
        'revocation_of_authorization',
        'stolen_card',
        'transaction_not_allowed',
        # Stripe documentation, "Stripe decline codes": what is said of the card, the customer's
        # order to the bank or the block list doesn't change with time. A wrong CVC isn't listed:
        # it's never stored, so a retry goes without it.
        'card_not_supported',
        'currency_not_supported',
        'do_not_try_again',
        'expired_card',
        'fraudulent',
        'invalid_account',
        'invalid_expiry_month',
        'invalid_expiry_year',
        'invalid_number',
        'merchant_blacklist',
        'restricted_card',
        'stop_payment_order',
        'testmode_decline',
        # Stripe documentation, "India recurring payments": the customer's authorisation has ended.
        'india_recurring_payment_mandate_canceled',
        'payment_intent_mandate_invalid',
        # Stripe documentation, "Network decline codes" and "Error codes": what is said of a bank
        # account or a mandate.
        'account_closed',
        'account_number_invalid',
        'bank_account_closed',
        'bank_account_frozen',
        'bank_account_invalid_details',
        'bank_account_restricted',
        'bank_account_unusable',
        'debit_not_authorized',
        'mandate_invalid',
        'no_account',
        'recipient_deceased',
        # Stripe API reference, "The Dispute object", `reason`: of a debit that was returned.
        'customer_initiated',
        'incorrect_account_details',
        # Ours: the card was detached at Stripe, or its customer deleted (`stripe_errors.py`).
        'payment_method_lost',
        # `do_not_try_again` is an advice code too (Stripe documentation, "Card declines").
        # `confirm_card_data` isn't hard: the decline code tells which data are wrong.
    }
)


# Stripe documentation, "Stripe decline codes" and "Error codes": what of them the customer can act
# on. What isn't listed is no reason to tell.
_REASONS = {
    DeclineReason.FUNDS: frozenset({'insufficient_funds'}),
    DeclineReason.LIMIT: frozenset({'card_velocity_exceeded', 'withdrawal_count_limit_exceeded'}),
    DeclineReason.EXPIRED: frozenset({'expired_card'}),
    DeclineReason.DATA: frozenset(
        {
            'incorrect_address',
            'incorrect_cvc',
            'incorrect_number',
            'incorrect_pin',
            'incorrect_zip',
            'invalid_cvc',
            'invalid_expiry_month',
            'invalid_expiry_year',
            'invalid_number',
        }
    ),
    DeclineReason.ACCOUNT: frozenset(
        {
            'account_closed',
            'account_number_invalid',
            'bank_account_closed',
            'bank_account_frozen',
            'bank_account_invalid_details',
            'bank_account_restricted',
            'bank_account_unusable',
            'debit_not_authorized',
            'incorrect_account_details',
            'mandate_invalid',
            'no_account',
        }
    ),
    DeclineReason.UNREACHABLE: frozenset(
        {'issuer_not_available', 'processing_error', 'reenter_transaction', 'try_again_later'}
    ),
}


def find_decline_reason(codes: DeclineCodes) -> DeclineReason:
    """Return what to tell the customer about why a payment was declined.

    :param DeclineCodes codes: What Stripe says of the decline.
    :rtype: DeclineReason
    """
    # The bank's own reason is the better one: the error is `card_declined` for most of them.
    for code in (codes.decline_code, codes.error_code):
        for reason, listed in _REASONS.items():
            if code in listed:
                return reason
    return DeclineReason.UNKNOWN


def classify_decline(codes: DeclineCodes) -> DeclineClass:
    """Return what a decline means for the saved card.

    :param DeclineCodes codes: What Stripe says of the decline.
    :return: ``SOFT``, ``HARD`` or ``AUTHENTICATION``.
    :rtype: str
    """
    return declines.classify_decline(codes, _AUTHENTICATION_CODES, _HARD_CODES)


def is_known_decline(codes: DeclineCodes) -> bool:
    """Return whether codes are those of a decline: by a decline code, or one that is listed here.

    :param DeclineCodes codes: What Stripe says.
    :rtype: bool
    """
    listed = _AUTHENTICATION_CODES | _HARD_CODES
    return bool(codes.decline_code) or codes.error_code in listed


def read_decline(error: Mapping[str, Any]) -> Decline:
    """Return what Stripe says of a payment that it declined.

    :param Mapping error: Stripe's error object (Stripe API reference, "Errors"). The brand is the
                          `network`, or else the `brand`, of the charge's card.
    :rtype: Decline
    """
    method = error.get('payment_method') or {}
    codes = DeclineCodes(
        error_code=error.get('code'),
        decline_code=error.get('decline_code'),
        advice_code=error.get('advice_code'),
        network_code=error.get('network_decline_code'),
        network_advice_code=error.get('network_advice_code'),
        brand=_get_brand(method),
    )
    intent = error.get('payment_intent') or {}
    return Decline(classify_decline(codes), codes, number=intent.get('id'))


def _get_brand(method: Mapping[str, Any]) -> str | None:
    """Return the network of a card; of anything else its kind."""
    kind: str | None = method.get('type')
    brand: str | None = (method.get('card') or {}).get('brand')
    return brand if kind in {None, 'card'} else kind


def read_return(reason: str, kind: str) -> Decline:
    """Return what Stripe says of a debit that was paid, and that the bank has taken back.

    :param str reason: The reason of its dispute (API reference, "The Dispute object").
    :param str kind: Stripe's type of the payment method.
    :rtype: Decline
    """
    codes = DeclineCodes(error_code='debit_returned', decline_code=reason, brand=kind)
    return Decline(classify_decline(codes), codes)
