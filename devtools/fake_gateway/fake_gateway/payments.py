"""The course of a payment after its intent is confirmed, up to its end.

Rules: Stripe documentation, "How PaymentIntents work", "Place a hold on a payment method" and
"Decline codes".
"""

from __future__ import annotations

from fake_gateway import authorization, charges, disputes, payment_methods, rendering
from fake_gateway.cards import AUTHENTICATION_REQUIRED, GENERIC, Decline
from fake_gateway.errors import DOCUMENTATION, CardError
from fake_gateway.intent_parameters import authentication_action
from fake_gateway.records import Record, Values
from fake_gateway.store import Session

# How long the money of an authorised card payment is held.
AUTHORIZATION_SECONDS = 7 * 24 * 3600
FAILED_AUTHENTICATION = (
    "We are unable to authenticate your payment method. Please choose a different payment method"
    " and try again."
)


def attempt(
    session: Session, intent: Record, method: Record, values: Values, *, off_session: bool = False
) -> None:
    """Ask the bank for the payment, and carry on with what it says.

    :param Session session: What is known.
    :param dict intent: The payment intent, which changes.
    :param dict method: The payment method.
    :param dict values: The request's parameters.
    :param bool off_session: Whether the customer is away.
    :raise CardError: If the bank refuses; the intent is kept.
    """
    options = intent['payment_method_options'].get('card') or {}
    wants_3ds = options.get('request_three_d_secure') in {'any', 'challenge'}
    answer = authorization.ask(session, method, off_session=off_session, wants_3ds=wants_3ds)
    if answer.needs_authentication:
        if values.get('error_on_requires_action'):
            fail(session, intent, method, AUTHENTICATION_REQUIRED)
            raise card_error(session, intent)
        intent |= {
            'status': 'requires_action',
            'next_action': authentication_action(session, intent, values),
            'last_payment_error': None,
        }
        session.save(intent)
        session.emit('payment_intent.requires_action', intent)
    elif answer.decline:
        fail(session, intent, method, answer.decline)
        raise card_error(session, intent)
    elif session.store.settings.processing_payments > 0:
        session.store.settings.processing_payments -= 1
        _process(session, intent, method)
    else:
        succeed(session, intent, method)


def authenticated(session: Session, intent: Record) -> None:
    """Go on after the customer has authenticated.

    :param Session session: What is known.
    :param dict intent: The payment intent, which changes.
    """
    method = session.get('payment_method', intent['payment_method'])
    answer = authorization.ask(session, method, is_authenticated=True)
    if answer.decline:
        fail(session, intent, method, answer.decline)
    else:
        succeed(session, intent, method, is_authenticated=True)


def authentication_failed(session: Session, intent: Record) -> None:
    """Go on after the customer could not authenticate.

    :param Session session: What is known.
    :param dict intent: The payment intent, which changes.
    """
    code = 'payment_intent_authentication_failure'
    method = session.get('payment_method', intent['payment_method'])
    ask_for_another_method(
        session,
        intent,
        {
            'type': 'invalid_request_error',
            'code': code,
            'doc_url': DOCUMENTATION + code.replace('_', '-'),
            'message': FAILED_AUTHENTICATION,
            'payment_method': rendering.render(session, method, session.caller.version),
        },
    )


def fail(session: Session, intent: Record, method: Record, decline: Decline) -> None:
    """Let the payment fail.

    :param Session session: What is known.
    :param dict intent: The payment intent, which changes.
    :param dict method: The payment method.
    :param cards.Decline decline: Why.
    """
    charge = charges.create(session, intent, method, status='failed', decline=decline)
    session.emit('charge.failed', charge)
    intent['latest_charge'] = charge['id']
    ask_for_another_method(
        session,
        intent,
        {
            'type': 'card_error',
            'message': decline.message,
            'doc_url': DOCUMENTATION + decline.code.replace('_', '-'),
            'charge': charge['id'],
            'payment_method': rendering.render(session, method, session.caller.version),
            **decline.details(),
        },
    )


def ask_for_another_method(session: Session, intent: Record, error: Record) -> None:
    """Put the intent back to where it needs a payment method.

    :param Session session: What is known.
    :param dict intent: The payment intent, which changes.
    :param dict error: Why.
    """
    intent |= {
        'status': 'requires_payment_method',
        'payment_method': None,
        'next_action': None,
        'processing': None,
        'last_payment_error': error,
    }
    session.save(intent)
    session.emit('payment_intent.payment_failed', intent)


