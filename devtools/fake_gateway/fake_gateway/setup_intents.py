"""Setup intents, which save a card without a payment.

Rules: Stripe documentation, "API reference: SetupIntents" and "Set up future payments".
"""

from __future__ import annotations

from fake_gateway import (
    authorization,
    bank_accounts,
    debits,
    listing,
    mandates,
    parameters,
    payment_methods,
    payments,
    rendering,
)
from fake_gateway.cards import Decline
from fake_gateway.errors import DOCUMENTATION, CardError, InvalidRequest
from fake_gateway.intent_parameters import (
    METHOD_FIELDS,
    THREE_D_SECURE,
    authentication_action,
    check_client_secret,
    check_return_url,
    check_takes,
    methods,
)
from fake_gateway.parameters import (
    EXPAND,
    PAGE,
    Boolean,
    Choice,
    Fields,
    Hash,
    Metadata,
    Text,
    TimeRange,
)
from fake_gateway.records import Record, Values
from fake_gateway.store import Session, new_token

_SHARED: Fields = {
    'payment_method': Text(),
    'payment_method_data': Hash(fields=payment_methods.DATA_FIELDS),
    'payment_method_options': Hash(
        fields={
            'card': Hash(
                fields={
                    'mandate_options': Hash(fields=mandates.SETUP_OPTIONS),
                    'request_three_d_secure': THREE_D_SECURE,
                }
            )
        }
    ),
    'mandate_data': mandates.ACCEPTANCE,
    'return_url': Text(),
    'use_stripe_sdk': Boolean(),
    **EXPAND,
}
CREATE_FIELDS: Fields = {
    'confirm': Boolean(),
    'customer': Text(),
    'description': Text(longest=1000),
    'metadata': Metadata(),
    'usage': Choice(choices=('off_session', 'on_session')),
    **METHOD_FIELDS,
    **_SHARED,
}
# Sent by the browser only: the client secret.
CONFIRM_FIELDS: Fields = {'client_secret': Text(), **_SHARED}
RETRIEVE_FIELDS: Fields = {'client_secret': Text(), **EXPAND}
CANCEL_FIELDS: Fields = {
    'cancellation_reason': Choice(choices=('abandoned', 'duplicate', 'requested_by_customer')),
    **EXPAND,
}
LIST_FIELDS: Fields = {'created': TimeRange(), 'customer': Text(), 'payment_method': Text(), **PAGE}
OPEN = ('requires_payment_method', 'requires_confirmation', 'requires_action')


def create(session: Session, values: Values) -> Record:
    """Create a setup intent, and with `confirm` save the card."""
    if values.get('customer'):
        session.get('customer', values['customer'], 'customer')
    intent = session.create(
        'setup_intent',
        {
            'cancellation_reason': None,
            'client_secret': None,
            'customer': values.get('customer'),
            'description': values.get('description'),
            'last_setup_error': None,
            'latest_attempt': None,
            'mandate': None,
            'metadata': parameters.merge_metadata({}, values.get('metadata')),
            'next_action': None,
            'payment_method': None,
            'payment_method_options': {
                'card': {
                    'request_three_d_secure': 'automatic',
                    'mandate_options': None,
                    **((values.get('payment_method_options') or {}).get('card') or {}),
                }
            },
            'status': 'requires_payment_method',
            'usage': values.get('usage') or 'off_session',
            **methods(session, values),
        },
    )
    intent['client_secret'] = f'{intent["id"]}_secret_{new_token()}'
    _take_method(session, intent, values)
    session.save(intent)
    session.emit('setup_intent.created', intent)
    if values.get('confirm'):
        _confirm(session, intent, values)
    return intent


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


def retrieve(session: Session, values: Values, setup_intent: str) -> Record:
    """Return a setup intent."""
    intent = session.get('setup_intent', setup_intent)
    check_client_secret(session, intent, values)
    return intent


def confirm(session: Session, values: Values, setup_intent: str) -> Record:
    """Save the card."""
    intent = session.get('setup_intent', setup_intent)
    check_client_secret(session, intent, values)
    _check_open(intent, 'confirm')
    _take_method(session, intent, values)
    _confirm(session, intent, values)
    return intent


def _check_open(intent: Record, verb: str) -> None:
    """Check that the intent has not ended."""
    if intent['status'] not in OPEN:
        raise InvalidRequest(
            f"You cannot {verb} this SetupIntent because it has a status of {intent['status']}.",
            code='setup_intent_unexpected_state',
            setup_intent=intent,
        )


def _confirm(session: Session, intent: Record, values: Values) -> None:
    """Ask the bank to save the card that the intent has."""
    if not intent['payment_method']:
        raise InvalidRequest(
            "You cannot confirm this SetupIntent because it's missing a payment method. Update the"
            " SetupIntent with a payment method and then confirm it again.",
            code='setup_intent_unexpected_state',
        )
    check_return_url(intent, values)
    method = session.get('payment_method', intent['payment_method'])
    if method['type'] != 'card':
        _confirm_other(session, intent, method, values)
        return
    wants_3ds = intent['payment_method_options']['card']['request_three_d_secure']
    answer = authorization.ask_to_save(session, method, wants_3ds=wants_3ds in {'any', 'challenge'})
    if answer.needs_authentication:
        intent |= {
            'status': 'requires_action',
            'next_action': authentication_action(session, intent, values),
            'last_setup_error': None,
        }
        session.save(intent)
        session.emit('setup_intent.requires_action', intent)
    elif answer.decline:
        _fail(session, intent, _decline_error(session, method, answer.decline))
        raise _card_error(session, intent)
    else:
        _succeed(session, intent, method)


