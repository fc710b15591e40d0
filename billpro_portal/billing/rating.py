"""What a period's usage costs: charges, and the lines of an invoice that they make of it.

Quantities and prices are exact decimals. Within a computation they are fractions, so that a third
of a period is a third. An amount is rounded once, half up, on its line; what lines add up to is the
amount.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from fractions import Fraction
from functools import reduce

# A level over time is a fraction, everything else that is counted a decimal.
Quantity = Decimal | Fraction

# What a line of a rating is for.
INCLUDED = 'included'  # What the allowance covers.
UNITS = 'units'
PACKAGES = 'packages'
FLAT_FEE = 'flat_fee'  # Of a tier that was touched.
PERCENTAGE = 'percentage'
EVENT_FEES = 'event_fees'
EVENTS = 'events'  # A percentage of each event, within bounds.
MINIMUM = 'minimum'  # What is missing to it.
MAXIMUM = 'maximum'  # What is beyond it, taken off.
BILLED = 'billed'  # What was billed before, taken off.

# More digits than any amount of records has.
_EXACT = Context(prec=60)

ZERO = Decimal(0)
ONE = Decimal(1)


class InvalidCharge(ValueError):
    """A charge contradicts itself."""

    def __init__(self, problem: str) -> None:
        """Say what is wrong.

        :param str problem: `negative`, `size`, `tiers`, `last_tier`, `bounds` or `event_bounds`.
        """
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True)
class Usage:
    """What a meter counted in a period.

    :param Decimal|Fraction quantity: What its aggregation makes of all records.
    :param tuple[Decimal] events: The amount of each record in the order of their moments, for
                                  charges that look at each (`Percentage.needs_events`).
    """

    quantity: Quantity
    events: tuple[Decimal, ...] = ()


@dataclass(frozen=True)
class Line:
    """A line of an invoice.

    :param str kind: What it is for, a constant of this module.
    :param Decimal|Fraction quantity: How much of it.
    :param Decimal unit_price: What one costs, with all its decimals.
    :param Decimal amount: Quantity times price, rounded to the smallest amount of the currency.
    :param int tier: The number of the tier from 1; 0 if there are none.
    """

    kind: str
    quantity: Quantity
    unit_price: Decimal
    amount: Decimal
    tier: int = 0


@dataclass(frozen=True)
class Rating:
    """What usage costs, and why.

    :param tuple[Line] lines: The lines of the invoice.
    :param Decimal|Fraction counted: The quantity that was counted.
    :param Decimal|Fraction included: What of it the allowance covers.
    """

    lines: tuple[Line, ...]
    counted: Quantity
    included: Quantity

    @property
    def charged(self) -> Quantity:
        """Return what of the counted quantity isn't covered by the allowance."""
        return _to_quantity(Fraction(self.counted) - Fraction(self.included))

    @property
    def amount(self) -> Decimal:
        """Return what the lines add up to."""
        return sum((line.amount for line in self.lines), ZERO)

    def less(self, billed: Decimal) -> Rating:
        """Return what is left to bill when a part has been billed before.

        Usage that is billed in between, that comes late or is taken back is always rated with all
        of its period: splitting it changes nothing.

        :param Decimal billed: What earlier invoices billed for the same period.
        :return: The same with a line that takes it off; its amount is negative if there is
                 something to give back.
        """
        if not billed:
            return self
        return replace(self, lines=(*self.lines, Line(BILLED, ONE, -billed, -billed)))


@dataclass(frozen=True)
class Tier:
    """A tier of prices.

    :param Decimal up_to: The last quantity in it; None if it has no end. What lies between two
                          whole tiers belongs to the next one.
    :param Decimal unit_price: What a unit costs.
    :param Decimal flat_fee: What is charged once when the tier is touched.
    """

    up_to: Decimal | None
    unit_price: Decimal = ZERO
    flat_fee: Decimal = ZERO


