"""What providers answer about a payment, in words that are no provider's own."""

from __future__ import annotations

from dataclasses import dataclass

from .declines import DeclineClass, DeclineCodes


@dataclass(frozen=True)
class Decline:
    """What a provider says of a payment that it declined.

    :param decline_class: What it means for the saved card.
    :param codes: Why it was declined.
    :param number: The provider's number of the payment as long as it is open there: the customer
                   can still confirm it with the bank. None if it is over or has no number.
    """

    decline_class: DeclineClass
    codes: DeclineCodes
    number: str | None = None


@dataclass(frozen=True)
class CaptureOrVoid:
    """What became of an authorised payment: it was captured, or released.

    :param captured: What was captured, in the currency of the payment; None if it was released.
    """

    captured: float | None = None
