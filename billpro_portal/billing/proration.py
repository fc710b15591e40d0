"""What the days of a period are worth: credit for those that are left, charge for those to come.

Days are those of the customer's calendar: the first one of a span counts, and so does the last. The
day of a change belongs to what follows. An amount is divided by the days of the period that it was
billed for, and rounded once, half up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from .rating import round_half_up

ZERO = Decimal(0)


@dataclass(frozen=True)
class Span:
    """Days that follow each other.

    :param date first: The first one.
    :param date last: The last one, which counts.
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        """Refuse a span without a day."""
        if self.last < self.first:
            raise ValueError("A span has at least one day")

    @property
    def days(self) -> int:
        """Return how many days there are."""
        return (self.last - self.first).days + 1

    def days_from(self, day: date) -> int:
        """Return how many days there are from a day on.

        :param date day: The first day that counts; before the span all of it counts.
        :rtype: int
        """
        return max(0, min(self.days, (self.last - day).days + 1))


@dataclass(frozen=True)
class Billed:
    """What was billed for a span.

    :param Decimal|Fraction amount: How much.
    :param Span span: For which days.
    """

    amount: Decimal | Fraction
    span: Span


@dataclass(frozen=True)
class Settlement:
    """What a change within a period comes to.

    :param Decimal credit: For the days that were billed and are left.
    :param Decimal charge: For the same days at the new price.
    """

    credit: Decimal
    charge: Decimal

    @property
    def net(self) -> Decimal:
        """Return what is to be paid; less than zero if more is credited than charged."""
        return self.charge - self.credit


def prorate(amount: Decimal | Fraction, days: int, of_days: int, coin: Decimal) -> Decimal:
    """Return what some days of a period are worth.

    :param Decimal|Fraction amount: What all of its days are worth.
    :param int days: How many of its days.
    :param int of_days: How many days it has.
    :param Decimal coin: The smallest amount of the currency.
    :rtype: Decimal
    :raise ValueError: If the period has fewer days.
    """
    if not 0 <= days <= of_days or not of_days:
        raise ValueError(f"A period of {of_days} days has no {days}")
    return round_half_up(Fraction(amount) * days / of_days, coin)


def get_percentage(amount: Decimal | Fraction, percent: Decimal, coin: Decimal) -> Decimal:
    """Return what a discount takes off an amount.

    :param Decimal|Fraction amount: The amount.
    :param Decimal percent: How many hundredths of it.
    :param Decimal coin: The smallest amount of the currency.
    :rtype: Decimal
    """
    return round_half_up(Fraction(amount) * Fraction(percent) / 100, coin)


def settle(
    billed: Billed,
    price: Decimal | Fraction,
    period: Span,
    day: date,
    coin: Decimal,
    paid: Decimal | None = None,
    new_period: Span | None = None,
) -> Settlement:
    """Return what it comes to that another price counts from a day on.

    What was billed is credited, not today's price. It may have been billed for a part of the period
    only, if the price changed before.

    :param Billed billed: What was billed last for days until the end of the period.
    :param Decimal|Fraction price: The new price of a whole period.
    :param Span period: The period.
    :param date day: The first day that the new price counts for.
    :param Decimal coin: The smallest amount of the currency.
    :param Decimal paid: What is paid for the period and was not given back: no more is credited.
    :param Span new_period: The period that begins with the day, if another interval does.
    :rtype: Settlement
    """
    credit = prorate(billed.amount, billed.span.days_from(day), billed.span.days, coin)
    if paid is not None:
        credit = max(ZERO, min(credit, paid))
    charged = new_period or period
    return Settlement(credit, prorate(price, charged.days_from(day), charged.days, coin))


def use_credit(due: Decimal, left: Decimal, smallest: Decimal, step: Decimal = ZERO) -> Decimal:
    """Return how much of a credit pays a part of a payment, or all of it.

    :param Decimal due: The payment.
    :param Decimal left: What is left of the credit.
    :param Decimal smallest: What can be collected at least, if anything is left to be.
    :param Decimal step: Of what amounts that are collected must be multiples; 0 if of nothing.
    :rtype: Decimal
    """
    if left >= due:
        return due
    used = max(ZERO, min(left, due - smallest))
    uneven = (due - used) % step if step else ZERO
    # More of the payment is collected then, and less of the credit used.
    return max(ZERO, used - (step - uneven)) if uneven else used
