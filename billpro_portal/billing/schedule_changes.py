"""What changing one payment of a schedule does to the others, in minor units of a currency."""


def balance_change(amount: int, new_amount: int, later: list[int]) -> list[int]:
    """Take what one payment gains from the later ones, or give them what it loses.

    The later payments share the difference evenly; the last one absorbs the remainder.

    :param int amount: The payment as it was.
    :param int new_amount: The payment as it is to be.
    :param list[int] later: The payments that follow it and can still be changed.
    :return: What the later payments become; with the changed one they add up as before.
    :rtype: list[int]
    :raise ValueError: If a payment would be less than one minor unit, or none follows that could
                       take the difference.
    """
    if new_amount < 1:
        raise ValueError("A payment is at least one minor unit")
    difference = new_amount - amount
    if not difference:
        return list(later)
    if not later:
        raise ValueError("No later payment takes the difference")
    share = abs(difference) // len(later) * (1 if difference > 0 else -1)
    balanced = [part - share for part in later]
    balanced[-1] -= difference - share * len(later)
    if min(balanced) < 1:
        raise ValueError("A later payment would be less than one minor unit")
    return balanced
