"""Disputes (Stripe documentation, "API reference: Disputes", "How disputes work").

Money of a disputed payment leaves the account at once; it comes back if the dispute is won. Some
banks ask first: of an inquiry no money leaves unless it is escalated, and a full refund ends it. A
dispute that was prevented has been settled by a refund before the bank made a chargeback of it. A
debit that its bank returns is lost from the first: nobody can respond (Stripe support, "SEPA Direct
Debit payment disputes").
"""

from __future__ import annotations

from fake_gateway import listing
from fake_gateway.cards import Card
from fake_gateway.errors import InvalidRequest
from fake_gateway.parameters import EXPAND, PAGE, Boolean, Fields, Hash, Text, TimeRange
from fake_gateway.records import Record, Values
from fake_gateway.store import Session

LIST_FIELDS: Fields = {'charge': Text(), 'created': TimeRange(), 'payment_intent': Text(), **PAGE}
EVIDENCE: Fields = dict.fromkeys(
    (
        'customer_email_address',
        'customer_name',
        'customer_purchase_ip',
        'product_description',
        'service_date',
        'uncategorized_file',
    ),
    Text(),
)
UPDATE_FIELDS: Fields = {'evidence': Hash(fields=EVIDENCE), 'submit': Boolean(), **EXPAND}
DAYS_TO_RESPOND = 10
INQUIRY = 'warning_needs_response'
BEGINNINGS = ('needs_response', INQUIRY, 'prevented', 'lost')


def follow(session: Session, charge: Record, card: Card) -> None:
    """Dispute a payment if that is what its test card is for.

    :param Session session: What is known.
    :param dict charge: The charge.
    :param cards.Card card: The card that paid.
    """
    if card.dispute:
        create(session, charge, card.dispute)


def create(
    session: Session,
    charge: Record,
    reason: str,
    amount: int | None = None,
    status: str = 'needs_response',
) -> Record:
    """Dispute a payment.

    :param Session session: What is known.
    :param dict charge: The charge, which changes.
    :param str reason: For example `fraudulent`.
    :param int amount: The amount in minor units; without it, all that is not refunded.
    :param str status: How it begins: `needs_response`, `warning_needs_response`, which is an
        inquiry, `prevented`, or `lost`.
    :return: The dispute.
    :rtype: dict
    """
    if status not in BEGINNINGS:
        raise InvalidRequest(f"A dispute can't begin as {status}.")
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
                'due_by': None if status == 'lost' else session.now + DAYS_TO_RESPOND * 24 * 3600,
                'has_evidence': False,
                'past_due': False,
                'submission_count': 0,
            },
            'is_charge_refundable': status == INQUIRY,
            'metadata': {},
            'payment_intent': charge['payment_intent'],
            'reason': reason,
            'status': status,
        },
    )
    charge |= {'disputed': True, 'dispute': dispute['id']}
    session.save(charge)
    session.emit('charge.dispute.created', dispute)
    if status in {'needs_response', 'lost'}:
        _withdraw(session, dispute)
    if status == 'lost':
        session.emit('charge.dispute.closed', dispute)
    return dispute


def _withdraw(session: Session, dispute: Record) -> None:
    """Take the money of a dispute from the account."""
    intent = session.get('payment_intent', dispute['payment_intent'])
    charge = session.get('charge', dispute['charge'])
    session.move_money('dispute', intent, charge, dispute['amount'])
    session.emit('charge.dispute.funds_withdrawn', dispute)


def escalate(session: Session, dispute: Record) -> None:
    """Let the bank make a chargeback of an inquiry.

    :param Session session: What is known.
    :param dict dispute: The dispute, which changes.
    """
    if dispute['status'] != INQUIRY:
        raise InvalidRequest(f"Dispute {dispute['id']} is no open inquiry.")
    dispute |= {'status': 'needs_response', 'is_charge_refundable': False}
    session.save(dispute)
    session.emit('charge.dispute.updated', dispute)
    _withdraw(session, dispute)


def is_inquiry(session: Session, charge: Record) -> bool:
    """Return whether a bank only asks about a charge.

    :param Session session: What is known.
    :param dict charge: The charge.
    :rtype: bool
    """
    dispute = session.find('dispute', charge['dispute'] or '')
    return dispute is not None and dispute['status'] == INQUIRY


def end_inquiry(session: Session, charge: Record, status: str = 'charge_refunded') -> None:
    """End the inquiry about a charge, without money of its own.

    :param Session session: What is known.
    :param dict charge: The charge.
    :param str status: How: `charge_refunded`, as it was paid back, or `warning_closed`.
    """
    dispute = session.get('dispute', charge['dispute'])
    dispute |= {'status': status, 'is_charge_refundable': False}
    session.save(dispute)
    session.emit('charge.dispute.closed', dispute)


def close(session: Session, dispute: Record, *, won: bool) -> None:
    """Decide a dispute.

    :param Session session: What is known.
    :param dict dispute: The dispute, which changes.
    :param bool won: Whether the account keeps the money. An inquiry is dropped then.
    """
    if dispute['status'] == INQUIRY and won:
        end_inquiry(session, session.get('charge', dispute['charge']), 'warning_closed')
        return
    if dispute['status'] not in {'needs_response', 'under_review'}:
        raise InvalidRequest(f"Dispute {dispute['id']} is closed already.")
    dispute['status'] = 'won' if won else 'lost'
    session.save(dispute)
    session.emit('charge.dispute.closed', dispute)
    if won:
        intent = session.get('payment_intent', dispute['payment_intent'])
        charge = session.get('charge', dispute['charge'])
        session.move_money('dispute_reversal', intent, charge, dispute['amount'])
        session.emit('charge.dispute.funds_reinstated', dispute)


def update(session: Session, values: Values, dispute: str) -> Record:
    """Take the evidence of a dispute, which can be submitted once."""
    record = session.get('dispute', dispute)
    if record['status'] not in {'needs_response', INQUIRY}:
        raise InvalidRequest(f"Dispute {record['id']} is closed or under review.")
    evidence = values.get('evidence') or {}
    if 'uncategorized_file' in evidence:
        session.get('file', evidence['uncategorized_file'])
    record['evidence'] = {**record.get('evidence', {}), **evidence}
    record['evidence_details']['has_evidence'] = True
    if values.get('submit', True):
        record['evidence_details']['submission_count'] += 1
        is_inquiry = record['status'] == INQUIRY
        record['status'] = 'warning_under_review' if is_inquiry else 'under_review'
    session.save(record)
    session.emit('charge.dispute.updated', record)
    return record


def retrieve(session: Session, _values: Values, dispute: str) -> Record:
    """Return a dispute."""
    return session.get('dispute', dispute)


def list_all(session: Session, values: Values) -> Record:
    """List disputes."""
    filters = {name: values[name] for name in ('charge', 'payment_intent') if values.get(name)}
    return listing.page(session, '/v1/disputes', session.all('dispute', **filters), values)
