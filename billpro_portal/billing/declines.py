"""How declined payments are classified and when they may be tried again."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

# What a decline means for the saved card.
SOFT: Final = 'soft'  # The same card may pay later.
HARD: Final = 'hard'  # Only another card can pay, or this one must not be tried again.
AUTHENTICATION: Final = 'authentication'  # The bank wants to hear from the customer.
DeclineClass = Literal['soft', 'hard', 'authentication']

# What becomes of a declined payment.
RETRY: Final = 'retry'
NEEDS_CARD: Final = 'needs_card'
NEEDS_CUSTOMER: Final = 'needs_customer'
EXHAUSTED: Final = 'exhausted'
CEILING_REACHED: Final = 'ceiling'
VerdictKind = Literal['retry', 'needs_card', 'needs_customer', 'exhausted', 'ceiling']

# Visa allows 20 reattempts within 30 days (Visa Core Rules of 18 April 2026, Table 7-2; 15 before),
# Mastercard 35 (Transaction Processing Excellence). Ours is stricter, and counts first attempts.
CEILING = 15
CEILING_DAYS = 30
RETRY_PAUSE = timedelta(days=1)

# More retries, or later ones, would only meet the ceiling.
_MAX_RETRIES = 10
_MAX_RETRY_DAY = 30

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
        # Ours: the card was detached at Stripe, or its customer deleted (`stripe_errors.py`).
        'payment_method_lost',
        # `do_not_try_again` is an advice code too (Stripe documentation, "Card declines").
        # `confirm_card_data` isn't hard: the decline code tells which data are wrong.
    }
)

# The networks' own codes, by brand (Stripe documentation, "Network decline codes"). Mastercard's 65
# isn't listed: it may ask for authentication in Europe, but is a limit of the card elsewhere.
_AUTHENTICATION_NETWORK_CODES = {'visa': frozenset({'1A'})}
# Visa Core Rules, decline response codes of category 1, "Issuer will never approve", as TabaPay's
# "Excessive Retry Rules" lists them. 03, 62, 78 and 93 have been in category 2 since April 2021.
_HARD_NETWORK_CODES = {
    'visa': frozenset({'04', '07', '12', '14', '15', '41', '43', '46', '57', 'R0', 'R1', 'R3'}),
}
# Mastercard's Merchant Advice Codes: 03, "Do not try again", and 21, "Payment cancellation".
# Mastercard charges for retries after these (Transaction Processing Excellence).
_HARD_NETWORK_ADVICE = {'mastercard': frozenset({'03', '21'})}


@dataclass(frozen=True)
class DeclineCodes:
    """What Stripe says of a declined payment; None is what it doesn't say.

    The names in brackets are those of Stripe's API reference.

    :param error_code: Stripe's kind of error (`code`).
    :param decline_code: The bank's reason in Stripe's words (`decline_code`).
    :param advice_code: What to do about it in Stripe's words (`advice_code`).
    :param network_code: The reason in the network's own code (`network_decline_code`).
    :param network_advice_code: The network's own advice (`network_advice_code`).
    :param brand: The network in Stripe's spelling, such as `visa` (`network`, or else `brand`, of
                  the charge's card).
    """

    error_code: str | None = None
    decline_code: str | None = None
    advice_code: str | None = None
    network_code: str | None = None
    network_advice_code: str | None = None
    brand: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What becomes of a declined payment.

    :param kind: ``RETRY``, ``NEEDS_CARD``, ``NEEDS_CUSTOMER``, ``EXHAUSTED`` or
                 ``CEILING_REACHED``.
    :param date: When to try again, in UTC without time zone; None unless the kind is ``RETRY``.
    """

    kind: VerdictKind
    date: datetime | None = None


_VERDICTS_WITHOUT_RETRY: dict[DeclineClass, Verdict] = {
    HARD: Verdict(NEEDS_CARD),
    AUTHENTICATION: Verdict(NEEDS_CUSTOMER),
}


def classify_decline(codes: DeclineCodes) -> DeclineClass:
    """Return what a decline means for the saved card.

    Authentication goes first: it's the one way in which such a payment can still succeed. After it
    any hard sign decides, whatever the other codes say. Codes that aren't known are soft.

    Networks use the same codes for different things, so a network's rules apply to its brand only.
    If nobody knows the brand, all networks' rules apply: a customer asked for another card too
    early is a smaller mistake than a retry that a network forbids.

    :param DeclineCodes codes: What the provider says of the decline.
    :return: ``SOFT``, ``HARD`` or ``AUTHENTICATION``.
    :rtype: str
    """
    stripe_codes = {codes.error_code, codes.decline_code, codes.advice_code}
    if stripe_codes & _AUTHENTICATION_CODES or _is_listed(
        _AUTHENTICATION_NETWORK_CODES, codes.brand, codes.network_code
    ):
        return AUTHENTICATION
    is_hard = (
        stripe_codes & _HARD_CODES
        or _is_listed(_HARD_NETWORK_CODES, codes.brand, codes.network_code)
        or _is_listed(_HARD_NETWORK_ADVICE, codes.brand, codes.network_advice_code)
    )
    return HARD if is_hard else SOFT


