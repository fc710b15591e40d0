"""Versions of the text that a customer agrees to."""

import hashlib


def consent_version(text: str) -> str:
    """Return the version of a consent text: the same text always has the same version.

    :param str text: The text as the customer reads it.
    :return: The first twelve hexadecimal digits of the text's SHA-256.
    :rtype: str
    """
    return hashlib.sha256(text.encode()).hexdigest()[:12]
