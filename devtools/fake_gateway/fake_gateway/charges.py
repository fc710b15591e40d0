"""Charges, which payment intents make (Stripe documentation, "API reference: Charges")."""

from __future__ import annotations

from fake_gateway import cards, listing, mandates
from fake_gateway.parameters import PAGE, Fields, Text, TimeRange
from fake_gateway.records import Record, Values
from fake_gateway.store import Session

LIST_FIELDS: Fields = {'created': TimeRange(), 'customer': Text(), 'payment_intent': Text(), **PAGE}


def create(
    session: Session,
    intent: Record,
    method: Record,
    *,
    status: str,
    decline: cards.Decline | None = None,
    is_authenticated: bool = False,
    details: Record | None = None,
) -> Record:
    """Create the charge of an attempt to pay.

    :param Session session: What is known.
    :param dict intent: The payment intent.
    :param dict method: The payment method.
    :param str status: `succeeded`, `pending` or `failed`.
    :param cards.Decline decline: Why it failed.
    :param bool is_authenticated: Whether the customer has authenticated.
    :param dict details: What is shown of a payment method that is no card.
    :return: The charge.
    :rtype: dict
    """
    return session.create(
        'charge',
        {
            'amount': intent['amount'],
            'amount_captured': 0,
            'amount_refunded': 0,
            'balance_transaction': None,
            'billing_details': method['billing_details'],
            'captured': False,
            'currency': intent['currency'],
            'customer': intent['customer'],
            'description': intent['description'],
            'dispute': None,
            'disputed': False,
            'failure_code': decline and decline.code,
            'failure_message': decline and decline.message,
            'metadata': intent['metadata'],
            'outcome': outcome(decline),
            'paid': status == 'succeeded',
            'payment_intent': intent['id'],
            'payment_method': method['id'],
            'payment_method_details': {
                'type': method['type'],
                method['type']: details
                if method['type'] != 'card'
                else _card_details(session, intent, method, is_authenticated),
            },
            'receipt_email': intent['receipt_email'],
            'refunded': False,
            'shipping': intent['shipping'],
            'statement_descriptor_suffix': intent['statement_descriptor_suffix'],
            'status': status,
            '_refunds': [],
        },
    )


def outcome(decline: cards.Decline | None) -> dict[str, str | None]:
    """Return how the bank's answer is told.

    :param cards.Decline decline: Why it refuses; None if it doesn't.
    :rtype: dict
    """
    if decline is None:
        return {
            'network_status': 'approved_by_network',
            'reason': None,
            'type': 'authorized',
            'advice_code': None,
            'network_decline_code': None,
            'network_advice_code': None,
        }
    return {
        'network_status': 'declined_by_network',
        'reason': decline.decline_code or decline.code,
        'type': 'issuer_declined',
        'advice_code': decline.advice_code,
        'network_decline_code': decline.network_decline_code,
        'network_advice_code': decline.network_advice_code,
    }


def _card_details(
    session: Session, intent: Record, method: Record, is_authenticated: bool
) -> Record:
    """Return what is shown of the card."""
    shown = ('brand', 'checks', 'country', 'exp_month', 'exp_year', 'fingerprint', 'funding')
    card = {name: method['card'][name] for name in (*shown, 'last4', 'wallet')}
    options = (intent['payment_method_options'].get('card') or {}).get('mandate_options')
    return card | {
        'mandate': mandates.accept(session, method, options),
        'network': method['card']['brand'],
        'three_d_secure': (
            {'authentication_flow': 'challenge', 'result': 'authenticated', 'version': '2.2.0'}
            if is_authenticated
            else None
        ),
    }


def capture(session: Session, intent: Record, charge: Record, amount: int) -> None:
    """Take the money of an authorised charge.

    :param Session session: What is known.
    :param dict intent: The payment intent.
    :param dict charge: The charge.
    :param int amount: The amount in minor units.
    """
    charge |= {'captured': True, 'amount_captured': amount}
    session.save(charge)
    kind = 'capture' if intent['capture_method'] == 'manual' else 'charge'
    session.move_money(kind, intent, charge, amount)


def retrieve(session: Session, _values: Values, charge: str) -> Record:
    """Return a charge."""
    return session.get('charge', charge)


def list_all(session: Session, values: Values) -> Record:
    """List charges."""
    filters = {name: values[name] for name in ('customer', 'payment_intent') if values.get(name)}
    return listing.page(session, '/v1/charges', session.all('charge', **filters), values)
