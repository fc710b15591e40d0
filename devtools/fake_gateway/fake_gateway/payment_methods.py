"""Payment methods (Stripe documentation, "API reference: PaymentMethods")."""

from __future__ import annotations

from fake_gateway import bank_accounts, cards, listing, parameters
from fake_gateway.cards import Card
from fake_gateway.customers import ADDRESS
from fake_gateway.errors import CardError, InvalidRequest, NoSuchObject
from fake_gateway.parameters import (
    EXPAND,
    PAGE,
    Choice,
    Fields,
    Hash,
    Integer,
    Metadata,
    Text,
)
from fake_gateway.records import Record, Values
from fake_gateway.store import Session

BILLING_DETAILS: Fields = {
    'address': Hash(fields=ADDRESS),
    'email': Text(),
    'name': Text(),
    'phone': Text(),
}
CARD: Fields = {
    'number': Text(),
    'exp_month': Integer(),
    'exp_year': Integer(),
    'cvc': Text(),
    'token': Text(),
}
TYPE = Choice(choices=bank_accounts.TYPES)
ALLOW_REDISPLAY = Choice(choices=('always', 'limited', 'unspecified'))
DATA_FIELDS: Fields = {
    'type': Choice(required=True, choices=bank_accounts.TYPES),
    'allow_redisplay': ALLOW_REDISPLAY,
    'billing_details': Hash(fields=BILLING_DETAILS),
    'card': Hash(fields=CARD),
    'metadata': Metadata(),
    **bank_accounts.DATA_FIELDS,
}
CREATE_FIELDS: Fields = {**DATA_FIELDS, **EXPAND}
UPDATE_FIELDS: Fields = {
    'allow_redisplay': ALLOW_REDISPLAY,
    'billing_details': Hash(fields=BILLING_DETAILS),
    'card': Hash(fields={'exp_month': Integer(), 'exp_year': Integer()}),
    'metadata': Metadata(),
    **EXPAND,
}
ATTACH_FIELDS: Fields = {'customer': Text(required=True), **EXPAND}
LIST_FIELDS: Fields = {'customer': Text(), 'type': TYPE, **PAGE}
OF_CUSTOMER_LIST_FIELDS: Fields = {'type': TYPE, **PAGE}
# How long the cards behind `pm_card_…` are valid.
VALID_YEARS = 4


def create(session: Session, values: Values) -> Record:
    """Create a payment method from a token, or in the browser from a card number."""
    if values['type'] != 'card':
        return create_other(session, values)
    details = values.get('card')
    if not details:
        raise InvalidRequest(
            "Missing required param: card.", code='parameter_missing', param='card'
        )
    if details.get('token'):
        card = cards.named(details['token'])
        if card is None:
            raise NoSuchObject('token', details['token'], 'card[token]')
        return _store(session, card, values)
    if not session.caller.is_publishable:
        raise InvalidRequest(
            "Sending credit card numbers directly to the Stripe API is generally unsafe. We"
            " suggest you use test tokens that map to the test card you are using, see"
            " https://stripe.com/docs/testing.",
            402,
        )
    card = cards.numbered(details.get('number') or '')
    month, year = details.get('exp_month') or 0, details.get('exp_year') or 0
    if year < 100:
        year += 2000
    cards.check_expiry(month, year, session.store.clock.today())
    if details.get('cvc'):
        cards.check_cvc(details['cvc'])
    return _store(session, card, values, month, year, has_cvc=bool(details.get('cvc')))


