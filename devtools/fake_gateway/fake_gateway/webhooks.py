"""Sending events to webhook endpoints, signed as Stripe does.

Rules: Stripe documentation, "Resolve webhook signature verification errors" and "Receive Stripe
events in your webhook endpoint". What Stripe does by itself after hours (try again, send twice,
send in another order) happens here on demand only.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, replace

from fake_gateway.clock import Clock
from fake_gateway.records import Outgoing

TIMEOUT_SECONDS = 30


def signature(body: bytes, secret: str, timestamp: int) -> str:
    """Return the value of the header `Stripe-Signature`.

    :param bytes body: The request's body.
    :param str secret: The endpoint's secret.
    :param int timestamp: When it is signed, in seconds since 1970.
    :rtype: str
    """
    signed = f'{timestamp}.'.encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f't={timestamp},v1={digest}'


@dataclass(frozen=True)
class Delivery:
    """An event on its way to an endpoint; without a secret it is sent unsigned."""

    event_id: str
    event_type: str
    url: str
    body: bytes
    secret: str | None
    signed_at: int | None = None
    due: float = 0.0


@dataclass(frozen=True)
class Attempt:
    """What became of a delivery; `status` is None if there was no answer."""

    event_id: str
    event_type: str
    url: str
    status: int | None


class Webhooks:
    """The queue of events to send, sent one after the other by a thread."""

    def __init__(self, clock: Clock) -> None:
        """Start with an empty queue.

        :param Clock clock: The time for the signatures.
        """
        self._clock = clock
        self._condition = threading.Condition()
        self._queue: list[Delivery] = []
        self._sent: dict[str, list[Delivery]] = {}
        self._attempts: list[Attempt] = []
        self._is_held = False
        self._is_sending = False
        self._is_closed = False
        self.delay = 0.0
        self._thread = threading.Thread(target=self._work, name='webhooks', daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def close(self) -> None:
        """Stop sending; what is queued is lost."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()
        if self._thread.is_alive():
            self._thread.join(TIMEOUT_SECONDS)

    def publish(self, deliveries: Iterable[Outgoing]) -> None:
        """Queue events.

        :param list deliveries: For each: the endpoint's URL and secret, and the event.
        """
        due = time.monotonic() + self.delay
        with self._condition:
            for url, secret, event in deliveries:
                body = json.dumps(event, indent=2).encode()
                delivery = Delivery(event['id'], event['type'], url, body, secret, due=due)
                self._sent.setdefault(event['id'], []).append(delivery)
                self._queue.append(delivery)
            self._condition.notify_all()

    # === Control === #

    def hold(self) -> None:
        """Queue events without sending them."""
        with self._condition:
            self._is_held = True

    def release(self, *, order: str = 'queued', seed: int = 0, copies: int = 1) -> None:
        """Send what was held, and what comes from now on.

        :param str order: `queued`, `reversed` or `shuffled`.
        :param int seed: What the shuffled order follows from.
        :param int copies: How many times to send each of the held events.
        """
        with self._condition:
            if order == 'reversed':
                self._queue.reverse()
            elif order == 'shuffled':
                random.Random(seed).shuffle(self._queue)  # noqa: S311
            elif order != 'queued':
                raise ValueError(f"{order} is none of queued, reversed, shuffled.")
            self._queue = [one for one in self._queue for _copy in range(copies)]
            self._is_held = False
            self._condition.notify_all()

    def drop_queued(self) -> list[str]:
        """Forget what was held, as if it were lost on the way.

        :return: The types of the lost events.
        :rtype: list[str]
        """
        with self._condition:
            lost, self._queue = self._queue, []
        return [delivery.event_type for delivery in lost]

    def resend(
        self,
        event_id: str,
        *,
        copies: int = 1,
        signed_at: int | None = None,
        secret: str | None = None,
        unsigned: bool = False,
    ) -> None:
        """Send an event again.

        :param str event_id: Which.
        :param int copies: How many times.
        :param int signed_at: The time to sign it with, instead of now.
        :param str secret: The secret to sign it with, instead of the endpoint's.
        :param bool unsigned: Whether to send it without a signature.
        :raise KeyError: If there is no such event, or no endpoint wanted it.
        """
        with self._condition:
            for delivery in list(self._sent[event_id]):
                used_secret = None if unsigned else secret or delivery.secret
                again = replace(delivery, secret=used_secret, signed_at=signed_at, due=0.0)
                self._queue.extend([again] * copies)
            self._condition.notify_all()

    def event_ids(self) -> list[str]:
        """Return the ids of all events that an endpoint wanted, lost ones too, oldest first.

        :rtype: list[str]
        """
        with self._condition:
            return list(self._sent)

    def queued(self) -> list[str]:
        """Return the types of the events that wait.

        :rtype: list[str]
        """
        with self._condition:
            return [delivery.event_type for delivery in self._queue]

    def attempts(self) -> list[Attempt]:
        """Return what was sent, oldest first.

        :rtype: list[Attempt]
        """
        with self._condition:
            return list(self._attempts)

    def wait_until_sent(self, timeout: float = 30) -> bool:
        """Wait until nothing is left to send.

        :param float timeout: For how many seconds to wait at most.
        :return: Whether nothing is left.
        :rtype: bool
        """
        with self._condition:
            return self._condition.wait_for(
                lambda: not self._queue and not self._is_sending, timeout=timeout
            )

    # === Sending === #

    def _work(self) -> None:
        """Send what is queued, until closed."""
        while (delivery := self._next()) is not None:
            status = self._send(delivery)
            attempt = Attempt(delivery.event_id, delivery.event_type, delivery.url, status)
            with self._condition:
                self._attempts.append(attempt)
                self._is_sending = False
                self._condition.notify_all()

    def _next(self) -> Delivery | None:
        """Wait for a delivery that is due; return None when closed."""
        with self._condition:
            while not self._is_closed:
                wait = None
                if self._queue and not self._is_held:
                    wait = self._queue[0].due - time.monotonic()
                    if wait <= 0:
                        self._is_sending = True
                        return self._queue.pop(0)
                self._condition.wait(timeout=wait)
        return None

    def _send(self, delivery: Delivery) -> int | None:
        """Send an event.

        :return: The HTTP status of the answer, or None.
        :rtype: int | None
        """
        headers = {
            'Content-Type': 'application/json; charset=utf-8',
            'User-Agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
        }
        if delivery.secret:
            timestamp = delivery.signed_at or self._clock.now()
            headers['Stripe-Signature'] = signature(delivery.body, delivery.secret, timestamp)
        request = urllib.request.Request(delivery.url, delivery.body, headers, method='POST')
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                status: int = response.status
                return status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None
