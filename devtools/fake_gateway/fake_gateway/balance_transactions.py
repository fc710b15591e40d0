"""The account's balance (Stripe documentation, "API reference: Balance Transactions")."""

from __future__ import annotations

from fake_gateway import listing
from fake_gateway.errors import InvalidRequest
from fake_gateway.parameters import PAGE, Fields, Text, TimeRange
from fake_gateway.records import Record, Values
from fake_gateway.store import Session

LIST_FIELDS: Fields = {
    'created': TimeRange(),
    'currency': Text(),
    'payout': Text(),
    'source': Text(),
    'type': Text(),
    **PAGE,
}


def retrieve(session: Session, _values: Values, balance_transaction: str) -> Record:
    """Return a balance transaction."""
    return session.get('balance_transaction', balance_transaction)


def list_all(session: Session, values: Values) -> Record:
    """List balance transactions, of a payout too if Stripe has made it by its schedule."""
    names = ('currency', 'source', 'type')
    filters = {name: values[name] for name in names if values.get(name)}
    if values.get('payout'):
        payout = session.get('payout', values['payout'], 'payout')
        if not payout['automatic']:
            raise InvalidRequest(
                "Balance transaction history can only be filtered on automatic transfers, not"
                " manual.",
                param='payout',
            )
        filters['_payout'] = payout['id']
    found = session.all('balance_transaction', **filters)
    return listing.page(session, '/v1/balance_transactions', found, values)
