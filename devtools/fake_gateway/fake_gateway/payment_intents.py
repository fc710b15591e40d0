"""Payment intents (Stripe documentation, "API reference: PaymentIntents")."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fake_gateway import (
    bank_accounts,
    charges,
    currencies,
    debits,
    listing,
    mandates,
    parameters,
    payment_methods,
    payments,
    search,
)
from fake_gateway.customers import ADDRESS
from fake_gateway.errors import InvalidRequest
from fake_gateway.intent_parameters import (
    METHOD_FIELDS,
    THREE_D_SECURE,
    TYPES,
    check_client_secret,
    check_return_url,
    check_takes,
    check_types_allowed,
    methods,
)
from fake_gateway.parameters import (
    EXPAND,
    PAGE,
    Boolean,
    Choice,
    Fields,
    Hash,
    Integer,
    Metadata,
    OffSession,
    Text,
    TimeRange,
)
from fake_gateway.records import Record, Values
from fake_gateway.store import Session, new_token

CAPTURE_METHOD = Choice(choices=('automatic', 'automatic_async', 'manual'))
FUTURE_USAGE = Choice(choices=('off_session', 'on_session'))
SHIPPING = Hash(
    fields={
        'address': Hash(required=True, fields=ADDRESS),
        'name': Text(required=True),
        'phone': Text(),
        'carrier': Text(),
        'tracking_number': Text(),
    }
)
METHOD_OPTIONS = Hash(
    fields={
        'card': Hash(
            fields={
                'mandate_options': Hash(fields=mandates.OPTIONS),
                'request_three_d_secure': THREE_D_SECURE,
                'setup_future_usage': Choice(choices=('none', 'off_session', 'on_session')),
            }
        )
    }
)
# What create, update and confirm have in common.
_SHARED: Fields = {
    'payment_method': Text(),
    'payment_method_data': Hash(fields=payment_methods.DATA_FIELDS),
    'payment_method_options': METHOD_OPTIONS,
    'receipt_email': Text(),
    'setup_future_usage': FUTURE_USAGE,
    'shipping': SHIPPING,
    **EXPAND,
}
# What only a request that confirms can have.
_CONFIRMING: Fields = {
    'error_on_requires_action': Boolean(),
    'mandate': Text(),
    'mandate_data': mandates.ACCEPTANCE,
    'off_session': OffSession(),
    'return_url': Text(),
    'use_stripe_sdk': Boolean(),
}
_DESCRIBING: Fields = {
    'customer': Text(),
    'description': Text(longest=1000),
    'metadata': Metadata(),
    'statement_descriptor': Text(longest=22),
    'statement_descriptor_suffix': Text(longest=22),
}
CREATE_FIELDS: Fields = {
    'amount': Integer(required=True, least=1),
    'currency': Text(required=True),
    'capture_method': CAPTURE_METHOD,
    'confirm': Boolean(),
    'confirmation_method': Choice(choices=('automatic', 'manual')),
    **METHOD_FIELDS,
    **_SHARED,
    **_CONFIRMING,
    **_DESCRIBING,
}
UPDATE_FIELDS: Fields = {
    'amount': Integer(least=1),
    'currency': Text(),
    'capture_method': CAPTURE_METHOD,
    'payment_method_types': TYPES,
    **_SHARED,
    **_DESCRIBING,
}
CONFIRM_FIELDS: Fields = {
    'capture_method': CAPTURE_METHOD,
    # Sent by the browser only.
    'client_secret': Text(),
    **_SHARED,
    **_CONFIRMING,
}
RETRIEVE_FIELDS: Fields = {'client_secret': Text(), **EXPAND}
CAPTURE_FIELDS: Fields = {
    'amount_to_capture': Integer(least=1),
    'final_capture': Boolean(),
    'metadata': Metadata(),
    'statement_descriptor_suffix': Text(longest=22),
    **EXPAND,
}
CANCEL_FIELDS: Fields = {
    'cancellation_reason': Choice(
        choices=('abandoned', 'duplicate', 'fraudulent', 'requested_by_customer')
    ),
    **EXPAND,
}
LIST_FIELDS: Fields = {'created': TimeRange(), 'customer': Text(), **PAGE}

# What an update puts in the place of what was there.
REPLACEABLE = frozenset(
    {'amount', 'capture_method', 'customer', 'description', 'payment_method_types'}
    | {'receipt_email', 'setup_future_usage', 'shipping'}
    | {'statement_descriptor', 'statement_descriptor_suffix'}
)
CONFIRMABLE = ('requires_payment_method', 'requires_confirmation', 'requires_action')
CANCELABLE = (*CONFIRMABLE, 'requires_capture')


def create(session: Session, values: Values) -> Record:
    """Create a payment intent, and with `confirm` charge it."""
    if not values.get('confirm'):
        _refuse_without_confirm(values)
    intent = session.create('payment_intent', _new_values(session, values))
    intent['client_secret'] = f'{intent["id"]}_secret_{new_token()}'
    _take_method(session, intent, values)
    session.save(intent)
    session.emit('payment_intent.created', intent)
    if values.get('confirm'):
        _confirm(session, intent, values)
    return intent


def _refuse_without_confirm(values: Values) -> None:
    """Refuse parameters that mean nothing without a confirmation."""
    for name in ('off_session', 'mandate', 'mandate_data', 'error_on_requires_action'):
        if values.get(name):
            raise InvalidRequest(
                f"You can only pass `{name}` when confirming a PaymentIntent: set `confirm` to"
                " true.",
                param=name,
            )


def _new_values(session: Session, values: Values) -> Record:
    """Return the fields of a new payment intent."""
    currency = values['currency'].lower()
    currencies.check(values['amount'], currency)
    if values.get('customer'):
        session.get('customer', values['customer'], 'customer')
    types = methods(session, values)['payment_method_types']
    bank_accounts.check_currency(types, currency)
    _check_descriptors(values, types)
    return {
        'amount': values['amount'],
        'amount_capturable': 0,
        'amount_received': 0,
        'canceled_at': None,
        'cancellation_reason': None,
        'capture_method': values.get('capture_method') or 'automatic',
        'client_secret': None,
        'confirmation_method': values.get('confirmation_method') or 'automatic',
        'currency': currency,
        'customer': values.get('customer'),
        'description': values.get('description'),
        'last_payment_error': None,
        'latest_charge': None,
        'metadata': parameters.merge_metadata({}, values.get('metadata')),
        'next_action': None,
        'payment_method': None,
        'payment_method_options': _method_options({}, values),
        'processing': None,
        'receipt_email': values.get('receipt_email'),
        'setup_future_usage': values.get('setup_future_usage'),
        'shipping': values.get('shipping'),
        'statement_descriptor': values.get('statement_descriptor'),
        'statement_descriptor_suffix': values.get('statement_descriptor_suffix'),
        'status': 'requires_payment_method',
        **methods(session, values),
    }


def _check_descriptors(values: Values, types: list[str]) -> None:
    """Check what is to stand on the customer's bank statement."""
    if values.get('statement_descriptor') and 'card' in types:
        raise InvalidRequest(
            "The `statement_descriptor` parameter is not supported for card charges. Use"
            " `statement_descriptor_suffix` instead.",
            param='statement_descriptor',
        )
    suffix = values.get('statement_descriptor_suffix')
    if suffix and (not re.search(r"[A-Za-z]", suffix) or re.search(r"[<>\\'\"*]", suffix)):
        raise InvalidRequest(
            "The statement descriptor must contain at least one letter and none of the characters"
            " <, >, \\, ', \", *.",
            param='statement_descriptor_suffix',
        )


