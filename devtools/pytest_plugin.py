"""What pytest-odoo leaves to be prepared before the tests."""

import pytest

from odoo import api, tools
from odoo.modules.registry import Registry
from odoo.tests.common import HttpCase, get_db_name

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
