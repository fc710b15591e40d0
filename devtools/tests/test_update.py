"""Updating from the released version keeps orders, payments, cards and notices.

The released addon itself is not at hand: a clone may lack its commit. So this version's orders are
put into the released version's tables, columns, constraints and indexes, from which Odoo updates.
"""

from devtools import databases, odoo_server, paths, released_schema

from .books import check_what_was_sold
from .odoo_answers import ask, problems


def test_updating_from_the_released_version_keeps_everything(odoo):
    every = databases.Databases(odoo)
    template = every.dependencies_template()
    released = released_schema.read()
    version = released.pop('version')
    with every.temporary(every.addon_template(), 'update') as database:
        configuration = odoo.write_configuration(
            database, max_cron_threads=0, http_port=odoo_server.free_port()
        )
        _created, sold, sold_billing = ask(
            odoo,
            configuration,
            *('odoo_orders.create', 'odoo_orders.books', 'odoo_orders.billing'),
        )
        check_what_was_sold(sold)
        present = released_schema.of_addon(odoo.cluster, database, template)

        for statement in released_schema.statements_to(released, present):
            odoo.cluster.query(statement, database)
        assert released_schema.of_addon(odoo.cluster, database, template) == released
        odoo.cluster.query(
            f"UPDATE ir_module_module SET latest_version = '{version}'"
            f" WHERE name = '{paths.ADDON_NAME}'",
            database,
        )
        assert problems(odoo.update(configuration, upgrade=[paths.ADDON_NAME])) == []

        assert released_schema.of_addon(odoo.cluster, database, template) == present
        books, billing, (expected, found) = ask(
            odoo,
            configuration,
            *('odoo_orders.books', 'odoo_orders.billing', 'odoo_neighbours.open_links'),
        )
        assert books == sold
        assert billing == sold_billing
        assert len(expected) == 1 + 16
        assert found == expected
