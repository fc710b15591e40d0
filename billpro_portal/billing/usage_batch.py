"""What other systems send as usage: read record by record, refused with a reason."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation

MOST_RECORDS = 1000
LONGEST_TEXT = 255
LONGEST_PROPERTIES = 2000
# What no counter reaches, and no unit is divided into.
LIMIT = Decimal(10) ** 15
MOST_DECIMALS = 12
YEARS = range(2000, 2101)
# Clocks differ: what is ahead by less isn't in the future.
CLOCK_DIFFERENCE = timedelta(minutes=5)

KEYS = frozenset({'id', 'meter', 'order', 'subscriber', 'timestamp', 'quantity', 'properties'})


class RefusedRecord(ValueError):
    """A record can't be read; nothing of it is kept."""

    def __init__(self, reason: str) -> None:
        """Say what is wrong.

        :param str reason: `not_an_object`, `unknown_key`, or the key whose value isn't right.
        """
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class SentRecord:
    """A record as it was sent.

    :param str sender_id: The sender's id.
    :param str meter: The code of the meter.
    :param str order: The number of the order; empty if the subscriber says whose it is.
    :param str subscriber: The customer's own key; empty if the order says whose it is.
    :param datetime moment: When it happened, in UTC without time zone.
    :param Decimal quantity: How much.
    :param str properties: What else is known of it, as JSON; empty if nothing is.
    """

    sender_id: str
    meter: str
    order: str
    subscriber: str
    moment: datetime
    quantity: Decimal
    properties: str


def read_record(sent: object) -> SentRecord:
    """Return a record of a batch.

    :param object sent: What was sent, as JSON is read.
    :rtype: SentRecord
    :raise RefusedRecord: If it isn't as it should be.
    """
    if not isinstance(sent, dict):
        raise RefusedRecord('not_an_object')
    if not sent.keys() <= KEYS:
        raise RefusedRecord('unknown_key')
    order, subscriber = (_read_text(sent, key, is_needed=False) for key in ('order', 'subscriber'))
    if bool(order) == bool(subscriber):
        raise RefusedRecord('order')
    return SentRecord(
        sender_id=_read_text(sent, 'id'),
        meter=_read_text(sent, 'meter'),
        order=order,
        subscriber=subscriber,
        moment=_read_moment(sent.get('timestamp')),
        quantity=_read_quantity(sent.get('quantity', 1)),
        properties=_read_properties(sent.get('properties')),
    )


def _read_text(sent: dict[str, object], key: str, *, is_needed: bool = True) -> str:
    """Return a short text."""
    value = sent.get(key)
    if value is None and not is_needed:
        return ''
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT or not _is_text(value):
        raise RefusedRecord(key)
    return value


def _read_moment(value: object) -> datetime:
    """Return a moment of ISO 8601; without an offset it is in UTC."""
    if not isinstance(value, str):
        raise RefusedRecord('timestamp')
    try:
        # Before Python 3.11 it doesn't know the letter.
        moment = datetime.fromisoformat(value.replace('Z', '+00:00'))
        if moment.tzinfo:
            moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise RefusedRecord('timestamp') from None
    if moment.year not in YEARS:
        raise RefusedRecord('timestamp')
    return moment


def _read_quantity(value: object) -> Decimal:
    """Return a quantity: a number, or a text where a number would lose decimals."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise RefusedRecord('quantity')
    try:
        quantity = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise RefusedRecord('quantity') from None
    if not quantity.is_finite() or not 0 <= quantity < LIMIT:
        raise RefusedRecord('quantity')
    exponent = quantity.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -MOST_DECIMALS:
        raise RefusedRecord('quantity')
    return quantity


def _read_properties(value: object) -> str:
    """Return properties as JSON."""
    if value is None or value == {}:
        return ''
    if not isinstance(value, dict) or not all(
        isinstance(one, str | int | float | None) for one in value.values()
    ):
        raise RefusedRecord('properties')
    try:
        text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise RefusedRecord('properties') from None
    texts = [*value.keys(), *(one for one in value.values() if isinstance(one, str))]
    if len(text) > LONGEST_PROPERTIES or not all(map(_is_text, texts)):
        raise RefusedRecord('properties')
    return text


def _is_text(value: str) -> bool:
    """Return whether a database takes a text: no zero byte, and no half of a character."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return '\0' not in value
