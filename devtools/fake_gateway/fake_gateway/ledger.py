"""The ledger: every movement of money, in order; none is ever changed.

This is what tests believe: if a payment was taken twice, two movements say so.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from fake_gateway.records import Record

MONEY_IN = frozenset({'charge', 'capture', 'refund_reversal', 'dispute_reversal'})
MONEY_OUT = frozenset({'refund', 'dispute'})


@dataclass(frozen=True)
class Movement:
    """A movement of money between a cardholder and the account.

    `kind` is `charge` (authorised and captured at once), `capture`, `refund`, `refund_reversal`
    (the refund failed later), `dispute` or `dispute_reversal`. `amount` is positive, in minor
    units. `idempotency_key` is that of the request which moved the money. `time` is in seconds
    since 1970, UTC. `description` and `metadata` are those of the payment intent.
    """

    id: str
    kind: str
    amount: int
    currency: str
    payment_intent: str
    charge: str
    time: int
    refund: str | None = None
    customer: str | None = None
    idempotency_key: str | None = None
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def signed_amount(self) -> int:
        """The amount, negative if the money left the account."""
        return -self.amount if self.kind in MONEY_OUT else self.amount

    def as_dict(self) -> Record:
        """Return the movement as it is shown and kept in the journal.

        :rtype: dict
        """
        return asdict(self)


class Ledger:
    """All movements."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._movements: list[Movement] = []

    def append(self, movements: Iterable[Movement]) -> None:
        """Add movements.

        :param list movements: What moved, in order.
        """
        with self._changed:
            self._movements.extend(movements)
            self._changed.notify_all()

    def replace(self, movements: Iterable[Movement]) -> None:
        """Have these movements and no others.

        :param list movements: What moved, in order.
        """
        with self._changed:
            self._movements[:] = movements
            self._changed.notify_all()

    def movements(
        self,
        *,
        kind: str | None = None,
        description: str | None = None,
        metadata: dict[str, str] | None = None,
    ) -> list[Movement]:
        """Return movements, oldest first.

        :param str kind: Only of this kind.
        :param str description: Only of payments with this description.
        :param dict metadata: Only of payments with these metadata.
        :rtype: list[Movement]
        """
        with self._changed:
            found = list(self._movements)
        return [
            movement
            for movement in found
            if (kind is None or movement.kind == kind)
            and (description is None or movement.description == description)
            and (not metadata or metadata.items() <= movement.metadata.items())
        ]

    def wait_until(self, count: int, timeout: float = 10) -> bool:
        """Wait until there are so many movements.

        :param int count: How many.
        :param float timeout: For how many seconds to wait at most.
        :return: Whether there are.
        :rtype: bool
        """
        with self._changed:
            return self._changed.wait_for(lambda: len(self._movements) >= count, timeout=timeout)

    def payments(self, **filters: Any) -> list[Movement]:
        """Return the charges and captures, oldest first.

        :param filters: `description` and `metadata`, as in `movements`.
        :rtype: list[Movement]
        """
        found = self.movements(**filters)
        return [movement for movement in found if movement.kind in {'charge', 'capture'}]

    def net_amount(self, **filters: Any) -> int:
        """Return what the account has from these movements.

        :param filters: As in `movements`.
        :return: An amount in minor units; all movements must be in one currency.
        :rtype: int
        :raise ValueError: If they are in several currencies.
        """
        found = self.movements(**filters)
        currencies = {movement.currency for movement in found}
        if len(currencies) > 1:
            raise ValueError(f"Amounts in {', '.join(sorted(currencies))} can't be added.")
        return sum(movement.signed_amount for movement in found)

    def net_amounts_by(self, key: str) -> dict[tuple[str | None, str], int]:
        """Add up what the account has from each payment, order, or whatever else is described.

        :param str key: `description`, or the name of a metadata key.
        :return: Net amounts in minor units by that value and currency.
        :rtype: dict[tuple[str, str], int]
        """
        totals: dict[tuple[str | None, str], int] = {}
        for movement in self.movements():
            value = movement.description if key == 'description' else movement.metadata.get(key)
            total = totals.setdefault((value, movement.currency), 0)
            totals[value, movement.currency] = total + movement.signed_amount
        return totals