def _method_options(present: Record, values: Values) -> Record:
    """Return `payment_method_options` with the changes that a request makes."""
    card = present.get('card') or {'request_three_d_secure': 'automatic', 'mandate_options': None}
    return {'card': card | ((values.get('payment_method_options') or {}).get('card') or {})}


def _take_method(session: Session, intent: Record, values: Values) -> None:
    """Put the payment method that a request brings into the intent."""
    method = payment_methods.resolve(session, values)
    if method is None:
        return
    check_takes(intent, method)
    payment_methods.check_usable(method, intent['customer'])
    intent['payment_method'] = method['id']
    if intent['status'] == 'requires_payment_method':
        intent['status'] = 'requires_confirmation'


def retrieve(session: Session, values: Values, payment_intent: str) -> Record:
    """Return a payment intent."""
    intent = session.get('payment_intent', payment_intent)
    check_client_secret(session, intent, values)
    return intent


def update(session: Session, values: Values, payment_intent: str) -> Record:
    """Change a payment intent that is not yet paid."""
    intent = session.get('payment_intent', payment_intent)
    check_types_allowed(session, values)
    describing = {'metadata', 'description', 'receipt_email', 'expand'}
    if intent['status'] not in CONFIRMABLE and values.keys() - describing:
        raise unexpected_state(intent, 'updated', CONFIRMABLE)
    for name in ('amount', 'currency', 'capture_method', 'payment_method_types'):
        if name in values and values[name] is None:
            raise parameters.not_unsettable(name)
    new = intent | values
    currency = new['currency'].lower()
    currencies.check(new['amount'], currency)
    if values.get('customer'):
        session.get('customer', values['customer'], 'customer')
    types = values.get('payment_method_types') or intent['payment_method_types']
    _check_descriptors(values, types)
    for name in values.keys() & REPLACEABLE:
        intent[name] = values[name]
    intent['currency'] = currency
    intent['payment_method_options'] = _method_options(intent['payment_method_options'], values)
    if 'metadata' in values:
        intent['metadata'] = parameters.merge_metadata(intent['metadata'], values['metadata'])
    _take_method(session, intent, values)
    session.save(intent)
    return intent