def _confirm_other(session: Session, intent: Record, method: Record, values: Values) -> None:
    """Save a payment method that isn't a card, at once or when the customer comes back."""
    kind = bank_accounts.KINDS[method['type']]
    if kind.has_mandate:
        intent['mandate'] = mandates.accept_debit(session, method, values)
    if not kind.redirects:
        _succeed(session, intent, method)
        return
    intent |= {
        'status': 'requires_action',
        'next_action': authentication_action(session, intent, values),
        'last_setup_error': None,
    }
    session.save(intent)
    session.emit('setup_intent.requires_action', intent)


def _succeed(session: Session, intent: Record, method: Record) -> None:
    """Save the payment method."""
    intent |= {'status': 'succeeded', 'next_action': None, 'last_setup_error': None}
    if method['type'] == 'card':
        options = intent['payment_method_options']['card']['mandate_options']
        intent['mandate'] = mandates.accept(session, method, options)
    elif bank_accounts.KINDS[method['type']].kept_as:
        kept, intent['mandate'] = debits.keep_as_debit(session, method, intent['customer'])
        intent['latest_attempt'] = _record_attempt(session, intent, method, kept)
        session.save(intent)
        session.emit('setup_intent.succeeded', intent)
        return
    method['_is_set_up'] = method['_is_set_up'] or intent['usage'] == 'off_session'
    session.save(method)
    session.save(intent)
    if intent['customer'] and not method['customer']:
        payment_methods.attach_to(session, method, intent['customer'])
    session.emit('setup_intent.succeeded', intent)


def _record_attempt(session: Session, intent: Record, method: Record, kept: Record) -> str:
    """Record what was stored instead; return the attempt's id."""
    attempt = session.create(
        'setup_attempt',
        {
            'customer': intent['customer'],
            'payment_method': method['id'],
            'payment_method_details': {
                'type': method['type'],
                method['type']: {
                    'generated_sepa_debit': kept['id'],
                    'generated_sepa_debit_mandate': intent['mandate'],
                },
            },
            'setup_error': None,
            'setup_intent': intent['id'],
            'status': 'succeeded',
            'usage': intent['usage'],
        },
    )
    session.save(attempt)
    identifier: str = attempt['id']
    return identifier


def _decline_error(session: Session, method: Record, decline: Decline) -> Record:
    """Return what the bank's refusal looks like in the intent."""
    return {
        'type': 'card_error',
        'message': decline.message,
        'doc_url': DOCUMENTATION + decline.code.replace('_', '-'),
        'payment_method': rendering.render(session, method, session.caller.version),
        **decline.details(),
    }


def _fail(session: Session, intent: Record, error: Record) -> None:
    """Put the intent back to where it needs a payment method."""
    intent |= {
        'status': 'requires_payment_method',
        'payment_method': None,
        'next_action': None,
        'last_setup_error': error,
    }
    session.save(intent)
    session.emit('setup_intent.setup_failed', intent)


def _card_error(session: Session, intent: Record) -> CardError:
    """Return the error that tells why the card was not saved."""
    details = {
        name: value
        for name, value in intent['last_setup_error'].items()
        if name not in {'type', 'message', 'doc_url'}
    }
    shown = rendering.render(session, intent, session.caller.version)
    return CardError(intent['last_setup_error']['message'], **details, setup_intent=shown)


def authenticated(session: Session, intent: Record) -> None:
    """Go on after the customer has authenticated.

    :param Session session: What is known.
    :param dict intent: The setup intent, which changes.
    """
    method = session.get('payment_method', intent['payment_method'])
    if method['type'] != 'card':
        _succeed(session, intent, method)
        return
    answer = authorization.ask_to_save(session, method, is_authenticated=True)
    if answer.decline:
        _fail(session, intent, _decline_error(session, method, answer.decline))
    else:
        _succeed(session, intent, method)


def authentication_failed(session: Session, intent: Record) -> None:
    """Go on after the customer could not authenticate.

    :param Session session: What is known.
    :param dict intent: The setup intent, which changes.
    """
    code = 'setup_intent_authentication_failure'
    method = session.get('payment_method', intent['payment_method'])
    _fail(
        session,
        intent,
        {
            'type': 'invalid_request_error',
            'code': code,
            'doc_url': DOCUMENTATION + code.replace('_', '-'),
            'message': payments.FAILED_AUTHENTICATION,
            'payment_method': rendering.render(session, method, session.caller.version),
        },
    )


def cancel(session: Session, values: Values, setup_intent: str) -> Record:
    """Cancel a setup intent."""
    intent = session.get('setup_intent', setup_intent)
    _check_open(intent, 'cancel')
    intent |= {
        'status': 'canceled',
        'cancellation_reason': values.get('cancellation_reason'),
        'next_action': None,
    }
    session.save(intent)
    session.emit('setup_intent.canceled', intent)
    return intent


def list_all(session: Session, values: Values) -> Record:
    """List setup intents."""
    filters = {name: values[name] for name in ('customer', 'payment_method') if values.get(name)}
    found = session.all('setup_intent', **filters)
    return listing.page(session, '/v1/setup_intents', found, values)
