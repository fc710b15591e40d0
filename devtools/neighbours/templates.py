"""The databases that the addon is installed into: templates, as `databases.py` keeps them."""

from __future__ import annotations

from devtools import console, databases, odoo_server, paths

# What a shop with a stock has; `sale_stock`, `website_sale_stock` and others install themselves.
SHOP = ('purchase', 'stock', 'website_sale')
# Loaded with their charts, of which one company each is made.
SHOP_CHARTS = ('l10n_de', 'l10n_in')
SHOP_COUNTRIES = ('us', 'de', 'in')
SHOP_PREFIX = 'billpro_shop'
FILL = """
from devtools.neighbours import strangers
strangers.create(env, {countries!r})
env.cr.commit()
"""


def shop(every: databases.Databases) -> str:
    """Return the database of businesses that sell, buy and deliver, without the addon.

    :param every: The databases of this checkout.
    """
    odoo = every.odoo
    modules = [*SHOP, *SHOP_CHARTS]

    def make(database: str) -> None:
        every.copy(every.dependencies_template(), database)
        configuration = odoo.write_configuration(database, max_cron_threads=0)
        with console.step(f"Installing {', '.join(modules)}"):
            odoo.update(configuration, install=modules)
        fill(odoo, database, SHOP_COUNTRIES)

    return every.provide(SHOP_PREFIX, [*_key(odoo), modules, SHOP_COUNTRIES], make)


def fill(odoo: odoo_server.Odoo, database: str, countries: tuple[str, ...]) -> None:
    """Let businesses have sold in a database.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :param database: The database.
    :param countries: Where they are.
    """
    configuration = odoo.write_configuration(database, max_cron_threads=0)
    with console.step(f"Selling in {', '.join(countries)}"):
        odoo.execute(configuration, FILL.format(countries=countries))


def _key(odoo: odoo_server.Odoo) -> list[object]:
    """Return what the databases depend on besides their modules."""
    files = [paths.CHECKOUT / 'devtools/neighbours/strangers.py']
    return [*odoo.key(), databases.EXTRA_MODULES, databases.hash_of_files(files)]