@dataclass(frozen=True, kw_only=True)
class Charge:
    """How usage becomes money.

    :param Decimal allowance: How much is included: it costs nothing, and tiers begin after it.
    :param Decimal minimum: What is charged at least for a whole period.
    :param Decimal maximum: What is charged at most for a whole period; None for no end.
    """

    allowance: Decimal = ZERO
    minimum: Decimal = ZERO
    maximum: Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        :raise InvalidCharge: If it does.
        """
        _check_not_negative(self.allowance, self.minimum, self.maximum)
        if self.maximum is not None and self.maximum < self.minimum:
            raise InvalidCharge('bounds')

    def rate(
        self,
        usage: Usage,
        coin: Decimal,
        *,
        share: Fraction = Fraction(1),
        is_final: bool = True,
    ) -> Rating:
        """Return what the usage of a period costs.

        :param Usage usage: What was counted.
        :param Decimal coin: The smallest amount of the currency.
        :param Fraction share: Which part of a whole period it is: minimum and maximum are prorated.
                               Usage never is.
        :param bool is_final: Whether the period is over; before, no minimum is charged.
        :rtype: Rating
        """
        counted = usage.quantity if usage.quantity > 0 else ZERO
        charged = self._take_allowance(Usage(counted, usage.events))
        included = Fraction(counted) - Fraction(charged.quantity)
        lines = [self._include(included)] if included else []
        lines += (
            _make_line(coin, kind, quantity, price, tier)
            for kind, quantity, price, tier in self._split(charged)
        )
        total = sum((line.amount for line in lines), ZERO)
        least = round_half_up(Fraction(self.minimum) * share, coin)
        if is_final and total < least:
            lines.append(Line(MINIMUM, ONE, least - total, least - total))
        if self.maximum is not None:
            most = round_half_up(Fraction(self.maximum) * share, coin)
            if total > most:
                lines.append(Line(MAXIMUM, ONE, most - total, most - total))
        return Rating(tuple(lines), counted, _to_quantity(included))

    def _include(self, included: Fraction) -> Line:
        """Return the line of what the allowance covers."""
        return Line(INCLUDED, _to_quantity(included), ZERO, ZERO)

    def _take_allowance(self, usage: Usage) -> Usage:
        """Return what of the usage isn't covered by the allowance."""
        rest = max(Fraction(usage.quantity) - Fraction(self.allowance), Fraction(0))
        return Usage(_to_quantity(rest))

    def _split(self, charged: Usage) -> Iterator[tuple[str, Quantity, Decimal, int]]:
        """Yield kind, quantity, unit price and tier of what is to be paid."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class PerUnit(Charge):
    """Each unit costs the same.

    :param Decimal unit_price: What a unit costs.
    """

    unit_price: Decimal

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        :raise InvalidCharge: If it does.
        """
        super().__post_init__()
        _check_not_negative(self.unit_price)

    def _split(self, charged: Usage) -> Iterator[tuple[str, Quantity, Decimal, int]]:
        if charged.quantity:
            yield UNITS, charged.quantity, self.unit_price, 0


@dataclass(frozen=True, kw_only=True)
class Package(Charge):
    """Each started package of units costs the same; without usage there is none.

    :param Decimal price: What a package costs.
    :param Decimal size: How many units it has.
    """

    price: Decimal
    size: Decimal

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        :raise InvalidCharge: If it does.
        """
        super().__post_init__()
        _check_not_negative(self.price)
        if self.size <= 0:
            raise InvalidCharge('size')

    def _split(self, charged: Usage) -> Iterator[tuple[str, Quantity, Decimal, int]]:
        if charged.quantity:
            yield PACKAGES, _count_started(charged.quantity, self.size), self.price, 0


@dataclass(frozen=True, kw_only=True)
class Tiered(Charge):
    """The price depends on how much is used.

    :param tuple[Tier] tiers: The tiers by their end; the last one has none.
    :param Decimal block: The size of the blocks that are counted, started ones whole; None if units
                          are counted, and their fractions.
    """

    tiers: tuple[Tier, ...]
    block: Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        :raise InvalidCharge: If it does.
        """
        super().__post_init__()
        if self.block is not None and self.block <= 0:
            raise InvalidCharge('size')
        if not self.tiers or self.tiers[-1].up_to is not None:
            raise InvalidCharge('last_tier')
        bound = ZERO
        for tier in self.tiers[:-1]:
            if tier.up_to is None or tier.up_to <= bound:
                raise InvalidCharge('tiers')
            bound = tier.up_to
        for tier in self.tiers:
            _check_not_negative(tier.unit_price, tier.flat_fee)

    def _count(self, charged: Usage) -> Quantity:
        """Return the quantity in what the tiers count."""
        return _count_started(charged.quantity, self.block) if self.block else charged.quantity


@dataclass(frozen=True, kw_only=True)
class Graduated(Tiered):
    """Each unit costs what its own tier says; flat fees add up tier by tier.

    The first tier's flat fee is charged for a period without usage, too.
    """

    def spread(self, quantity: Quantity) -> list[Quantity]:
        """Return how much of a quantity lies in each tier that it touches, at least the first.

        :param Decimal|Fraction quantity: The quantity.
        :rtype: list[Decimal|Fraction]
        """
        parts: list[Quantity] = []
        bound = Fraction(0)
        for tier in self.tiers:
            end = Fraction(quantity) if tier.up_to is None else Fraction(tier.up_to)
            parts.append(_to_quantity(min(Fraction(quantity), end) - bound))
            if quantity <= end:
                break
            bound = end
        return parts

    def _split(self, charged: Usage) -> Iterator[tuple[str, Quantity, Decimal, int]]:
        parts = self.spread(self._count(charged))
        for number, (tier, part) in enumerate(zip(self.tiers, parts, strict=False), start=1):
            if part:
                yield UNITS, part, tier.unit_price, number
            if tier.flat_fee:
                yield FLAT_FEE, ONE, tier.flat_fee, number


