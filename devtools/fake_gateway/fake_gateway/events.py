"""Events (Stripe documentation, "API reference: Events")."""

from __future__ import annotations

from fake_gateway import listing
from fake_gateway.parameters import PAGE, Array, Fields, Text, TimeRange
from fake_gateway.records import Record, Values
from fake_gateway.store import Session

LIST_FIELDS: Fields = {'created': TimeRange(), 'type': Text(), 'types': Array(), **PAGE}


def retrieve(session: Session, _values: Values, event: str) -> Record:
    """Return an event."""
    return session.get('event', event)


def list_all(session: Session, values: Values) -> Record:
    """List events."""
    types = values.get('types') or ([values['type']] if values.get('type') else None)
    found = [event for event in session.all('event') if not types or event['type'] in types]
    return listing.page(session, '/v1/events', found, values)
