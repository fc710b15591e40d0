"""What pytest-odoo leaves to be prepared before the tests."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest

from odoo import api, tools
from odoo.modules.module import load_openerp_module
from odoo.modules.registry import Registry
from odoo.tests.common import HttpCase, TransactionCase, get_db_name
from odoo.tests.loader import get_module_test_cases, get_test_modules
from odoo.tests.tag_selector import TagsSelector

from devtools import paths, quick_clocks, quick_odoo, test_run
from devtools.grown_tables import GrownTables

# Files of tests that take minutes by themselves, or keep both cores busy.
LONGEST_FILES = (
    'test_torture.py',
    'test_install_existing.py',
    'test_glue_addons.py',
    'test_update.py',
)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Refuse tests of the addon that Odoo's own runner would never run.

    It misses modules that `tests/__init__.py` doesn't import, and inherited test methods.

    :param session: pytest's session, after whose collection this is checked.
    """
    if is_controller(session.config):
        return (yield)
    # As the server does, and before anything else imports the addon: its hook keeps secrets out of
    # the log.
    load_openerp_module(paths.ADDON_NAME)
    tested = get_tested_addons(session.config)
    addons = [addon.name for addon in tested]
    folders = tuple(f'{addon.relative_to(paths.CHECKOUT)}/' for addon in tested)
    # Before pytest imports the modules itself.
    modules = {addon: get_test_modules(addon) for addon in addons}
    found = {
        (case.__module__, type(case).__name__, case._testMethodName)
        for addon in addons
        for module in modules[addon]
        for case in get_module_test_cases(module)
        if TagsSelector(f'/{addon}').check(case)
    }
    result = yield
    missed = [
        item.nodeid
        for item in session.items
        if isinstance(item, pytest.Function)
        and item.nodeid.startswith(folders)
        and (item.cls.__module__, item.cls.__name__, item.originalname) not in found
    ]
    if missed:
        raise pytest.UsageError("Odoo's own runner doesn't find: " + ", ".join(missed))
    return result


