"""What customers are told about why their bank declined a payment."""

from __future__ import annotations

from enum import Enum


class DeclineReason(Enum):
    """A bank's reason, as far as a customer can do something about it.

    What hints at fraud or a card reported as lost or stolen is no reason to tell: whoever holds the
    card learns it from the bank. Providers want such a decline shown as any other one.
    """

    FUNDS = 'funds'  # The account doesn't hold enough.
    LIMIT = 'limit'  # The card may not pay so much, or so often.
    EXPIRED = 'expired'
    DATA = 'data'  # The number, date or security code is wrong.
    ACCOUNT = 'account'  # The bank account is closed, or may not be debited.
    UNREACHABLE = 'unreachable'  # Nobody could ask the bank.
    UNKNOWN = 'unknown'