def is_known_decline(codes: DeclineCodes) -> bool:
    """Return whether codes are those of a decline: by a decline code, or one that is listed here.

    :param DeclineCodes codes: What the provider says.
    :rtype: bool
    """
    listed = _AUTHENTICATION_CODES | _HARD_CODES
    return bool(codes.decline_code) or codes.error_code in listed


def _is_listed(table: Mapping[str, Collection[str]], brand: str | None, code: str | None) -> bool:
    if brand in {None, 'unknown'}:
        return any(code in listed for listed in table.values())
    return code in table.get(brand, ())


def classify_simulated_state(state: str) -> DeclineClass:
    """Return what a decline of Odoo's Demo provider means for the saved card.

    The provider knows no codes, only the states that its token simulates: `error` stands for a
    soft decline and `cancel` for a hard one.

    :param str state: The simulated state, or the state of the transaction: they are the same.
    :return: ``SOFT`` or ``HARD``.
    :rtype: str
    """
    return HARD if state == 'cancel' else SOFT


def decide_retry(
    decline_class: DeclineClass,
    first_declined: datetime,
    attempts: Collection[datetime],
    retry_count: int,
    retry_days: Sequence[int],
) -> Verdict:
    """Return whether and when a declined payment is tried again automatically.

    A series of declines begins with the first one and anew with each new card. The verdict
    doesn't depend on the present moment: it changes only with another attempt or card. All
    datetimes are in UTC, without time zone.

    :param str decline_class: ``SOFT``, ``HARD`` or ``AUTHENTICATION``. A hard decline decides for
                              all of its series, even if a soft one follows.
    :param datetime first_declined: When the payment was first declined in the present series.
    :param Collection[datetime] attempts: When the payment was attempted so far, in any series and
                                          by whomever.
    :param int retry_count: How many automatic retries the present series has had.
    :param Sequence[int] retry_days: The days after the first decline on which to try again, as
                                     ``parse_retry_days`` returns them.
    :rtype: Verdict
    :raise ValueError: If the class is unknown.
    """
    if decline_class in _VERDICTS_WITHOUT_RETRY:
        return _VERDICTS_WITHOUT_RETRY[decline_class]
    if decline_class != SOFT:
        raise ValueError(f"{decline_class!r} is not a class of declines")
    if retry_count >= len(retry_days):
        return Verdict(EXHAUSTED)
    date = max(
        first_declined + timedelta(days=retry_days[retry_count]),
        max(attempts, default=first_declined) + RETRY_PAUSE,
    )
    return Verdict(RETRY, date) if may_attempt(date, attempts) else Verdict(CEILING_REACHED)


def may_attempt(now: datetime, attempts: Iterable[datetime]) -> bool:
    """Return whether one more attempt to collect a payment keeps the ceiling.

    It holds for automatic retries, staff and customers alike. An attempt lies in the window if it
    is less than ``CEILING_DAYS`` days old; one dated later than now counts as well, so that a
    clock that was set back doesn't open a second window.

    :param datetime now: The moment of the next attempt, in UTC without time zone.
    :param Iterable[datetime] attempts: When the payment was attempted so far, by whomever.
    :rtype: bool
    """
    start = now - timedelta(days=CEILING_DAYS)
    return sum(attempt > start for attempt in attempts) < CEILING


def parse_retry_days(text: str | Literal[False]) -> tuple[int, ...]:
    """Return the days of a company setting such as `1, 3, 7`.

    :param str|bool text: The setting; an empty one, which Odoo reads as False, means no retries.
    :return: The days after the first decline on which to try again.
    :rtype: tuple[int, ...]
    :raise ValueError: If the setting isn't a list of at most 10 whole numbers between 1 and 30,
                       each greater than the one before.
    """
    parts = [part.strip() for part in text.split(',')] if text and text.strip() else []
    # `int` alone would read "+1", "1_0" and the digits of other scripts.
    if all(re.fullmatch('[0-9]+', part) for part in parts):
        days = tuple(int(part) for part in parts)
        is_increasing = all(day < later for day, later in zip((0, *days), days, strict=False))
        if is_increasing and len(days) <= _MAX_RETRIES and max(days, default=0) <= _MAX_RETRY_DAY:
            return days
    raise ValueError(
        f"Retry days are at most {_MAX_RETRIES} whole numbers between 1 and {_MAX_RETRY_DAY}, "
        f"each greater than the one before"
    )
