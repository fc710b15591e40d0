"""Locks between `./dev` processes, and marks that a piece of setup was finished."""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

Lock = AbstractContextManager[None]


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock that one process at a time can have, waiting for it.

    :param path: The lock file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('w') as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        yield


def is_finished(directory: Path, key: Any) -> bool:
    """Tell whether a folder was completely built for a key.

    :param directory: The folder.
    :param key: What it must have been built from, as JSON can hold it.
    """
    mark = directory / '.finished'
    return mark.exists() and bool(json.loads(mark.read_text()) == key)


@contextmanager
def build(directory: Path, key: Any) -> Iterator[None]:
    """Build a folder from nothing, and mark it finished if nothing was raised meanwhile.

    An interrupted build leaves no mark, so the next one starts over.

    :param directory: The folder.
    :param key: What it is built from, as JSON can hold it.
    """
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    yield
    # A rename, so that the mark is never half written.
    unfinished_mark = directory / '.unfinished'
    unfinished_mark.write_text(json.dumps(key))
    unfinished_mark.rename(directory / '.finished')
