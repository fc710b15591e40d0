"""The databases that the addon is installed into: templates, as `databases.py` keeps them."""

from __future__ import annotations

from collections.abc import Callable

from devtools import console, databases, odoo_server, paths

# What a shop with a stock has; `sale_stock`, `website_sale_stock` and others install themselves.
SHOP = ('purchase', 'stock', 'website_sale')
# Loaded with their charts, of which one company each is made.
SHOP_CHARTS = ('l10n_de', 'l10n_in')
SHOP_COUNTRIES = ('us', 'de', 'in')
SHOP_PREFIX = 'billpro_shop'
# What shops have besides; more installs itself beside it.
EVERYTHING = (
    'account_edi_ubl_cii',
    'crm',
    'delivery',
    'event_sale',
    'l10n_be',
    'l10n_de',
    'l10n_es',
    'l10n_fr',
    'l10n_in',
    'l10n_it_edi',
    'l10n_us',
    'payment_custom',
    'project',
    'purchase',
    'sale_loyalty',
    'sale_project',
    'sale_purchase',
    'sale_stock',
    'sale_timesheet',
    'snailmail_account',
    'website_payment',
    'website_sale',
    'website_sale_loyalty',
)
COUNTRIES = ('us', 'be', 'de', 'fr', 'it', 'es', 'in')
EVERYTHING_PREFIX = 'billpro_everything'
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


def everything(every: databases.Databases) -> str:
    """Return the database that has all modules and Odoo's demo data, without the addon.

    :param every: The databases of this checkout.
    """

    def make(database: str) -> None:
        every.copy(every.dependencies_template(), database)
        install_everything(every.odoo, database, lambda _step, _log: None)

    key = [*_key(every.odoo), EVERYTHING, COUNTRIES]
    return every.provide(EVERYTHING_PREFIX, key, make)


def install_everything(
    odoo: odoo_server.Odoo, database: str, note: Callable[[str, str], None]
) -> None:
    """Install all modules with Odoo's demo data, and let businesses have sold.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :param database: The database.
    :param note: Takes what was done and Odoo's log of it.
    """
    configuration = odoo.write_configuration(database, max_cron_threads=0)
    with console.step(f"Installing {', '.join(EVERYTHING)}"):
        note("install the modules", odoo.update(configuration, install=EVERYTHING))
    with console.step("Making Odoo's demo data"):
        note(
            "make the demo data",
            odoo.run(
                configuration,
                *('module', 'force-demo'),
                failure="Odoo can't make its demo data",
            ),
        )
    fill(odoo, database, COUNTRIES)


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