def _store(
    session: Session,
    card: Card,
    values: Values,
    month: int = 12,
    year: int | None = None,
    *,
    has_cvc: bool = True,
) -> Record:
    """Create the payment method of a card."""
    return _create(
        session,
        values,
        'card',
        {
            'brand': card.brand,
            'checks': {
                'address_line1_check': None,
                'address_postal_code_check': None,
                'cvc_check': 'unchecked' if has_cvc else None,
            },
            'country': card.country,
            'display_brand': card.brand,
            'exp_month': month,
            'exp_year': year or session.store.clock.today().year + VALID_YEARS,
            'fingerprint': card.fingerprint,
            'funding': card.funding,
            'generated_from': None,
            'last4': card.number[-4:],
            'networks': {'available': [card.brand], 'preferred': None},
            'three_d_secure_usage': {'supported': card.authentication is not None},
            'wallet': None,
        },
        card.number,
    )


def create_other(session: Session, values: Values) -> Record:
    """Create a payment method that isn't a card.

    :param Session session: What is known.
    :param dict values: The parameters.
    :return: The payment method.
    :rtype: dict
    """
    kind = values['type']
    number, details = bank_accounts.describe(kind, values.get(kind) or {})
    billing = values.get('billing_details') or {}
    if kind == 'sepa_debit' and not billing.get('name'):
        raise InvalidRequest(
            "Missing required param: billing_details[name].",
            code='parameter_missing',
            param='billing_details[name]',
        )
    return _create(session, values, kind, details, number)


def _create(session: Session, values: Values, kind: str, details: Record, number: str) -> Record:
    """Create a payment method of any type."""
    billing = values.get('billing_details') or {}
    address = billing.get('address') or {}
    return session.create(
        'payment_method',
        {
            'type': kind,
            'allow_redisplay': values.get('allow_redisplay') or 'unspecified',
            'billing_details': {
                'address': {name: address.get(name) for name in ADDRESS},
                **{name: billing.get(name) for name in ('email', 'name', 'phone')},
            },
            kind: details,
            'customer': None,
            'metadata': parameters.merge_metadata({}, values.get('metadata')),
            '_number': number,
            # Authenticated for use while the customer is away.
            '_is_set_up': False,
            # Used once without a customer, or detached: it can't be used again.
            '_used_up': False,
        },
    )


def card_of(method: Record) -> Card:
    """Return the test card of a payment method.

    :param dict method: The payment method.
    :rtype: cards.Card
    """
    return cards.BY_NUMBER[method['_number']]


def resolve(session: Session, values: Values) -> Record | None:
    """Return the payment method that a request names or brings along.

    :param Session session: What is known.
    :param dict values: The parameters `payment_method` and `payment_method_data`.
    :return: The payment method, or None.
    :rtype: dict | None
    """
    if values.get('payment_method_data'):
        return create(session, values['payment_method_data'])
    identifier = values.get('payment_method')
    return _named_or_stored(session, identifier, 'payment_method') if identifier else None


def _named_or_stored(session: Session, identifier: str, param: str) -> Record:
    """Return a stored payment method, or a new one for an id like `pm_card_visa`."""
    card = cards.named(identifier)
    if card:
        return _store(session, card, {})
    return session.get('payment_method', identifier, param)


def check_usable(method: Record, customer: str | None) -> None:
    """Check that a payment method may pay for a customer.

    :param dict method: The payment method.
    :param str customer: The customer's id, or None.
    :raise InvalidRequest: If it may not.
    """
    if method['_used_up']:
        raise InvalidRequest(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer"
            " attachment, shared with a connected account without Customer attachment, or was"
            " detached from a Customer. It may not be used again. To use a PaymentMethod multiple"
            " times, you must attach it to a Customer first."
        )
    if method['customer'] and not customer:
        raise InvalidRequest(
            "The payment method you provided is attached to a customer so for security purposes"
            " you must provide the customer in the request."
        )
    if method['customer'] and method['customer'] != customer:
        raise InvalidRequest(
            f"The customer does not have a payment method with the ID {method['id']}. The payment"
            " method must be attached to the customer.",
            code='resource_missing',
            param='payment_method',
        )


def retrieve(session: Session, _values: Values, payment_method: str) -> Record:
    """Return a payment method."""
    return session.get('payment_method', payment_method)


