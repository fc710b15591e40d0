"""What all tests need in their database, made once: inside Odoo."""

from typing import Any

from odoo.addons.billpro_portal.tests.common import company

# Scripts and styles of the pages that the tests open. What a test makes is rolled back with it, so
# each would make them again.
FRONTEND_BUNDLES = [
    'web.assets_frontend',
    'web.assets_frontend_lazy',
    'web.assets_frontend_minimal',
    'web.assets_tests',
]
ASSET_BUNDLES = [
    'bus.websocket_worker_assets',
    'web.__assets_tests_call__',
    'web.assets_backend_lazy',
    'web.assets_emoji',
    *FRONTEND_BUNDLES,
    'web.assets_web',
    'web.assets_web_print',
    'web.chartjs_lib',
    'web.fullcalendar_lib',
    'web_tour.automatic',
]
REPORT_BUNDLES = ['web.report_assets_common', 'web.report_assets_pdf']


def prepare(env: Any) -> None:
    """Make what all tests need.

    :param odoo.api.Environment env: The superuser's environment.
    """
    company.make(env)
    for bundle in ASSET_BUNDLES + REPORT_BUNDLES:
        _make_assets(env, bundle)
    for bundle in REPORT_BUNDLES:  # As PDF files take them.
        env['ir.qweb']._get_asset_bundle(bundle, autoprefix=True).css()
    if 'website' in env:
        for website in env['website'].search([]):
            for bundle in FRONTEND_BUNDLES:
                _make_assets(env(context={**env.context, 'website_id': website.id}), bundle)


def _make_assets(env: Any, bundle: str) -> None:
    """Make the scripts and styles of a bundle.

    :param odoo.api.Environment env: The superuser's environment.
    :param bundle: The name of the bundle.
    """
    assets = env['ir.qweb']._get_asset_bundle(bundle)
    assets.js()
    assets.css()
