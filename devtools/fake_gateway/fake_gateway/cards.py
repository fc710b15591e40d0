"""Stripe's published test cards, and what happens when they are used.

Source: Stripe documentation, "Testing" (cards by brand, declined payments, fraud prevention,
disputes, refunds, 3D Secure authentication) and "Card declines" (advice codes). The documentation
gives neither advice nor network codes for single cards: those of the generic decline are what
Stripe's test mode answers, the others are the ISO 8583 response code and the advice of the same
meaning.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from fake_gateway.errors import CardError


@dataclass(frozen=True)
class Decline:
    """Why a card is refused, in the words of the error object."""

    code: str
    message: str
    decline_code: str | None = None
    advice_code: str | None = None
    network_decline_code: str | None = None
    network_advice_code: str | None = None

    def details(self) -> dict[str, str]:
        """Return the entries of the error object besides type and message.

        :rtype: dict
        """
        codes = {
            'code': self.code,
            'decline_code': self.decline_code,
            'advice_code': self.advice_code,
            'network_decline_code': self.network_decline_code,
            'network_advice_code': self.network_advice_code,
        }
        return {name: code for name, code in codes.items() if code}


DECLINED = "Your card was declined."
GENERIC = Decline('card_declined', DECLINED, 'generic_decline', 'try_again_later', '01')
INSUFFICIENT_FUNDS = Decline(
    'card_declined',
    "Your card has insufficient funds.",
    'insufficient_funds',
    'try_again_later',
    '51',
)
LOST = Decline('card_declined', DECLINED, 'lost_card', 'do_not_try_again', '41', '03')
STOLEN = Decline('card_declined', DECLINED, 'stolen_card', 'do_not_try_again', '43', '03')
FRAUDULENT = Decline('card_declined', DECLINED, 'fraudulent', 'do_not_try_again', '59', '03')
VELOCITY_EXCEEDED = Decline(
    'card_declined',
    "Your card was declined for making repeated attempts too frequently or exceeding its amount"
    " limit.",
    'card_velocity_exceeded',
    'try_again_later',
    '65',
)
EXPIRED = Decline(
    'expired_card',
    "Your card has expired.",
    advice_code='confirm_card_data',
    network_decline_code='54',
    network_advice_code='01',
)
INCORRECT_CVC = Decline(
    'incorrect_cvc',
    "Your card's security code is incorrect.",
    advice_code='confirm_card_data',
    network_decline_code='82',
)
PROCESSING_ERROR = Decline(
    'processing_error',
    "An error occurred while processing your card. Try again in a little bit.",
    advice_code='try_again_later',
    network_decline_code='96',
)
AUTHENTICATION_REQUIRED = Decline(
    'authentication_required',
    "Your card was declined. This transaction requires authentication.",
    'authentication_required',
)
NOT_A_TEST_CARD = Decline(
    'card_declined',
    "Your card was declined. Your request was in test mode, but used a non test card. For a list"
    " of valid test cards, visit: https://stripe.com/docs/testing.",
    'test_mode_live_card',
)


@dataclass(frozen=True)
class Card:
    """A test card.

    `names` are what follows `pm_card_` and `tok_` in the ids for it. `decline` is how it is
    refused; unless `declines_on_charge_only`, it can't be saved either. `authentication` says when
    3-D Secure is needed: `unless_set_up`, `always`, `on_session` (set up already), `requested` (by
    the default Radar rules) or `optional`. `refund` is `pending` (succeeds later) or `fails`
    (after it succeeded). `dispute` is the reason of the dispute that follows the payment.
    """

    number: str
    names: tuple[str, ...]
    brand: str = 'visa'
    funding: str = 'credit'
    country: str = 'US'
    decline: Decline | None = None
    declines_on_charge_only: bool = False
    authentication: str | None = None
    refund: str | None = None
    dispute: str | None = None
    fails_cvc_check: bool = False

    @property
    def fingerprint(self) -> str:
        """What tells that two payment methods are the same card."""
        return hashlib.sha256(self.number.encode()).hexdigest()[:16]

    @property
    def attach_decline(self) -> Decline | None:
        """How the card is refused when it is saved, or None."""
        return None if self.declines_on_charge_only else self.decline


CARDS = (
    # By brand.
    Card('4242424242424242', ('visa', 'us')),
    Card('4000056655665556', ('visa_debit',), funding='debit'),
    Card('5555555555554444', ('mastercard',), 'mastercard'),
    Card('2223003122003222', (), 'mastercard'),
    Card('5200828282828210', ('mastercard_debit',), 'mastercard', 'debit'),
    Card('5105105105105100', ('mastercard_prepaid',), 'mastercard', 'prepaid'),
    Card('378282246310005', ('amex',), 'amex'),
    Card('371449635398431', (), 'amex'),
    Card('6011111111111117', ('discover',), 'discover'),
    Card('6011000990139424', (), 'discover'),
    Card('3056930009020004', ('diners',), 'diners'),
    Card('3566002020360505', ('jcb',), 'jcb'),
    Card('6200000000000005', ('unionpay',), 'unionpay'),
    # By country.
    Card('4000002500001001', ('visa_cartesBancaires',), funding='debit', country='FR'),
    Card('4000002760000016', ('de',), country='DE'),
    Card('4000003560000008', ('in',), country='IN'),
    Card('4000008260000000', ('gb',), country='GB'),
    # Declined payments.
    Card('4000000000000002', ('visa_chargeDeclined', 'chargeDeclined'), decline=GENERIC),
    Card(
        '4000000000009995',
        ('visa_chargeDeclinedInsufficientFunds', 'chargeDeclinedInsufficientFunds'),
        decline=INSUFFICIENT_FUNDS,
    ),
    Card('4000000000009987', ('visa_chargeDeclinedLostCard',), decline=LOST),
    Card('4000000000009979', ('visa_chargeDeclinedStolenCard',), decline=STOLEN),
    Card(
        '4000000000000069',
        ('chargeDeclinedExpiredCard', 'visa_chargeDeclinedExpiredCard'),
        decline=EXPIRED,
    ),
    Card(
        '4000000000000127',
        ('chargeDeclinedIncorrectCvc', 'visa_chargeDeclinedIncorrectCvc'),
        decline=INCORRECT_CVC,
    ),
    Card(
        '4000000000000119',
        ('chargeDeclinedProcessingError', 'visa_chargeDeclinedProcessingError'),
        decline=PROCESSING_ERROR,
    ),
    Card(
        '4000000000006975',
        ('visa_chargeDeclinedVelocityLimitExceeded',),
        decline=VELOCITY_EXCEEDED,
    ),
    Card(
        '4000000000000341',
        ('chargeCustomerFail', 'visa_chargeCustomerFail'),
        decline=GENERIC,
        declines_on_charge_only=True,
    ),
    # Fraud prevention.
    Card(
        '4100000000000019',
        ('radarBlock', 'visa_chargeDeclinedFraudulent'),
        decline=FRAUDULENT,
    ),
    Card('4000000000000101', ('cvcCheckFail',), fails_cvc_check=True),
    # Disputes.
    Card('4000000000000259', ('createDispute',), dispute='fraudulent'),
    Card(
        '4000000000002685',
        ('createDisputeProductNotReceived',),
        dispute='product_not_received',
    ),
    # Refunds.
    Card('4000000000007726', ('pendingRefund',), refund='pending'),
    Card('4000000000005126', ('refundFail',), refund='fails'),
    # 3D Secure: authentication and setup.
    Card(
        '4000002500003155',
        ('authenticationRequiredOnSetup',),
        country='FR',
        authentication='unless_set_up',
    ),
    Card('4000002760003184', ('authenticationRequired',), country='DE', authentication='always'),
    Card(
        '4000003800000446',
        ('authenticationRequiredSetupForOffSession',),
        country='IT',
        authentication='on_session',
    ),
    Card(
        '4000008260003178',
        ('authenticationRequiredChargeDeclinedInsufficientFunds',),
        country='GB',
        authentication='on_session',
        decline=INSUFFICIENT_FUNDS,
        declines_on_charge_only=True,
    ),
    # 3D Secure: support and availability.
    Card('4000000000003220', ('threeDSecure2Required',), authentication='requested'),
    Card(
        '4000008400001629',
        ('threeDSecureRequiredChargeDeclined',),
        authentication='requested',
        decline=GENERIC,
        declines_on_charge_only=True,
    ),
    Card('4000000000003055', ('threeDSecureOptional',), authentication='optional'),
)
BY_NUMBER = {card.number: card for card in CARDS}
BY_NAME = {name: card for card in CARDS for name in card.names}


def named(identifier: str) -> Card | None:
    """Return the card behind a test payment method or token.

    :param str identifier: For example `pm_card_visa` or `tok_visa`.
    :return: The card, or None.
    :rtype: Card | None
    """
    match = re.fullmatch(r"(?:pm_card|tok)_(\w+)", identifier)
    return BY_NAME.get(match[1]) if match else None


def numbered(number: str) -> Card:
    """Return the card with a number.

    :param str number: The number, with or without spaces.
    :rtype: Card
    :raise CardError: If it is no card number, or not one of the test cards.
    """
    digits = re.sub(r"[ -]", "", number)
    if not digits.isdecimal() or not 12 <= len(digits) <= 19 or not passes_check(digits):
        raise CardError("Your card number is incorrect.", code='incorrect_number', param='number')
    if digits not in BY_NUMBER:
        raise CardError(NOT_A_TEST_CARD.message, **NOT_A_TEST_CARD.details())
    return BY_NUMBER[digits]


def passes_check(digits: str) -> bool:
    """Return whether the check digit of a card number is right (ISO/IEC 7812-1, Luhn).

    :param str digits: The number.
    :rtype: bool
    """
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def check_expiry(month: int, year: int, today: datetime) -> None:
    """Check the expiry that a cardholder typed.

    :param int month: The month.
    :param int year: The year, with four digits.
    :param datetime today: The time now.
    :raise CardError: If the card is expired, or no such month exists.
    """
    if not 1 <= month <= 12 or (year, month) < (today.year, today.month) <= (year, 12):
        raise CardError(
            "Your card's expiration month is invalid.",
            code='invalid_expiry_month',
            param='exp_month',
        )
    if not today.year <= year <= today.year + 50:
        raise CardError(
            "Your card's expiration year is invalid.", code='invalid_expiry_year', param='exp_year'
        )


def check_cvc(cvc: str) -> None:
    """Check the security code that a cardholder typed.

    :param str cvc: The code.
    :raise CardError: If it can't be one.
    """
    if not re.fullmatch(r"\d{3,4}", cvc):
        raise CardError("Your card's security code is invalid.", code='invalid_cvc', param='cvc')
