"""What a database holds, to be compared before and after something is done to it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from devtools import released_schema
from devtools.postgresql import Cluster

# Where businesses keep what they have sold, in every database that the addon fits.
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
# Those of them that grow for as long as a business sells.
GROWING_TABLES = (
    'sale_order',
    'sale_order_line',
    'account_move',
    'account_move_line',
    'payment_transaction',
)
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

# Rows by table and id.
Rows = dict[tuple[str, int], dict[str, Any]]
# A row's table and id, a column, and its values before and after.
Change = tuple[str, int, str, Any, Any]


def columns(cluster: Cluster, database: str, tables: Iterable[str]) -> dict[str, list[str]]:
    """Return the columns of tables.

    :param cluster: The PostgreSQL cluster, which must run.
    :param database: The database.
    :param tables: The tables.
    """
    return {
        table: cluster.query(
            "SELECT quote_ident(column_name) FROM information_schema.columns"
            f" WHERE table_schema = 'public' AND table_name = '{table}' ORDER BY 1",
            database,
        )
        for table in tables
    }


def rows(cluster: Cluster, database: str, names: dict[str, list[str]]) -> Rows:
    """Return the rows of tables, as far as some columns go.

    :param cluster: The PostgreSQL cluster, which must run.
    :param database: The database.
    :param names: The columns by table.
    """
    found = {}
    for table, columns_of_table in names.items():
        for line in cluster.query(
            f"SELECT row_to_json(found) FROM (SELECT {', '.join(columns_of_table)}"
            f" FROM {table} ORDER BY id) found",
            database,
        ):
            row = json.loads(line)
            found[table, row['id']] = row
    return found


def versions(cluster: Cluster, database: str) -> set[str]:
    """Return the rows of growing tables with the transaction that wrote each as it is.

    :param cluster: The PostgreSQL cluster, which must run.
    :param database: The database.
    """
    return {
        f'{table}|{row}'
        for table in GROWING_TABLES
        for row in cluster.query(f'SELECT id, xmin FROM {table}', database)
    }


def changes(before: Rows, after: Rows) -> list[Change]:
    """Return what differs between rows.

    :param before: The rows before.
    :param after: The rows after.
    """
    return [
        (*key, name, before.get(key, {}).get(name), after.get(key, {}).get(name))
        for key in sorted(before.keys() | after.keys())
        for name in sorted(before.get(key, {}).keys() | after.get(key, {}).keys())
        if before.get(key, {}).get(name) != after.get(key, {}).get(name)
    ]


def structure(cluster: Cluster, database: str) -> dict[str, set[str]]:
    """Return what a database consists of, apart from the sales.

    :param cluster: The PostgreSQL cluster, which must run.
    :param database: The database.
    """
    return {
        name: set(map(released_schema.spell_alike, cluster.query(query, database)))
        for name, query in STRUCTURE.items()
    }
