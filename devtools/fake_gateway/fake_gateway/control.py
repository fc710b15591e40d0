"""The routes under `/_control/`, by which other processes steer the gateway. Bodies are JSON."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fake_gateway.errors import NotExecuted
from fake_gateway.records import Record, Values

if TYPE_CHECKING:
    from fake_gateway.gateway import FakeGateway


def answer(
    gateway: FakeGateway, method: str, path: str, values: Values
) -> Record | Callable[[], None]:
    """Answer a control request.

    :param FakeGateway gateway: What to steer.
    :param str method: The HTTP method.
    :param str path: The path, without `/_control/`.
    :param dict values: The body, or the query string.
    :return: What to answer, or what to do after an empty answer.
    :rtype: dict | Callable
    :raise NotExecuted: If there is no such route, or the values are wrong.
    """
    for route_method, pattern, function in ROUTES:
        match = re.fullmatch(pattern, path)
        if match and method == route_method:
            try:
                return function(gateway, *match.groups(), **values) or {}
            except (TypeError, ValueError, KeyError) as error:
                raise NotExecuted(400, 'invalid_request_error', str(error)) from error
    raise NotExecuted(404, 'invalid_request_error', f"There is no {method} /_control/{path}.")


def show_ledger(
    gateway: FakeGateway,
    kind: str | None = None,
    description: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Record:
    """Show movements of money."""
    found = gateway.ledger.movements(kind=kind, description=description, metadata=metadata)
    return {'movements': [movement.as_dict() for movement in found]}


def show_clock(gateway: FakeGateway) -> Record:
    """Show the time."""
    return {'now': gateway.clock.now(), 'time': gateway.clock.today().isoformat()}


def move_clock(
    gateway: FakeGateway, advance: float | None = None, time: str | None = None
) -> Record:
    """Move the clock by seconds, or to an ISO 8601 time."""
    if advance is not None and time is None:
        gateway.advance(advance)
    elif time is not None and advance is None:
        gateway.set_time(datetime.fromisoformat(time))
    else:
        raise ValueError("Give either advance or time.")
    return show_clock(gateway)


def show_faults(gateway: FakeGateway) -> Record:
    """Show the faults that can still happen."""
    return {'faults': [asdict(fault) for fault in gateway.faults.due()]}


def add_fault(gateway: FakeGateway, kind: str, **options: Any) -> Record:
    """Let something go wrong."""
    return asdict(gateway.faults.add(kind, **options))


def clear_faults(gateway: FakeGateway) -> None:
    """Let nothing go wrong any more."""
    gateway.faults.clear()


def release_faults(gateway: FakeGateway) -> None:
    """Let all requests go on that are held."""
    gateway.faults.release()


def refuse_connections(gateway: FakeGateway, seconds: float) -> Callable[[], None]:
    """Refuse connections for some seconds, once this request is answered."""
    return functools.partial(gateway.refuse_connections, seconds=float(seconds))


def change_settings(gateway: FakeGateway, **settings: Any) -> Record:
    """Change what `Settings` has."""
    for name, value in settings.items():
        if not hasattr(gateway.settings, name):
            raise ValueError(f"There is no setting {name}.")
        setattr(gateway.settings, name, value)
    return asdict(gateway.settings)


def show_requests(gateway: FakeGateway) -> Record:
    """Show the requests to the API, with their idempotency keys and statuses."""
    return {'requests': list(gateway.requests)}


def show_webhooks(gateway: FakeGateway) -> Record:
    """Show what waits to be sent, and what was sent."""
    return {
        'queued': gateway.webhooks.queued(),
        'attempts': [asdict(attempt) for attempt in gateway.webhooks.attempts()],
    }


def add_webhook(gateway: FakeGateway, url: str, secret: str, **options: Any) -> Record:
    """Send events to a URL."""
    return gateway.add_webhook(url, secret, **options)


def hold_webhooks(gateway: FakeGateway) -> None:
    """Queue events without sending them."""
    gateway.webhooks.hold()


def release_webhooks(gateway: FakeGateway, **options: Any) -> None:
    """Send what was held."""
    gateway.webhooks.release(**options)


def drop_webhooks(gateway: FakeGateway) -> Record:
    """Forget what was held."""
    return {'lost': gateway.webhooks.drop_queued()}


def delay_webhooks(gateway: FakeGateway, seconds: float) -> None:
    """Send events some seconds late."""
    gateway.webhooks.delay = seconds


def resend_webhook(gateway: FakeGateway, event: str, **options: Any) -> None:
    """Send an event again."""
    gateway.webhooks.resend(event, **options)


def settle_refund(gateway: FakeGateway, refund: str, outcome: str | None = None) -> Record:
    """Let time pass for a refund."""
    return gateway.settle_refund(refund, outcome)


def settle_payment(gateway: FakeGateway, intent: str, **options: Any) -> Record:
    """Decide a payment that is processing."""
    return gateway.settle_payment(intent, **options)


def return_debit(gateway: FakeGateway, intent: str, **options: Any) -> Record:
    """Let the bank take a debit back that was paid."""
    return gateway.return_debit(intent, **options)


def end_mandate(gateway: FakeGateway, mandate: str) -> Record:
    """End a mandate."""
    return gateway.end_mandate(mandate)


def renew_card(gateway: FakeGateway, payment_method: str, **card: Any) -> Record:
    """Change a card as its bank does."""
    return gateway.renew_card(payment_method, **card)


def list_cards(gateway: FakeGateway) -> Record:
    """Show the stored cards."""
    return {'payment_methods': gateway.list_cards()}


def treat_card_as(gateway: FakeGateway, payment_method: str, number: str) -> None:
    """Let a stored card be answered like another test card."""
    gateway.treat_card_as(payment_method, number)


def open_dispute(gateway: FakeGateway, payment_intent: str, **options: Any) -> Record:
    """Dispute a payment."""
    return gateway.open_dispute(payment_intent, **options)


def escalate_dispute(gateway: FakeGateway, dispute: str) -> Record:
    """Make a chargeback of an inquiry."""
    return gateway.escalate_dispute(dispute)


def close_dispute(gateway: FakeGateway, dispute: str, won: bool) -> Record:
    """Decide a dispute."""
    return gateway.close_dispute(dispute, won=won)


def enter_balance(gateway: FakeGateway, **values: Any) -> Record:
    """Let Stripe itself change the balance."""
    return gateway.enter_balance(**values)


def pay_out(gateway: FakeGateway, currency: str, **options: Any) -> Record:
    """Pay out what the balance has."""
    return gateway.pay_out(currency, **options)


def reconcile_payout(gateway: FakeGateway, payout: str) -> Record:
    """Let it be known what a payout is made of."""
    return gateway.reconcile_payout(payout)


def fail_payout(gateway: FakeGateway, payout: str) -> Record:
    """Let the bank refuse a payout."""
    return gateway.fail_payout(payout)


ROUTES: tuple[tuple[str, str, Callable[..., Record | Callable[[], None] | None]], ...] = (
    ('GET', r"ledger", show_ledger),
    ('GET', r"clock", show_clock),
    ('POST', r"clock", move_clock),
    ('GET', r"faults", show_faults),
    ('POST', r"faults", add_fault),
    ('DELETE', r"faults", clear_faults),
    ('POST', r"faults/release", release_faults),
    ('POST', r"connections/refuse", refuse_connections),
    ('POST', r"settings", change_settings),
    ('GET', r"requests", show_requests),
    ('GET', r"webhooks", show_webhooks),
    ('POST', r"webhooks", add_webhook),
    ('POST', r"webhooks/hold", hold_webhooks),
    ('POST', r"webhooks/release", release_webhooks),
    ('POST', r"webhooks/drop", drop_webhooks),
    ('POST', r"webhooks/delay", delay_webhooks),
    ('POST', r"webhooks/resend/(\w+)", resend_webhook),
    ('POST', r"refunds/(\w+)/settle", settle_refund),
    ('POST', r"payment_intents/(\w+)/settle", settle_payment),
    ('POST', r"payment_intents/(\w+)/return", return_debit),
    ('POST', r"mandates/(\w+)/end", end_mandate),
    ('POST', r"payment_intents/(\w+)/dispute", open_dispute),
    ('GET', r"payment_methods", list_cards),
    ('POST', r"payment_methods/(\w+)/renew", renew_card),
    ('POST', r"payment_methods/(\w+)/treat_as", treat_card_as),
    ('POST', r"disputes/(\w+)/escalate", escalate_dispute),
    ('POST', r"disputes/(\w+)/close", close_dispute),
    ('POST', r"balance_transactions", enter_balance),
    ('POST', r"payouts", pay_out),
    ('POST', r"payouts/(\w+)/reconcile", reconcile_payout),
    ('POST', r"payouts/(\w+)/fail", fail_payout),
)
