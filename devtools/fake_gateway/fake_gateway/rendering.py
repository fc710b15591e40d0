"""How objects are shown: by API version, and with other objects expanded in place.

Rules: Stripe documentation, "Expanding responses" and "API changelog" (2022-11-15).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fake_gateway import api_versions
from fake_gateway.errors import InvalidRequest
from fake_gateway.records import Record

if TYPE_CHECKING:
    from fake_gateway.store import Session

KINDS_BY_FIELD = {
    'balance_transaction': 'balance_transaction',
    'charge': 'charge',
    'customer': 'customer',
    'dispute': 'dispute',
    'failure_balance_transaction': 'balance_transaction',
    'latest_attempt': 'setup_attempt',
    'latest_charge': 'charge',
    'mandate': 'mandate',
    'payment_intent': 'payment_intent',
    'payment_method': 'payment_method',
    'setup_intent': 'setup_intent',
}
# What a balance transaction can come from, by the beginning of its id.
KINDS_OF_SOURCES = {'ch': 'charge', 'dp': 'dispute', 'po': 'payout', 're': 'refund'}
DEEPEST = 4


def collection(url: str, records: list[Record], *, has_more: bool = False) -> Record:
    """Return a list object.

    :param str url: Where the list is.
    :param list records: What is in it, rendered.
    :param bool has_more: Whether there are more.
    :rtype: dict
    """
    return {'object': 'list', 'url': url, 'data': records, 'has_more': has_more}


def render(session: Session, record: Record, version: str) -> Record:
    """Return an object as the API shows it.

    :param Session session: What is known.
    :param dict record: The object.
    :param str version: The API version.
    :rtype: dict
    """
    shown = {name: value for name, value in record.items() if not name.startswith('_')}
    if version < api_versions.WITHOUT_LISTS:
        if record['object'] == 'payment_intent':
            shown['charges'] = _charges(session, record, version)
        elif record['object'] == 'charge':
            shown['refunds'] = _refunds(session, record, version)
    return shown


def _charges(session: Session, intent: Record, version: str) -> Record:
    """Return the last charge of an intent, as a list."""
    url = f'/v1/charges?payment_intent={intent["id"]}'
    charge = session.find('charge', intent['latest_charge'])
    shown = [render(session, charge, version)] if charge else []
    return collection(url, shown) | {'total_count': len(shown)}


def _refunds(session: Session, charge: Record, version: str) -> Record:
    """Return the refunds of a charge, up to 10."""
    url = f'/v1/charges/{charge["id"]}/refunds'
    newest = charge['_refunds'][::-1]
    shown = [render(session, session.get('refund', refund), version) for refund in newest[:10]]
    return collection(url, shown, has_more=len(newest) > len(shown))


def expand(session: Session, shown: Record, paths: list[str] | None) -> Record:
    """Put whole objects in the place of their ids.

    :param Session session: What is known.
    :param dict shown: A rendered object or list.
    :param list paths: What to expand, for example `latest_charge.refunds`.
    :rtype: dict
    :raise InvalidRequest: If a path leads nowhere.
    """
    for path in paths or ():
        names = path.split('.')
        if len(names) > DEEPEST:
            raise InvalidRequest(
                f"You cannot expand more than {DEEPEST} levels of a property. Property: {path}",
                code='property_expansion_max_depth',
                param='expand',
            )
        shown = _expand_path(session, shown, names, path)
    return shown


def _expand_path(session: Session, shown: Record, names: list[str], path: str) -> Record:
    """Expand one path."""
    name, *deeper = names
    version = session.caller.version
    if name == 'data' and shown.get('object') == 'list' and deeper:
        return shown | {
            'data': [_expand_path(session, item, deeper, path) for item in shown['data']]
        }
    if name == 'refunds' and shown.get('object') == 'charge':
        value = _refunds(session, session.get('charge', shown['id']), version)
    elif name not in {*KINDS_BY_FIELD, 'source'} or name not in shown:
        raise InvalidRequest(f"This property cannot be expanded ({path}).", param='expand')
    else:
        value = shown[name]
        if isinstance(value, str):
            kind = (
                KINDS_OF_SOURCES[value.partition('_')[0]]
                if name == 'source'
                else KINDS_BY_FIELD[name]
            )
            value = render(session, session.get(kind, value), version)
    if deeper and isinstance(value, dict):
        value = _expand_path(session, value, deeper, path)
    return shown | {name: value}
