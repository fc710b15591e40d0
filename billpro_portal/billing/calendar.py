"""Dates of recurring payments, counted from an anchor in the customer's calendar."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

UNITS = ('day', 'week', 'month', 'year')

# Payments are due at nine in the morning: an hour that exists once on every day in every time
# zone, daylight saving or not, and at which a question from the bank wakes nobody.
DUE_TIME = time(9)
# From then on until nine in the morning no text messages are sent: the earliest hour of the states
# of the United States that have one for messages that sell something; ours don't.
QUIET_FROM = time(20)


def is_last_of_month(day: date) -> bool:
    """Return whether a date is the last day of its month.

    :param date day: The date.
    :rtype: bool
    """
    return day.day == monthrange(day.year, day.month)[1]


def nth_date(anchor: date, count: int, unit: str, n: int) -> date:
    """Return the date `n` intervals after an anchor, counted from the anchor itself.

    A day that a month lacks becomes that month's last day, and an anchor on the last day of its
    month keeps all dates on last days: 31 January is followed by 28 or 29 February and 31 March.

    :param date anchor: The date of number 0.
    :param int count: How many units an interval has, at least 1.
    :param str unit: `day`, `week`, `month` or `year`.
    :param int n: The number of the date, 0 or more.
    :rtype: date
    :raise ValueError: If the interval isn't positive, the unit is unknown or `n` is negative.
    """
    if count < 1 or n < 0:
        raise ValueError("Intervals are positive and counted from 0")
    steps = count * n
    if unit == 'day':
        return anchor + timedelta(days=steps)
    if unit == 'week':
        return anchor + timedelta(weeks=steps)
    if unit not in UNITS:
        raise ValueError(f"{unit!r} is not a unit of time")
    months = anchor.year * 12 + anchor.month - 1 + (steps if unit == 'month' else 12 * steps)
    year, month = divmod(months, 12)
    last = monthrange(year, month + 1)[1]
    day = last if is_last_of_month(anchor) else min(anchor.day, last)
    return date(year, month + 1, day)


def is_same_interval(first: tuple[int, str], second: tuple[int, str]) -> bool:
    """Return whether two intervals lead to the same dates: a year has 12 months, a week 7 days.

    :param tuple[int, str] first: How many units, and the unit.
    :param tuple[int, str] second: The same of the other one.
    :rtype: bool
    """
    return _in_base_unit(*first) == _in_base_unit(*second)


def count_intervals(longer: tuple[int, str], shorter: tuple[int, str]) -> int:
    """Return how many times an interval goes into another one: a year has 12 months.

    :param tuple[int, str] longer: How many units, and the unit.
    :param tuple[int, str] shorter: The same of the other one.
    :return: How many times; 0 if it isn't a whole number of times.
    :rtype: int
    """
    (count, unit), (shorter_count, shorter_unit) = _in_base_unit(*longer), _in_base_unit(*shorter)
    if unit != shorter_unit or not shorter_count or count % shorter_count:
        return 0
    return count // shorter_count


def multiply_interval(count: int, unit: str, times: int) -> tuple[int, str]:
    """Return an interval that lasts as long as several, in the largest unit that it is whole in.

    :param int count: How many units the interval has.
    :param str unit: The unit of the interval.
    :param int times: How many of them.
    :rtype: tuple[int, str]
    """
    base_count, base_unit = _in_base_unit(count * times, unit)
    per_unit, larger_unit = {'day': (7, 'week'), 'month': (12, 'year')}[base_unit]
    if base_count % per_unit:
        return base_count, base_unit
    return base_count // per_unit, larger_unit


def find_shortest_interval(intervals: list[tuple[int, str]]) -> int:
    """Return which interval is the shortest one; weeks and months have no common unit.

    :param list intervals: How many units, and the unit, of each; at least one.
    :return: The index of the first one that is as short as any; of the first one's unit.
    :rtype: int
    """
    bases = [_in_base_unit(*interval) for interval in intervals]
    of_unit = [index for index, (_count, unit) in enumerate(bases) if unit == bases[0][1]]
    return min(of_unit, key=lambda index: bases[index][0])


def _in_base_unit(count: int, unit: str) -> tuple[int, str]:
    factor, base_unit = {'week': (7, 'day'), 'year': (12, 'month')}.get(unit, (1, unit))
    return count * factor, base_unit


def due_datetime(day: date, time_zone: str) -> datetime:
    """Return when a payment of a local date is due.

    :param date day: The date in the customer's calendar.
    :param str time_zone: The customer's time zone, an IANA name.
    :return: The moment in UTC, without time zone, as Odoo stores it.
    :rtype: datetime
    """
    local = datetime.combine(day, DUE_TIME, tzinfo=ZoneInfo(time_zone))
    return local.astimezone(timezone.utc).replace(tzinfo=None)


def after_quiet_hours(moment: datetime, time_zone: str) -> datetime:
    """Return when a text message may arrive that is ready at a moment.

    :param datetime moment: The moment in UTC, without time zone.
    :param str time_zone: The customer's time zone, an IANA name.
    :return: The moment itself, or nine in the morning after it, in UTC.
    :rtype: datetime
    """
    local = moment.replace(tzinfo=timezone.utc).astimezone(ZoneInfo(time_zone))
    if DUE_TIME <= local.time() < QUIET_FROM:
        return moment
    return due_datetime(local.date() + timedelta(days=local.time() >= QUIET_FROM), time_zone)


def local_date(moment: datetime, time_zone: str) -> date:
    """Return the date that a moment has in the customer's calendar.

    :param datetime moment: The moment in UTC, without time zone.
    :param str time_zone: The customer's time zone, an IANA name.
    :rtype: date
    """
    return moment.replace(tzinfo=timezone.utc).astimezone(ZoneInfo(time_zone)).date()


def first_number_after(anchor: date, count: int, unit: str, day: date) -> int:
    """Return the number of the first date that lies after a day.

    :param date anchor: The date of number 0.
    :param int count: How many units an interval has.
    :param str unit: The unit of the interval.
    :param date day: The day to pass.
    :return: The smallest number whose date is later than the day.
    :rtype: int
    """
    number = 0
    while nth_date(anchor, count, unit, number) <= day:
        number += 1
    return number
