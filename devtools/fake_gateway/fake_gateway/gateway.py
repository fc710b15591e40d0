"""The gateway as a whole."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict

from fake_gateway import (
    api_versions,
    balance,
    debits,
    disputes,
    mandates,
    payment_methods,
    payments,
    payouts,
    refunds,
    rendering,
    webhook_endpoints,
)
from fake_gateway.api import Answer, Api, Request
from fake_gateway.clock import Clock
from fake_gateway.faults import Faults
from fake_gateway.http_server import HOST, Server
from fake_gateway.records import Record
from fake_gateway.store import Caller, Session, Store
from fake_gateway.webhooks import Webhooks

KEPT_REQUESTS = 100_000


class LoggedRequest(TypedDict):
    """What was asked of the API; `status` is None until it is answered."""

    method: str
    path: str
    version: str | None
    idempotency_key: str | None
    status: int | None


class FakeGateway:
    """A payment gateway on a port of this machine.

    Use it as a context manager, or `start` and `stop` it. `ledger` is what money moved, `clock`
    what time it is there, `faults` what is to go wrong, `webhooks` how events are sent, `settings`
    how it behaves otherwise, `requests` what was asked of the API, and `others` who else answers
    there, by the beginning of the path.

    Any key that begins with `sk_test_` or `pk_test_` is taken; a live key never is.
    """

    secret_key = 'sk_test_fakegateway'  # noqa: S105
    publishable_key = 'pk_test_fakegateway'

    def __init__(
        self,
        *,
        port: int = 0,
        journal: str | Path | None = None,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
    ) -> None:
        """Prepare a gateway.

        :param int port: Where to listen; 0 is a free port.
        :param str | Path journal: A file to keep everything in over restarts.
        :param str webhook_url: Where to send all events.
        :param str webhook_secret: What to sign them with.
        """
        self.clock = Clock()
        self.store = Store(self.clock, journal)
        self.ledger = self.store.ledger
        self.settings = self.store.settings
        self.faults = Faults()
        self.webhooks = Webhooks(self.clock)
        self.requests: deque[LoggedRequest] = deque(maxlen=KEPT_REQUESTS)
        self.others: dict[str, Callable[[Request], Answer]] = {}
        self.store.publish = self.webhooks.publish
        self._api = Api(self.store, self.faults)
        self._port = port
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._listening = threading.Lock()
        self._stopped = threading.Event()
        if webhook_url and not self._has_webhook(webhook_url):
            self.add_webhook(webhook_url, webhook_secret)

    # === Running === #

    @property
    def url(self) -> str:
        """Where the gateway is: what `https://api.stripe.com` is for Stripe."""
        return f'http://{HOST}:{self._port}'

    @property
    def script_url(self) -> str:
        """Where the browser's script is: what `https://js.stripe.com/v3/` is for Stripe."""
        return f'{self.url}/v3/'

    def start(self) -> FakeGateway:
        """Begin to answer.

        :return: The gateway.
        :rtype: FakeGateway
        """
        self.webhooks.start()
        self.accept_connections()
        return self

    def stop(self) -> None:
        """Stop answering."""
        self._stopped.set()
        self.faults.close()
        self.refuse_connections()
        self.webhooks.close()
        self.store.close()

    def __enter__(self) -> FakeGateway:
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @contextmanager
    def rolled_back(self) -> Iterator[None]:
        """Forget at the end of the block what has happened in it, as a database does.

        Only without a journal, which forgets nothing.
        """
        memory = self.store.remember()
        try:
            yield
        finally:
            self.store.go_back(memory)

    def accept_connections(self) -> None:
        """Listen again after `refuse_connections`."""
        with self._listening:
            if self._server is not None or self._stopped.is_set():
                return
            self._server = Server(self, self._port)
            self._port = self._server.server_port
            self._thread = threading.Thread(
                target=self._server.serve_forever,
                kwargs={'poll_interval': 0.01},
                name='fake gateway',
                daemon=True,
            )
            self._thread.start()

    def refuse_connections(self, *, seconds: float | None = None) -> None:
        """Break all connections, and refuse new ones as a machine does on which nothing runs.

        :param float seconds: For how long, in which this does not wait; without it, until
            `accept_connections`.
        """
        if seconds is not None:
            threading.Thread(target=self._refuse_for, args=(seconds,), daemon=True).start()
            return
        with self._listening:
            if self._server is not None and self._thread is not None:
                self._server.shutdown()
                self._server.server_close()
                self._server.break_connections()
                self._thread.join()
                self._server = None

    def _refuse_for(self, seconds: float) -> None:
        """Refuse connections for some seconds."""
        self.refuse_connections()
        self._stopped.wait(seconds)
        self.accept_connections()

    def answer(self, request: Request) -> Answer:
        """Answer a request to the API, and remember it.

        :param Request request: The request.
        :rtype: Answer
        """
        entry = self.note(request)
        answer = self._api.answer(request)
        entry['status'] = answer.status
        return answer

    def note(self, request: Request) -> LoggedRequest:
        """Remember a request.

        :param Request request: The request.
        :return: What is remembered, without the status of the answer.
        :rtype: LoggedRequest
        """
        entry: LoggedRequest = {
            'method': request.method,
            'path': request.path,
            'version': request.headers.get('stripe-version'),
            'idempotency_key': request.headers.get('idempotency-key'),
            'status': None,
        }
        self.requests.append(entry)
        return entry

    # === What banks, customers and time do === #

    def advance(self, seconds: float) -> None:
        """Move the clock forward; authorised payments expire, debits are decided.

        :param float seconds: By how much.
        """
        self.clock.advance(seconds)
        with self._session() as session:
            payments.expire_authorizations(session)
            debits.settle_due(session)

    def set_time(self, moment: datetime) -> None:
        """Set the clock; authorised payments expire, debits are decided.

        :param datetime moment: The new time; a naive one is UTC.
        """
        self.clock.set(moment)
        with self._session() as session:
            payments.expire_authorizations(session)
            debits.settle_due(session)

    def find(self, kind: str, identifier: str) -> Record:
        """Return an object as the API shows it.

        :param str kind: For example `payment_intent`.
        :param str identifier: Its id.
        :rtype: dict
        """
        with self._session() as session:
            return self._show(session, session.get(kind, identifier))

    def find_all(self, kind: str) -> list[Record]:
        """Return all objects of a kind as the API shows them, newest first.

        :param str kind: For example `payment_intent`.
        :rtype: list[dict]
        """
        with self._session() as session:
            return [self._show(session, record) for record in session.all(kind)]

    def settle_refund(self, refund: str, outcome: str | None = None) -> Record:
        """Let a pending refund succeed, or one that is to fail fail.

        :param str refund: Its id.
        :param str outcome: How it ends, if not so: see `refunds.settle`.
        :return: The refund.
        :rtype: dict
        """
        with self._session() as session:
            record = session.get('refund', refund)
            refunds.settle(session, record, outcome)
            return self._show(session, record)

    def settle_payment(self, intent: str, *, succeeds: bool = True, reason: str = 'AM04') -> Record:
        """Decide a payment that is processing.

        :param str intent: The payment intent's id.
        :param bool succeeds: Whether it succeeds; of a debit the test account decides, too.
        :param str reason: Why a debit fails: the bank's code, see `bank_accounts.FAILURES`.
        :return: The payment intent.
        :rtype: dict
        """
        with self._session() as session:
            record = session.get('payment_intent', intent)
            if record['status'] != 'processing':
                raise ValueError(f"{intent} is not processing.")
            if '_final_at' in record:
                debits.settle(session, record, reason=None if succeeds else reason)
            else:
                payments.settle(session, record, succeeds=succeeds)
            return self._show(session, record)

    def return_debit(self, payment_intent: str, *, reason: str = 'MD06') -> Record:
        """Let the bank take a debit back that was paid.

        :param str payment_intent: The payment intent's id.
        :param str reason: The bank's code, see `bank_accounts.RETURN_REASONS`.
        :return: The dispute, which is lost.
        :rtype: dict
        """
        with self._session() as session:
            intent = session.get('payment_intent', payment_intent)
            return self._show(session, debits.return_debit(session, intent, reason))

    def end_mandate(self, mandate: str) -> Record:
        """End a mandate, as the customer or the bank does.

        :param str mandate: Its id.
        :return: The mandate.
        :rtype: dict
        """
        with self._session() as session:
            return self._show(session, mandates.end(session, mandate))

    def open_dispute(
        self,
        payment_intent: str,
        *,
        reason: str = 'fraudulent',
        amount: int | None = None,
        status: str = 'needs_response',
    ) -> Record:
        """Dispute a payment.

        :param str payment_intent: The payment intent's id.
        :param str reason: Why.
        :param int amount: The amount in minor units; without it, all that is not refunded.
        :param str status: How it begins, see `disputes.create`.
        :return: The dispute.
        :rtype: dict
        """
        with self._session() as session:
            intent = session.get('payment_intent', payment_intent)
            charge = session.get('charge', intent['latest_charge'])
            return self._show(session, disputes.create(session, charge, reason, amount, status))

    def escalate_dispute(self, dispute: str) -> Record:
        """Let the bank make a chargeback of an inquiry.

        :param str dispute: Its id.
        :return: The dispute.
        :rtype: dict
        """
        with self._session() as session:
            record = session.get('dispute', dispute)
            disputes.escalate(session, record)
            return self._show(session, record)

    def close_dispute(self, dispute: str, *, won: bool) -> Record:
        """Decide a dispute.

        :param str dispute: Its id.
        :param bool won: Whether the account keeps the money.
        :return: The dispute.
        :rtype: dict
        """
        with self._session() as session:
            record = session.get('dispute', dispute)
            disputes.close(session, record, won=won)
            return self._show(session, record)

    def enter_balance(
        self, entry_type: str, amount: int, currency: str, *, description: str | None = None
    ) -> Record:
        """Let Stripe itself change the balance: a fee of the account, an adjustment, a reserve.

        :param str entry_type: The type of the balance transaction, such as `stripe_fee`.
        :param int amount: The amount in minor units, negative if it leaves the account.
        :param str currency: The currency of the balance.
        :param str description: What Stripe says about it.
        :return: The balance transaction.
        :rtype: dict
        """
        with self._session() as session:
            entry = balance.enter(session, entry_type, amount, currency, description=description)
            return self._show(session, entry)

    def pay_out(self, currency: str, **options: Any) -> Record:
        """Pay out all that the balance has in a currency.

        :param str currency: The currency.
        :param options: What `payouts.create` takes besides.
        :return: The payout.
        :rtype: dict
        """
        with self._session() as session:
            return self._show(session, payouts.create(session, currency, **options))

    def reconcile_payout(self, payout: str) -> Record:
        """Let it be known what a payout is made of.

        :param str payout: Its id.
        :return: The payout.
        :rtype: dict
        """
        with self._session() as session:
            record = session.get('payout', payout)
            payouts.reconcile(session, record)
            return self._show(session, record)

    def fail_payout(self, payout: str) -> Record:
        """Let the bank refuse a payout.

        :param str payout: Its id.
        :return: The payout.
        :rtype: dict
        """
        with self._session() as session:
            record = session.get('payout', payout)
            payouts.fail(session, record)
            return self._show(session, record)

    def renew_card(self, payment_method: str, **card: Any) -> Record:
        """Change a card as its bank does when it is replaced.

        :param str payment_method: The payment method's id.
        :param card: The new `exp_month`, `exp_year` and `last4`, as far as they change.
        :return: The payment method.
        :rtype: dict
        """
        with self._session() as session:
            return self._show(session, payment_methods.renew(session, payment_method, card))

    def treat_card_as(self, payment_method: str, number: str) -> None:
        """Let a stored card be answered like another test card from now on.

        A card that worked is lost, closed or empty one day; Stripe's test mode has no such day.

        :param str payment_method: The payment method's id.
        :param str number: The number of the test card that it behaves like.
        """
        with self._session() as session:
            payment_methods.treat_as(session, payment_method, number)

    def list_cards(self) -> list[Record]:
        """Return the stored cards, newest first.

        :return: The id, brand and last digits of each, and the name of its customer.
        :rtype: list[dict]
        """
        names = {one['id']: one.get('name') for one in self.find_all('customer')}
        return [
            {
                'id': method['id'],
                'brand': method[method['type']].get('brand') or method['type'],
                'last4': method[method['type']].get('last4'),
                'customer': names[method['customer']],
            }
            for method in self.find_all('payment_method')
            if method['customer']
        ]

    def add_webhook(
        self,
        url: str,
        secret: str | None,
        *,
        enabled_events: Iterable[str] = ('*',),
        api_version: str | None = None,
    ) -> Record:
        """Send events to a URL.

        :param str url: Where.
        :param str secret: What to sign them with; without it they are not signed.
        :param list enabled_events: Which types; `*` is all.
        :param str api_version: How to render the objects.
        :return: The webhook endpoint, with its secret.
        :rtype: dict
        """
        with self._session() as session:
            endpoint = webhook_endpoints.register(
                session,
                url,
                secret=secret,
                enabled_events=enabled_events,
                api_version=api_version,
            )
            return self._show(session, endpoint)

    def move_webhooks(self, url: str) -> None:
        """Send all events to another URL, because the server that takes them has moved.

        :param str url: Where.
        """
        with self._session() as session:
            for endpoint in session.all('webhook_endpoint'):
                if not endpoint.get('deleted') and endpoint['url'] != url:
                    session.save(endpoint | {'url': url})

    def _has_webhook(self, url: str) -> bool:
        """Return whether events are sent to a URL already; the journal may tell."""
        return any(endpoint.get('url') == url for endpoint in self.find_all('webhook_endpoint'))

    def _session(self) -> AbstractContextManager[Session]:
        """Return a session of the gateway itself."""
        return self.store.session(Caller(version=api_versions.ACCOUNT_DEFAULT))

    def _show(self, session: Session, record: Record) -> Record:
        """Return an object as the API shows it."""
        return rendering.render(session, record, session.caller.version)
