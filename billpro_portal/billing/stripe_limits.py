"""Which amounts Stripe takes, by currency.

Source: Stripe documentation, "Supported currencies", sections "Minimum and maximum charge amounts"
and "Special cases". The page says the smallest amounts of the currency in which an account is paid
out; what is converted must reach that of the account's currency, which isn't known here. The
largest ones are those of the API reference, "Create a PaymentIntent", `amount`, which counts the
digits of the amount in minor units, and of the page for the currencies that have more. Card
networks may allow more or less. What isn't known here is left to Stripe.
"""

from decimal import Decimal
from typing import Final, Literal

SMALL: Final = 'small'
LARGE: Final = 'large'
UNEVEN: Final = 'uneven'
Problem = Literal['small', 'large', 'uneven']

_SMALLEST: Final = {
    'AED': '2.00', 'ARS': '0.50', 'AUD': '0.50', 'BGN': '1.00', 'BRL': '0.50', 'CAD': '0.50',
    'CHF': '0.50', 'COP': '0.50', 'CZK': '15.00', 'DKK': '2.50', 'EUR': '0.50', 'GBP': '0.30',
    'HKD': '4.00', 'HUF': '175.00', 'IDR': '0.50', 'ILS': '0.50', 'INR': '0.50', 'JPY': '50',
    'KRW': '50', 'MXN': '10', 'MYR': '2.00', 'NOK': '3.00', 'NZD': '0.50', 'PHP': '0.50',
    'PLN': '2.00', 'RON': '2.00', 'RUB': '0.50', 'SEK': '3.00', 'SGD': '0.50', 'THB': '10',
    'USD': '0.50', 'ZAR': '0.50',
}  # fmt: skip
_DIGITS: Final = {'COP': 10, 'HUF': 10, 'IDR': 12, 'INR': 9, 'JPY': 10, 'LBP': 11}
_USUAL_DIGITS: Final = 8
_ZERO_DECIMAL: Final = frozenset(
    {
        'BIF', 'CLP', 'DJF', 'GNF', 'JPY', 'KMF', 'KRW', 'MGA', 'PYG', 'RWF', 'VND', 'VUV', 'XAF',
        'XOF', 'XPF',
    }
)  # fmt: skip
# Their last digit must be 0.
_THREE_DECIMAL: Final = frozenset({'BHD', 'JOD', 'KWD', 'OMR', 'TND'})
# Without decimals since, but still told with two.
_WHOLE: Final = frozenset({'ISK', 'UGX'})


def get_smallest(currency: str) -> Decimal:
    """Return the smallest amount that can be charged.

    :param str currency: The currency's code, such as ``EUR``.
    :return: The amount; 0 if none is known.
    :rtype: Decimal
    """
    return Decimal(_SMALLEST.get(currency, 0))


def get_largest(currency: str) -> Decimal:
    """Return the largest amount that can be charged.

    :param str currency: The currency's code.
    :rtype: Decimal
    """
    decimals = 0 if currency in _ZERO_DECIMAL else 3 if currency in _THREE_DECIMAL else 2
    return Decimal(10 ** _DIGITS.get(currency, _USUAL_DIGITS) - 1).scaleb(-decimals)


def get_step(currency: str) -> Decimal:
    """Return what amounts must be multiples of, besides the currency's own smallest unit.

    :param str currency: The currency's code.
    :return: The step; 0 if there is none.
    :rtype: Decimal
    """
    if currency in _THREE_DECIMAL:
        return Decimal('0.01')
    return Decimal(1) if currency in _WHOLE else Decimal(0)


def find_problem(amount: float, currency: str) -> Problem | None:
    """Return why an amount can't be charged.

    :param float amount: The amount.
    :param str currency: The currency's code.
    :return: ``SMALL``, ``LARGE`` or ``UNEVEN``; None if nothing is known against it.
    :rtype: str|None
    """
    exact, step = Decimal(repr(amount)), get_step(currency)
    if exact < get_smallest(currency):
        return SMALL
    if exact > get_largest(currency):
        return LARGE
    return UNEVEN if step and exact % step else None
