"""What is particular about payment methods that aren't cards, by Odoo's codes of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

_SATURDAY = 5


@dataclass(frozen=True)
class MethodFacts:
    """What is known of a way to pay.

    :param business_days: How many business days it usually takes until the money is there, or the
                          bank has refused; 0 if that is known at once.
    :param is_debit: Whether the customer's bank can take back what was paid, without appeal.
    :param has_mandate: Whether the customer's mandate has a reference that notices must name.
    :param notice_days: How many days before a payment the customer is told its amount and day.
    :param most_retries: How often the scheme lets a returned payment be tried again; None if it
                         doesn't limit it.
    """

    business_days: int = 0
    is_debit: bool = False
    has_mandate: bool = False
    notice_days: int = 0
    most_retries: int | None = None


CARD = MethodFacts()
# How long it takes is how long banks may return what they were asked for: EPC016-06, "SEPA Direct
# Debit Core Scheme Rulebook" (five business days); Bacs (a cycle of three days, returns on the
# next); Nacha Operating Rules (two banking days after settlement). Notices: EPC016-06, section
# 4.3.4 (14 calendar days unless agreed shorter); "The Direct Debit Guarantee" (10 working days or
# as agreed); 12 CFR 1005.10 (d) (10 days where the amount varies). Retries: Nacha Operating Rules,
# subsection 2.13.4 (twice within 180 days).
METHODS = {
    'sepa_direct_debit': MethodFacts(
        business_days=5, is_debit=True, has_mandate=True, notice_days=14
    ),
    'bacs_direct_debit': MethodFacts(
        business_days=4, is_debit=True, has_mandate=True, notice_days=14
    ),
    'ach_direct_debit': MethodFacts(business_days=4, is_debit=True, notice_days=10, most_retries=2),
}


# Ways to pay that nobody calls a card, besides.
_OTHERS = frozenset(
    {'amazon_pay', 'bancontact', 'cash_app_pay', 'ideal', 'link', 'paypal', 'revolut_pay', 'twint'}
)


def is_card(code: str | None) -> bool:
    """Return whether a payment method is a card, as far as is known.

    :param str|None code: Odoo's code of the method.
    :rtype: bool
    """
    return code not in METHODS and code not in _OTHERS


def can_be_backup(code: str | None) -> bool:
    """Return whether a payment method can be charged at once, when another one is declined.

    :param str|None code: Odoo's code of the method.
    :return: That; not where the customer has to be told days before.
    :rtype: bool
    """
    return not get_facts(code).notice_days


def get_notice_days(code: str | None, agreed: int) -> int:
    """Return how many days before a debit the customer is told of it.

    :param str|None code: Odoo's code of the method.
    :param int agreed: What the terms agree on, fewer days or more; 0 if they don't.
    :rtype: int
    """
    demanded = get_facts(code).notice_days
    return demanded and (agreed or demanded)


def get_facts(code: str | None) -> MethodFacts:
    """Return what is known of a payment method; of those that aren't listed, what is true of cards.

    :param str|None code: Odoo's code of the method.
    :rtype: MethodFacts
    """
    return METHODS.get(code or '', CARD)


def is_debit(code: str | None) -> bool:
    """Return whether a payment method is a debit of a bank account.

    :param str|None code: Odoo's code of the method.
    :rtype: bool
    """
    return get_facts(code).is_debit


def expected_date(code: str | None, begun: date) -> date:
    """Return by when the money of a payment is usually there.

    :param str|None code: Odoo's code of the method.
    :param date begun: The day on which it was begun.
    :rtype: date
    """
    day = begun
    left = get_facts(code).business_days
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < _SATURDAY
    return day
