"""What becomes of the gateway's messages on their way to Odoo: late, twice, reordered, or lost."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from http import HTTPStatus

from fake_gateway import FakeGateway

# What the addon asks Stripe for, as far as charges of saved cards are concerned.
EVENT_TYPES = (
    'payment_intent.processing',
    'payment_intent.amount_capturable_updated',
    'payment_intent.succeeded',
    'payment_intent.payment_failed',
    'payment_intent.canceled',
    # Of debits that banks return.
    'charge.dispute.created',
    'charge.dispute.closed',
)
PATH = '/payment/stripe/webhook'
API_VERSION = '2019-05-16'
ORDERS = ('queued', 'reversed', 'shuffled')
COPIES = (1, 1, 1, 2, 3)
HOLD_SHARE = 0.4
LOSE_SHARE = 0.1
# What a slow one takes, in seconds: longer than a worker needs for its next charges.
DELAYS = (0, 0, 0.3)
OLD_ONES_AT_ONCE = 3
OLD_ONES_SHARE_AT_THE_END = 3
SECONDS_TO_DELIVER = 600


class Post:
    """The way from the gateway's webhooks to Odoo."""

    def __init__(self, gateway: FakeGateway, address: str, numbers: random.Random) -> None:
        """Let the gateway send its messages to Odoo.

        :param FakeGateway gateway: The gateway.
        :param str address: Where Odoo answers.
        :param random.Random numbers: What all choices depend on.
        """
        self.secret = f'whsec_{secrets.token_hex(16)}'
        self._webhooks = gateway.webhooks
        self._numbers = numbers
        self.counts: Counter[str] = Counter()
        gateway.add_webhook(
            f'{address}{PATH}', self.secret, enabled_events=EVENT_TYPES, api_version=API_VERSION
        )

    def hold(self) -> None:
        """Keep back what is sent from now on."""
        self._webhooks.hold()

    def lose(self) -> None:
        """Lose what is kept back; it is sent again at the end only."""
        self.counts['lost'] += len(self._webhooks.drop_queued())

    def deliver_somehow(self) -> None:
        """Deliver what was kept back, in some order and number, or keep on; repeat old ones."""
        if self._numbers.random() < LOSE_SHARE:
            self.lose()
        if self._numbers.random() < HOLD_SHARE:
            self.hold()
        else:
            self._webhooks.release(
                order=self._numbers.choice(ORDERS),
                seed=self._numbers.getrandbits(32),
                copies=self._numbers.choice(COPIES),
            )
        self._webhooks.delay = self._numbers.choice(DELAYS)
        self._repeat(self._numbers.randint(0, OLD_ONES_AT_ONCE))

    def deliver_queued(self) -> None:
        """Deliver everything that was kept back, in some order, and wait until it is there."""
        self._webhooks.delay = 0
        self._webhooks.release(order='shuffled', seed=self._numbers.getrandbits(32))
        self._wait()

    def deliver_all(self) -> list[str]:
        """Deliver everything that wasn't yet, as Stripe does in the course of days.

        :return: What is wrong.
        :rtype: list[str]
        """
        self.deliver_queued()
        for event_id in self._undelivered():
            self._webhooks.resend(event_id)
        self._wait()
        return [f"Odoo never accepted the webhook {one}" for one in self._undelivered()]

    def repeat_old_ones(self) -> None:
        """Deliver one message in so many once more, long after everything is settled."""
        self._repeat(len(self._webhooks.event_ids()) // OLD_ONES_SHARE_AT_THE_END)
        self._wait()

    def count(self) -> Counter[str]:
        """Count what was sent, what came more than once, and what Odoo answered with an error.

        :rtype: Counter
        """
        attempts = self._webhooks.attempts()
        return self.counts + Counter(
            sent=len(attempts),
            repeated=len(attempts) - len({attempt.event_id for attempt in attempts}),
            refused=sum(attempt.status != HTTPStatus.OK for attempt in attempts),
        )

    def _repeat(self, count: int) -> None:
        """Send some messages again that were sent, or lost, before."""
        known = self._webhooks.event_ids()
        for event_id in self._numbers.sample(known, min(count, len(known))):
            self._webhooks.resend(event_id)

    def _undelivered(self) -> list[str]:
        """Return the messages that Odoo has not accepted.

        :rtype: list[str]
        """
        delivered = {
            attempt.event_id
            for attempt in self._webhooks.attempts()
            if attempt.status == HTTPStatus.OK
        }
        return [one for one in self._webhooks.event_ids() if one not in delivered]

    def _wait(self) -> None:
        """Wait until nothing is under way."""
        self._webhooks.wait_until_sent(SECONDS_TO_DELIVER)
