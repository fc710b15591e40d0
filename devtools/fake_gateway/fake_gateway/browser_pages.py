"""What the customer's browser gets: the script with the card form, and the 3-D Secure page."""

from __future__ import annotations

import html
from pathlib import Path
from urllib.parse import urlencode

from fake_gateway import debits, payments, setup_intents
from fake_gateway.errors import InvalidRequest
from fake_gateway.intent_parameters import check_client_secret
from fake_gateway.records import Record, Values
from fake_gateway.rendering import render
from fake_gateway.store import Session

DIRECTORY = Path(__file__).parent / 'browser'
SCRIPT_PATHS = frozenset({'/v3', '/v3/', '/stripe.js'})
OUTCOMES = ('complete', 'fail')


def script() -> bytes:
    """Return the script that stands in for Stripe.js.

    :rtype: bytes
    """
    return (DIRECTORY / 'stripe.js').read_bytes()


def three_d_secure_page(session: Session, identifier: str, values: Values) -> bytes:
    """Return the page on which the customer authenticates.

    :param Session session: What is known.
    :param str identifier: The intent's id.
    :param dict values: The query string, with the `client_secret`.
    :rtype: bytes
    """
    intent = _intent(session, identifier, values)
    page = (DIRECTORY / 'three_d_secure.html').read_text()
    return page.replace('{client_secret}', html.escape(intent['client_secret'])).encode()


def authenticate(session: Session, identifier: str, values: Values) -> tuple[Record, str | None]:
    """Let the customer authenticate, or fail to.

    :param Session session: What is known.
    :param str identifier: The intent's id.
    :param dict values: The form, with the `client_secret` and the `outcome`.
    :return: The intent, rendered, and where to send the customer, if anywhere.
    :rtype: tuple[dict, str | None]
    """
    intent = _intent(session, identifier, values)
    if intent['status'] != 'requires_action':
        raise InvalidRequest("There is nothing to authenticate.")
    if values.get('outcome') not in OUTCOMES:
        raise InvalidRequest("Invalid outcome: must be one of complete, fail", param='outcome')
    redirect = intent['next_action'].get('redirect_to_url')
    module = payments if intent['object'] == 'payment_intent' else setup_intents
    if values['outcome'] == 'complete':
        method = session.get('payment_method', intent['payment_method'])
        if module is payments and method['type'] != 'card':
            debits.go_on(session, intent, method)
        else:
            module.authenticated(session, intent)
    else:
        module.authentication_failed(session, intent)
    shown = render(session, intent, session.caller.version)
    return shown, redirect and return_address(redirect['return_url'], intent)


def _intent(session: Session, identifier: str, values: Values) -> Record:
    """Return the intent, if the browser knows its secret."""
    kind = 'payment_intent' if identifier.startswith('pi_') else 'setup_intent'
    intent = session.get(kind, identifier)
    check_client_secret(session, intent, values)
    return intent


def return_address(return_url: str, intent: Record) -> str:
    """Return where the customer goes when all is done.

    :param str return_url: The merchant's page.
    :param dict intent: The intent.
    :rtype: str
    """
    kind = intent['object']
    succeeded = intent['status'] in {'succeeded', 'processing', 'requires_capture'}
    query = urlencode(
        {
            kind: intent['id'],
            f'{kind}_client_secret': intent['client_secret'],
            'redirect_status': 'succeeded' if succeeded else 'failed',
        }
    )
    return f'{return_url}{"&" if "?" in return_url else "?"}{query}'
