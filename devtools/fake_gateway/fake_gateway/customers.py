"""Customers (Stripe documentation, "API reference: Customers").

Addresses of mail are looked at since 2018-07-27 (documentation, "API changelog": "Stripe now
validates email addresses when creating or modifying customers").
"""

from __future__ import annotations

import re

from fake_gateway import listing, parameters
from fake_gateway.errors import InvalidRequest
from fake_gateway.parameters import EXPAND, PAGE, Fields, Hash, Metadata, Text, TimeRange
from fake_gateway.records import Record, Values
from fake_gateway.store import Session

ADDRESS: Fields = {
    name: Text() for name in ('city', 'country', 'line1', 'line2', 'postal_code', 'state')
}
FIELDS: Fields = {
    'address': Hash(fields=ADDRESS),
    'description': Text(),
    'email': Text(longest=512),
    'metadata': Metadata(),
    'name': Text(longest=256),
    'phone': Text(longest=20),
    **EXPAND,
}
LIST_FIELDS: Fields = {'created': TimeRange(), 'email': Text(), **PAGE}


def create(session: Session, values: Values) -> Record:
    """Create a customer."""
    _check_email(values)
    customer = session.create(
        'customer',
        {
            'address': _address(values.get('address')),
            'balance': 0,
            'currency': None,
            'default_source': None,
            'delinquent': False,
            'description': values.get('description'),
            'email': values.get('email'),
            'invoice_settings': {'default_payment_method': None},
            'metadata': parameters.merge_metadata({}, values.get('metadata')),
            'name': values.get('name'),
            'phone': values.get('phone'),
            'preferred_locales': [],
            'shipping': None,
            'tax_exempt': 'none',
        },
    )
    session.emit('customer.created', customer)
    return customer


def retrieve(session: Session, _values: Values, customer: str) -> Record:
    """Return a customer; of a deleted one, only that it is."""
    record = session.find('customer', customer)
    return record if record else session.get('customer', customer)


def update(session: Session, values: Values, customer: str) -> Record:
    """Change a customer."""
    _check_email(values)
    record = session.get('customer', customer)
    for name in values.keys() & {'description', 'email', 'name', 'phone'}:
        record[name] = values[name]
    if 'address' in values:
        record['address'] = _address(values['address'])
    if 'metadata' in values:
        record['metadata'] = parameters.merge_metadata(record['metadata'], values['metadata'])
    session.save(record)
    session.emit('customer.updated', record)
    return record


def delete(session: Session, _values: Values, customer: str) -> Record:
    """Delete a customer; its payment methods are detached."""
    record = session.get('customer', customer)
    for method in session.all('payment_method', customer=customer):
        session.save(method | {'customer': None, '_used_up': True})
    session.emit('customer.deleted', record)
    tombstone = {'id': record['id'], 'object': 'customer', 'deleted': True}
    session.save(tombstone)
    return tombstone


def list_all(session: Session, values: Values) -> Record:
    """List customers."""
    filters = {'email': values['email']} if values.get('email') else {}
    found = [one for one in session.all('customer', **filters) if not one.get('deleted')]
    return listing.page(session, '/v1/customers', found, values)


def _check_email(values: Values) -> None:
    """Refuse what is no address of mail (documentation, "Error codes": `email_invalid`)."""
    email = values.get('email')
    if email and not re.fullmatch(r"[\x21-\x7e]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", email):
        raise InvalidRequest(f"Invalid email address: {email}", code='email_invalid', param='email')


def _address(values: Values | None) -> dict[str, str | None] | None:
    """Return a full address, or None."""
    return {name: values.get(name) for name in ADDRESS} if values else None
