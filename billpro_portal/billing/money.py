"""Exact amounts in the minor units of a currency: the smallest that can be paid in it."""

from decimal import ROUND_HALF_UP, Decimal


def to_minor_units(amount: float | Decimal, coin: float) -> int:
    """Return an amount as a whole number of minor units.

    :param float|Decimal amount: The amount; a float is read as its shortest decimal form, so that
                                 0.1 + 0.2 is thirty cents.
    :param float coin: The smallest amount of the currency: 1 for JPY, 0.01 for EUR, 0.001 for KWD,
                       0.05 for CHF where the cash register counts in coins.
    :rtype: int
    """
    exact = Decimal(repr(amount)) if isinstance(amount, float) else Decimal(amount)
    scaled = exact / Decimal(repr(coin))
    return int(scaled.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def from_minor_units(minor_units: int, coin: float) -> float:
    """Return a number of minor units as an amount.

    :param int minor_units: The number of minor units.
    :param float coin: The smallest amount of the currency.
    :return: The closest float, as Odoo's monetary fields hold it.
    :rtype: float
    """
    return float(minor_units * Decimal(repr(coin)))


def split_evenly(total: int, count: int, least: int = 1) -> list[int]:
    """Split an amount into equal parts; the last one absorbs the remainder.

    :param int total: The amount in minor units.
    :param int count: The number of parts.
    :param int least: What the last part should be at least, if there is enough for all.
    :return: The parts in minor units, all at least one, adding up to the total.
    :rtype: list[int]
    :raise ValueError: If there is less than one minor unit for each part.
    """
    if count < 1:
        raise ValueError("An amount is split into at least one part")
    if total < count:
        raise ValueError(f"{total} minor units can't be split into {count} parts")
    part = (2 * total + count) // (2 * count)  # The closest whole number.
    if total - part * (count - 1) < max(least, 1):
        part = total // count
    return [part] * (count - 1) + [total - part * (count - 1)]


def split_with_deposit(total: int, deposit: int, count: int, least: int = 1) -> list[int]:
    """Split an order's total into a deposit and instalments.

    :param int total: The order's total in minor units.
    :param int deposit: What is paid at the checkout, in minor units; 0 means nothing.
    :param int count: The number of instalments after the deposit.
    :param int least: What the last instalment should be at least, if there is enough for all.
    :return: The instalments in minor units; with the deposit they add up to the total.
    :rtype: list[int]
    :raise ValueError: If the deposit is negative or leaves less than one minor unit for each
                       instalment.
    """
    if deposit < 0:
        raise ValueError("A deposit can't be negative")
    return split_evenly(total - deposit, count, least)
