"""Installing the addon where a business has sold for years leaves all of that as it was."""

import json
import re

import pytest

from devtools import addon_log, databases, odoo_server, paths

from .odoo_answers import answers, ask, problems, statuses

TABLES = (
    'sale_order',
    'sale_order_line',
    'account_move',
    'account_move_line',
    'payment_transaction',
    'payment_token',
    'payment_provider',
    'product_template',
    'res_company',
)


@pytest.fixture
def existing_database(odoo):
    """A database without the addon, with the sales of `odoo_strangers` in it, and its pages."""
    every = databases.Databases(odoo)
    with every.temporary(every.dependencies_template(), 'existing') as database:
        configuration = odoo.write_configuration(database, max_cron_threads=0)
        _created, pages = ask(odoo, configuration, 'odoo_strangers.create', 'odoo_strangers.pages')
        yield database, pages


def columns(cluster, database):
    """Return the columns of the tables that are compared."""
    return {
        table: cluster.query(
            "SELECT quote_ident(column_name) FROM information_schema.columns"
            f" WHERE table_schema = 'public' AND table_name = '{table}' ORDER BY 1",
            database,
        )
        for table in TABLES
    }


def rows(cluster, database, names):
    """Return the rows of tables by table and id, as far as some columns go."""
    found = {}
    for table in TABLES:
        for line in cluster.query(
            f"SELECT row_to_json(found) FROM (SELECT {', '.join(names[table])}"
            f" FROM {table} ORDER BY id) found",
            database,
        ):
            row = json.loads(line)
            found[table, row['id']] = row
    return found


def changes(before, after):
    """Return what differs between rows: what they are, the column, and the two values."""
    return [
        (*key, name, before.get(key, {}).get(name), after.get(key, {}).get(name))
        for key in sorted(before.keys() | after.keys())
        for name in sorted(before.get(key, {}).keys() | after.get(key, {}).keys())
        if before.get(key, {}).get(name) != after.get(key, {}).get(name)
    ]


def visible(page):
    """Return the text of a page, as far as it doesn't change from visit to visit."""
    body = re.sub(r'<(script|style)\b.*?</\1>', '', page, flags=re.DOTALL)
    return ' '.join(re.sub(r'<[^>]+>', ' ', body).split())


def test_installing_leaves_what_is_there(odoo, existing_database):
    every = databases.Databases(odoo)
    database, pages = existing_database
    log = paths.log_directory() / f'{database}.log'
    configuration = odoo.write_configuration(database, max_cron_threads=0)

    def serve():
        port = odoo_server.free_port()
        with odoo.serving(configuration, port, log) as server:
            odoo_server.wait_until_ready(server, port, log)
            found = answers(port, pages)
        assert problems(log.read_text()) == []
        assert {path: status for path, (status, _content) in found.items()} == pages
        return {path: visible(content.decode()) for path, (_status, content) in found.items()}

    def install():
        output = odoo.update(configuration, install=[paths.ADDON_NAME])
        assert problems(output) == []
        assert addon_log.warnings(output) == []

    assert len(pages) > 10
    shown = serve()
    names = columns(every.cluster, database)
    before = rows(every.cluster, database, names)
    assert {table for table, _id in before} == set(TABLES)

    install()
    assert changes(before, rows(every.cluster, database, names)) == []

    before = rows(every.cluster, database, names)
    output = odoo.run(
        configuration,
        *('module', 'uninstall', paths.ADDON_NAME),
        failure="Odoo can't uninstall the addon",
    )
    assert problems(output) == []
    assert changes(before, rows(every.cluster, database, names)) == []

    install()
    assert changes(before, rows(every.cluster, database, names)) == []
    assert serve() == shown


def test_neighbours(odoo, sold_database):
    """Every order can be opened, and one with a reward can be paid, where Odoo's apps are, too."""
    every = databases.Databases(odoo)
    with every.temporary(sold_database.name, 'neighbours') as database:
        log = paths.log_directory() / f'{database}.log'
        configuration = odoo.write_configuration(database, max_cron_threads=0)
        assert problems(odoo.update(configuration, install=['purchase', 'sale_loyalty'])) == []
        paid, pages = ask(
            odoo, configuration, 'odoo_neighbours.pay_with_reward', 'odoo_orders.pages'
        )
        assert paid == ['sale', 'complete', 90.0, 90.0, 'paid', 1]
        port = odoo_server.free_port()
        with odoo.serving(configuration, port, log) as server:
            odoo_server.wait_until_ready(server, port, log)
            assert statuses(port, pages) == pages
        assert problems(log.read_text()) == []
