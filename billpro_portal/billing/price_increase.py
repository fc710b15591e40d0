"""A new price of a live subscription: how much it is, from when on, and when its customer is told.

Days are those of the customer's calendar.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from .law import NoticeWindow
from .rating import round_half_up


def raise_price(price: Decimal, percent: Decimal, coin: Decimal) -> Decimal:
    """Return a price that is so much higher.

    A price that is finer than the currency, as that of a single unit may be, keeps its digits.

    :param Decimal price: The price.
    :param Decimal percent: By how much it is raised.
    :param Decimal coin: The smallest amount of the currency.
    :rtype: Decimal
    """
    exponent = price.normalize().as_tuple().exponent
    finest = Decimal(1).scaleb(exponent) if isinstance(exponent, int) else coin
    step = coin if price % coin == 0 else min(coin, finest)
    return round_half_up(Fraction(price) * (1 + Fraction(percent) / 100), step)


def earliest_day(wanted: date, today: date, notice_days: int, window: NoticeWindow) -> date:
    """Return the first day that a new price may count from.

    :param datetime.date wanted: From when on it is to count.
    :param datetime.date today: The day on which the customer can be told.
    :param int notice_days: How many days before they are told at least, by whatever was agreed to.
    :param NoticeWindow window: What the law wants; the stricter counts.
    :rtype: datetime.date
    """
    return max(wanted, today + timedelta(days=max(1, notice_days, window.least)))


def day_to_tell(first_day: date, today: date, window: NoticeWindow) -> date:
    """Return when a customer is told of a new price: now, unless the law finds that too early.

    :param datetime.date first_day: The first day that it counts for.
    :param datetime.date today: Today.
    :param NoticeWindow window: What the law wants.
    :rtype: datetime.date
    """
    if window.most is None:
        return today
    return max(today, first_day - timedelta(days=window.most))
