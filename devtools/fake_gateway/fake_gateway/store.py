"""The gateway's objects, and the sessions in which a request reads and changes them."""

from __future__ import annotations

import copy
import json
import secrets
import string
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, TypedDict

from fake_gateway import api_versions, balance, rendering
from fake_gateway.clock import Clock
from fake_gateway.errors import NoSuchObject
from fake_gateway.ledger import Ledger, Movement
from fake_gateway.records import Outgoing, Record

ALPHABET = string.ascii_letters + string.digits
PREFIXES = {
    'apple_pay_domain': 'apwc',
    'balance_transaction': 'txn',
    'charge': 'ch',
    'customer': 'cus',
    'dispute': 'dp',
    'event': 'evt',
    'file': 'file',
    'mandate': 'mandate',
    'movement': 'mv',
    'payment_intent': 'pi',
    'payment_method': 'pm',
    'payout': 'po',
    'refund': 're',
    'setup_attempt': 'setatt',
    'setup_intent': 'seti',
    'webhook_endpoint': 'we',
}


def new_token(length: int = 24) -> str:
    """Return a random text of letters and digits.

    :param int length: How long it is.
    :rtype: str
    """
    return ''.join(secrets.choice(ALPHABET) for _ in range(length))


@dataclass
class Caller:
    """Who asks: the API version and keys of a request."""

    version: str
    is_publishable: bool = False
    idempotency_key: str | None = None
    request_id: str | None = None
    base_url: str = ''


@dataclass
class Settings:
    """How the gateway behaves.

    A new payment intent is found by a search after `search_delay` seconds. The next
    `processing_payments` approved payments stay undecided until they are settled, and the next
    `unsure_refunds` refunds need something of the customer. The balance is kept in
    `settlement_currency`, to which others are converted at `exchange_rate`; without it each payment
    stays in its own. `revoked_keys` are of no use any more, restricted keys (`rk_test_…`) may use
    the paths in `allowed_paths` only (`*` is a wildcard), and `live_objects` are ids of the
    account's other mode.
    """

    search_delay: int = 0
    processing_payments: int = 0
    unsure_refunds: int = 0
    settlement_currency: str = ''
    exchange_rate: float = 1.0
    revoked_keys: tuple[str, ...] = ()
    allowed_paths: tuple[str, ...] = ('*',)
    live_objects: tuple[str, ...] = ()


class StoredAnswer(TypedDict):
    """The first answer to an idempotency key, and the digest of the request's parameters."""

    path: str
    parameters: str
    status: int
    body: Record
    time: int


class Change(TypedDict):
    """What a session changed: a line of the journal."""

    objects: dict[str, dict[str, Record]]
    movements: list[Record]
    answers: dict[str, StoredAnswer]


@dataclass(frozen=True)
class Memory:
    """What a store has at a moment. Objects are never changed, but replaced."""

    objects: dict[str, dict[str, Record]]
    answers: dict[str, StoredAnswer]
    movements: list[Movement]


class Store:
    """All objects, by kind and id, in memory and optionally in a journal file.

    The journal has one line for each session that changed something, with the objects, the
    movements of money and the stored answer together: after a crash there is all of a change or
    nothing of it.
    """

    def __init__(self, clock: Clock, journal: str | Path | None = None) -> None:
        """Load what the journal has.

        :param Clock clock: The gateway's time.
        :param str | Path journal: The journal file, if there is one.
        """
        self.clock = clock
        self.lock = threading.RLock()
        self.ledger = Ledger()
        self.settings = Settings()
        self.answers: dict[str, StoredAnswer] = {}
        self.objects: dict[str, dict[str, Record]] = {kind: {} for kind in PREFIXES}
        # What to do with the events of a change, which are still to be sent.
        self.publish: Callable[[list[Outgoing]], None] = lambda deliveries: None
        self._journal: FileIO | None = None
        if journal:
            self._load(Path(journal))
            self._journal = Path(journal).open('ab', buffering=0)  # noqa: SIM115

    def _load(self, path: Path) -> None:
        """Read the journal, up to a line that was cut off by a crash."""
        if not path.exists():
            return
        content = path.read_bytes()
        complete = content[: content.rfind(b'\n') + 1]
        if complete != content:
            path.write_bytes(complete)
        for line in complete.splitlines():
            self._apply(json.loads(line))

    def _apply(self, change: Change) -> None:
        """Make a change that is already decided."""
        for kind, entries in change['objects'].items():
            self.objects[kind].update(entries)
        self.ledger.append([Movement(**values) for values in change['movements']])
        self.answers.update(change['answers'])

    def _commit(self, session: Session) -> None:
        """Make the changes of a session, whose lock is held."""
        change: Change = {
            'objects': session.changed,
            'movements': [movement.as_dict() for movement in session.movements],
            'answers': session.answers,
        }
        if any(change.values()):
            if self._journal:
                self._journal.write(json.dumps(change).encode() + b'\n')
            self._apply(change)
            self.publish(session.deliveries)

    def remember(self) -> Memory:
        """Return what there is now, to `go_back` to.

        :rtype: Memory
        """
        with self.lock:
            return Memory(
                objects={kind: dict(entries) for kind, entries in self.objects.items()},
                answers=dict(self.answers),
                movements=self.ledger.movements(),
            )

    def go_back(self, memory: Memory) -> None:
        """Forget what has happened since then; a journal doesn't.

        :param Memory memory: What there was.
        """
        with self.lock:
            for kind, entries in memory.objects.items():
                self.objects[kind].clear()
                self.objects[kind].update(entries)
            self.answers.clear()
            self.answers.update(memory.answers)
            self.ledger.replace(memory.movements)

    @contextmanager
    def session(self, caller: Caller) -> Iterator[Session]:
        """Read and change objects, alone; changes are made at the end, together.

        After an exception there are none.

        :param Caller caller: Who asks.
        :rtype: Session
        """
        with self.lock:
            session = Session(self, caller)
            yield session
            self._commit(session)

    def close(self) -> None:
        """Close the journal."""
        if self._journal:
            self._journal.close()


