"""Changes of subscriptions from beginning to end, against invoices and ledger.

All amounts were worked out by hand, and none was taken from a run. Tax is 21 % unless a row says
otherwise, a month has 10.00 (Basic) or 20.00 (Plus). "20/30" are the days that are left of those of
the period, the day of the change among them; credit and charge are rounded each, half up, and the
tax on their difference.
"""

from contextlib import contextmanager
from typing import NamedTuple

from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.tests import tagged

from ..common.change import ChangeCommon
from ..common.nightly import IS_NIGHTLY

NOW, LATER = 'now', 'period_end'
BASIC, PLUS = (10.0, 2.1), (20.0, 4.2)  # The invoice of a month, and its tax.


class Row(NamedTuple):
    """A course of a subscription, and what it comes to.

    :param str name: What happens.
    :param str start: The day of the first payment.
    :param list lines: What is bought: names of plans with quantity and, if it isn't theirs, price.
    :param list steps: Days and what is done on them: a method of the test case, and its arguments.
    :param list documents: The invoices and credit notes, without tax and their tax.
    :param float paid: What was collected.
    :param float following: What the next payment is.
    :param float credit: What is left of what was credited.
    :param dict terms: Other terms of the order.
    :param str day: When the next payment is, where that is another day than it would have been.
    """

    name: str
    start: str
    lines: list
    steps: list
    documents: list
    paid: float
    following: float
    credit: float = 0.0
    terms: dict = {}
    day: str = ''


def change(day, plan, quantity=1, when=NOW):
    """Return the step that changes the plan."""
    return f'2027-{day}' if len(day) == 5 else day, 'change', plan, quantity, when


def add(day, addon, quantity=1, when=NOW):
    """Return the step that adds an add-on."""
    return f'2027-{day}', 'add', addon, quantity, when


def keep(day, addon, quantity, when=NOW):
    """Return the step that keeps so many of an add-on; 0 drops it."""
    return f'2027-{day}', 'keep', addon, quantity, when


def run(day):
    """Return the step that collects what is due."""
    return f'2027-{day}', 'run'


