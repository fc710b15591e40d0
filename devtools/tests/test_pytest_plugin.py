from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from odoo.addons.billpro_portal.tests.common.nightly import nightly

from devtools import pytest_plugin


def short():
    pass


@nightly("The short one is for each change.")
def long():
    pass


@pytest.mark.parametrize(
    ('is_for_each_change', 'profile', 'executed'),
    [
        (True, 'ci', [short]),
        (True, 'nightly', [long, short]),
        # Named on the command line, and by the commands for one addon.
        (False, 'ci', [long, short]),
    ],
)
def test_what_a_change_does_not_wait_for(monkeypatch, is_for_each_change, profile, executed):
    monkeypatch.setenv('HYPOTHESIS_PROFILE', profile)
    left_out: list[Any] = []

    def deselect(items):
        left_out.extend(items)

    config: Any = SimpleNamespace(
        getoption={'--for-each-change': is_for_each_change}.get,
        hook=SimpleNamespace(pytest_deselected=deselect),
    )
    items: list[Any] = [
        SimpleNamespace(function=function, path=Path('test_a.py')) for function in (long, short)
    ]
    pytest_plugin.pytest_collection_modifyitems(config, items)
    assert [item.function for item in items] == executed
    assert [item.function for item in left_out] == [one for one in (long,) if one not in executed]
