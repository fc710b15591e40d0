"""Refunds (Stripe documentation, "API reference: Refunds", "Refund and cancel payments").

Money of a refund leaves the account when the refund is made; it comes back if the refund fails or
is cancelled. Some refunds need something of the customer first, such as the number of an account
(API reference: "The Refund object", `status`).
"""

from __future__ import annotations

from fake_gateway import disputes, listing, parameters, payment_methods
from fake_gateway.errors import InvalidRequest
from fake_gateway.parameters import (
    EXPAND,
    PAGE,
    Choice,
    Fields,
    Integer,
    Metadata,
    Text,
    TimeRange,
)
from fake_gateway.records import Record, Values
from fake_gateway.store import Session

CREATE_FIELDS: Fields = {
    'amount': Integer(least=1),
    'charge': Text(),
    'metadata': Metadata(),
    'payment_intent': Text(),
    'reason': Choice(choices=('duplicate', 'fraudulent', 'requested_by_customer')),
    **EXPAND,
}
OPEN = ('pending', 'requires_action')
UPDATE_FIELDS: Fields = {'metadata': Metadata(), **EXPAND}
LIST_FIELDS: Fields = {'charge': Text(), 'created': TimeRange(), 'payment_intent': Text(), **PAGE}


def create(session: Session, values: Values) -> Record:
    """Refund a payment, all that is left or a part."""
    charge = _charge_to_refund(session, values)
    left = charge['amount_captured'] - charge['amount_refunded']
    amount = values.get('amount') or left
    if not left:
        raise InvalidRequest(
            f"Charge {charge['id']} has already been refunded.", code='charge_already_refunded'
        )
    if charge['disputed'] and not disputes.is_inquiry(session, charge):
        raise InvalidRequest(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code='charge_disputed',
        )
    if amount > left:
        raise InvalidRequest(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
            param='amount',
        )
    method = session.get('payment_method', charge['payment_method'])
    course = payment_methods.card_of(method).refund
    if session.store.settings.unsure_refunds > 0:
        session.store.settings.unsure_refunds -= 1
        course = 'requires_action'
    refund = session.create(
        'refund',
        {
            'amount': amount,
            'balance_transaction': None,
            'charge': charge['id'],
            'currency': charge['currency'],
            'destination_details': {'type': 'card', 'card': {'type': 'refund'}},
            'failure_reason': None,
            'metadata': parameters.merge_metadata({}, values.get('metadata')),
            'payment_intent': charge['payment_intent'],
            'reason': values.get('reason'),
            'receipt_number': None,
            'status': course if course in OPEN else 'succeeded',
            '_course': course,
        },
    )
    charge['_refunds'] = [*charge['_refunds'], refund['id']]
    _count(session, charge, amount)
    intent = session.get('payment_intent', charge['payment_intent'])
    session.move_money('refund', intent, charge, amount, refund)
    session.emit('charge.refunded', charge)
    session.emit('refund.created', refund)
    if amount == left and disputes.is_inquiry(session, charge):
        disputes.end_inquiry(session, charge)
    return refund


def _charge_to_refund(session: Session, values: Values) -> Record:
    """Return the charge that a request names."""
    if bool(values.get('charge')) == bool(values.get('payment_intent')):
        raise InvalidRequest(
            "You must provide exactly one of the following parameters: charge, payment_intent.",
            code='parameter_missing',
        )
    charge: Record | None
    if values.get('charge'):
        charge = session.get('charge', values['charge'], 'charge')
    else:
        intent = session.get('payment_intent', values['payment_intent'], 'payment_intent')
        charge = session.find('charge', intent['latest_charge'])
    if charge is None or not charge['captured']:
        raise InvalidRequest(
            "This PaymentIntent does not have a successful charge to refund.",
            param='payment_intent',
        )
    return charge


def _count(session: Session, charge: Record, amount: int) -> None:
    """Add an amount to what is refunded of a charge."""
    charge['amount_refunded'] += amount
    charge['refunded'] = charge['amount_refunded'] >= charge['amount_captured']
    session.save(charge)


def settle(session: Session, refund: Record, outcome: str | None = None) -> None:
    """Let time pass for a refund.

    :param Session session: What is known.
    :param dict refund: The refund, which changes.
    :param str outcome: How it ends: `succeeded`, `failed` or `canceled`; one that has succeeded
        can only fail. Without it, an open refund succeeds, and one that has to fail fails.
    """
    course, refund['_course'] = refund['_course'], None
    is_open = refund['status'] in OPEN
    outcome = outcome or ('succeeded' if is_open else course and 'failed')
    possible = {'succeeded', 'failed', 'canceled'} if is_open else {'failed'}
    if outcome not in possible or refund['status'] not in {*OPEN, 'succeeded'}:
        raise InvalidRequest(f"Refund {refund['id']} does not change any more.")
    refund['status'] = outcome
    if outcome != 'succeeded':
        if outcome == 'failed':
            refund['failure_reason'] = 'expired_or_canceled_card'
        charge = session.get('charge', refund['charge'])
        _count(session, charge, -refund['amount'])
        intent = session.get('payment_intent', refund['payment_intent'])
        session.move_money('refund_reversal', intent, charge, refund['amount'], refund)
    session.save(refund)
    session.emit('refund.updated', refund)
    session.emit('charge.refund.updated', refund)
    if outcome == 'failed':
        session.emit('refund.failed', refund)


def retrieve(session: Session, _values: Values, refund: str) -> Record:
    """Return a refund."""
    return session.get('refund', refund)


def update(session: Session, values: Values, refund: str) -> Record:
    """Change the metadata of a refund."""
    record = session.get('refund', refund)
    if 'metadata' in values:
        record['metadata'] = parameters.merge_metadata(record['metadata'], values['metadata'])
    session.save(record)
    return record


def list_all(session: Session, values: Values) -> Record:
    """List refunds."""
    filters = {name: values[name] for name in ('charge', 'payment_intent') if values.get(name)}
    return listing.page(session, '/v1/refunds', session.all('refund', **filters), values)
