"""What a bank says to a payment: yes, no, or only with authentication.

Rules: Stripe documentation, "Testing: 3D Secure authentication" and "Charge a saved payment method
later" (off-session payments).
"""

from __future__ import annotations

from dataclasses import dataclass

from fake_gateway import cards, payment_methods
from fake_gateway.records import Record
from fake_gateway.store import Session


@dataclass(frozen=True)
class Answer:
    """The bank's answer: all None and False means yes."""

    decline: cards.Decline | None = None
    needs_authentication: bool = False


def ask(
    session: Session,
    method: Record,
    *,
    off_session: bool = False,
    is_authenticated: bool = False,
    wants_3ds: bool = False,
) -> Answer:
    """Ask the bank for a payment.

    :param Session session: What is known.
    :param dict method: The payment method.
    :param bool off_session: Whether the customer is away.
    :param bool is_authenticated: Whether the customer has just authenticated.
    :param bool wants_3ds: Whether authentication is asked for where the card doesn't need it.
    :rtype: Answer
    """
    card = payment_methods.card_of(method)
    if not is_authenticated and _needs_authentication(card, method, off_session, wants_3ds):
        if off_session:
            return Answer(cards.AUTHENTICATION_REQUIRED)
        return Answer(needs_authentication=True)
    if card.decline:
        return Answer(card.decline)
    return Answer(_expiry_decline(session, method))


def ask_to_save(
    session: Session, method: Record, *, is_authenticated: bool = False, wants_3ds: bool = False
) -> Answer:
    """Ask the bank to save a card without a payment, while the customer is there.

    :param Session session: What is known.
    :param dict method: The payment method.
    :param bool is_authenticated: Whether the customer has just authenticated.
    :param bool wants_3ds: Whether authentication is asked for where the card doesn't need it.
    :rtype: Answer
    """
    card = payment_methods.card_of(method)
    if not is_authenticated and _needs_authentication(card, method, False, wants_3ds):
        return Answer(needs_authentication=True)
    if card.attach_decline:
        return Answer(card.attach_decline)
    return Answer(_expiry_decline(session, method))


def _needs_authentication(
    card: cards.Card, method: Record, off_session: bool, wants_3ds: bool
) -> bool:
    """Return whether a card is accepted with authentication only."""
    if card.authentication is None:
        return False
    if card.authentication == 'optional':
        return wants_3ds and not off_session
    if off_session and card.authentication == 'unless_set_up':
        return not method['_is_set_up']
    return not (off_session and card.authentication == 'on_session')


def _expiry_decline(session: Session, method: Record) -> cards.Decline | None:
    """Return how an expired card is refused, or None."""
    today = session.store.clock.today()
    expiry = (method['card']['exp_year'], method['card']['exp_month'])
    return cards.EXPIRED if expiry < (today.year, today.month) else None