ROWS = [
    # -6.67 + 13.33 = 6.66; tax 1.40.
    Row("up, 20/30", '2027-04-01', [('basic', 1)], [change('04-11', 'plus')],
        [BASIC, (6.66, 1.4)], 20.16, 24.2),
    # -10.00 + 20.00.
    Row("up on the first day", '2027-04-01', [('basic', 1)], [change('04-01', 'plus')],
        [BASIC, BASIC], 24.2, 24.2),
    # -0.33 + 0.67 = 0.34; tax 0.07.
    Row("up on the last day, 1/30", '2027-04-01', [('basic', 1)], [change('04-30', 'plus')],
        [BASIC, (0.34, 0.07)], 12.51, 24.2),
    # 12.10 - 8.06 are left of May.
    Row("down at once, 20/30", '2027-04-01', [('plus', 1)],
        [change('04-11', 'basic'), run('05-01')],
        [PLUS, (-6.66, -1.4), BASIC], 28.24, 12.1),
    # -0.67 + 0.33 = -0.34; tax -0.07; 12.10 - 0.41.
    Row("down on the last day", '2027-04-01', [('plus', 1)], [change('04-30', 'basic')],
        [PLUS, (-0.34, -0.07)], 24.2, 11.69, 0.41),
    # -3.33 + 10.00 = 6.67; tax 1.40.
    Row("more of it, 10/30", '2027-04-01', [('basic', 1)], [change('04-21', 'basic', 3)],
        [BASIC, (6.67, 1.4)], 20.17, 36.3),
    Row("fewer of it, 10/30", '2027-04-01', [('basic', 3)], [change('04-21', 'basic', 1)],
        [(30.0, 6.3), (-6.67, -1.4)], 36.3, 4.03, 8.07),
    # -5.00 + 20.00.
    Row("more of another, 15/30", '2027-04-01', [('basic', 1)], [change('04-16', 'plus', 2)],
        [BASIC, (15.0, 3.15)], 30.25, 48.4),
    # -10.00 + 10.00: there is nothing to pay, and no document.
    Row("half of twice the price", '2027-04-01', [('basic', 2)], [change('04-16', 'plus')],
        [PLUS], 24.2, 24.2),
    Row("there and back on a day", '2027-04-01', [('basic', 1)],
        [change('04-16', 'plus'), change('04-16', 'basic'), run('05-01')],
        [BASIC, (5.0, 1.05), (-5.0, -1.05), BASIC], 24.2, 12.1),
    # Back: 6.67 (10/20 of 13.33, 6.665) - 3.33 = 3.34; tax 0.70; 12.10 - 4.04.
    Row("there, and back later", '2027-04-01', [('basic', 1)],
        [change('04-11', 'plus'), change('04-21', 'basic')],
        [BASIC, (6.66, 1.4), (-3.34, -0.7)], 20.16, 8.06, 4.04),
    # Up again: -3.34 (10/20 of 6.67, 3.335) + 6.67 = 3.33; tax 0.70. 24.20 - 8.06.
    Row("down, and up again", '2027-04-01', [('plus', 1)],
        [change('04-11', 'basic'), change('04-21', 'plus')],
        [PLUS, (-6.66, -1.4), (3.33, 0.7)], 28.23, 16.14, 8.06),
    # -10.00 + 30.00.
    Row("twice on a day", '2027-04-01', [('basic', 1)],
        [change('04-16', 'plus'), change('04-16', 'plus', 3)],
        [BASIC, (5.0, 1.05), (20.0, 4.2)], 42.35, 72.6),
    # 25/30: -8.33 + 16.67 = 8.34, tax 1.75. 15/25 of 16.67: -10.00 + 20.00. 5/15 of 20.00:
    # -6.67 + 1.67 = -5.00, tax -1.05; 12.10 - 6.05.
    Row("three times in a period", '2027-04-01', [('basic', 1)],
        [change('04-06', 'plus'), change('04-16', 'plus', 2), change('04-26', 'basic')],
        [BASIC, (8.34, 1.75), (10.0, 2.1), (-5.0, -1.05)], 34.29, 6.05, 6.05),
    # -5.16 + 10.32 = 5.16; tax 1.08.
    Row("in the second period, 16/31", '2027-04-01', [('basic', 1)],
        [run('05-01'), change('05-16', 'plus')],
        [BASIC, BASIC, (5.16, 1.08)], 30.44, 24.2),
    # 193.33 - 9.67 = 183.66; tax 38.57: 222.23, of which May takes 12.10.
    Row("credit left over, 29/30", '2027-04-01', [('plus', 10)],
        [change('04-02', 'basic'), run('05-01')],
        [(200.0, 42.0), (-183.66, -38.57), BASIC], 242.0, 0.0, 210.13),
    # 222.23 - 12.10 - 12.10; June is paid by credit, too.
    Row("credit for two periods", '2027-04-01', [('plus', 10)],
        [change('04-02', 'basic'), run('05-01'), run('06-01')],
        [(200.0, 42.0), (-183.66, -38.57), BASIC, BASIC], 242.0, 0.0, 198.03),
    # February.
    # -6.43 + 12.86 = 6.43; tax 1.35.
    Row("February, 18/28", '2027-02-01', [('basic', 1)], [change('02-11', 'plus')],
        [BASIC, (6.43, 1.35)], 19.88, 24.2),
    # -0.34 + 0.69 = 0.35; tax 0.07.
    Row("29 February, 1/29", '2028-02-01', [('basic', 1)], [change('2028-02-29', 'plus')],
        [BASIC, (0.35, 0.07)], 12.52, 24.2),
    # 31 January to 27 February: -2.50 + 5.00 = 2.50; tax 0.53 (0.525).
    Row("from the 31st, 7/28", '2027-01-31', [('basic', 1)], [change('02-21', 'plus')],
        [BASIC, (2.5, 0.53)], 15.13, 24.2),
    # 28 February to 30 March: -9.68 + 19.35 (19.3548) = 9.67; tax 2.03.
    Row("from the 31st, 30/31", '2027-01-31', [('basic', 1)],
        [run('02-28'), change('03-01', 'plus')],
        [BASIC, BASIC, (9.67, 2.03)], 35.9, 24.2),
    # Other intervals.
    # -60.16 + 120.33 = 60.17; tax 12.64.
    Row("a year, 183/365", '2027-01-01', [('yearly', 1)], [change('07-02', 'yearly_plus')],
        [(120.0, 25.2), (60.17, 12.64)], 218.01, 290.4),
    # -60.33 + 120.66 = 60.33; tax 12.67.
    Row("a leap year, 184/366", '2028-01-01', [('yearly', 1)],
        [change('2028-07-01', 'yearly_plus')],
        [(120.0, 25.2), (60.33, 12.67)], 218.2, 290.4),
    # -3.00 + 6.00.
    Row("a week, 3/7", '2027-04-01', [('weekly', 1)], [change('04-05', 'weekly_plus')],
        [(7.0, 1.47), (3.0, 0.63)], 12.1, 16.94),
    # Another interval: a whole period of it begins, and is charged.
    # -5.00 + 120.00.
    Row("month to year, 15/30", '2027-04-01', [('basic', 1)], [change('04-16', 'yearly')],
        [BASIC, (115.0, 24.15)], 151.25, 145.2, day='2028-04-16'),
    # -60.16 (183/365) + 10.00 = -50.16; tax -10.53.
    Row("year to month, 183/365", '2027-01-01', [('yearly', 1)], [change('07-02', 'basic')],
        [(120.0, 25.2), (-50.16, -10.53)], 145.2, 0.0, 60.69, day='2027-08-02'),
    Row("year to month, and the next one", '2027-01-01', [('yearly', 1)],
        [change('07-02', 'basic'), run('08-02')],
        [(120.0, 25.2), (-50.16, -10.53), BASIC], 145.2, 0.0, 48.59, day='2027-09-02'),
    # -5.00 + 27.00.
    Row("month to quarter", '2027-04-01', [('basic', 1)], [change('04-16', 'quarterly')],
        [BASIC, (22.0, 4.62)], 38.72, 32.67, day='2027-07-16'),
    # -5.00 + 7.00.
    Row("month to week, and the next one", '2027-04-01', [('basic', 1)],
        [change('04-16', 'weekly'), run('04-23')],
        [BASIC, (2.0, 0.42), (7.0, 1.47)], 22.99, 8.47, day='2027-04-30'),
    # -10.00 + 120.00.
    Row("month to year on the first day", '2027-04-01', [('basic', 1)],
        [change('04-01', 'yearly')],
        [BASIC, (110.0, 23.1)], 145.2, 145.2, day='2028-04-01'),
    # -0.33 + 120.00 = 119.67; tax 25.13.
    Row("month to year on the last day, 1/30", '2027-04-01', [('basic', 1)],
        [change('04-30', 'yearly')],
        [BASIC, (119.67, 25.13)], 156.9, 145.2, day='2028-04-30'),
    # -6.43 + 120.00 = 113.57; tax 23.85.
    Row("month to year in February, 18/28", '2027-02-01', [('basic', 1)],
        [change('02-11', 'yearly')],
        [BASIC, (113.57, 23.85)], 149.52, 145.2, day='2028-02-11'),
    # -0.34 + 120.00 = 119.66; tax 25.13; 2029 has no 29 February.
    Row("month to year on 29 February, 1/29", '2028-02-01', [('basic', 1)],
        [change('2028-02-29', 'yearly')],
        [BASIC, (119.66, 25.13)], 156.89, 145.2, day='2029-02-28'),
    # -120.00 + 10.00: the month begins anew.
    Row("to a year, and back on the day", '2027-04-01', [('basic', 1)],
        [change('04-16', 'yearly'), change('04-16', 'basic')],
        [BASIC, (115.0, 24.15), (-110.0, -23.1)], 151.25, 0.0, 133.1, day='2027-05-16'),
    # The year has a 29 February: -60.00 (183/366) + 10.00.
    Row("to a year, and back later", '2027-04-01', [('basic', 1)],
        [change('04-16', 'yearly'), change('10-16', 'basic')],
        [BASIC, (115.0, 24.15), (-50.0, -10.5)], 151.25, 0.0, 60.5, day='2027-11-16'),
    # -110.16 (336/366) + 27.00 = -83.16; tax -17.46.
    Row("to a year, then to quarters", '2027-04-01', [('basic', 1)],
        [change('04-16', 'yearly'), change('05-16', 'quarterly')],
        [BASIC, (115.0, 24.15), (-83.16, -17.46)], 151.25, 0.0, 100.62, day='2027-08-16'),
    # -60.00 (183/366) + 120.00.
    Row("to a year, then more of it", '2027-04-01', [('basic', 1)],
        [change('04-16', 'yearly'), change('10-16', 'yearly', 2)],
        [BASIC, (115.0, 24.15), (60.0, 12.6)], 223.85, 290.4, day='2028-04-16'),
    # 5.00 more for 15/30, which are credited with the new price: -10.00 + 120.00.
    Row("up, and to a year on the day", '2027-04-01', [('basic', 1)],
        [change('04-16', 'plus'), change('04-16', 'yearly')],
        [BASIC, (5.0, 1.05), (110.0, 23.1)], 151.25, 145.2, day='2028-04-16'),
    # -5.00 and -1.05, + 120.00 with 30.00.
    Row("to a year at another rate", '2027-04-01', [('basic', 1)], [change('04-16', 'yearly_25')],
        [BASIC, (115.0, 28.95)], 156.05, 150.0, day='2028-04-16'),
    # -500 + 12000 = 11500; tax 2415.
    Row("yen, month to year", '2027-04-01', [('basic', 1)], [change('04-16', 'yearly')],
        [(1000, 210), (11500, 2415)], 15125, 14520, terms={'currency': 'JPY'}, day='2028-04-16'),
    Row("to a year, planned", '2027-04-01', [('basic', 1)],
        [change('04-16', 'yearly', 1, LATER), run('05-01')],
        [BASIC, (120.0, 25.2)], 157.3, 145.2, day='2028-05-01'),
    Row("to a month, planned", '2027-01-01', [('yearly', 1)],
        [change('07-02', 'basic', 1, LATER), ('2028-01-01', 'run')],
        [(120.0, 25.2), BASIC], 157.3, 12.1, day='2028-02-01'),
    Row("to a year, planned and undone", '2027-04-01', [('basic', 1)],
        [change('04-16', 'yearly', 1, LATER), ('2027-04-17', 'take_back'), run('05-01')],
        [BASIC, BASIC], 24.2, 12.1, day='2027-06-01'),
    # 30 October to 30 April, 184/366: -60.33 + 120.66 = 60.33; tax 12.67.
    Row("to a year, planned, and more later", '2027-04-01', [('basic', 1)],
        [change('04-16', 'yearly', 1, LATER), run('05-01'), change('10-30', 'yearly', 2)],
        [BASIC, (120.0, 25.2), (60.33, 12.67)], 230.3, 290.4, day='2028-05-01'),
    Row("to a year in a trial", '2027-04-01', [('basic', 1)],
        [change('04-05', 'yearly'), run('04-15')],
        [(120.0, 25.2)], 145.2, 145.2, terms={'billing_trial_days': 14}, day='2028-04-15'),
    Row("to a year, and refunded before", '2027-04-01', [('basic', 1)],
        [('2027-04-10', 'refund', 12.1), change('04-16', 'yearly')],
        [BASIC, (-10.0, -2.1), (120.0, 25.2)], 157.3, 145.2, day='2028-04-16'),
    Row("to a year, declined", '2027-04-01', [('basic', 1)],
        [('2027-04-16', 'change_with', 'error', 'yearly')], [BASIC], 12.1, 12.1, day='2027-05-01'),
    Row("to a year that no other follows", '2027-04-01', [('basic', 1)],
        [change('04-16', 'yearly')],
        [BASIC, (115.0, 24.15)], 151.25, 0.0, terms={'billing_end_date': '2027-12-31'}),
    Row("to months until an end", '2027-01-01', [('yearly', 1)],
        [change('07-02', 'basic'), run('08-02')],
        [(120.0, 25.2), (-50.16, -10.53), BASIC], 145.2, 0.0, 48.59,
        terms={'billing_end_date': '2027-08-31'}),
    Row("to a year, then cancelled at the end", '2027-04-01', [('basic', 1)],
        [change('04-16', 'yearly'), ('2027-04-17', 'cancel'), ('2028-04-16', 'run')],
        [BASIC, (115.0, 24.15)], 151.25, 0.0),
    # Taxes.
    # -8.07 + 16.13 = 8.06, of which 1.40 are tax.
    Row("tax included, 20/30", '2027-04-01', [('gross', 1)], [change('04-11', 'gross_plus')],
        [BASIC, (6.66, 1.4)], 20.16, 24.2),
    # -12.10 (15/30 of 24.20) + 6.05 = -6.05, of which -1.05 are tax.
    Row("tax included, down", '2027-04-01', [('gross_plus', 1)], [change('04-16', 'gross')],
        [PLUS, (-5.0, -1.05)], 24.2, 6.05, 6.05),
    # -10.00 and 2.10 tax, + 10.00 without; 20.00 - 2.10.
    Row("to what has no tax", '2027-04-01', [('plus', 1)], [change('04-16', 'free_of_tax')],
        [PLUS, (0.0, -2.1)], 24.2, 17.9, 2.1),
    Row("from what has no tax", '2027-04-01', [('free_of_tax', 1)], [change('04-16', 'plus')],
        [(20.0, 0.0), (0.0, 2.1)], 22.1, 24.2),
    # -5.00 with -1.05, + 10.00 with 2.50.
    Row("to another rate", '2027-04-01', [('basic', 1)], [change('04-16', 'plus_25')],
        [BASIC, (5.0, 1.45)], 18.55, 25.0),
    # The rate rises while it runs: what was billed is credited with its tax, 21 %. From May on it
    # is 20.00 and 5.00.
    Row("the rate has changed since", '2027-04-01', [('basic', 1)],
        [('2027-04-10', 'raise_tax'), change('04-16', 'plus')],
        [BASIC, (5.0, 1.45)], 18.55, 25.0),
    # Own prices, and other lines.
    # -8.00 + 16.00; 32.00 from May on.
    Row("an own price stays", '2027-04-01', [('plus', 1, 16.0)], [change('04-16', 'plus', 2)],
        [(16.0, 3.36), (8.0, 1.68)], 29.04, 38.72),
    # -8.00 + 10.00.
    Row("an own price is left", '2027-04-01', [('basic', 1, 16.0)], [change('04-16', 'plus')],
        [(16.0, 3.36), (2.0, 0.42)], 21.78, 24.2),
    Row("a fee isn't credited", '2027-04-01', [('plus', 1), ('fee', 1, 5.0)],
        [change('04-16', 'plus', 2)],
        [(25.0, 5.25), (10.0, 2.1)], 42.35, 48.4),
    # 20.00 without tax each month beside it.
    Row("the other line stays", '2027-04-01', [('basic', 1), ('free_of_tax', 1)],
        [change('04-16', 'plus')],
        [(30.0, 2.1), (5.0, 1.05)], 38.15, 44.2),
    # Planned.
    Row("planned, down", '2027-04-01', [('plus', 2)],
        [change('04-16', 'basic', 1, LATER), run('05-01')],
        [(40.0, 8.4), BASIC], 60.5, 12.1),
    Row("planned, up", '2027-04-01', [('basic', 1)],
        [change('04-16', 'plus', 1, LATER), run('05-01')],
        [BASIC, PLUS], 36.3, 24.2),
    Row("planned and undone", '2027-04-01', [('plus', 2)],
        [change('04-16', 'basic', 1, LATER), ('2027-04-17', 'take_back'), run('05-01')],
        [(40.0, 8.4), (40.0, 8.4)], 96.8, 48.4),
    # 15/31 of what was planned: -4.84 + 9.68 = 4.84; tax 1.02.
    Row("planned, then at once", '2027-04-01', [('plus', 2)],
        [change('04-16', 'basic', 1, LATER), run('05-01'), change('05-17', 'plus')],
        [(40.0, 8.4), BASIC, (4.84, 1.02)], 66.36, 24.2),
    # Add-ons: a month has 6.00 (Storage), 9.00 (Support), or 4.84 with tax (Extra).
    # 20/30 of 12.00: 8.00, tax 1.68; 10.00 + 12.00 from May on.
    Row("added, 20/30", '2027-04-01', [('basic', 1)], [add('04-11', 'storage', 2), run('05-01')],
        [BASIC, (8.0, 1.68), (22.0, 4.62)], 48.4, 26.62),
    Row("added on the first day", '2027-04-01', [('basic', 1)], [add('04-01', 'storage')],
        [BASIC, (6.0, 1.26)], 19.36, 19.36),
    # 1/30 of 6.00: 0.20; tax 0.04.
    Row("added on the last day", '2027-04-01', [('basic', 1)], [add('04-30', 'storage')],
        [BASIC, (0.2, 0.04)], 12.34, 19.36),
    # 20/30 of 6.00: 4.00, tax 0.84. 10/20 of them: -2.00 + 6.00 (10/30 of 18.00) = 4.00; tax 0.84.
    Row("added, and more of it", '2027-04-01', [('basic', 1)],
        [add('04-11', 'storage'), keep('04-21', 'storage', 3)],
        [BASIC, (4.0, 0.84), (4.0, 0.84)], 21.78, 33.88),
    # 4.00 and 0.84; 10/30 of 9.00: 3.00, tax 0.63. 10.00 + 6.00 + 9.00 from May on.
    Row("two of them", '2027-04-01', [('basic', 1)],
        [add('04-11', 'storage'), add('04-21', 'support'), run('05-01')],
        [BASIC, (4.0, 0.84), (3.0, 0.63), (25.0, 5.25)], 50.82, 30.25),
    # -6.00 (15/30 of 12.00), tax -1.26, which May takes.
    Row("dropped, 15/30", '2027-04-01', [('basic', 1), ('storage', 2)],
        [keep('04-16', 'storage', 0), run('05-01')],
        [(22.0, 4.62), (-6.0, -1.26), BASIC], 31.46, 12.1),
    # 8.00 and 1.68 for 20 days, of which 10 are left: -4.00, tax -0.84; 12.10 - 4.84.
    Row("added, and dropped later", '2027-04-01', [('basic', 1)],
        [add('04-11', 'storage', 2), keep('04-21', 'storage', 0)],
        [BASIC, (8.0, 1.68), (-4.0, -0.84)], 21.78, 7.26, 4.84),
    # What was dropped and added again on a day costs nothing: 3.63 there, 3.63 back in May.
    Row("dropped, and added again on the day", '2027-04-01', [('basic', 1), ('storage', 1)],
        [keep('04-16', 'storage', 0), add('04-16', 'storage'), run('05-01')],
        [(16.0, 3.36), (-3.0, -0.63), (3.0, 0.63), (16.0, 3.36)], 38.72, 19.36),
    Row("added and dropped on a day", '2027-04-01', [('basic', 1)],
        [add('04-16', 'storage'), keep('04-16', 'storage', 0), run('05-01')],
        [BASIC, (3.0, 0.63), (-3.0, -0.63), BASIC], 24.2, 12.1),
    Row("dropped when the period ends", '2027-04-01', [('basic', 1), ('storage', 2)],
        [keep('04-16', 'storage', 0, LATER), run('05-01')],
        [(22.0, 4.62), BASIC], 38.72, 12.1),
    # Added again at today's price, not at the own one of 4.00.
    Row("an own price is gone with it", '2027-04-01', [('basic', 1), ('storage', 1, 4.0)],
        [keep('04-16', 'storage', 0, LATER), run('05-01'), add('05-01', 'storage')],
        [(14.0, 2.94), BASIC, (6.0, 1.26)], 36.3, 19.36),
    Row("added when the period ends", '2027-04-01', [('basic', 1)],
        [add('04-16', 'storage', 1, LATER), run('05-01')],
        [BASIC, (16.0, 3.36)], 31.46, 19.36),
    # Then 16/31 of it: -3.10 (3.0968), tax -0.65; 12.10 - 3.75.
    Row("added when the period ends, and dropped in it", '2027-04-01', [('basic', 1)],
        [add('04-16', 'storage', 1, LATER), run('05-01'), keep('05-16', 'storage', 0)],
        [BASIC, (16.0, 3.36), (-3.1, -0.65)], 31.46, 8.35, 3.75),
    Row("two dropped when the period ends", '2027-04-01',
        [('basic', 1), ('storage', 1), ('support', 1)],
        [keep('04-16', 'storage', 0, LATER), keep('04-17', 'support', 0, LATER), run('05-01')],
        [(25.0, 5.25), BASIC], 42.35, 12.1),
    # 10.00 + 9.00.
    Row("two dropped when the period ends, one undone", '2027-04-01',
        [('basic', 1), ('storage', 1), ('support', 1)],
        [keep('04-16', 'support', 0, LATER), keep('04-17', 'storage', 0, LATER),
         ('2027-04-18', 'take_back_of', 'support'), run('05-01')],
        [(25.0, 5.25), (19.0, 3.99)], 53.24, 22.99),
    # 14/30 of 6.00: 2.80, tax 0.59; 20.00 + 6.00.
    Row("another plan, planned, and an add-on", '2027-04-01', [('basic', 1)],
        [change('04-16', 'plus', 1, LATER), add('04-17', 'storage'), run('05-01')],
        [BASIC, (2.8, 0.59), (26.0, 5.46)], 46.95, 31.46),
    Row("an add-on, planned and undone", '2027-04-01', [('basic', 1)],
        [add('04-16', 'storage', 1, LATER), ('2027-04-17', 'take_back'), run('05-01')],
        [BASIC, BASIC], 24.2, 12.1),
    Row("an add-on, declined", '2027-04-01', [('basic', 1)],
        [('2027-04-16', 'add_with', 'error', 'storage'), ('2027-05-01', 'run_with', 'done')],
        [BASIC, BASIC], 24.2, 12.1),
    # 14/30 of 6.00: 2.80, tax 0.59 (0.588).
    Row("an add-on, declined, then paid", '2027-04-01', [('basic', 1)],
        [('2027-04-16', 'add_with', 'error', 'storage'),
         ('2027-04-17', 'add_with', 'done', 'storage')],
        [BASIC, (2.8, 0.59)], 15.49, 19.36),
    Row("an add-on in a trial", '2027-04-01', [('basic', 1)],
        [add('04-05', 'storage'), run('04-15')],
        [(16.0, 3.36)], 19.36, 19.36, terms={'billing_trial_days': 14}),
    Row("an add-on, paused and resumed", '2027-04-01', [('basic', 1)],
        [('2027-04-05', 'pause'), ('2027-04-06', 'add_refused', "billing status is “Paused”"),
         ('2027-04-10', 'resume'), add('04-16', 'storage')],
        [BASIC, (3.0, 0.63)], 15.73, 19.36),
    Row("an add-on with arrears", '2027-04-01', [('basic', 1)],
        [('2027-05-01', 'run_with', 'error'), ('2027-05-01', 'add_refused', "are outstanding"),
         add('05-01', 'storage', 1, LATER), ('2027-05-02', 'run_with', 'done'), run('06-01')],
        [BASIC, BASIC, (16.0, 3.36)], 43.56, 19.36),
    # 15/30 of 4.84: 2.42, of which 0.42 are tax; 12.10 + 4.84 from May on.
    Row("an add-on with tax included", '2027-04-01', [('basic', 1)],
        [add('04-16', 'extra'), run('05-01')],
        [BASIC, (2.0, 0.42), (14.0, 2.94)], 31.46, 16.94),
    # 20/30 of 601 yen: 401 (400.67), tax 84; 1000 + 601, tax 336.
    Row("yen, an add-on, 20/30", '2027-04-01', [('basic', 1)],
        [add('04-11', 'storage'), run('05-01')],
        [(1000, 210), (401, 84), (1601, 336)], 3632, 1937, terms={'currency': 'JPY'}),
    # 20/30 of 6.00; then 12/30 of the plans: -4.00 + 8.00, tax 0.84. The add-on goes on.
    Row("an add-on, then another plan", '2027-04-01', [('basic', 1)],
        [add('04-11', 'storage'), change('04-19', 'plus'), run('05-01')],
        [BASIC, (4.0, 0.84), (4.0, 0.84), (26.0, 5.46)], 53.24, 31.46),
    # Nothing is left to be credited, and there is no document.
    Row("dropped where all was refunded", '2027-04-01', [('basic', 1), ('storage', 1)],
        [('2027-04-10', 'refund', 19.36), keep('04-16', 'storage', 0), run('05-01')],
        [(16.0, 3.36), (-16.0, -3.36), BASIC], 31.46, 12.1),
    # Cancelled.
    Row("at once, then cancelled at the end", '2027-04-01', [('basic', 1)],
        [change('04-11', 'plus'), ('2027-04-12', 'cancel'), run('05-01'), run('05-02')],
        [BASIC, (6.66, 1.4)], 20.16, 0.0),
    Row("planned, then cancelled at the end", '2027-04-01', [('plus', 2)],
        [change('04-16', 'basic', 1, LATER), ('2027-04-17', 'cancel'), run('05-01'), run('05-02')],
        [(40.0, 8.4)], 48.4, 0.0),
    # Trials, pauses, arrears, what was skipped.
    Row("in a trial", '2027-04-01', [('basic', 1)], [change('04-05', 'plus'), run('04-15')],
        [PLUS], 24.2, 24.2, terms={'billing_trial_days': 14}),
    # 15 April to 14 May, on its first day: -20.00 + 10.00, which pays all of the next payment.
    Row("in a trial, and back when it is over", '2027-04-01', [('basic', 1)],
        [change('04-05', 'plus'), run('04-15'), change('04-15', 'basic')],
        [PLUS, (-10.0, -2.1)], 24.2, 0.0, 12.1, terms={'billing_trial_days': 14}),
    Row("paused and resumed", '2027-04-01', [('basic', 1)],
        [('2027-04-05', 'pause'), ('2027-04-06', 'refused', "billing status is “Paused”"),
         ('2027-04-10', 'resume'), change('04-16', 'plus')],
        [BASIC, (5.0, 1.05)], 18.15, 24.2),
    # The retry of 2 May is paid; Plus from June on.
    Row("with arrears", '2027-04-01', [('basic', 1)],
        [('2027-05-01', 'run_with', 'error'), ('2027-05-01', 'refused', "are outstanding"),
         change('05-01', 'plus', 1, LATER), ('2027-05-02', 'run_with', 'done'), run('06-01')],
        [BASIC, BASIC, PLUS], 48.4, 24.2),
    Row("a skipped period", '2027-04-01', [('basic', 1)],
        [('2027-04-20', 'skip'), run('05-01'), ('2027-05-10', 'refused', "No paid period"),
         change('05-10', 'plus', 1, LATER), run('06-01')],
        [BASIC, PLUS], 36.3, 24.2),
    # Refunds. 6.05 of 12.10 are left, which is what 15/30 were billed with.
    Row("a half is refunded", '2027-04-01', [('basic', 1)],
        [('2027-04-10', 'refund', 6.05), change('04-16', 'plus')],
        [BASIC, (-5.0, -1.05), (5.0, 1.05)], 18.15, 24.2),
    # Nothing is left to be credited: + 10.00.
    Row("all is refunded", '2027-04-01', [('basic', 1)],
        [('2027-04-10', 'refund', 12.1), change('04-16', 'plus')],
        [BASIC, (-10.0, -2.1), (10.0, 2.1)], 24.2, 24.2),
    # Declined.
    Row("declined", '2027-04-01', [('basic', 1)], [('2027-04-16', 'change_with', 'error')],
        [BASIC], 12.1, 12.1),
    Row("declined, then paid", '2027-04-01', [('basic', 1)],
        [('2027-04-16', 'change_with', 'error'), ('2027-04-17', 'change_with', 'done')],
        # 14/30: -4.67 + 9.33 = 4.66; tax 0.98.
        [BASIC, (4.66, 0.98)], 17.74, 24.2),
    # Paid early: May is paid, and changed from June on.
    Row("paid early, then planned", '2027-04-01', [('basic', 1)],
        [('2027-04-16', 'pay_early'), ('2027-04-17', 'refused', "later period is paid already"),
         change('04-17', 'plus', 1, LATER), run('05-01'), run('06-01')],
        [BASIC, BASIC, PLUS], 48.4, 24.2),
    # Other currencies.
    # 1000 and 2001 yen: -667 + 1334 = 667; tax 140.
    Row("yen, up, 20/30", '2027-04-01', [('basic', 1)], [change('04-11', 'plus')],
        [(1000, 210), (667, 140)], 2017, 2421, terms={'currency': 'JPY'}),
    Row("yen, down, 20/30", '2027-04-01', [('plus', 1)], [change('04-11', 'basic')],
        [(2001, 420), (-667, -140)], 2421, 403, 807, terms={'currency': 'JPY'}),
    # 10.001 and 20.003 dinars: -6.667 + 13.335 = 6.668; tax 1.400.
    Row("dinars, up, 20/30", '2027-04-01', [('basic', 1)], [change('04-11', 'plus')],
        [(10.001, 2.1), (6.668, 1.4)], 20.169, 24.204, terms={'currency': 'KWD'}),
]  # fmt: skip


