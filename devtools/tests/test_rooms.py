"""The rooms of the addon call downwards, and a call that runs back is found."""

import pytest

from devtools import paths, rooms
from devtools.rooms import Call

ROOMS = {
    'models/__init__.py': "from . import low\nfrom . import high\n",
    'models/low/__init__.py': '"""What lies below."""\n\nfrom . import order\n',
    'models/high/__init__.py': '"""What stands\nabove.\n\nMore."""\n\nfrom . import order\n',
}


def write_addon(folder, low='', high='', others=None):
    """Return an addon with two rooms, of which one extends what the other begins."""
    files = ROOMS | {
        'models/low/order.py': f"class Order(models.Model):\n    _name = 'order'\n{low}\n",
        'models/high/order.py': f"class Order(models.Model):\n    _inherit = 'order'\n{high}\n",
        **(others or {}),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def method(name, call='pass'):
    """Return the source of a method."""
    return f"    def {name}(self):\n        {call}\n"


def test_a_call_that_runs_back_is_found(tmp_path):
    addon = write_addon(tmp_path, method('_pay', 'self._show()'), method('_show'))
    assert rooms.find_problems(addon) == [
        "models/low/order.py:_pay calls _show of high, which stands above low"
    ]


def test_a_call_downwards_is_none(tmp_path):
    addon = write_addon(tmp_path, method('_pay'), method('_show', 'self._pay()'))
    assert rooms.find_problems(addon) == []
    assert rooms.find_calls(addon, frozenset()) == [
        Call('high', 'low', 'models/high/order.py:_show', '_pay')
    ]


def test_what_calls_a_dialog_from_below_is_found(tmp_path):
    dialog = "class Dialog(models.TransientModel):\n    _name = 'dialog'\n" + method('_open')
    addon = write_addon(
        tmp_path, method('_pay', 'self._open()'), others={'wizards/dialog.py': dialog}
    )
    assert rooms.find_problems(addon) == [
        "models/low/order.py:_pay calls _open of wizards, which stands above low"
    ]


@pytest.mark.parametrize(
    ('low', 'high'),
    [
        # Declared below, answered above.
        (method('_pay', 'self._show()') + method('_show'), method('_show')),
        (method('_pay', "self._queue('paid')"), method('_queue')),
        (method('_pay', 'super()._show()'), method('_show')),
        (method('_pay', 'show()'), method('show')),
    ],
)
def test_what_is_no_call_back(tmp_path, low, high):
    assert rooms.find_problems(write_addon(tmp_path, low, high)) == []


def test_what_odoo_declares_is_nobodys(tmp_path):
    addon = write_addon(tmp_path, method('_pay', 'self._show()'), method('_show'))
    assert rooms.find_problems(addon, frozenset({'_show'})) == []


def test_the_map_has_the_highest_room_first(tmp_path):
    addon = write_addon(tmp_path, method('_pay'), method('_show', 'self._pay()'))
    assert rooms.draw_map(addon, frozenset()).splitlines() == [
        "| room | what lives there | calls |",
        "|---|---|---|",
        "| `high` | What stands above. | `low` |",
        "| `low` | What lies below. | – |",
    ]


def test_a_map_that_is_out_of_date_is_found_and_written(tmp_path):
    document = tmp_path / 'map.md'
    document.write_text(
        "Before\n<!-- rooms: written by ./dev rooms -->\nold\n<!-- end of rooms -->\nAfter\n"
    )
    assert "out of date" in rooms.check_map(document, "new")
    rooms.write_map(document, "new")
    assert rooms.check_map(document, "new") == ""
    text = document.read_text()
    assert text.startswith("Before\n") and text.endswith("\nAfter\n") and "old" not in text


def test_each_room_says_what_lives_there():
    assert all(rooms.read_rooms(paths.ADDON).values())


def test_a_provider_that_the_core_names_is_found(tmp_path):
    addon = write_addon(
        tmp_path,
        method('_pay', "return self.code == 'stripe'"),
        others={
            'models/stripe/order.py': "# What is Stripe's.\n",
            'billing/stripe_codes.py': "CODES = {'stripe'}\n",
            'tests/test_order.py': "# As Stripe does it.\n",
            'views/order_views.xml': "<odoo>\n  <!-- Stripe -->\n</odoo>\n",
        },
    )
    assert rooms.find_provider_words(addon, {}) == [
        "models/low/order.py:4 names a provider",
        "views/order_views.xml:2 names a provider",
    ]


def test_an_exception_that_nothing_needs_is_found(tmp_path):
    addon = write_addon(tmp_path, method('_pay', "return self.code == 'stripe'"))
    exceptions = {'models/low/order.py': "a reason", 'models/high/order.py': "a reason"}
    assert rooms.find_provider_words(addon, exceptions) == [
        "models/high/order.py names no provider any more"
    ]


def test_the_core_names_no_provider():
    assert rooms.find_provider_words(paths.ADDON) == []