class Session:
    """What one request sees and changes."""

    def __init__(self, store: Store, caller: Caller) -> None:
        self.store = store
        self.caller = caller
        self.changed: dict[str, dict[str, Record]] = {}
        self.movements: list[Movement] = []
        self.answers: dict[str, StoredAnswer] = {}
        self.deliveries: list[Outgoing] = []

    def discard(self) -> None:
        """Forget the changes made so far."""
        self.changed, self.movements, self.deliveries = {}, [], []

    @property
    def now(self) -> int:
        """The time, in seconds since 1970."""
        return self.store.clock.now()

    def create(self, kind: str, values: Record) -> Record:
        """Make a new object.

        :param str kind: Its kind.
        :param dict values: Its fields besides the id.
        :return: The object; after changing it, `save` it.
        :rtype: dict
        """
        record = {
            'id': f'{PREFIXES[kind]}_{new_token()}',
            'object': kind,
            'created': self.now,
            'livemode': False,
            **values,
        }
        self.save(record)
        return record

    def save(self, record: Record) -> None:
        """Keep an object as it is now.

        :param dict record: The object.
        """
        self.changed.setdefault(record['object'], {})[record['id']] = record

    def find(self, kind: str, identifier: str) -> Record | None:
        """Return an object, or None.

        :param str kind: Its kind.
        :param str identifier: Its id.
        :return: The object; after changing it, `save` it.
        :rtype: dict | None
        """
        if identifier in self.changed.get(kind, {}):
            return self.changed[kind][identifier]
        return copy.deepcopy(self.store.objects[kind].get(identifier))

    def get(self, kind: str, identifier: str, param: str = 'id') -> Record:
        """Return an object.

        :param str kind: Its kind.
        :param str identifier: Its id.
        :param str param: The parameter that named it; `id` is the one in the path.
        :rtype: dict
        :raise NoSuchObject: If there is none.
        """
        record = self.find(kind, identifier)
        if identifier in self.store.settings.live_objects:
            raise NoSuchObject(kind, identifier, param, is_live=True)
        if record is None or record.get('deleted'):
            raise NoSuchObject(kind, identifier, param)
        return record

    def all(self, kind: str, **values: Any) -> list[Record]:
        """Return the objects that have these values, newest first. They are not to be changed.

        :param str kind: Their kind.
        :param values: What their fields must be.
        :rtype: list[dict]
        """
        records = (self.store.objects[kind] | self.changed.get(kind, {})).values()
        found = [
            record
            for record in records
            if all(record.get(name) == value for name, value in values.items())
        ]
        return found[::-1]

    def move_money(
        self, kind: str, intent: Record, charge: Record, amount: int, refund: Record | None = None
    ) -> None:
        """Write a movement of money into the ledger, and enter it into the balance.

        :param str kind: See `Movement`.
        :param dict intent: The payment intent.
        :param dict charge: The charge.
        :param int amount: The amount in minor units.
        :param dict refund: The refund, if it is one.
        """
        movement = Movement(
            id=f'{PREFIXES["movement"]}_{new_token()}',
            kind=kind,
            amount=amount,
            currency=intent['currency'],
            payment_intent=intent['id'],
            charge=charge['id'],
            refund=refund['id'] if refund else None,
            customer=intent['customer'],
            time=self.now,
            idempotency_key=self.caller.idempotency_key,
            description=intent['description'],
            metadata=intent['metadata'],
        )
        self.movements.append(movement)
        balance.follow(self, kind, charge, movement.signed_amount, refund)

    def emit(self, event_type: str, record: Record) -> None:
        """Record an event and send it to the webhook endpoints that want it.

        :param str event_type: For example `payment_intent.succeeded`.
        :param dict record: The object as it is now; it must be saved.
        """
        event = self.create(
            'event',
            {
                'type': api_versions.name_event(event_type, self.caller.version),
                'api_version': self.caller.version,
                'request': {
                    'id': self.caller.request_id,
                    'idempotency_key': self.caller.idempotency_key,
                },
                'data': {'object': self._snapshot(record, self.caller.version)},
            },
        )
        endpoints = []
        for endpoint in self.all('webhook_endpoint', status='enabled'):
            version = endpoint['api_version'] or self.caller.version
            name = api_versions.name_event(event_type, version)
            if not {'*', name}.isdisjoint(endpoint['enabled_events']):
                endpoints.append((endpoint, version, name))
        event['pending_webhooks'] = len(endpoints)
        for endpoint, version, name in endpoints:
            sent = event | {
                'type': name,
                'api_version': version,
                'data': {'object': self._snapshot(record, version)},
            }
            self.deliveries.append((endpoint['url'], endpoint['_secret'], sent))

    def _snapshot(self, record: Record, version: str) -> Record:
        """Return an object as it is shown now, which later changes don't reach."""
        return copy.deepcopy(rendering.render(self, record, version))
