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
BACKUP: Final = 'backup'
NEEDS_CUSTOMER: Final = 'needs_customer'
EXHAUSTED: Final = 'exhausted'
CEILING_REACHED: Final = 'ceiling'
VerdictKind = Literal['retry', 'needs_card', 'backup', 'needs_customer', 'exhausted', 'ceiling']

# Visa allows 20 reattempts within 30 days (Visa Core Rules of 18 April 2026, Table 7-2; 15 before),
# Mastercard 35 (Transaction Processing Excellence). Ours is stricter, and counts first attempts.
CEILING = 15
CEILING_DAYS = 30
RETRY_PAUSE = timedelta(days=1)

# More retries, or later ones, would only meet the ceiling.
_MAX_RETRIES = 10
_MAX_RETRY_DAY = 30

# The networks' own codes, by brand (Stripe documentation, "Network decline codes"). Mastercard's 65
# isn't listed: it may ask for authentication in Europe, but is a limit of the card elsewhere.
_AUTHENTICATION_NETWORK_CODES = {'visa': frozenset({'1A'})}
# Visa Core Rules, decline response codes of category 1, "Issuer will never approve", as TabaPay's
# "Excessive Retry Rules" lists them. 03, 62, 78 and 93 have been in category 2 since April 2021.
_HARD_NETWORK_CODES = {
    'visa': frozenset({'04', '07', '12', '14', '15', '41', '43', '46', '57', 'R0', 'R1', 'R3'}),
}
# Reasons for which banks refuse or return debits. SEPA: European Payments Council, EPC173-14,
# "Guidance on reason codes for SEPA Direct Debit R-transactions"; a refund that the customer asked
# for, and a refusal, are theirs to explain. Too little money (AM04) and reasons that the bank keeps
# to itself (MS03) may pass. ACH: Stripe documentation, "Network decline codes". Bacs: "ARUDD reason
# codes": the instruction was cancelled (1) or isn't there (6), the payer has died (2), the account
# was transferred (3), isn't there (5) or was closed (B). To refer to the payer (0) may pass.
_DEBIT_CODES = {
    'sepa_debit': frozenset(
        {
            *('AC01', 'AC04', 'AC06', 'AC13', 'AG01', 'MD01', 'MD02', 'MD06', 'MD07'),
            *('MS02', 'RC01', 'SL01'),
        }
    ),
    'us_bank_account': frozenset(
        {
            *('R02', 'R03', 'R04', 'R05', 'R07', 'R08', 'R10', 'R11', 'R15', 'R16', 'R20', 'R29'),
            'R31',
        }
    ),
    'bacs_debit': frozenset({'1', '2', '3', '5', '6', 'B'}),
}
_HARD_NETWORK_CODES |= _DEBIT_CODES
# Mastercard's Merchant Advice Codes: 03, "Do not try again", and 21, "Payment cancellation".
# Mastercard charges for retries after these (Transaction Processing Excellence).
_HARD_NETWORK_ADVICE = {'mastercard': frozenset({'03', '21'})}


@dataclass(frozen=True)
class DeclineCodes:
    """What a provider says of a declined payment; None is what it doesn't say.

    :param error_code: The provider's kind of error.
    :param decline_code: The bank's reason in the provider's words.
    :param advice_code: What to do about it in the provider's words.
    :param network_code: The reason in the network's own code.
    :param network_advice_code: The network's own advice.
    :param brand: The network: `visa`, `mastercard`, or the kind of a debit if it is one of these.
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

    :param kind: ``RETRY``, ``NEEDS_CARD``, ``BACKUP``, ``NEEDS_CUSTOMER``, ``EXHAUSTED`` or
                 ``CEILING_REACHED``.
    :param date: When to try again, in UTC without time zone; None unless the kind is ``RETRY``.
    """

    kind: VerdictKind
    date: datetime | None = None


_VERDICTS_WITHOUT_RETRY: dict[DeclineClass, Verdict] = {
    HARD: Verdict(NEEDS_CARD),
    AUTHENTICATION: Verdict(NEEDS_CUSTOMER),
}


def classify_decline(
    codes: DeclineCodes,
    authentication_codes: Collection[str] = (),
    hard_codes: Collection[str] = (),
) -> DeclineClass:
    """Return what a decline means for the saved card.

    Authentication goes first: it's the one way in which such a payment can still succeed. After it
    any hard sign decides, whatever the other codes say. Codes that aren't known are soft.

    Networks use the same codes for different things, so a network's rules apply to its brand only.
    If nobody knows the brand, all networks' rules apply: a customer asked for another card too
    early is a smaller mistake than a retry that a network forbids.

    :param DeclineCodes codes: What the provider says of the decline.
    :param Collection[str] authentication_codes: The provider's codes with which the bank wants to
                                                 hear from the customer.
    :param Collection[str] hard_codes: The provider's codes after which another card is needed.
    :return: ``SOFT``, ``HARD`` or ``AUTHENTICATION``.
    :rtype: str
    """
    named = {codes.error_code, codes.decline_code, codes.advice_code}
    if not named.isdisjoint(authentication_codes) or _is_listed(
        _AUTHENTICATION_NETWORK_CODES, codes.brand, codes.network_code
    ):
        return AUTHENTICATION
    is_hard = (
        not named.isdisjoint(hard_codes)
        or _is_listed(_HARD_NETWORK_CODES, codes.brand, codes.network_code)
        or _is_listed(_HARD_NETWORK_ADVICE, codes.brand, codes.network_advice_code)
    )
    return HARD if is_hard else SOFT


def _is_listed(table: Mapping[str, Collection[str]], brand: str | None, code: str | None) -> bool:
    if brand in {None, 'unknown'}:  # Of a card: debits are always known to be such.
        return any(code in listed for name, listed in table.items() if name not in _DEBIT_CODES)
    return code in table.get(brand, ())


def decide_retry(
    decline_class: DeclineClass,
    first_declined: datetime,
    attempts: Collection[datetime],
    retry_count: int,
    retry_days: Sequence[int],
    has_backup: bool = False,
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
    :param bool has_backup: Whether the customer has agreed to another card that is charged, at
                            once, after a hard decline.
    :rtype: Verdict
    :raise ValueError: If the class is unknown.
    """
    if decline_class == HARD and has_backup:
        return Verdict(BACKUP)
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
