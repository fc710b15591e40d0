"""What pytest-odoo leaves to be prepared before the tests."""

import gc
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from odoo import api, tools
from odoo.modules.module import load_openerp_module
from odoo.modules.registry import Registry
from odoo.tests.common import HttpCase, get_db_name
from odoo.tests.loader import get_module_test_cases, get_test_modules
from odoo.tests.tag_selector import TagsSelector

from devtools import paths

# Each collection visits all that Odoo has loaded: it can wait for more than Python's few objects.
OBJECTS_PER_COLLECTION = 50_000
# Files of tests that take minutes by themselves, or keep both cores busy.
LONGEST_FILES = ('test_torture.py', 'test_uninstall.py', 'test_update.py')


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
    # Before pytest imports the modules itself.
    modules = get_test_modules(paths.ADDON_NAME)
    selector = TagsSelector(f'/{paths.ADDON_NAME}')
    found = {
        (case.__module__, type(case).__name__, case._testMethodName)
        for module in modules
        for case in get_module_test_cases(module)
        if selector.check(case)
    }
    result = yield
    missed = [
        item.nodeid
        for item in session.items
        if isinstance(item, pytest.Function)
        and item.nodeid.startswith(f'{paths.ADDON_NAME}/')
        and (item.cls.__module__, item.cls.__name__, item.originalname) not in found
    ]
    if missed:
        raise pytest.UsageError("Odoo's own runner doesn't find: " + ", ".join(missed))
    return result


def is_controller(config: pytest.Config) -> bool:
    """Tell whether this process hands the tests out to workers, which collect them themselves.

    :param config: pytest's configuration.
    """
    return bool(config.getoption('numprocesses')) and not hasattr(config, 'workerinput')


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what takes long first, so that both workers end at about the same time.

    :param items: The tests, which are sorted in place.
    """

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
    """Leave what Odoo has loaded out of garbage collection, and make it rare: 5 % of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_PER_COLLECTION)


@pytest.fixture(autouse=True)
def kept_caches(load_registry: None) -> Iterator[None]:
    """Leave in Odoo's caches what a test has not made obsolete, for the others of its class.

    Odoo empties them after each test, whose transaction is rolled back. But who changes what was
    cached says so, in a test as on a server, and ids are never used twice: if nobody did, what is
    there is right. Tests with pages take a tenth less so. Odoo's own runner empties them.
    """
    registry = Registry(get_db_name())
    registry.cache_invalidated.clear()
    # Where requests, which have threads of their own, note what they made obsolete.
    sequences = dict(registry.cache_sequences)
    clear_all_caches = registry.clear_all_caches

    def clear_obsolete_caches() -> None:
        if registry.cache_invalidated or registry.cache_sequences != sequences:
            clear_all_caches()

    with patch.object(registry, 'clear_all_caches', clear_obsolete_caches):
        yield
