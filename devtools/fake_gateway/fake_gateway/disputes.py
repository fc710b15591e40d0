"""Disputes (Stripe documentation, "API reference: Disputes", "How disputes work").

Money of a disputed payment leaves the account at once; it comes back if the dispute is won.
"""

from __future__ import annotations

from fake_gateway import listing
from fake_gateway.cards import Card
from fake_gateway.errors import InvalidRequest
from fake_gateway.parameters import PAGE, Fields, Text, TimeRange
from fake_gateway.records import Record, Values
from fake_gateway.store import Session

LIST_FIELDS: Fields = {'charge': Text(), 'created': TimeRange(), 'payment_intent': Text(), **PAGE}
DAYS_TO_RESPOND = 10


def follow(session: Session, charge: Record, card: Card) -> None:
    """Dispute a payment if that is what its test card is for.

    :param Session session: What is known.
    :param dict charge: The charge.
    :param cards.Card card: The card that paid.
    """
    if card.dispute:
        create(session, charge, card.dispute)


def create(session: Session, charge: Record, reason: str, amount: int | None = None) -> Record:
    """Dispute a payment.

    :param Session session: What is known.
    :param dict charge: The charge, which changes.
    :param str reason: For example `fraudulent`.
    :param int amount: The amount in minor units; without it, all that is not refunded.
    :return: The dispute.
    :rtype: dict
    """
    if charge['disputed'] or not charge['captured']:
        raise InvalidRequest(f"Charge {charge['id']} can't be disputed.")
    amount = amount or charge['amount_captured'] - charge['amount_refunded']
    dispute = session.create(
        'dispute',
        {
            'amount': amount,
            'charge': charge['id'],
            'currency': charge['currency'],
            'evidence_details': {
                'due_by': session.now + DAYS_TO_RESPOND * 24 * 3600,
                'has_evidence': False,
                'past_due': False,
                'submission_count': 0,
            },
            'is_charge_refundable': False,
            'metadata': {},
            'payment_intent': charge['payment_intent'],
            'reason': reason,
            'status': 'needs_response',
        },
    )
    charge |= {'disputed': True, 'dispute': dispute['id']}
    session.save(charge)
    intent = session.get('payment_intent', charge['payment_intent'])
    session.move_money('dispute', intent, charge, amount)
    session.emit('charge.dispute.created', dispute)
    session.emit('charge.dispute.funds_withdrawn', dispute)
    return dispute


def close(session: Session, dispute: Record, *, won: bool) -> None:
    """Decide a dispute.

    :param Session session: What is known.
    :param dict dispute: The dispute, which changes.
    :param bool won: Whether the account keeps the money.
    """
    if dispute['status'] != 'needs_response':
        raise InvalidRequest(f"Dispute {dispute['id']} is closed already.")
    dispute['status'] = 'won' if won else 'lost'
    session.save(dispute)
    session.emit('charge.dispute.closed', dispute)
    if won:
        intent = session.get('payment_intent', dispute['payment_intent'])
        charge = session.get('charge', dispute['charge'])
        session.move_money('dispute_reversal', intent, charge, dispute['amount'])
        session.emit('charge.dispute.funds_reinstated', dispute)


def retrieve(session: Session, _values: Values, dispute: str) -> Record:
    """Return a dispute."""
    return session.get('dispute', dispute)


def list_all(session: Session, values: Values) -> Record:
    """List disputes."""
    filters = {name: values[name] for name in ('charge', 'payment_intent') if values.get(name)}
    return listing.page(session, '/v1/disputes', session.all('dispute', **filters), values)
