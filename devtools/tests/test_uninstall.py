"""Odoo works on when the addon is uninstalled, with all that was sold and paid."""

import http.client
import json
import re

from devtools import databases, odoo_server, paths

ANSWER = 'answer: '
# What a database consists of. The addon's files are known by their names only while they are there.
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
PROBLEM = re.compile(r"^[\d-]+ [\d:,]+ \d+ (?:WARNING|ERROR|CRITICAL) .*$", re.MULTILINE)


def ask(odoo, configuration, expression, module):
    """Return what an expression gives inside Odoo, whose log must be free of problems."""
    output = odoo.execute(
        configuration,
        f"import json\nfrom devtools.tests import {module}\n"
        f"answer = {expression}\nenv.cr.commit()\nprint({ANSWER!r} + json.dumps(answer))\n",
    )
    assert PROBLEM.findall(output) == []
    answer = next(line for line in output.splitlines() if line.startswith(ANSWER))
    return json.loads(answer.removeprefix(ANSWER))


def structure(cluster, database):
    return {name: set(cluster.query(query, database)) for name, query in STRUCTURE.items()}


def status_of(port, path):
    connection = http.client.HTTPConnection(odoo_server.HOST, port, timeout=60)
    try:
        connection.request('GET', path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_uninstalling_leaves_odoo_working(odoo):
    every = databases.Databases(odoo)
    template = every.dependencies_template()
    with every.temporary(template, 'uninstall') as database:
        log = paths.log_directory() / f'{database}.log'
        configuration = odoo.write_configuration(database, max_cron_threads=0)
        odoo.update(configuration, install=[paths.ADDON_NAME])
        ask(odoo, configuration, 'odoo_orders.create(env)', 'odoo_orders')
        sold = ask(odoo, configuration, 'odoo_orders.books(env)', 'odoo_orders')
        # Every purchase type, a decline and a refund are among it.
        assert [row[1] for row in sold['sale.order']].count('sale') == 8
        assert {row[1] for row in sold['payment.transaction']} == {'done', 'error'}
        assert {row[3] for row in sold['payment.transaction']} >= {'online_direct', 'refund'}
        assert [row[2] for row in sold['account.move'] if 'INV' in str(row[0])] == ['paid'] * 10

        output = odoo.run(
            configuration,
            *('module', 'uninstall', paths.ADDON_NAME),
            failure="Odoo can't uninstall the addon",
        )
        assert PROBLEM.findall(output) == []

        assert ask(odoo, configuration, 'odoo_orders.books(env)', 'odoo_orders') == sold
        before, after = structure(odoo.cluster, template), structure(odoo.cluster, database)
        for name in STRUCTURE:
            assert after[name] == before[name], name
        assert ask(odoo, configuration, 'odoo_after_uninstall.work(env)', 'odoo_after_uninstall') == [
            'sale',
            'posted',
            'not_paid',
            112.7,
        ]
        port = odoo_server.free_port()
        with odoo.serving(configuration, port, log) as server:
            odoo_server.wait_until_ready(server, port, log)
            pages = ask(odoo, configuration, 'odoo_after_uninstall.pages(env)', 'odoo_after_uninstall')
            assert {path: status_of(port, path) for path in pages} == pages
        assert PROBLEM.findall(log.read_text()) == []
