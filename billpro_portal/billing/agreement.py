"""What a customer agrees to, as rows of label and value, and what has changed in it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter

# An order has not nearly as many lines: what is longer was not sent by a page.
MOST_ROWS = 5000

Row = tuple[str, str]


def agreement_text(rows: list[Row]) -> str:
    """Return an agreement as text that `read_agreement` reads: what a page keeps and sends back.

    :param list rows: Pairs of label and value.
    :rtype: str
    """
    return json.dumps(rows)


def read_agreement(text: object) -> list[Row]:
    """Read the text of an agreement, which comes from a browser: it may be anything.

    :param str text: What `agreement_text` returned.
    :return: Pairs of label and value.
    :rtype: list
    :raise ValueError: If it is nothing of the kind.
    """
    try:
        rows = json.loads(text) if isinstance(text, str) else None
    except RecursionError:
        raise ValueError("Nested too deep.") from None
    if not isinstance(rows, list) or len(rows) > MOST_ROWS:
        raise ValueError("No agreement.")
    for row in rows:
        is_pair = isinstance(row, list) and len(row) == 2
        if not is_pair or not all(isinstance(part, str) for part in row):
            raise ValueError("No pair of label and value.")
    return [(label, value) for label, value in rows]


def fingerprint(rows: list[Row]) -> str:
    """Return the fingerprint of an agreement: the same rows always have the same.

    :param list rows: Pairs of label and value.
    :return: The hexadecimal digits of a SHA-256.
    :rtype: str
    """
    return hashlib.sha256(agreement_text(rows).encode()).hexdigest()


def changes_between(
    before: list[Row], after: list[Row]
) -> list[tuple[str, str | None, str | None]]:
    """Return what differs between two agreements; the order of the rows doesn't matter.

    :param list before: Pairs of label and value, as they were shown.
    :param list after: Pairs of label and value, as they are.
    :return: A label, its value before and its value now, for each change; None stands for a row
             that was not there, or isn't any more.
    :rtype: list
    """
    gone, come = Counter(before) - Counter(after), Counter(after) - Counter(before)
    come_rows = list(come.elements())
    changes: list[tuple[str, str | None, str | None]] = []
    for label, value in gone.elements():
        now = next((row for row in come_rows if row[0] == label), None)
        if now:
            come_rows.remove(now)
        changes.append((label, value, now[1] if now else None))
    changes += [(label, None, value) for label, value in come_rows]
    return changes
