"""What is counted, and in which period: records of usage, periods, aggregations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from decimal import Context, Decimal
from fractions import Fraction
from functools import reduce
from zoneinfo import ZoneInfo

from .calendar import local_date, nth_date

# Times are divided in whole ones.
_TICK = datetime.resolution
# More digits than any sum of quantities has.
_EXACT = Context(prec=60)


@dataclass(frozen=True)
class Record:
    """A counted fact.

    :param datetime moment: When it happened, in UTC without time zone.
    :param Decimal quantity: How much.
    :param str sender_id: The sender's id, which tells records of the same moment apart.
    :param str value: The value of the property of which unique ones are counted.
    """

    moment: datetime
    quantity: Decimal
    sender_id: str
    value: str = ''


@dataclass(frozen=True)
class Period:
    """A period of an order in its customer's calendar.

    :param int number: Its number, counted from the anchor.
    :param date first_day: Its first day.
    :param date next_day: The day after its last one.
    :param str time_zone: The customer's time zone, an IANA name.
    :param tuple[datetime, datetime]|None bounds: Its first moment and the first one after it, in
                                                  UTC without time zone, where they were noted: the
                                                  customer may have moved since.
    """

    number: int
    first_day: date
    next_day: date
    time_zone: str
    bounds: tuple[datetime, datetime] | None = None

    @property
    def start(self) -> datetime:
        """Return its first moment, in UTC without time zone."""
        return self.bounds[0] if self.bounds else midnight(self.first_day, self.time_zone)

    @property
    def end(self) -> datetime:
        """Return the first moment after it, in UTC without time zone."""
        return self.bounds[1] if self.bounds else midnight(self.next_day, self.time_zone)

    def get_share(self, first_day: date, next_day: date) -> Fraction:
        """Return which part of the period some days are: the day of an end counts as used.

        :param date first_day: The first day that counts.
        :param date next_day: The day after the last one that counts.
        :return: Days that count by days of the period, 0 if there are none.
        :rtype: Fraction
        """
        days = (min(next_day, self.next_day) - max(first_day, self.first_day)).days
        return Fraction(max(days, 0), (self.next_day - self.first_day).days)


# === PERIODS === #


def midnight(day: date, time_zone: str) -> datetime:
    """Return the first moment of a local day, whether or not its clocks show midnight.

    :param date day: The day in the customer's calendar.
    :param str time_zone: The customer's time zone, an IANA name.
    :return: The moment in UTC, without time zone.
    :rtype: datetime
    """
    local = datetime.combine(day, time(), tzinfo=ZoneInfo(time_zone))
    return local.astimezone(timezone.utc).replace(tzinfo=None)


def local_moment(moment: datetime, time_zone: str) -> datetime:
    """Return a moment as the clocks of a time zone show it, with their offset.

    :param datetime moment: The moment in UTC, without time zone.
    :param str time_zone: An IANA name.
    :rtype: datetime
    """
    return moment.replace(tzinfo=timezone.utc).astimezone(ZoneInfo(time_zone))


def get_period(anchor: date, count: int, unit: str, time_zone: str, moment: datetime) -> Period:
    """Return the period that a moment lies in: its start belongs to it, its end doesn't.

    :param date anchor: The first day of period 0.
    :param int count: How many units an interval has.
    :param str unit: `day`, `week`, `month` or `year`.
    :param str time_zone: The customer's time zone, an IANA name.
    :param datetime moment: The moment in UTC, without time zone; not before the anchor.
    :rtype: Period
    :raise ValueError: If the moment lies before the anchor.
    """
    day = local_date(moment, time_zone)
    if day < anchor:
        raise ValueError("A period begins with the anchor")
    number = _count_intervals(anchor, count, unit, day)
    first_day, next_day = (nth_date(anchor, count, unit, number + n) for n in (0, 1))
    return Period(number, first_day, next_day, time_zone)


def _count_intervals(anchor: date, count: int, unit: str, day: date) -> int:
    """Return the number of the last date of a schedule until a day."""
    if unit in {'day', 'week'}:
        return (day - anchor).days // (count * (7 if unit == 'week' else 1))
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    number = months // (count * (12 if unit == 'year' else 1))
    return number if nth_date(anchor, count, unit, number) <= day else number - 1


def is_within(record: Record, start: datetime, end: datetime) -> bool:
    """Return whether a record counts in a period: exactly at its start, not at its end.

    :param Record record: The record.
    :param datetime start: The first moment of the period.
    :param datetime end: The first moment after it.
    :rtype: bool
    """
    return start <= record.moment < end


def project(quantity: Decimal, start: datetime, end: datetime, now: datetime) -> Fraction:
    """Return what a period would count if it went on as so far.

    :param Decimal quantity: What was counted until now.
    :param datetime start: The first moment of the period.
    :param datetime end: The first moment after it.
    :param datetime now: A moment after its start.
    :rtype: Fraction
    """
    passed = min(now, end) - start
    return Fraction(quantity) * ((end - start) // _TICK) / max(passed // _TICK, 1)


# === AGGREGATIONS === #


def aggregate(aggregation: str, records: Iterable[Record]) -> Decimal:
    """Return what a meter makes of the records of a period, in whatever order they come.

    :param str aggregation: A key of `AGGREGATIONS`.
    :param Iterable[Record] records: The records, without those that are void.
    :rtype: Decimal
    """
    # Of several in the same moment, the sender's id decides which is the last.
    ordered = sorted(records, key=lambda record: (record.moment, record.sender_id))
    return AGGREGATIONS[aggregation](ordered)


def _sum(records: Sequence[Record]) -> Decimal:
    return reduce(_EXACT.add, (record.quantity for record in records), Decimal(0))


AGGREGATIONS: dict[str, Callable[[Sequence[Record]], Decimal]] = {
    'count': lambda records: Decimal(len(records)),
    'sum': _sum,
    'max': lambda records: max((record.quantity for record in records), default=Decimal(0)),
    'last': lambda records: records[-1].quantity if records else Decimal(0),
    'unique_count': lambda records: Decimal(len({record.value for record in records})),
}


def average_level(
    changes: Iterable[Record], start: datetime, end: datetime, carried: Decimal = Decimal(0)
) -> Fraction:
    """Return the average of a level that records change, such as seats or storage.

    :param Iterable[Record] changes: The records; their quantities are added to the level.
    :param datetime start: The first moment of the period.
    :param datetime end: The first moment after it.
    :param Decimal carried: The level at the start.
    :rtype: Fraction
    """
    whole = Fraction((end - start) // _TICK)
    return Fraction(carried) + sum(
        (
            Fraction(change.quantity) * ((end - change.moment) // _TICK) / whole
            for change in changes
            if is_within(change, start, end)
        ),
        Fraction(0),
    )
