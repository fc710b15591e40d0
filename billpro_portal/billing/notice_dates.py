"""When notices that depend on a date are due, by the customer's calendar."""

from datetime import date, timedelta
from itertools import pairwise

from dateutil.relativedelta import relativedelta

# The 15th of the month before the card's last month.
EXPIRING_DAY = 15
LONGEST_LEAD = 60
MOST_REMINDERS = 3
# Before a trial ends: Visa wants 7 days at least, Mastercard 3 to 7, California 3 to 21.
TRIAL_NOTICE_DAYS = 7
# Before a higher price is charged: Visa wants 7 days at least, California 7 to 30, New York 5 to
# 30.
PRICE_NOTICE_DAYS, LONGEST_PRICE_NOTICE_DAYS = 7, 30


def card_expiring_date(expiry: date) -> date:
    """Return from which day on a customer is told that a card expires.

    :param date expiry: The last day on which the card can be charged.
    :rtype: date
    """
    first_day: date = expiry.replace(day=EXPIRING_DAY) - relativedelta(months=1)
    return first_day


def card_expired_date(expiry: date) -> date:
    """Return from which day on a customer is told that a card has expired.

    :param date expiry: The last day on which the card can be charged.
    :rtype: date
    """
    return expiry + timedelta(days=1)


def reminder_number(days: tuple[int, ...], sent: date, today: date) -> int:
    """Return which reminder of an unpaid order is the latest that is due.

    Those that were missed before it are left out: one reminder at a time.

    :param tuple[int, ...] days: After how many days reminders are due, rising.
    :param date sent: The day on which the link was sent.
    :param date today: Today.
    :return: The number of the reminder, from 1; 0 if none is due.
    :rtype: int
    """
    return sum(sent + timedelta(days=count) <= today for count in days)


def last_reminder_date(start: date, months: int, today: date) -> date | None:
    """Return the last day on which some months, or a multiple of them, were over since a day.

    :param datetime.date start: The day.
    :param int months: How many months; 0 for never.
    :param datetime.date today: Today.
    :return: The day; None if they never were.
    :rtype: datetime.date|None
    """
    passed = relativedelta(today, start)
    number = (passed.years * 12 + passed.months) // months if months else 0
    if number < 1:
        return None
    day: date = start + relativedelta(months=number * months)
    return day


def announcement_date(due: date, lead_days: int, previous: date | None) -> date | None:
    """Return on which day a payment is announced.

    Where the customer hears of the payment before it, or agreed to the order, that late or later,
    they know the date from there: short intervals would only be noise.

    :param date due: The day of the payment.
    :param int lead_days: How many days before it is announced; 0 for never.
    :param date|None previous: The day of the payment before it or of the agreement; None if the
                               customer doesn't know the payment from there.
    :return: The day, or None if it isn't announced.
    :rtype: date|None
    """
    day = due - timedelta(days=lead_days)
    if not lead_days or (previous and day <= previous):
        return None
    return day


def price_lead_days(lead_days: int) -> int:
    """Return how many days before a payment its higher price is announced.

    :param int lead_days: How many days before payments are announced; 0 for never.
    :rtype: int
    """
    is_fitting = PRICE_NOTICE_DAYS <= lead_days <= LONGEST_PRICE_NOTICE_DAYS
    return lead_days if is_fitting else PRICE_NOTICE_DAYS


def parse_reminder_days(text: str) -> tuple[int, ...]:
    """Return the days of a setting such as "1, 3, 7".

    :param str text: Rising numbers of days, separated by commas; may be empty.
    :rtype: tuple[int, ...]
    :raise ValueError: If it is anything else, or names too many days.
    """
    days = tuple(int(part) for part in text.split(',')) if text.strip() else ()
    is_rising = all(first < second for first, second in pairwise(days))
    if not is_rising or len(days) > MOST_REMINDERS or any(day < 1 for day in days):
        raise ValueError(f"{text!r} are no reminder days")
    return days
