"""What makes it quicker to stop the clock for a test."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

import freezegun.api

CLOCKS = {
    id(clock)
    for name, clock in vars(freezegun.api).items()
    if name.startswith(('real_', 'fake_', 'Fake')) and callable(clock)
}


class Loaded:
    """Stands in for `sys` in freezegun: of the modules it has those that hold a clock.

    Each time a test stops the clock, freezegun visits each of three thousand modules, of which two
    hundred hold a clock. Here they are found again only when other modules are loaded.
    """

    def __init__(self) -> None:
        """Begin without knowing any module."""
        self._seen: tuple[int, ...] = ()
        self._holding: dict[str, ModuleType] = {}

    def __getattr__(self, name: str) -> Any:
        """Give what else freezegun asks `sys` for.

        :param name: The name of the attribute.
        """
        return getattr(sys, name)

    @property
    def modules(self) -> dict[str, ModuleType]:
        """The loaded modules that hold a clock, real or stopped."""
        loaded = dict(sys.modules)
        seen = tuple(map(id, loaded.values()))
        if seen != self._seen:
            self._seen = seen
            self._holding = {name: one for name, one in loaded.items() if holds_clock(one)}
        return self._holding


def holds_clock(module: ModuleType) -> bool:
    """Tell whether something in a module is a clock, real or stopped.

    :param module: The module; or whatever else stands for one among the loaded ones.
    """
    return any(id(value) in CLOCKS for value in list(getattr(module, '__dict__', {}).values()))


def names_count(module: ModuleType) -> str:
    """Stand in for freezegun's way to find out what is new in a module: count its names.

    freezegun asks for all of them each time.

    :param module: A loaded module.
    """
    return f'{id(module)}-{len(getattr(module, "__dict__", ()))}'


@contextmanager
def known() -> Iterator[None]:
    """Have freezegun know which modules hold a clock, while the block is executed."""
    with (
        patch.object(freezegun.api, 'sys', Loaded()),
        patch.object(freezegun.api, '_get_module_attributes_hash', names_count),
    ):
        yield
