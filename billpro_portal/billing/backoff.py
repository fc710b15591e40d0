"""How long what has failed, or isn't known, waits before it is tried or asked about again.

Each table has the delay after each try. Where a table ends, a person is told, unless it is said
here that the last delay is repeated.
"""

from datetime import timedelta


def _minutes(*delays: int) -> tuple[timedelta, ...]:
    return tuple(timedelta(minutes=delay) for delay in delays)


# What is done with a record in a transaction of its own, unless another table is named for it.
OWN_TRANSACTION = _minutes(5, 60)
WEBHOOK_EVENT = _minutes(1, 5, 30, 120, 720)
PAYOUT = _minutes(5, 30, 120, 720, 1440)
# Mails that a server refused for the time being.
MAIL = _minutes(15, 60, 360)
# Attempts whose outcome isn't known: the last delay is repeated until a person is asked.
INQUIRY = _minutes(5, 60, 1440)
# By the task of `billpro.failure`: what can't be left to a person alone is tried on for ever, the
# last delay is repeated. Money that has moved is booked in the end; what couldn't be is charged
# when it can.
ENDLESS = {
    'book': _minutes(360, 1440),
    'bookable': _minutes(5, 15, 60),
    'payable': _minutes(5, 15, 60),
    'defer': _minutes(1440),
    'refused': _minutes(5),
}
