"""The time at the gateway, which tests can move."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone


class Clock:
    """A clock that goes on from wherever it is set to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset = 0.0

    def now(self) -> int:
        """Return the time.

        :return: Seconds since 1970, UTC.
        :rtype: int
        """
        with self._lock:
            return int(time.time() + self._offset)

    def today(self) -> datetime:
        """Return the date and time.

        :return: An aware UTC time.
        :rtype: datetime
        """
        return datetime.fromtimestamp(self.now(), tz=timezone.utc)

    def advance(self, seconds: float) -> None:
        """Move the clock forward.

        :param float seconds: By how much.
        """
        with self._lock:
            self._offset += seconds

    def set(self, moment: datetime) -> None:
        """Set the clock.

        :param datetime moment: The new time; a naive one is UTC.
        """
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        with self._lock:
            self._offset = moment.timestamp() - time.time()
