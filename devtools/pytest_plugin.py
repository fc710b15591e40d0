"""What pytest-odoo leaves to be prepared before the tests."""

import pytest

from odoo import api, tools
from odoo.modules.registry import Registry
from odoo.tests.common import HttpCase, get_db_name
from odoo.tests.loader import get_module_test_cases, get_test_modules
from odoo.tests.tag_selector import TagsSelector

from devtools import paths

# Scripts and styles of the pages that the tests open.
ASSET_BUNDLES = [
    'web.assets_frontend',
    'web.assets_frontend_lazy',
    'web.assets_frontend_minimal',
    'web.assets_tests',
    'web.assets_web',
    'web.report_assets_common',
    'web.report_assets_pdf',
]


@pytest.hookimpl(wrapper=True)
def pytest_collection(session):
    """Refuse tests of the addon that Odoo's own runner would never run.

    It misses modules that `tests/__init__.py` doesn't import, and inherited test methods.
    """
    # Before pytest imports the modules itself.
    modules = get_test_modules(paths.ADDON_NAME)
    selector = TagsSelector(f'/{paths.ADDON_NAME}')
    found = {
        (case.__module__, type(case).__name__, case._testMethodName)
        for module in modules
        for case in get_module_test_cases(module)
        if selector.check(case)
    }
    yield
    missed = [
        item.nodeid
        for item in session.items
        if item.nodeid.startswith(f'{paths.ADDON_NAME}/')
        and (item.cls.__module__, item.cls.__name__, item.originalname) not in found
    ]
    if missed:
        raise pytest.UsageError("Odoo's own runner doesn't find: " + ", ".join(missed))


@pytest.fixture(scope='session', autouse=True)
def prepared_pages(request, load_http):
    """Let documents and browsers find what they load from the server."""
    with Registry(get_db_name()).cursor() as cr:
        env = api.Environment(cr, api.SUPERUSER_ID, {})
        # The port is another one in each run.
        address = f"http://{tools.config['http_interface']}:{tools.config['http_port']}"
        env['ir.config_parameter'].set_param('report.url', address)
        classes = {item.cls for item in request.session.items if item.cls}
        if any(issubclass(test_class, HttpCase) for test_class in classes):
            # What a test makes is rolled back with it, so each would make them again.
            for bundle in ASSET_BUNDLES:
                assets = env['ir.qweb']._get_asset_bundle(bundle)
                assets.js()
                assets.css()
