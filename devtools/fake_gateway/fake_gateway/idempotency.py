"""Idempotency keys.

Rules: Stripe documentation, "Idempotent requests": the first answer after execution began is
stored, errors included, and is given again for 24 hours; other parameters are an error; a request
that fails validation, or comes while the first one is under way, stores nothing. "Error codes":
`idempotency_key_in_use`.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fake_gateway.errors import NotExecuted
from fake_gateway.parameters import RawParameters
from fake_gateway.records import Record
from fake_gateway.store import Session, Store

KEPT_SECONDS = 24 * 3600
LONGEST = 255


class IdempotencyKeys:
    """The keys that are in use, and the answers that are stored."""

    def __init__(self, store: Store) -> None:
        """Use the answers of a store.

        :param Store store: Where answers are kept.
        """
        self._store = store
        self._lock = threading.Lock()
        self._in_use: set[str] = set()

    @contextmanager
    def using(self, key: str | None) -> Iterator[None]:
        """Keep a key from being used by two requests at once.

        :param str key: The key, or None.
        :raise NotExecuted: If another request is using it.
        """
        if key is None:
            yield
            return
        if len(key) > LONGEST:
            raise NotExecuted(
                400,
                'idempotency_error',
                f"Idempotency keys can be at most {LONGEST} characters long.",
            )
        with self._lock:
            if key in self._in_use:
                raise NotExecuted(
                    409,
                    'idempotency_error',
                    "There is currently another in-progress request using this Idempotent Key"
                    " (that probably means you submitted twice, and the other request is still"
                    f" going through): {key}. Please try again later.",
                    code='idempotency_key_in_use',
                )
            self._in_use.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._in_use.discard(key)

    def stored(
        self, key: str | None, path: str, parameters: RawParameters
    ) -> tuple[int, Record] | None:
        """Return the answer that the first request with a key got.

        :param str key: The key, or None.
        :param str path: Where the request goes.
        :param dict parameters: What it says.
        :return: The HTTP status and body, or None.
        :rtype: tuple[int, dict] | None
        :raise NotExecuted: If the first request was another one.
        """
        with self._store.lock:
            answer = self._store.answers.get(key) if key else None
            now = self._store.clock.now()
        if answer is None or answer['time'] + KEPT_SECONDS <= now:
            return None
        if answer['path'] != path:
            raise NotExecuted(
                400,
                'idempotency_error',
                "Keys for idempotent requests can only be used for the same endpoint they were"
                f" first used for ('{path}' vs '{answer['path']}'). Try using a key other than"
                f" '{key}' if you meant to execute a different request.",
            )
        if answer['parameters'] != _digest(parameters):
            raise NotExecuted(
                400,
                'idempotency_error',
                "Keys for idempotent requests can only be used with the same parameters they were"
                f" first used with. Try using a key other than '{key}' if you meant to execute a"
                " different request.",
            )
        return answer['status'], answer['body']


def store(
    session: Session, path: str, parameters: RawParameters, status: int, body: Record
) -> None:
    """Store the answer to a request, together with what it changed.

    :param Session session: The request's session.
    :param str path: Where it went.
    :param dict parameters: What it said.
    :param int status: The HTTP status.
    :param dict body: The body.
    """
    key = session.caller.idempotency_key
    if key:
        session.answers[key] = {
            'path': path,
            'parameters': _digest(parameters),
            'status': status,
            'body': body,
            'time': session.now,
        }


def _digest(parameters: RawParameters) -> str:
    """Return a short form of parameters, to compare them by."""
    return hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()
