"""What all tests need in their database, made once: inside Odoo."""

from typing import Any

from odoo.addons.billpro_portal.tests.common import company

from devtools import asset_bundles, paths

BUNDLES = paths.cache_directory() / 'asset-bundles'


def prepare(env: Any) -> None:
    """Make what the addon's tests need.

    :param odoo.api.Environment env: The superuser's environment.
    """
    _prepare_documents(env)
    asset_bundles.restore(env, [*asset_bundles.ODOOS_OWN, *asset_bundles.FRONTEND], BUNDLES)


def prepare_glue(env: Any) -> None:
    """Make what the tests of a glue addon need: they open no pages but those of a website.

    :param odoo.api.Environment env: The superuser's environment.
    """
    _prepare_documents(env)
    if 'website' in env:
        for website in env['website'].search([]):
            env = env(context={**env.context, 'website_id': website.id})
            asset_bundles.restore(env, asset_bundles.WEBSITE, BUNDLES)


def _prepare_documents(env: Any) -> None:
    """Make the company of the tests, and what its documents need.

    :param odoo.api.Environment env: The superuser's environment.
    """
    company.make(env)
    # Odoo's reports have no script that works on after the page is there: by default each PDF file,
    # with its header and its footer, would wait two seconds for one.
    env['ir.config_parameter'].set_param('report.print_delay', '0')
    for is_for_pdf in (False, True):
        asset_bundles.restore(env, asset_bundles.REPORTS, BUNDLES, is_for_pdf=is_for_pdf)