def get_tested_addons(config: pytest.Config) -> list[Path]:
    """Return the folders of the addons whose tests are run: others if they are named, or ours.

    :param config: pytest's configuration.
    """
    named = [paths.CHECKOUT / argument.partition('::')[0] for argument in config.args]
    others = [
        addon
        for addon in [*paths.glue_addons(), paths.OTHER_PROVIDERS]
        if any(path.is_relative_to(addon) for path in named)
    ]
    return others or [paths.ADDON]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let what a change doesn't wait for be left out.

    :param parser: Where options are added.
    """
    parser.addoption(
        test_run.FOR_EACH_CHANGE,
        action='store_true',
        help="leave out what is marked for the nightly run",
    )


def is_marked_nightly(item: pytest.Item) -> bool:
    """Tell whether a test is left to the nightly run, see `tests/common/nightly.py`.

    :param item: The test.
    """
    return hasattr(getattr(item, 'function', None), 'billpro_nightly')


def is_controller(config: pytest.Config) -> bool:
    """Tell whether this process hands the tests out to workers, which collect them themselves.

    :param config: pytest's configuration.
    """
    return bool(config.getoption('numprocesses')) and not hasattr(config, 'workerinput')


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run what takes long first, so that both workers end at about the same time.

    When all tests are run for a change, leave out those that are marked for the nightly run.

    :param config: pytest's configuration.
    :param items: The tests, which are changed in place.
    """
    is_for_each_change = config.getoption(test_run.FOR_EACH_CHANGE)
    if is_for_each_change and os.environ.get('HYPOTHESIS_PROFILE') != 'nightly':
        left_out = [item for item in items if is_marked_nightly(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not is_marked_nightly(item)]

    def rank(item: pytest.Item) -> int:
        if item.path.name in LONGEST_FILES:
            return LONGEST_FILES.index(item.path.name)
        test_class = getattr(item, 'cls', None)
        is_browsing = test_class and issubclass(test_class, HttpCase)
        return len(LONGEST_FILES) + (0 if is_browsing else 1)

    items.sort(key=rank)


@pytest.fixture(scope='session', autouse=True)
def prepared_address(load_http: None) -> None:
    """Let documents find what they load from the server, whose port is another one in each run."""
    with Registry(get_db_name()).cursor() as cr:
        env = api.Environment(cr, api.SUPERUSER_ID, {})
        address = f"http://{tools.config['http_interface']}:{tools.config['http_port']}"
        env['ir.config_parameter'].set_param('report.url', address)


@pytest.fixture(scope='session', autouse=True)
def rare_collections(load_registry: None) -> None:
    """Leave what Odoo has loaded out of garbage collection, and make it rare."""
    quick_odoo.collect_rarely()


@pytest.fixture(scope='session', autouse=True)
def cheap_clocks() -> Iterator[None]:
    """Let a stopped clock know which modules hold one, see `quick_clocks.py`."""
    with quick_clocks.known():
        yield


@pytest.fixture(scope='session', autouse=True)
def merged_triggers() -> Iterator[None]:
    """Let Odoo merge once what is to be computed after the same fields were written."""
    with patch.object(Registry, 'get_trigger_tree', quick_odoo.get_trigger_tree):
        yield


class KeptCaches:
    """Odoo's caches, from which only what was made obsolete is taken after a test or a class.

    Odoo empties all of them each time, as what was done is rolled back. But who changes what was
    cached says so, in a test as on a server, and ids are never used twice: what nobody has changed
    is right. Tests with pages, whose templates are compiled, take a tenth less so. Odoo's own
    runner empties them.
    """

    def __init__(self, registry: Registry) -> None:
        """Begin between two classes.

        :param registry: Odoo's registry of the database.
        """
        self.registry = registry
        self._test_class: type | None = None
        self._is_in_test = False
        # As Odoo names what was made obsolete: by the set-up of the class.
        self._by_class: set[str] = set()
        # How often requests, which have threads of their own, had made something obsolete before.
        self._sequences: dict[str, int] = {}

    @contextmanager
    def in_test(self, test_class: type[TransactionCase]) -> Iterator[None]:
        """Look at what a test makes obsolete.

        :param test_class: Its class, which has been set up.
        """
        if test_class is not self._test_class:
            self._test_class = test_class
            self._sequences = test_class.registry_cache_sequences
            self._by_class = self._obsolete()
        self.registry.cache_invalidated.clear()
        self._sequences = dict(self.registry.cache_sequences)
        self._is_in_test = True
        yield
        self._is_in_test = False

    def clear(self) -> None:
        """Empty what a test has made obsolete, or a class when all of its tests are over."""
        obsolete = self._obsolete() if self._is_in_test else self._obsolete() | self._by_class
        if obsolete:
            self.registry.clear_cache(*obsolete)

    def _obsolete(self) -> set[str]:
        changed: set[str] = {
            name
            for name, number in self.registry.cache_sequences.items()
            if number != self._sequences[name]
        }
        changed.update(self.registry.cache_invalidated)
        return changed


@pytest.fixture(scope='session')
def caches(load_registry: None) -> Iterator[KeptCaches]:
    """Let Odoo keep in its caches what is not obsolete."""
    kept = KeptCaches(Registry(get_db_name()))
    with patch.object(kept.registry, 'clear_all_caches', kept.clear):
        yield kept


@pytest.fixture(scope='session')
def grown_tables(load_registry: None) -> GrownTables:
    """Know how large the tables of the database are before the first test."""
    return GrownTables(get_db_name())


@pytest.fixture(scope='class', autouse=True)
def small_tables(grown_tables: GrownTables, request: pytest.FixtureRequest) -> None:
    """Let each class of tests begin with tables about as small as the first one found them."""
    if is_of_database(request.cls):
        grown_tables.empty()


@pytest.fixture(autouse=True)
def kept_caches(caches: KeptCaches, request: pytest.FixtureRequest) -> Iterator[None]:
    """Tell the caches that a test is executed."""
    if not is_of_database(request.cls):
        yield
        return
    with caches.in_test(request.cls):
        yield


def is_of_database(test_class: type | None) -> bool:
    """Tell whether tests work with records, which are rolled back.

    :param test_class: Their class, if they have one.
    """
    return test_class is not None and issubclass(test_class, TransactionCase)
