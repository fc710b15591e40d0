"""The course of payments that aren't made by card.

Debits are processing for days, and may be returned weeks after they succeeded (Stripe
documentation, "SEPA Direct Debit payments", "Bacs Direct Debit payments in the UK", "ACH Direct
Debit"). A return is a dispute that is lost from the first: there is no appeal (Stripe support,
"SEPA Direct Debit payment disputes").
"""

from __future__ import annotations

from fake_gateway import (
    bank_accounts,
    charges,
    disputes,
    intent_parameters,
    mandates,
    payment_methods,
    payments,
    rendering,
)
from fake_gateway.bank_accounts import KINDS, RETURN_REASONS
from fake_gateway.cards import Decline
from fake_gateway.errors import DOCUMENTATION, InvalidRequest
from fake_gateway.records import Record, Values
from fake_gateway.store import Session

DAY = 24 * 3600


def attempt(
    session: Session, intent: Record, method: Record, values: Values, *, off_session: bool = False
) -> None:
    """Begin a payment.

    :param Session session: What is known.
    :param dict intent: The payment intent, which changes.
    :param dict method: The payment method.
    :param dict values: The request's parameters.
    :param bool off_session: Whether the customer is away.
    """
    kind = KINDS[method['type']]
    if kind.kept_as and off_session:
        raise InvalidRequest(
            f"A payment method of type {method['type']} can't be used again.",
            code='payment_intent_incompatible_payment_method',
            param='payment_method',
        )
    intent['_mandate'] = (
        mandates.accept_debit(session, method, values) if kind.has_mandate else None
    )
    intent['_is_new_mandate'] = not method['_is_set_up']
    if kind.redirects and not off_session:
        intent |= {
            'status': 'requires_action',
            # Stripe.js goes there, too.
            'next_action': intent_parameters.authentication_action(
                session, intent, values | {'use_stripe_sdk': None}
            ),
            'last_payment_error': None,
        }
        session.save(intent)
        session.emit('payment_intent.requires_action', intent)
        return
    go_on(session, intent, method)


def go_on(session: Session, intent: Record, method: Record) -> None:
    """Carry out a payment that the customer has agreed to.

    :param Session session: What is known.
    :param dict intent: The payment intent, which changes.
    :param dict method: The payment method.
    """
    kind = KINDS[method['type']]
    payments.keep_method(session, intent, method, as_it_is=not kind.kept_as)
    days = kind.new_days if intent['_is_new_mandate'] else kind.days
    charge = charges.create(
        session,
        intent,
        method,
        status='pending',
        details=_details(session, intent, method, days),
    )
    intent |= {'latest_charge': charge['id'], 'last_payment_error': None, 'next_action': None}
    if not days:
        _succeed(session, intent, method, charge)
        return
    intent |= {'status': 'processing', 'processing': None, '_final_at': session.now + days * DAY}
    session.save(intent)
    session.emit('charge.pending', charge)
    session.emit('payment_intent.processing', intent)


def _details(session: Session, intent: Record, method: Record, days: int) -> Record:
    """Return what a charge tells of its payment method."""
    kind = KINDS[method['type']]
    details = {
        name: value for name, value in method[method['type']].items() if name != 'generated_from'
    }
    if kind.has_mandate and method['type'] in {'sepa_debit', 'bacs_debit', 'us_bank_account'}:
        details['mandate'] = intent['_mandate']
    if kind.kept_as:
        details |= {'generated_sepa_debit': None, 'generated_sepa_debit_mandate': None}
        if intent['setup_future_usage'] == 'off_session' and intent['customer']:
            kept, mandate = keep_as_debit(session, method, intent['customer'])
            details |= {
                'generated_sepa_debit': kept['id'],
                'generated_sepa_debit_mandate': mandate,
            }
    return details


def keep_as_debit(session: Session, method: Record, customer: str) -> tuple[Record, str]:
    """Store the bank account behind a payment as a SEPA debit.

    :param Session session: What is known.
    :param dict method: The payment method, which can't be used again.
    :param str customer: The customer's id.
    :return: The new payment method, and its mandate.
    :rtype: tuple[dict, str]
    """
    kept = payment_methods.create_other(
        session,
        {
            'type': 'sepa_debit',
            'sepa_debit': {'iban': bank_accounts.DEFAULT_IBAN},
            'billing_details': {
                **method['billing_details'],
                'name': method['billing_details']['name'] or "Bank Customer",
            },
        },
    )
    kept['_is_set_up'] = True
    payment_methods.attach_to(session, kept, customer)
    return kept, mandates.create_debit(session, kept)


def settle_due(session: Session) -> None:
    """Decide all debits whose time has come.

    :param Session session: What is known.
    """
    for found in session.all('payment_intent', status='processing'):
        if found.get('_final_at', session.now + 1) <= session.now:
            settle(session, session.get('payment_intent', found['id']))


def settle(session: Session, intent: Record, *, reason: str | None = None) -> None:
    """Decide a debit that is processing.

    :param Session session: What is known.
    :param dict intent: The payment intent, which changes.
    :param str reason: The bank's code if it fails; without it, what the test account is for.
    """
    method = session.get('payment_method', intent['payment_method'])
    charge = session.get('charge', intent['latest_charge'])
    account = bank_accounts.account_of(method)
    failure = bank_accounts.FAILURES[reason] if reason else account.failure
    if failure:
        _fail(session, intent, method, charge, failure)
        return
    _succeed(session, intent, method, charge)
    if account.returned:
        return_debit(session, intent, account.returned)


def _succeed(session: Session, intent: Record, method: Record, charge: Record) -> None:
    """Take the money."""
    charge |= {'status': 'succeeded', 'paid': True}
    charges.capture(session, intent, charge, intent['amount'])
    intent |= {'status': 'succeeded', 'amount_received': intent['amount'], 'processing': None}
    session.save(intent)
    session.emit('charge.succeeded', charge)
    session.emit('payment_intent.succeeded', intent)


def _fail(
    session: Session, intent: Record, method: Record, charge: Record, decline: Decline
) -> None:
    """Let the debit fail."""
    charge |= {
        'status': 'failed',
        'failure_code': decline.code,
        'failure_message': decline.message,
        'outcome': charges.outcome(decline),
    }
    session.save(charge)
    session.emit('charge.failed', charge)
    payments.ask_for_another_method(
        session,
        intent,
        {
            'type': 'card_error',
            'message': decline.message,
            'doc_url': DOCUMENTATION + decline.code.replace('_', '-'),
            'charge': charge['id'],
            'payment_method': rendering.render(session, method, session.caller.version),
            # As Stripe's message has it: the code is empty, the decline code says why.
            **(decline.details() | {'code': ''}),
        },
    )


def return_debit(session: Session, intent: Record, reason: str) -> Record:
    """Let the bank take a debit back that was paid.

    :param Session session: What is known.
    :param dict intent: The payment intent.
    :param str reason: The bank's code, such as `MD06`.
    :return: The dispute.
    :rtype: dict
    """
    charge = session.get('charge', intent['latest_charge'])
    dispute = disputes.create(session, charge, RETURN_REASONS[reason], status='lost')
    if reason in {'AC04', 'MD01', 'MS02'} and intent.get('_mandate'):
        mandates.end(session, intent['_mandate'])
    return dispute
