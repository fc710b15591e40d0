"""What a live order becomes by the state of its scheduled payments.

The answers are triggers of the table of orders in `lifecycle`.
"""

from collections.abc import Collection
from dataclasses import dataclass

from .lifecycle import DECLINED, IN_FLIGHT, OPEN


@dataclass(frozen=True)
class PaymentFacts:
    """What decides about its order, of a scheduled payment."""

    status: str
    # Nothing but another card helps.
    needs_card: bool = False
    # It is tried no more unless the customer acts, and the company suspends orders for that.
    is_given_up: bool = False
    # Its card was declined before.
    was_declined: bool = False
    # It charges other payments along, that were merged into it.
    is_merged: bool = False
    is_due: bool = False


def is_over(payments: Collection[PaymentFacts]) -> bool:
    """Return whether no payment of an order is still to come.

    :param Collection[PaymentFacts] payments: All of its scheduled payments.
    :rtype: bool
    """
    return not any(payment.status in OPEN for payment in payments)


def get_trigger(
    status: str, payments: Collection[PaymentFacts], *, ends: bool = False, excess: int = 0
) -> str | None:
    """Return what its payments make of a live order.

    What is collected beyond the total, or missing at the end, is reviewed by a person. An order
    that was declined hasn't recovered as long as another attempt is under way.

    :param str status: The order's status, one in which it is collected or reviewed.
    :param Collection[PaymentFacts] payments: All of its scheduled payments.
    :param bool ends: Whether the order is complete with its last payment.
    :param int excess: More than 0 if too much was collected, less than 0 if not all was.
    :return: A trigger of the order's status; None if nothing changes.
    :rtype: str|None
    """
    if excess > 0:
        return 'review'
    if ends and is_over(payments):
        return 'review' if excess else 'complete'
    statuses = {payment.status for payment in payments}
    if 'hard_declined' in statuses:
        return 'decline_hard'
    if any(payment.is_given_up for payment in payments if payment.status in DECLINED):
        return 'suspend'
    if statuses & DECLINED:
        return 'decline_soft'
    is_recovering = any(map(_is_recovering, payments))
    return None if is_recovering or status == 'active' else 'recover'


def _is_recovering(payment: PaymentFacts) -> bool:
    """Return whether a payment is tried, or about to be, for what was declined."""
    if payment.status in IN_FLIGHT:
        return payment.was_declined or payment.is_merged
    return payment.status == 'scheduled' and payment.is_merged and payment.is_due


def get_resume_trigger(payments: Collection[PaymentFacts]) -> str:
    """Return what its payments make of a paused order that goes on.

    :param Collection[PaymentFacts] payments: All of its scheduled payments.
    :rtype: str
    """
    declined = [payment for payment in payments if payment.status in DECLINED]
    if any(payment.needs_card or payment.is_given_up for payment in declined):
        return 'resume_suspended'
    return 'resume_failed' if declined else 'resume_active'
