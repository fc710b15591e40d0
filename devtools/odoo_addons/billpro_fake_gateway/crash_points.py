"""Named places in the charge run at which a process can be made to die.

Nothing happens in a process that has not called `arm`.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from odoo import sql_db

MANNERS = ('kill', 'disconnect')
MILLISECONDS_TO_DISCONNECT = 10_000


class _Plan:
    """Where this process is to die, and how."""

    def __init__(self, boundary: str, passes: int, manner: str) -> None:
        self.boundary = boundary
        self.passes = passes
        self.manner = manner
        self.lock = threading.Lock()
        self.is_done = False

    def is_due(self, boundary: str) -> bool:
        """Count a boundary that is passed; return whether this is the time."""
        with self.lock:
            if boundary != self.boundary or self.is_done:
                return False
            self.passes -= 1
            self.is_done = self.passes <= 0
            return self.is_done


class _Thread(threading.local):
    """What a thread is doing."""

    activity: str | None = None
    next_commit: str | None = None


_plans: list[_Plan] = []
_thread = _Thread()


def arm(boundary: str, passes: int, manner: str) -> None:
    """Let this process die at a boundary.

    :param str boundary: Its name, such as `outcome.before_commit`.
    :param int passes: The how-manieth time it is reached.
    :param str manner: `kill` ends the process as `kill -9` does, `disconnect` the database
                       connection that is in use there.
    """
    if manner not in MANNERS:
        raise ValueError(f"{manner} is none of {', '.join(MANNERS)}.")
    # A forked process has this from its parent.
    _thread.next_commit = None
    _plans.append(_Plan(boundary, passes, manner))
    commit = sql_db.Cursor.commit

    def commit_between_boundaries(cursor: Any) -> None:
        name, _thread.next_commit = _thread.next_commit, None
        if name:
            reach(f'{name}.before_commit', cursor)
        commit(cursor)
        if name:
            reach(f'{name}.after_commit', cursor)

    sql_db.Cursor.commit = commit_between_boundaries


def is_done() -> bool:
    """Return whether this process has reached the boundary that it was to die at.

    :rtype: bool
    """
    return any(plan.is_done for plan in _plans)


def name_next_commit(name: str) -> None:
    """Say what the next commit of this thread is for.

    :param str name: For example `outcome`.
    """
    _thread.next_commit = name


@contextmanager
def during(activity: str) -> Iterator[None]:
    """Put an activity before the names of the boundaries of a block.

    :param str activity: For example `inquiry`.
    """
    _thread.activity = activity
    try:
        yield
    finally:
        _thread.activity = None


def reach(boundary: str, cursor: Any) -> None:
    """Die, if this is where and when this process is to die.

    :param str boundary: The name of the boundary, without its activity.
    :param Cursor cursor: The cursor that is in use there.
    """
    name = f'{_thread.activity}.{boundary}' if _thread.activity else boundary
    for plan in _plans:
        if plan.is_due(name):
            if plan.manner == 'kill':
                os.kill(os.getpid(), signal.SIGKILL)
            _disconnect(cursor)


def _disconnect(cursor: Any) -> None:
    """Break a cursor's connection from the server's side, as a network failure does."""
    backend = cursor._cnx.get_backend_pid()
    with sql_db.db_connect('postgres').cursor() as other:
        other.execute('SELECT pg_terminate_backend(%s, %s)', [backend, MILLISECONDS_TO_DISCONNECT])
