"""Mandates: of debits, and for recurring card payments, which only Indian cards get.

Rules: Stripe documentation, "India recurring payments" (`mandate_options`), "API reference:
Mandates" and "SEPA Direct Debit payments", section "Mandates".
"""

from __future__ import annotations

from fake_gateway import payment_methods
from fake_gateway.errors import InvalidRequest
from fake_gateway.parameters import EXPAND, Array, Choice, Fields, Hash, Integer, Text
from fake_gateway.records import Record, Values
from fake_gateway.store import Session, new_token

OPTIONS: Fields = {
    'reference': Text(required=True, longest=80),
    'amount': Integer(required=True, least=1),
    'amount_type': Choice(required=True, choices=('fixed', 'maximum')),
    'start_date': Integer(required=True),
    'end_date': Integer(),
    'interval': Choice(required=True, choices=('day', 'week', 'month', 'year', 'sporadic')),
    'interval_count': Integer(least=1),
    'description': Text(),
    'supported_types': Array(item=Choice(choices=('india',))),
}
SETUP_OPTIONS: Fields = {'currency': Text(required=True), **OPTIONS}
ACCEPTANCE = Hash(
    fields={
        'customer_acceptance': Hash(
            required=True,
            fields={
                'type': Choice(required=True, choices=('online', 'offline')),
                'accepted_at': Integer(),
                'online': Hash(
                    fields={
                        'ip_address': Text(required=True),
                        'user_agent': Text(required=True),
                    }
                ),
                'offline': Hash(),
            },
        )
    }
)
RETRIEVE_FIELDS: Fields = EXPAND


def retrieve(session: Session, _values: Values, mandate: str) -> Record:
    """Return a mandate."""
    return session.get('mandate', mandate)


def accept(session: Session, method: Record, options: Values | None) -> str | None:
    """Make the mandate that the customer accepted with a payment or setup.

    :param Session session: What is known.
    :param dict method: The payment method.
    :param dict options: The parameter `mandate_options`, or None.
    :return: The mandate's id, or None if the card needs none.
    :rtype: str | None
    """
    if not options or payment_methods.card_of(method).country != 'IN':
        return None
    mandate = session.create(
        'mandate',
        {
            'customer_acceptance': {'accepted_at': session.now, 'type': 'online', 'online': {}},
            'multi_use': {},
            'payment_method': method['id'],
            'payment_method_details': {'type': 'card', 'card': {}},
            'status': 'active',
            'type': 'multi_use',
        },
    )
    return str(mandate['id'])


def check(session: Session, mandate: str | None, method: Record) -> None:
    """Check that a mandate allows to charge a payment method.

    :param Session session: What is known.
    :param str mandate: The mandate's id, or None.
    :param dict method: The payment method.
    :raise InvalidRequest: If it doesn't.
    """
    if not mandate:
        return
    record = session.get('mandate', mandate, 'mandate')
    if record['payment_method'] != method['id'] or record['status'] != 'active':
        raise InvalidRequest(
            "The provided mandate is invalid.",
            code='payment_intent_mandate_invalid',
            param='mandate',
        )


def accept_debit(session: Session, method: Record, values: Values) -> str:
    """Return the mandate by which a payment method is debited; the customer's acceptance makes it.

    The browser sends the acceptance by itself.

    :param Session session: What is known.
    :param dict method: The payment method.
    :param dict values: The request's parameters.
    :return: The mandate's id.
    :rtype: str
    :raise InvalidRequest: If there is none, or it has ended.
    """
    found = session.all('mandate', payment_method=method['id'])
    accepted = session.caller.is_publishable or values.get('mandate_data')
    if not found and not accepted:
        raise InvalidRequest(
            "You must provide `mandate_data` to confirm with this payment method, or one of its"
            " mandates.",
            code='parameter_missing',
            param='mandate_data',
        )
    active = [mandate for mandate in found if mandate['status'] == 'active']
    if found and not active:
        raise InvalidRequest(
            "The provided mandate is invalid.",
            code='payment_intent_mandate_invalid',
            param='mandate',
        )
    return str(active[0]['id']) if active else create_debit(session, method)


def create_debit(session: Session, method: Record) -> str:
    """Make the mandate of a payment method that is debited.

    :param Session session: What is known.
    :param dict method: The payment method.
    :return: The mandate's id.
    :rtype: str
    """
    kind = method['type']
    reference = new_token(16).upper()
    details = {
        'sepa_debit': {'reference': reference, 'url': f'https://hooks.stripe.com/{reference}'},
        'bacs_debit': {
            'display_name': None,
            'network_status': 'accepted',
            'reference': reference,
            'revocation_reason': None,
            'service_user_number': None,
            'url': f'https://hooks.stripe.com/{reference}',
        },
        'us_bank_account': {'collection_method': None},
        'paypal': {'billing_agreement_id': f'B-{reference}', 'payer_id': 'PAYER'},
    }
    mandate = session.create(
        'mandate',
        {
            'customer_acceptance': {'accepted_at': session.now, 'type': 'online', 'online': {}},
            'multi_use': {},
            'payment_method': method['id'],
            'payment_method_details': {'type': kind, kind: details.get(kind, {})},
            'status': 'active',
            'type': 'multi_use',
        },
    )
    return str(mandate['id'])


def end(session: Session, mandate: str) -> Record:
    """End a mandate, as the customer or the bank does.

    :param Session session: What is known.
    :param str mandate: The mandate's id.
    :return: The mandate.
    :rtype: dict
    """
    record = session.get('mandate', mandate)
    record['status'] = 'inactive'
    session.save(record)
    session.emit('mandate.updated', record)
    return record
