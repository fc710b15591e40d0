"""Lists of objects (Stripe documentation, "Pagination")."""

from __future__ import annotations

import operator

from fake_gateway import rendering
from fake_gateway.errors import NoSuchObject
from fake_gateway.records import Record, Values
from fake_gateway.store import Session

LIMIT = 10
COMPARISONS = {
    'gt': operator.gt,
    'gte': operator.ge,
    'lt': operator.lt,
    'lte': operator.le,
}


def page(session: Session, url: str, records: list[Record], values: Values) -> Record:
    """Return a page of a list.

    :param Session session: What is known.
    :param str url: Where the list is.
    :param list records: All objects in it, newest first.
    :param dict values: The parameters `limit`, `starting_after`, `ending_before` and `created`.
    :return: A list object.
    :rtype: dict
    """
    records = within(records, 'created', values)
    limit = values.get('limit') or LIMIT
    if values.get('ending_before'):
        records = records[: _position(records, values, 'ending_before')]
        shown, has_more = records[-limit:], len(records) > limit
    else:
        if values.get('starting_after'):
            records = records[_position(records, values, 'starting_after') + 1 :]
        shown, has_more = records[:limit], len(records) > limit
    version = session.caller.version
    rendered = [rendering.render(session, record, version) for record in shown]
    return rendering.collection(url, rendered, has_more=has_more)


def within(records: list[Record], field: str, values: Values) -> list[Record]:
    """Return the objects whose time is in the range that was asked for, if one was.

    :param list records: The objects.
    :param str field: The field of the time, and the parameter of the range.
    :param dict values: The parameters.
    :rtype: list[dict]
    """
    for name, limit in (values.get(field) or {}).items():
        records = [one for one in records if COMPARISONS[name](one[field], limit)]
    return records


def _position(records: list[Record], values: Values, name: str) -> int:
    """Return where the object is that a cursor names."""
    for position, record in enumerate(records):
        if record['id'] == values[name]:
            return position
    raise NoSuchObject('object', values[name], name)
