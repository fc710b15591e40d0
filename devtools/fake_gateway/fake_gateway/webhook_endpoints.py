"""Webhook endpoints (Stripe documentation, "API reference: Webhook Endpoints")."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fake_gateway import listing, parameters
from fake_gateway.errors import InvalidRequest
from fake_gateway.parameters import EXPAND, PAGE, Array, Boolean, Fields, Metadata, Text
from fake_gateway.records import Record, Values
from fake_gateway.store import Session, new_token

CREATE_FIELDS: Fields = {
    'url': Text(required=True),
    'enabled_events': Array(required=True),
    'api_version': Text(),
    'description': Text(),
    'metadata': Metadata(),
    **EXPAND,
}
UPDATE_FIELDS: Fields = {
    'url': Text(),
    'enabled_events': Array(),
    'description': Text(),
    'disabled': Boolean(),
    'metadata': Metadata(),
    **EXPAND,
}


def create(session: Session, values: Values) -> Record:
    """Register a webhook endpoint; only this answer tells its secret."""
    _check_url(values['url'])
    return register(
        session,
        values['url'],
        secret=f'whsec_{new_token(32)}',
        enabled_events=values['enabled_events'],
        api_version=values.get('api_version'),
        description=values.get('description'),
        metadata=parameters.merge_metadata({}, values.get('metadata')),
    )


def register(
    session: Session,
    url: str,
    *,
    secret: str | None,
    enabled_events: Iterable[str] = ('*',),
    api_version: str | None = None,
    **values: Any,
) -> Record:
    """Register a webhook endpoint with a secret of one's own choice.

    :param Session session: What is known.
    :param str url: Where to send events.
    :param str secret: What to sign them with.
    :param list enabled_events: Which types; `*` is all.
    :param str api_version: How to render the objects; without it, as in the request that made
        the event.
    :param values: `description` and `metadata`.
    :return: The webhook endpoint, with its secret.
    :rtype: dict
    """
    endpoint = session.create(
        'webhook_endpoint',
        {
            'api_version': api_version,
            'description': None,
            'enabled_events': list(enabled_events),
            'metadata': {},
            'status': 'enabled',
            'url': url,
            '_secret': secret,
            **values,
        },
    )
    return endpoint | {'secret': secret}


def _check_url(url: str) -> None:
    """Check where events are to be sent."""
    if not url.startswith(('http://', 'https://')):
        raise InvalidRequest(
            "Invalid URL: An explicit scheme (such as https) must be provided.",
            code='url_invalid',
            param='url',
        )


def retrieve(session: Session, _values: Values, webhook_endpoint: str) -> Record:
    """Return a webhook endpoint, without its secret."""
    return session.get('webhook_endpoint', webhook_endpoint)


def update(session: Session, values: Values, webhook_endpoint: str) -> Record:
    """Change a webhook endpoint."""
    record = session.get('webhook_endpoint', webhook_endpoint)
    if values.get('url'):
        _check_url(values['url'])
    for name in ('url', 'enabled_events', 'description'):
        if values.get(name):
            record[name] = values[name]
    if values.get('disabled') is not None:
        record['status'] = 'disabled' if values['disabled'] else 'enabled'
    if 'metadata' in values:
        record['metadata'] = parameters.merge_metadata(record['metadata'], values['metadata'])
    session.save(record)
    return record


def delete(session: Session, _values: Values, webhook_endpoint: str) -> Record:
    """Remove a webhook endpoint."""
    record = session.get('webhook_endpoint', webhook_endpoint)
    tombstone = {'id': record['id'], 'object': 'webhook_endpoint', 'deleted': True}
    session.save(tombstone)
    return tombstone


def list_all(session: Session, values: Values) -> Record:
    """List webhook endpoints."""
    found = [one for one in session.all('webhook_endpoint') if not one.get('deleted')]
    return listing.page(session, '/v1/webhook_endpoints', found, values)


LIST_FIELDS: Fields = PAGE
