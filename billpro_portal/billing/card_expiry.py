"""When a card expires, as providers write it."""

from __future__ import annotations

import calendar
import re
from datetime import date


def read_month_and_year(text: str | None) -> date | None:
    """Return the last day of a card whose expiry is written as month and year.

    :param str|None text: As "3/2030", "03/30" or "0330".
    :return: The day; None if it isn't written so, as when it is hidden.
    :rtype: datetime.date|None
    """
    match = re.fullmatch(r'(\d{1,2})\s*/\s*(\d{4}|\d{2})|(\d{2})(\d{2})', text or '')
    if not match:
        return None
    month, year = match.group(1, 2) if match[1] else match.group(3, 4)
    return get_last_day(int(year), int(month))


def get_last_day(year: int | None, month: int | None) -> date | None:
    """Return the last day on which a card can be charged.

    :param int|None year: The year, with its century or without.
    :param int|None month: The month, from 1 to 12.
    :return: The day; None if a number is missing or is no month.
    :rtype: datetime.date|None
    """
    if not year or not month or not 1 <= month <= 12:
        return None
    year = year if year > 99 else 2000 + year
    return date(year, month, calendar.monthrange(year, month)[1])