@tagged('post_install', '-at_install')
class TestWorkedChanges(ChangeCommon):
    """Each row begins with nothing of the others."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        included = cls.tax_21.copy(
            {'name': "VAT 21% included", 'price_include_override': 'tax_included'}
        )
        cls.tax_25 = cls.tax_21.copy({'name': "VAT 25%", 'amount': 25.0})
        for unit, plans in (
            ('month', (('gross', 12.1, included), ('gross_plus', 24.2, included),
                       ('plus_25', 20.0, cls.tax_25), ('quarterly', 27.0, cls.tax_21))),
            ('year', (('yearly', 120.0, cls.tax_21), ('yearly_plus', 240.0, cls.tax_21),
                      ('yearly_25', 120.0, cls.tax_25))),
            ('week', (('weekly', 7.0, cls.tax_21), ('weekly_plus', 14.0, cls.tax_21))),
        ):  # fmt: skip
            for name, price, tax in plans:
                plan = cls._create_sold_product(name, price, tax, 'subscription')
                plan.billing_interval_unit = unit
                plan.product_tmpl_id.billing_family_id = cls.family
                setattr(cls, name, plan)
        cls.quarterly.billing_interval_count = 3
        for name, price, tax in (
            ('storage', 6.0, cls.tax_21), ('support', 9.0, cls.tax_21), ('extra', 4.84, included),
        ):  # fmt: skip
            setattr(cls, name, cls._create_sold_product(name, price, tax, 'subscription'))
        addons = cls.storage | cls.support | cls.extra
        cls.basic.product_tmpl_id.billing_addon_ids = addons.product_tmpl_id
        cls.prices = {
            currency: cls._create_price_list_of(
                {cls.basic: basic, cls.plus: plus, cls.yearly: 12 * basic, cls.storage: 601},
                currency,
            )
            for currency, basic, plus in (('JPY', 1000, 2001), ('KWD', 10.001, 20.003))
        }

    def test_worked_changes(self):
        # A change waits for every sixth one.
        for row in ROWS if IS_NIGHTLY else ROWS[::6]:
            with self.subTest(row.name), self._alone():
                order = self._begin(row)
                for day, deed, *arguments in row.steps:
                    with freeze_time(f'{day} 10:00:00'):
                        getattr(self, f'_do_{deed}')(order, *arguments)
                self._check(order, row)

    @contextmanager
    def _alone(self):
        savepoint = self.env.cr.savepoint()
        savepoint.__enter__()
        try:
            yield
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all()
            self.env['account.move']._get_sequence_cache().clear()

    def _begin(self, row):
        terms = dict(row.terms)
        currency = terms.pop('currency', None)
        lines = [(getattr(self, name), *others) for name, *others in row.lines]
        with freeze_time(f'{row.start} 10:00:00'):
            if not currency:
                return self._create_active_order(*lines, **terms)
            order = self._create_order(*lines, sent=False)
            order.pricelist_id = self.prices[currency]
            order._recompute_prices()
            order._billing_mark_link_sent("The link was sent.")
            amount = order._get_purchase()._get_initial_amount(order)
            self._create_initial_transaction(
                order, 'done', amount=amount, token_id=self._create_token().id
            )._post_process()
            return order

    # === WHAT IS DONE === #

    def _do_change(self, order, plan, quantity, when):
        change, _shown = self._change(order, getattr(self, plan), quantity, when)
        self.assertEqual(change.state, 'done' if when == NOW else 'planned')

    def _do_change_with(self, order, answer, plan='plus'):
        order.billing_token_id.demo_simulated_state = answer
        change, _shown = self._change(order, getattr(self, plan), 1, NOW)
        self.assertEqual(change.state, 'done' if answer == 'done' else 'declined')

    def _do_add(self, order, addon, quantity, when):
        addon = getattr(self, addon)
        change, _shown = self._change(order, addon, quantity, when, self.env['sale.order.line'])
        self.assertEqual(change.state, 'done' if when == NOW else 'planned')

    def _do_add_with(self, order, answer, addon):
        order.billing_token_id.demo_simulated_state = answer
        none = self.env['sale.order.line']
        change, _shown = self._change(order, getattr(self, addon), 1, NOW, none)
        self.assertEqual(change.state, 'done' if answer == 'done' else 'declined')

    def _do_keep(self, order, addon, quantity, when):
        addon = getattr(self, addon)
        line = order.order_line.filtered(lambda line: line.product_id == addon)
        self.assertEqual(len(line), 1)
        change, _shown = self._change(order, addon, quantity, when, line)
        self.assertEqual(change.state, 'done' if when == NOW else 'planned')

    def _do_run(self, _order):
        self._run()

    def _do_run_with(self, order, answer):
        order.billing_token_id.demo_simulated_state = answer
        self._run()

    def _do_take_back(self, order):
        order._billing_take_back_change()

    def _do_take_back_of(self, order, addon):
        addon = getattr(self, addon)
        change = order.billing_change_ids.filtered(lambda change: change.product_id == addon)
        order._billing_take_back_change(change)

    def _do_cancel(self, order):
        order._billing_cancel_subscription(at_once=False)

    def _do_pause(self, order):
        order._billing_pause()

    def _do_resume(self, order):
        order._billing_resume()

    def _do_skip(self, order):
        order.billing_next_event_id._skip()

    def _do_refund(self, order, amount):
        self._refund(order, amount)

    def _do_raise_tax(self, _order):
        (self.basic | self.plus).taxes_id = self.tax_25

    def _do_pay_early(self, order):
        with self._committing_env(self.billing_manager) as env:
            own = env['sale.order'].browse(order.id)
            env['billpro.pay.early'].browse(own.action_open_pay_early()['res_id']).action_pay()

    def _do_refused(self, order, reason):
        with self.assertRaisesRegex(UserError, reason):
            self.env['billpro.change']._propose(order, order.order_line[0], self.plus, 1, NOW)

    def _do_add_refused(self, order, reason):
        with self.assertRaisesRegex(UserError, reason):
            none = order.order_line.browse()
            self.env['billpro.change']._propose(order, none, self.storage, 1, NOW)

    # === WHAT IT COMES TO === #

    def _check(self, order, row):
        """Compare invoices, ledger and schedule with what was worked out."""
        rounded = order.currency_id.round
        moves = order.billing_move_ids.filtered(lambda move: move.state == 'posted').sorted('id')
        signs = [-1 if move.move_type == 'out_refund' else 1 for move in moves]
        self.assertEqual(
            [
                (rounded(sign * move.amount_untaxed), rounded(sign * move.amount_tax))
                for sign, move in zip(signs, moves, strict=True)
            ],
            row.documents,
        )
        self.assertTrue(all(moves.invoice_line_ids.mapped('quantity')))
        lines = moves.line_ids
        ledger = {
            'income': lines.filtered(
                lambda line: line.account_id.internal_group == 'income' and not line.tax_line_id
            ),
            'tax': lines.filtered('tax_line_id'),
        }
        expected = {
            'income': sum(untaxed for untaxed, _tax in row.documents),
            'tax': sum(tax for _untaxed, tax in row.documents),
        }
        for part, own in ledger.items():
            amount = -sum(own.mapped('amount_currency'))
            self.assertEqual(rounded(amount), rounded(expected[part]), part)
        receivable = lines.filtered(lambda line: line.account_type == 'asset_receivable')
        residual = sum(receivable.mapped('amount_residual_currency'))
        self.assertEqual(rounded(residual), -row.credit)
        self.assertEqual(rounded(order.billing_paid), row.paid)
        self.assertEqual(rounded(order.billing_next_amount), row.following)
        if row.day:
            following = order.billing_next_event_id
            self.assertEqual(str(following.period_start), row.day)
            self.assertEqual(str(following.due_date.date()), row.day)
