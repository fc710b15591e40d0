"""How text messages are counted: GSM 03.38, the alphabet of SMS (3GPP TS 23.038, section 6.2.1)."""

import re
from math import ceil

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Each of these takes an escape character more.
GSM_EXTENDED = frozenset("^{}\\[~]|€\f")
# One such character would more than halve the room of a message.
REPLACEMENTS = str.maketrans(
    {
        '\u00a0': ' ',
        '\u202f': ' ',
        '\u2009': ' ',
        '\u2018': "'",
        '\u2019': "'",
        '\u201c': '"',
        '\u201d': '"',
        '\u2013': '-',
        '\u2014': '-',
        '\u2026': '...',
        '\u2022': '*',
    }
)

# What customers answer who want no more: 47 CFR 64.1200 (a) (10), and the like in other languages.
STOP_WORDS = frozenset(
    [
        *('stop', 'quit', 'end', 'revoke', 'opt out', 'optout', 'cancel', 'unsubscribe', 'stopall'),
        *('stopp', 'abmelden', 'arret', 'arrêt', 'arrêter', 'baja', 'alto', 'afmelden', 'basta'),
    ]
)
START_WORDS = frozenset(['start', 'unstop'])


def read_wish(text: str) -> bool | None:
    """Return what a customer wants who answers a text message.

    :param str text: The answer.
    :return: Whether they want text messages; None if it says something else.
    :rtype: bool|None
    """
    words = ' '.join(re.findall(r'\w+', text.casefold()))
    if words in STOP_WORDS:
        return False
    return True if words in START_WORDS else None


def simplify(text: str) -> str:
    """Return a text with typographic characters replaced by those of the alphabet.

    Letters that the alphabet lacks stay: a name is written as its owner writes it.

    :param str text: The text.
    :rtype: str
    """
    return text.translate(REPLACEMENTS).strip()


def measure(text: str) -> tuple[int, int, bool]:
    """Return how long a text message is.

    :param str text: The text.
    :return: The number of characters as they are counted, of messages that are paid for, and
             whether the text keeps to the GSM 7-bit alphabet.
    :rtype: tuple[int, int, bool]
    """
    is_gsm = set(text) <= GSM_BASIC | GSM_EXTENDED
    if is_gsm:
        length = len(text) + sum(character in GSM_EXTENDED for character in text)
        single, part = 160, 153
    else:
        length = len(text.encode('utf-16-be')) // 2
        single, part = 70, 67
    return length, 1 if length <= single else ceil(length / part), is_gsm
