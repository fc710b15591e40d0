"""Which amounts Stripe takes in which currency.

Source: Stripe documentation, "Supported currencies" (zero-decimal and three-decimal currencies,
special cases, minimum and maximum charge amounts). Amounts are in minor units.
"""

from __future__ import annotations

from fake_gateway.errors import InvalidRequest

# By how many digits an amount may have: usually 8.
LARGEST_AMOUNT = 99_999_999
LARGEST_AMOUNTS = {
    'cop': 10**10 - 1, 'huf': 10**10 - 1, 'idr': 10**12 - 1, 'inr': 10**9 - 1, 'jpy': 10**10 - 1,
    'lbp': 10**11 - 1,
}  # fmt: skip
ZERO_DECIMAL = frozenset(
    {
        'bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf',
        'xof', 'xpf',
    }
)  # fmt: skip
# Amounts in these must end with these digits.
ROUNDED_TO = {'bhd': 10, 'jod': 10, 'kwd': 10, 'omr': 10, 'tnd': 10, 'isk': 100, 'ugx': 100}
SMALLEST_AMOUNTS = {
    'aed': 200, 'ars': 50, 'aud': 50, 'bgn': 100, 'brl': 50, 'cad': 50, 'chf': 50, 'cop': 50,
    'czk': 1500, 'dkk': 250, 'eur': 50, 'gbp': 30, 'hkd': 400, 'huf': 17500, 'idr': 50, 'ils': 50,
    'inr': 50, 'jpy': 50, 'krw': 50, 'mxn': 1000, 'myr': 200, 'nok': 300, 'nzd': 50, 'php': 50,
    'pln': 200, 'ron': 200, 'rub': 50, 'sek': 300, 'sgd': 50, 'thb': 1000, 'usd': 50, 'zar': 50,
}  # fmt: skip


def check(amount: int, currency: str) -> None:
    """Check the amount of a payment.

    :param int amount: The amount.
    :param str currency: The currency's code, in small letters.
    :raise InvalidRequest: If Stripe would refuse it.
    """
    if len(currency) != 3 or not currency.isalpha():
        raise InvalidRequest(f"Invalid currency: {currency}", param='currency')
    least = SMALLEST_AMOUNTS.get(currency, 1)
    if amount < least:
        shown = least if currency in ZERO_DECIMAL else f'{least / 100:.2f}'
        raise InvalidRequest(
            f"Amount must be at least {shown} {currency}",
            code='amount_too_small',
            param='amount',
        )
    largest = LARGEST_AMOUNTS.get(currency, LARGEST_AMOUNT)
    if amount > largest:
        raise InvalidRequest(
            f"Amount must be no more than {largest} {currency}",
            code='amount_too_large',
            param='amount',
        )
    if amount % ROUNDED_TO.get(currency, 1):
        raise InvalidRequest(
            f"Invalid amount: amounts in {currency} must be divisible by {ROUNDED_TO[currency]}.",
            param='amount',
        )
