"""Faults on demand: what goes wrong between a client and its gateway."""

from __future__ import annotations

import fnmatch
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fake_gateway.parameters import RawParameters

KINDS = {
    'hang_before': "Wait, then execute and answer, even if the client has gone.",
    'hang_after': "Execute, wait, then answer.",
    'drop_before': "Close the connection without executing anything.",
    'drop_after': "Execute, then close the connection without an answer.",
    'rate_limit': "Answer 429 without executing anything.",
    'error_before': "Answer 500 without executing anything.",
    'error_after': "Execute, then answer 500; a retry with the same key gets the 500 again.",
}


@dataclass
class Fault:
    """A fault, and the requests it happens to.

    `kind` is one of `KINDS`; `seconds` is how long to wait, which any kind can. The fault happens
    `times` times (None: always), after the first `skip` requests that match, each time with
    `probability` by the random numbers of `seed`. A request matches by `method`, `path` (`*` is a
    wildcard: `/v1/payment_intents/*/capture`) and `parameters` (top-level ones, as sent).
    """

    kind: str
    seconds: float = 0
    times: int | None = 1
    skip: int = 0
    probability: float = 1
    seed: int = 0
    method: str | None = None
    path: str = '*'
    parameters: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind} is none of {', '.join(KINDS)}.")
        self._random = random.Random(self.seed)  # noqa: S311

    def happens_to(self, method: str, path: str, parameters: Mapping[str, str]) -> bool:
        """Return whether the fault happens to a request, and count it.

        :param str method: The HTTP method.
        :param str path: The path.
        :param dict parameters: The parameters as sent.
        :rtype: bool
        """
        if (
            self.times == 0
            or self.method not in {None, method}
            or not fnmatch.fnmatchcase(path, self.path)
            or not self.parameters.items() <= parameters.items()
        ):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self._random.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """The faults that are due, and the requests that they hold."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._due: list[Fault] = []
        self._held = 0
        self._releases = 0
        self._is_closed = False

    def add(self, kind: str, **options: Any) -> Fault:
        """Let something go wrong.

        :param str kind: One of `KINDS`.
        :param options: The other fields of `Fault`.
        :rtype: Fault
        """
        fault = Fault(kind, **options)
        with self._condition:
            self._due.append(fault)
        return fault

    def clear(self) -> None:
        """Let nothing go wrong any more, and release what is held."""
        with self._condition:
            self._due.clear()
        self.release()

    def due(self) -> list[Fault]:
        """Return the faults that can still happen.

        :rtype: list[Fault]
        """
        with self._condition:
            return [fault for fault in self._due if fault.times != 0]

    def take(self, method: str, path: str, parameters: RawParameters) -> Fault | None:
        """Return the fault that happens to a request.

        :param str method: The HTTP method.
        :param str path: The path.
        :param dict parameters: The parameters as sent.
        :return: The fault, or None.
        :rtype: Fault | None
        """
        flat = {name: value for name, value in parameters.items() if isinstance(value, str)}
        with self._condition:
            for fault in self._due:
                if fault.happens_to(method, path, flat):
                    return fault
        return None

    def hold(self, seconds: float) -> None:
        """Wait, unless released earlier.

        :param float seconds: How long.
        """
        with self._condition:
            releases = self._releases
            self._held += 1
            self._condition.notify_all()
            self._condition.wait_for(
                lambda: self._is_closed or self._releases != releases, timeout=seconds
            )
            self._held -= 1
            self._condition.notify_all()

    def release(self) -> None:
        """Let all requests go on that are held now."""
        with self._condition:
            self._releases += 1
            self._condition.notify_all()

    def wait_until_held(self, count: int = 1, timeout: float = 10) -> bool:
        """Wait until so many requests are held.

        :param int count: How many.
        :param float timeout: For how many seconds to wait at most.
        :return: Whether they are.
        :rtype: bool
        """
        with self._condition:
            return self._condition.wait_for(lambda: self._held >= count, timeout=timeout)

    def close(self) -> None:
        """Hold nothing any more, for good."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()