def card_error(session: Session, intent: Record) -> CardError:
    """Return the error that tells why the last attempt failed.

    :param Session session: What is known.
    :param dict intent: The payment intent.
    :rtype: CardError
    """
    details = {
        name: value
        for name, value in intent['last_payment_error'].items()
        if name not in {'type', 'message', 'doc_url'}
    }
    shown = rendering.render(session, intent, session.caller.version)
    return CardError(intent['last_payment_error']['message'], **details, payment_intent=shown)


def _process(session: Session, intent: Record, method: Record) -> None:
    """Leave the payment undecided, until `settle`."""
    charge = charges.create(session, intent, method, status='pending')
    intent |= {
        'status': 'processing',
        'latest_charge': charge['id'],
        'processing': {'type': 'card', 'card': {}},
    }
    session.save(intent)
    session.emit('payment_intent.processing', intent)


def settle(session: Session, intent: Record, *, succeeds: bool) -> None:
    """Decide a payment that is processing.

    :param Session session: What is known.
    :param dict intent: The payment intent, which changes.
    :param bool succeeds: Whether it succeeds.
    """
    method = session.get('payment_method', intent['payment_method'])
    if succeeds:
        succeed(session, intent, method)
    else:
        fail(session, intent, method, GENERIC)


def succeed(
    session: Session, intent: Record, method: Record, *, is_authenticated: bool = False
) -> None:
    """Take the money, or hold it if it is to be captured later.

    :param Session session: What is known.
    :param dict intent: The payment intent, which changes.
    :param dict method: The payment method.
    :param bool is_authenticated: Whether the customer has authenticated.
    """
    keep_method(session, intent, method)
    charge = charges.create(
        session, intent, method, status='succeeded', is_authenticated=is_authenticated
    )
    intent |= {
        'latest_charge': charge['id'],
        'last_payment_error': None,
        'next_action': None,
        'processing': None,
    }
    if intent['capture_method'] == 'manual':
        charge['_capture_before'] = session.now + AUTHORIZATION_SECONDS
        session.save(charge)
        intent |= {'status': 'requires_capture', 'amount_capturable': intent['amount']}
        session.save(intent)
        session.emit('charge.succeeded', charge)
        session.emit('payment_intent.amount_capturable_updated', intent)
        return
    charges.capture(session, intent, charge, intent['amount'])
    intent |= {'status': 'succeeded', 'amount_received': intent['amount']}
    session.save(intent)
    session.emit('charge.succeeded', charge)
    session.emit('payment_intent.succeeded', intent)
    disputes.follow(session, charge, payment_methods.card_of(method))


def keep_method(session: Session, intent: Record, method: Record, *, as_it_is: bool = True) -> None:
    """Save the payment method if that was asked for; otherwise it is used up.

    :param Session session: What is known.
    :param dict intent: The payment intent.
    :param dict method: The payment method, which changes.
    :param bool as_it_is: Whether it can be saved at all.
    """
    usage = intent['setup_future_usage'] if as_it_is else None
    if usage and intent['customer']:
        method['_is_set_up'] = method['_is_set_up'] or usage == 'off_session'
        session.save(method)
        if not method['customer']:
            payment_methods.attach_to(session, method, intent['customer'])
    elif not method['customer']:
        method['_used_up'] = True
        session.save(method)


def cancel(session: Session, intent: Record, reason: str | None) -> None:
    """End an intent without payment, and release money that is held.

    :param Session session: What is known.
    :param dict intent: The payment intent, which changes.
    :param str reason: The cancellation reason, or None.
    """
    intent |= {
        'status': 'canceled',
        'amount_capturable': 0,
        'canceled_at': session.now,
        'cancellation_reason': reason,
        'next_action': None,
    }
    session.save(intent)
    session.emit('payment_intent.canceled', intent)


def expire_authorizations(session: Session) -> None:
    """Release the money of authorised payments that were not captured in time.

    :param Session session: What is known.
    """
    for found in session.all('payment_intent', status='requires_capture'):
        intent = session.get('payment_intent', found['id'])
        charge = session.get('charge', intent['latest_charge'])
        if charge['_capture_before'] < session.now:
            session.emit('charge.expired', charge)
            cancel(session, intent, 'automatic')
