"""The addon beside Odoo's other apps, where businesses have sold for years in three companies.

It is installed, used, uninstalled and, nightly, installed again in one database, which is looked at
before and after each step. What is there stays as it was, the addon works in each company, and Odoo
works on without it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from odoo.addons.billpro_portal.tests.common.nightly import IS_NIGHTLY, nightly

from devtools import addon_log, databases, odoo_server, paths
from devtools.neighbours import state, templates

from . import books
from .odoo_answers import ask, problems

# All of them nightly, and those of many more countries by `./dev neighbours`.
WALKED_COMPANIES = 3 if IS_NIGHTLY else 1


@dataclass
class Course:
    """What was seen on the way."""

    odoo: odoo_server.Odoo
    database: str
    configuration: Path
    # The columns of each table before the first step.
    names: dict[str, list[str]] = field(default_factory=dict)
    # What customers see of the sales that were there, without the addon and at the end.
    pages_before: dict[str, Any] = field(default_factory=dict)
    pages_after: dict[str, Any] = field(default_factory=dict)
    # The tables that had rows, and what each step changed of them.
    tables: set[str] = field(default_factory=set)
    changes: dict[str, list[Any]] = field(default_factory=dict)
    # The rows that installing has written anew.
    rewritten: set[str] = field(default_factory=set)
    structure_before: dict[str, set[str]] = field(default_factory=dict)
    structure_after: dict[str, set[str]] = field(default_factory=dict)
    # What `odoo_orders` sold, and what came of the walk in each company.
    sold: dict[str, Any] = field(default_factory=dict)
    walk: dict[str, Any] = field(default_factory=dict)
    links: list[dict[str, int]] = field(default_factory=list)
    # Once the addon is gone.
    books_before: dict[str, Any] = field(default_factory=dict)
    books_after: dict[str, Any] = field(default_factory=dict)
    new_sale: list[Any] = field(default_factory=list)
    pages_without: list[dict[str, int]] = field(default_factory=list)

    def ask(self, *questions: str) -> list[Any]:
        """Return what functions answer inside Odoo, see `odoo_answers.ask`."""
        answers: list[Any] = ask(self.odoo, self.configuration, *questions)
        return answers

    def install(self) -> None:
        """Install the addon."""
        output = self.odoo.update(self.configuration, install=[paths.ADDON_NAME])
        assert problems(output) == []
        assert addon_log.warnings(output) == []

    def uninstall(self) -> None:
        """Uninstall the addon."""
        output = self.odoo.run(
            self.configuration,
            *('module', 'uninstall', paths.ADDON_NAME),
            failure="Odoo can't uninstall the addon",
        )
        assert problems(output) == []

    def changed_by(self, act: Callable[[], None]) -> list[Any]:
        """Do something; return what has changed by it of what was there."""
        before = state.rows(self.odoo.cluster, self.database, self.names)
        act()
        self.tables = {table for table, _id in before}
        return state.changes(before, state.rows(self.odoo.cluster, self.database, self.names))


@pytest.fixture(scope='module')
def course(odoo):
    """The whole course, after which the addon is gone. All logs on the way are free of problems."""
    every = databases.Databases(odoo)
    cluster = every.cluster
    with every.temporary(templates.shop(every), 'existing') as database:
        configuration = odoo.write_configuration(
            database, max_cron_threads=0, http_port=odoo_server.free_port()
        )
        seen = Course(odoo, database, configuration)
        seen.names = state.columns(cluster, database, state.TABLES)
        (seen.pages_before,) = seen.ask('odoo_neighbours.existing_pages')
        seen.structure_before = state.structure(cluster, database)
        versions = state.versions(cluster, database)
        seen.changes['install'] = seen.changed_by(seen.install)
        seen.rewritten = versions - state.versions(cluster, database)
        existing, _created, with_sold, *answers = seen.ask(
            *('odoo_orders.books', 'odoo_orders.create', 'odoo_orders.books'),
            'odoo_neighbours.walk' if IS_NIGHTLY else 'odoo_neighbours.walk_in_one',
            *('odoo_neighbours.open_links', 'odoo_orders.books', 'odoo_neighbours.existing_pages'),
        )
        seen.walk, seen.links, seen.books_before, seen.pages_after = answers
        seen.sold = books.added(existing, with_sold)
        seen.changes['uninstall'] = seen.changed_by(seen.uninstall)
        seen.structure_after = state.structure(cluster, database)
        seen.books_after, seen.new_sale, seen.pages_without = seen.ask(
            *('odoo_orders.books', 'odoo_after_uninstall.work'),
            'odoo_neighbours.open_pages_after_uninstall',
        )
        yield seen


def test_installing_and_uninstalling_leave_what_is_there(course):
    assert course.tables == set(state.TABLES)
    assert course.changes == {'install': [], 'uninstall': []}


def test_installing_writes_no_row_anew(course):
    """As long as it did, nobody could sell."""
    assert course.rewritten == set()


def test_customers_see_what_they_saw(course):
    assert len(course.pages_before) == 12 + 2 * 2
    assert {status for status, _text in course.pages_before.values()} == {200}
    assert course.pages_after == course.pages_before


def test_main_walk_in_each_company(course):
    assert course.walk['failures'] == []
    assert len(course.walk['companies']) == WALKED_COMPANIES
    # Summary, invoice, receipt and credit note.
    assert course.walk['documents'] == WALKED_COMPANIES * 4


def test_every_order_can_be_opened(course):
    expected, found = course.links
    # Those of `odoo_orders`, and two of each company.
    assert len(expected) == 1 + 16 + WALKED_COMPANIES * 2
    assert found == expected


def test_uninstalling_leaves_nothing_behind(course):
    for name in state.STRUCTURE:
        assert course.structure_after[name] == course.structure_before[name], name


def test_odoo_works_on_when_the_addon_is_uninstalled(course):
    books.check_what_was_sold(course.sold)
    assert course.books_after == course.books_before
    assert course.new_sale == ['sale', 'posted', 'not_paid', 112.7]
    expected, found = course.pages_without
    assert found == expected


@nightly("Installed where it never was, and rewards paid with beside it, for each change.")
def test_installing_again_and_an_app_that_comes_later(course):
    """An order with a reward can be paid where the addon was first."""
    assert course.changed_by(course.install) == []
    _installed, paid_with_reward, (expected, found), pages = course.ask(
        *('odoo_neighbours.install_loyalty', 'odoo_neighbours.pay_with_reward'),
        *('odoo_neighbours.open_links', 'odoo_neighbours.existing_pages'),
    )
    assert paid_with_reward == ['sale', 'complete', 90.0, 90.0, 'paid', 1]
    assert len(expected) == 2
    assert found == expected
    assert pages == course.pages_before
