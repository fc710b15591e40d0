"""Events (Stripe documentation, "API reference: Events")."""

from fake_gateway import listing
from fake_gateway.parameters import PAGE, Array, Text, TimeRange

LIST_FIELDS = {'created': TimeRange(), 'type': Text(), 'types': Array(), **PAGE}


def retrieve(session, _values, event):
    """Return an event."""
    return session.get('event', event)


def list_all(session, values):
    """List events."""
    types = values.get('types') or ([values['type']] if values.get('type') else None)
    found = [event for event in session.all('event') if not types or event['type'] in types]
    return listing.page(session, '/v1/events', found, values)
