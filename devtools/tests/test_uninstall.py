"""Odoo works on when the addon is uninstalled, with all that was sold and paid."""

from devtools import databases, odoo_server, paths, released_schema

from .odoo_answers import ask, problems, statuses

# What a database consists of, apart from the sales.
STRUCTURE = {
    'columns': (
        "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable"
        " FROM information_schema.columns WHERE table_schema = 'public'"
    ),
    'constraints': (
        "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)"
        " FROM pg_constraint"
    ),
    'indexes': "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    'records': "SELECT module || '.' || name FROM ir_model_data",
    'views': "SELECT id || ' ' || COALESCE(key, name) FROM ir_ui_view",
    'actions': "SELECT id || ' ' || type FROM ir_actions",
    'crons': "SELECT id || ' ' || cron_name FROM ir_cron",
    'menus': "SELECT id || ' ' || name FROM ir_ui_menu",
    'groups': "SELECT id || ' ' || name FROM res_groups",
    'mail templates': "SELECT id || ' ' || name FROM mail_template",
    'parameters': "SELECT key FROM ir_config_parameter",
}


def structure(cluster, database):
    return {
        name: set(map(released_schema.spell_alike, cluster.query(query, database)))
        for name, query in STRUCTURE.items()
    }


def check_what_was_sold(books):
    """Every purchase type, a decline and a refund are among it."""
    assert [row[1] for row in books['sale.order']].count('sale') == 12
    assert {row[1] for row in books['payment.transaction']} == {'done', 'error', 'cancel'}
    assert {row[3] for row in books['payment.transaction']} >= {'online_direct', 'refund'}
    assert [row[2] for row in books['account.move'] if 'INV' in str(row[0])] == ['paid'] * 15


def test_uninstalling_leaves_odoo_working(odoo, sold_database):
    every = databases.Databases(odoo)
    template = every.dependencies_template()
    check_what_was_sold(sold_database.books)
    with every.temporary(sold_database.name, 'uninstall') as database:
        log = paths.log_directory() / f'{database}.log'
        configuration = odoo.write_configuration(database, max_cron_threads=0)
        output = odoo.run(
            configuration,
            *('module', 'uninstall', paths.ADDON_NAME),
            failure="Odoo can't uninstall the addon",
        )
        assert problems(output) == []

        before, after = structure(odoo.cluster, template), structure(odoo.cluster, database)
        for name in STRUCTURE:
            assert after[name] == before[name], name
        books, new_sale, pages = ask(
            odoo,
            configuration,
            *('odoo_orders.books', 'odoo_after_uninstall.work', 'odoo_after_uninstall.pages'),
        )
        assert books == sold_database.books
        assert new_sale == ['sale', 'posted', 'not_paid', 112.7]
        port = odoo_server.free_port()
        with odoo.serving(configuration, port, log) as server:
            odoo_server.wait_until_ready(server, port, log)
            assert statuses(port, pages) == pages
        assert problems(log.read_text()) == []