@dataclass(frozen=True, kw_only=True)
class Volume(Tiered):
    """All units cost what the tier says that the whole quantity reaches, and its flat fee.

    The amount may fall where a cheaper tier begins.
    """

    def _split(self, charged: Usage) -> Iterator[tuple[str, Quantity, Decimal, int]]:
        quantity = self._count(charged)
        number, tier = next(
            (number, tier)
            for number, tier in enumerate(self.tiers, start=1)
            if tier.up_to is None or quantity <= tier.up_to
        )
        if quantity:
            yield UNITS, quantity, tier.unit_price, number
        if tier.flat_fee:
            yield FLAT_FEE, ONE, tier.flat_fee, number


@dataclass(frozen=True, kw_only=True)
class Percentage(Charge):
    """A percentage of what is counted, which is an amount; percentages in tiers are `Graduated`.

    :param Decimal percent: How many percent.
    :param Decimal event_fee: What each event costs besides.
    :param Decimal event_minimum: What an event costs at least, without the fee.
    :param Decimal event_maximum: What an event costs at most, without the fee; None for no end.
    :param int free_events: How many events are included, the earliest first.
    """

    percent: Decimal
    event_fee: Decimal = ZERO
    event_minimum: Decimal = ZERO
    event_maximum: Decimal | None = None
    free_events: int = 0

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        :raise InvalidCharge: If it does.
        """
        super().__post_init__()
        bounds = (self.event_minimum, self.event_maximum)
        _check_not_negative(self.percent, self.event_fee, *bounds, Decimal(self.free_events))
        if self.event_maximum is not None and self.event_maximum < self.event_minimum:
            raise InvalidCharge('event_bounds')

    @property
    def is_bounded(self) -> bool:
        """Return whether an event has a minimum or a maximum."""
        return bool(self.event_minimum) or self.event_maximum is not None

    @property
    def needs_events(self) -> bool:
        """Return whether what is charged depends on each event, not on their sum alone."""
        return self.is_bounded or bool(self.event_fee or self.free_events)

    def _take_allowance(self, usage: Usage) -> Usage:
        if not self.needs_events:
            return super()._take_allowance(usage)
        left = self.allowance
        charged = []
        for amount in usage.events[self.free_events :]:
            if left and amount <= left:
                left = _EXACT.subtract(left, amount)
                continue
            charged.append(_EXACT.subtract(amount, left))
            left = ZERO
        return Usage(reduce(_EXACT.add, charged, ZERO), tuple(charged))

    def _split(self, charged: Usage) -> Iterator[tuple[str, Quantity, Decimal, int]]:
        rate = self.percent / 100
        if self.is_bounded and charged.events:
            costs = (self._bound(_EXACT.multiply(one, rate)) for one in charged.events)
            yield EVENTS, ONE, reduce(_EXACT.add, costs, ZERO), 0
        elif charged.quantity:
            yield PERCENTAGE, charged.quantity, rate, 0
        if self.event_fee and charged.events:
            yield EVENT_FEES, Decimal(len(charged.events)), self.event_fee, 0

    def _bound(self, amount: Decimal) -> Decimal:
        """Return what an event costs within its bounds."""
        amount = max(amount, self.event_minimum)
        return amount if self.event_maximum is None else min(amount, self.event_maximum)


# === NUMBERS === #


def round_half_up(amount: Fraction, coin: Decimal) -> Decimal:
    """Return an amount in whole coins, a half away from zero.

    :param Fraction amount: The exact amount.
    :param Decimal coin: The smallest amount of the currency.
    :rtype: Decimal
    """
    coins = int(abs(amount) / Fraction(coin) + Fraction(1, 2))
    return coin * (coins if amount >= 0 else -coins)


def _make_line(coin: Decimal, kind: str, quantity: Quantity, price: Decimal, tier: int) -> Line:
    """Return a line with its amount."""
    amount = round_half_up(Fraction(quantity) * Fraction(price), coin)
    return Line(kind, quantity, price, amount, tier)


def _count_started(quantity: Quantity, size: Decimal) -> Decimal:
    """Return how many parts of a size a quantity takes, the last one started."""
    return Decimal(-(-Fraction(quantity) // Fraction(size)))


def _to_quantity(value: Fraction) -> Quantity:
    """Return a fraction as a decimal if it is one."""
    rest, shift = value.denominator, 0
    for prime in (2, 5):
        count = 0
        while rest % prime == 0:
            rest //= prime
            count += 1
        shift = max(shift, count)
    if rest != 1:
        return value
    # Written, not computed: the digits of a decimal that is computed are limited.
    return Decimal(f'{value.numerator * 10**shift // value.denominator}E-{shift}')


def _check_not_negative(*values: Decimal | None) -> None:
    """Refuse prices and quantities below zero.

    :raise InvalidCharge: If one is.
    """
    if any(value is not None and value < 0 for value in values):
        raise InvalidCharge('negative')
