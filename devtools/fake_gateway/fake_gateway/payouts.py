"""Payouts (Stripe documentation, "API reference: Payouts", "Receive payouts", "Instant Payouts").

The account has no schedule: it is paid out when the gateway is told to. A payout that fails puts
the money back into the balance, and the next one has it.
"""

from __future__ import annotations

from fake_gateway import balance, listing
from fake_gateway.errors import InvalidRequest
from fake_gateway.parameters import PAGE, Choice, Fields, Text, TimeRange
from fake_gateway.records import Record, Values
from fake_gateway.store import Session, new_token

LIST_FIELDS: Fields = {
    'arrival_date': TimeRange(),
    'created': TimeRange(),
    'destination': Text(),
    'status': Choice(choices=('canceled', 'failed', 'in_transit', 'paid', 'pending')),
    **PAGE,
}
DAY = 24 * 3600


def create(
    session: Session,
    currency: str,
    *,
    automatic: bool = True,
    fee: int = 0,
    is_reconciled: bool = True,
) -> Record:
    """Pay out all that the balance has in a currency.

    :param Session session: What is known.
    :param str currency: The currency.
    :param bool automatic: Whether it follows the account's schedule; otherwise it was requested.
    :param int fee: What an instant payout costs, in minor units.
    :param bool is_reconciled: Whether it is known already what the payout is made of.
    :return: The payout.
    :rtype: dict
    """
    entries = session.all('balance_transaction', currency=currency, _payout=None)
    amount = sum(entry['net'] for entry in entries) - fee
    if not entries or not amount:
        raise InvalidRequest(f"There is nothing to pay out in {currency}.")
    payout = session.create(
        'payout',
        {
            'amount': amount,
            'application_fee': None,
            'application_fee_amount': None,
            'arrival_date': session.now - session.now % DAY,
            'automatic': automatic,
            'balance_transaction': None,
            'currency': currency,
            'description': "STRIPE PAYOUT",
            'destination': f'ba_{new_token()}',
            'failure_balance_transaction': None,
            'failure_code': None,
            'failure_message': None,
            'metadata': {},
            'method': 'instant' if fee else 'standard',
            'original_payout': None,
            'reconciliation_status': 'in_progress' if automatic else 'not_applicable',
            'reversed_by': None,
            'source_type': 'card',
            'statement_descriptor': None,
            'status': 'paid',
            'type': 'bank_account',
        },
    )
    leaving = balance.enter(
        session, 'payout', -amount, currency, fee=fee, source=payout['id'], _payout=payout['id']
    )
    for entry in entries:
        session.save(entry | {'_payout': payout['id']})
    payout['balance_transaction'] = leaving['id']
    session.save(payout)
    session.emit('payout.created', payout)
    session.emit('payout.paid', payout)
    if automatic and is_reconciled:
        reconcile(session, payout)
    return payout


def reconcile(session: Session, payout: Record) -> None:
    """Let it be known what a payout is made of.

    :param Session session: What is known.
    :param dict payout: The payout, which changes.
    """
    payout['reconciliation_status'] = 'completed'
    session.save(payout)
    session.emit('payout.reconciliation_completed', payout)


def fail(session: Session, payout: Record) -> None:
    """Let the bank refuse a payout: the money is back in the balance.

    :param Session session: What is known.
    :param dict payout: The payout, which changes.
    """
    if payout['status'] != 'paid':
        raise InvalidRequest(f"Payout {payout['id']} has failed already.")
    back = balance.enter(
        session, 'payout_failure', payout['amount'], payout['currency'], source=payout['id']
    )
    payout |= {
        'status': 'failed',
        'failure_balance_transaction': back['id'],
        'failure_code': 'account_closed',
        'failure_message': "The bank account has been closed.",
    }
    session.save(payout)
    session.emit('payout.failed', payout)


def retrieve(session: Session, _values: Values, payout: str) -> Record:
    """Return a payout."""
    return session.get('payout', payout)


def list_all(session: Session, values: Values) -> Record:
    """List payouts."""
    filters = {name: values[name] for name in ('destination', 'status') if values.get(name)}
    found = session.all('payout', **filters)
    found = listing.within(found, 'arrival_date', values)
    return listing.page(session, '/v1/payouts', found, values)
