"""Files (Stripe documentation, "API reference: Files", "Upload a file")."""

from __future__ import annotations

from fake_gateway.parameters import EXPAND, Choice, Fields, Text
from fake_gateway.records import Record, Values
from fake_gateway.store import Session

CREATE_FIELDS: Fields = {
    # Stripe takes 5 MB of evidence.
    'file': Text(required=True, longest=5 * 1024 * 1024),
    'purpose': Choice(required=True, choices=('dispute_evidence',)),
    **EXPAND,
}


def create(session: Session, values: Values) -> Record:
    """Keep a file that was uploaded."""
    return session.create(
        'file', {'purpose': values['purpose'], 'size': len(values['file']), 'type': 'pdf'}
    )