def update(session: Session, values: Values, payment_method: str) -> Record:
    """Change a payment method that is attached to a customer."""
    record = session.get('payment_method', payment_method)
    if not record['customer']:
        raise InvalidRequest(
            "You must save this PaymentMethod to a customer before you can update it."
        )
    if values.get('billing_details'):
        details = dict(values['billing_details'])
        record['billing_details']['address'] |= details.pop('address', None) or {}
        record['billing_details'] |= details
    if values.get('card'):
        card = record['card'] | values['card']
        cards.check_expiry(card['exp_month'], card['exp_year'], session.store.clock.today())
        record['card'] = card
    if 'metadata' in values:
        record['metadata'] = parameters.merge_metadata(record['metadata'], values['metadata'])
    if values.get('allow_redisplay'):
        record['allow_redisplay'] = values['allow_redisplay']
    session.save(record)
    session.emit('payment_method.updated', record)
    return record


def attach(session: Session, values: Values, payment_method: str) -> Record:
    """Save a payment method for a customer; the bank may refuse."""
    session.get('customer', values['customer'], 'customer')
    record = _named_or_stored(session, payment_method, 'id')
    if record['customer'] == values['customer']:
        return record
    if record['customer']:
        raise InvalidRequest(
            "The payment method you provided has already been attached to a customer."
        )
    check_usable(record, None)
    decline = record['type'] == 'card' and card_of(record).attach_decline
    if decline:
        raise CardError(decline.message, **decline.details())
    return attach_to(session, record, values['customer'])


def attach_to(session: Session, method: Record, customer: str) -> Record:
    """Save a payment method for a customer.

    :param Session session: What is known.
    :param dict method: The payment method.
    :param str customer: The customer's id.
    :return: The payment method.
    :rtype: dict
    """
    method['customer'] = customer
    session.save(method)
    session.emit('payment_method.attached', method)
    return method


def detach(session: Session, _values: Values, payment_method: str) -> Record:
    """Take a payment method from its customer."""
    record = session.get('payment_method', payment_method)
    if not record['customer']:
        raise InvalidRequest(
            "The payment method you provided is not attached to a customer so detachment is"
            " impossible."
        )
    record |= {'customer': None, '_used_up': True}
    session.save(record)
    session.emit('payment_method.detached', record)
    return record


def list_all(session: Session, values: Values) -> Record:
    """List payment methods, of a customer or of none."""
    return _list(session, '/v1/payment_methods', values, values.get('customer'))


def list_of_customer(session: Session, values: Values, customer: str) -> Record:
    """List a customer's payment methods."""
    session.get('customer', customer)
    return _list(session, f'/v1/customers/{customer}/payment_methods', values, customer)


def _list(session: Session, url: str, values: Values, customer: str | None) -> Record:
    """List payment methods."""
    filters = {'type': values['type']} if values.get('type') else {}
    found = session.all('payment_method', customer=customer, **filters)
    return listing.page(session, url, found if customer else [], values)


def renew(session: Session, payment_method: str, card: Record) -> Record:
    """Change a card as its bank does when it is replaced (documentation: "Card updates").

    :param Session session: What is known.
    :param str payment_method: The payment method's id.
    :param dict card: The new `exp_month`, `exp_year` and `last4`, as far as they change.
    :return: The payment method.
    :rtype: dict
    """
    record = session.get('payment_method', payment_method)
    record['card'] |= card
    session.save(record)
    session.emit('payment_method.automatically_updated', record)
    return record


def treat_as(session: Session, payment_method: str, number: str) -> None:
    """Let a stored card be answered like another test card; what is shown of it stays.

    :param Session session: What is known.
    :param str payment_method: The payment method's id.
    :param str number: The number of the test card.
    """
    record = session.get('payment_method', payment_method)
    other = record['type'] != 'card'
    record['_number'] = number if other else cards.numbered(number).number
    session.save(record)