def confirm(session: Session, values: Values, payment_intent: str) -> Record:
    """Charge a payment intent."""
    intent = session.get('payment_intent', payment_intent)
    check_client_secret(session, intent, values)
    if intent['status'] == 'succeeded':
        raise InvalidRequest(
            "You cannot confirm this PaymentIntent because it has already succeeded after being"
            " previously confirmed.",
            code='payment_intent_unexpected_state',
            payment_intent=intent,
        )
    if intent['status'] not in CONFIRMABLE:
        raise unexpected_state(intent, 'confirmed', CONFIRMABLE)
    for name in ('capture_method', 'receipt_email', 'setup_future_usage', 'shipping'):
        if values.get(name):
            intent[name] = values[name]
    intent['payment_method_options'] = _method_options(intent['payment_method_options'], values)
    _take_method(session, intent, values)
    _confirm(session, intent, values)
    return intent


def _confirm(session: Session, intent: Record, values: Values) -> None:
    """Charge an intent with the payment method it has."""
    if not intent['payment_method']:
        raise InvalidRequest(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can"
            " either update the PaymentIntent with a payment method and then confirm it again, or"
            " confirm it again directly with a payment method or ConfirmationToken.",
            code='payment_intent_unexpected_state',
        )
    check_return_url(intent, values)
    method = session.get('payment_method', intent['payment_method'])
    payment_methods.check_usable(method, intent['customer'])
    mandates.check(session, values.get('mandate'), method)
    card_options = intent['payment_method_options']['card']
    if card_options.get('setup_future_usage', 'none') != 'none':
        intent['setup_future_usage'] = card_options['setup_future_usage']
    course = payments if method['type'] == 'card' else debits
    course.attempt(session, intent, method, values, off_session=bool(values.get('off_session')))


def unexpected_state(intent: Record, verb: str, statuses: Iterable[str]) -> InvalidRequest:
    """Return the error for an intent that is too far, or not far enough.

    :param dict intent: The payment intent.
    :param str verb: What can't be done, as a participle.
    :param tuple statuses: In which it could.
    :rtype: InvalidRequest
    """
    return InvalidRequest(
        f"This PaymentIntent could not be {verb} because it has a status of {intent['status']}."
        f" Only a PaymentIntent with one of the following statuses may be {verb}:"
        f" {', '.join(statuses)}.",
        code='payment_intent_unexpected_state',
        payment_intent={name: v for name, v in intent.items() if not name.startswith('_')},
    )


def capture(session: Session, values: Values, payment_intent: str) -> Record:
    """Take the money of an authorised payment, all or a part; the rest is released."""
    intent = session.get('payment_intent', payment_intent)
    if intent['status'] != 'requires_capture':
        raise unexpected_state(intent, 'captured', ('requires_capture',))
    amount = values.get('amount_to_capture') or intent['amount_capturable']
    if amount > intent['amount_capturable']:
        raise InvalidRequest(
            f"The requested capture amount ({amount}) is greater than the amount you can capture"
            f" ({intent['amount_capturable']}) for this charge.",
            code='amount_too_large',
            param='amount_to_capture',
        )
    if 'metadata' in values:
        intent['metadata'] = parameters.merge_metadata(intent['metadata'], values['metadata'])
    charge = session.get('charge', intent['latest_charge'])
    charges.capture(session, intent, charge, amount)
    intent |= {'status': 'succeeded', 'amount_capturable': 0, 'amount_received': amount}
    session.save(intent)
    session.emit('charge.captured', charge)
    session.emit('payment_intent.succeeded', intent)
    return intent


def cancel(session: Session, values: Values, payment_intent: str) -> Record:
    """Cancel a payment intent."""
    intent = session.get('payment_intent', payment_intent)
    if intent['status'] not in CANCELABLE:
        raise unexpected_state(intent, 'canceled', CANCELABLE)
    payments.cancel(session, intent, values.get('cancellation_reason'))
    return intent


def list_all(session: Session, values: Values) -> Record:
    """List payment intents."""
    filters = {'customer': values['customer']} if values.get('customer') else {}
    found = session.all('payment_intent', **filters)
    return listing.page(session, '/v1/payment_intents', found, values)


def search_all(session: Session, values: Values) -> Record:
    """Search payment intents."""
    return search.page(session, 'payment_intent', '/v1/payment_intents/search', values)
