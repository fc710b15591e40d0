"""Whether secrets got into a log: keys, card numbers, what opens a payment or an order."""

from __future__ import annotations

import re
from pathlib import Path

from fake_gateway import cards

_UUID = r'[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}'
PATTERNS = {
    "a key of Stripe": re.compile(r'\b(?:sk|rk)_(?:test|live)_\w+'),
    "a webhook's secret": re.compile(r'\bwhsec_\w+'),
    "the client secret of a payment": re.compile(r'\b(?:pi|seti)_\w+_secret_\w+'),
    # In an address, also one within an address, and in JSON or what Python prints.
    "the token of an order link": re.compile(
        rf'access_token\\?["\']?\s*(?:=|%3D|:)\s*\\?["\']?{_UUID}', re.IGNORECASE
    ),
}
# As one number, or in the groups that are printed on cards.
_NUMBER = re.compile(
    r'(?<![\w.])(?<![0-9a-f]-)'
    r'(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -])\d{6}\2\d{4,5})'
    r'(?![\w.]*\d)'
)
# ISO/IEC 7812 and the brands' own ranges. Times in milliseconds and longer begin with 1.
_CARD_FORM = re.compile(
    r'4\d{15}|4\d{18}'  # Visa
    r'|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}'  # Mastercard
    r'|3[47]\d{13}'  # American Express
    r'|3(?:0[0-5]|[689]\d)\d{11}'  # Diners Club
    r'|35(?:2[89]|[3-8]\d)\d{12}'  # JCB
    r'|6(?:011|4[4-9]\d|5\d\d|2\d\d)\d{12,15}'  # Discover, UnionPay
)
CARD_NUMBER = "a card number"


def search(log: Path) -> list[str]:
    """Search a log for secrets.

    :param Path log: The log.
    :return: What was found, in words that name the place and not the secret.
    :rtype: list[str]
    """
    with log.open(errors='replace') as lines:
        return [
            f"{log}, line {number}: {kind} was logged."
            for number, line in enumerate(lines, start=1)
            for kind in find_kinds(line)
        ]


def find_kinds(text: str) -> list[str]:
    """Return which kinds of secrets a text holds.

    :param str text: The text.
    :rtype: list[str]
    """
    kinds = [kind for kind, pattern in PATTERNS.items() if pattern.search(text)]
    if any(_is_card_number(match.group()) for match in _NUMBER.finditer(text)):
        kinds.append(CARD_NUMBER)
    return kinds


def _is_card_number(text: str) -> bool:
    """Return whether digits, with or without spaces, are the number of a card."""
    digits = re.sub(r'\D', '', text)
    if digits in cards.BY_NUMBER:
        return True
    return bool(_CARD_FORM.fullmatch(digits)) and cards.passes_check(digits)
