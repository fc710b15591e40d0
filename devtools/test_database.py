"""What all tests need in their database, made once: inside Odoo."""

from typing import Any

from odoo.addons.billpro_portal.tests.common import company

from devtools import asset_bundles, paths

# For each query PostgreSQL weighs each index of its tables, of which some have thirty: a fourth of
# the time of tests, which have a few rows. Without those that only find rows faster it answers the
# same. Unique ones stay, and those of texts: they refuse what is too long for them.
DROP_INDEXES = """
DO $$ DECLARE name text; BEGIN
    FOR name IN
        SELECT indexrelid::regclass
          FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
         WHERE relnamespace = 'public'::regnamespace
           AND NOT indisunique
           -- What Odoo is made of stands in tables with thousands of rows.
           AND relname NOT LIKE 'ir\\_%'
           AND NOT EXISTS (
               SELECT FROM pg_attribute WHERE attrelid = indexrelid AND attlen = -1
           )
    LOOP
        EXECUTE format('DROP INDEX %s', name);
    END LOOP;
END $$
"""


def prepare(env: Any) -> None:
    """Make what the addon's tests need.

    :param odoo.api.Environment env: The superuser's environment.
    """
    _prepare_documents(env)
    asset_bundles.restore(env, asset_bundles.ODOOS_OWN, paths.cache_directory() / 'asset-bundles')
    asset_bundles.make(env, asset_bundles.FRONTEND)
    env.cr.execute(DROP_INDEXES)


def prepare_glue(env: Any) -> None:
    """Make what the tests of a glue addon need: they open no pages but those of a website.

    :param odoo.api.Environment env: The superuser's environment.
    """
    _prepare_documents(env)
    if 'website' in env:
        for website in env['website'].search([]):
            env = env(context={**env.context, 'website_id': website.id})
            asset_bundles.make(env, asset_bundles.WEBSITE)
    env.cr.execute(DROP_INDEXES)


def _prepare_documents(env: Any) -> None:
    """Make the company of the tests, and what its documents need.

    :param odoo.api.Environment env: The superuser's environment.
    """
    company.make(env)
    # Odoo's reports have no script that works on after the page is there: by default each PDF file,
    # with its header and its footer, would wait two seconds for one.
    env['ir.config_parameter'].set_param('report.print_delay', '0')
    asset_bundles.make_for_pdf(env)
