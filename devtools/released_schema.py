"""The database structure of the released version, which the next one is tested to update from."""

from __future__ import annotations

import json
import re
from typing import Any

from devtools import databases, paths
from devtools.odoo_server import Odoo
from devtools.postgresql import Cluster

FILE = paths.CHECKOUT / 'devtools/released_schema.json'
COLUMNS = (
    "SELECT format('%s %s %s %s', c.relname, a.attname, a.attnotnull,"
    " format_type(a.atttypid, a.atttypmod))"
    " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
    " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
    " AND a.attnum > 0 AND NOT a.attisdropped"
)
CONSTRAINTS = (
    "SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))"
    " FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'"
)
INDEXES = (
    "SELECT format('%s %s', i.indexname, i.indexdef) FROM pg_indexes i"
    " WHERE schemaname = 'public' AND NOT EXISTS"
    " (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)"
)

# A list of words, as PostgreSQL shows it of what was created, and of what was restored from a dump.
CREATED_WORDS = re.compile(r"\(ARRAY\[((?:'[^']*'::character varying(?:, )?)+)\]\)::text\[\]")
RESTORED_WORD = re.compile(r"\(('[^']*')::character varying\)::text")

# Sorted texts by kind of structure, the names first.
Structure = dict[str, list[str]]
KINDS = {'columns': COLUMNS, 'constraints': CONSTRAINTS, 'indexes': INDEXES}


def write(odoo: Odoo) -> None:
    """Note the structure that this version of the addon gives to a database.

    :param Odoo odoo: Odoo and its PostgreSQL cluster, which must run.
    """
    every = databases.Databases(odoo)
    template = every.dependencies_template()
    with every.temporary(every.addon_template(), 'update') as database:
        structure = of_addon(odoo.cluster, database, template)
    content = {'version': databases.manifest()['version'], **structure}
    FILE.write_text(json.dumps(content, indent=1) + "\n")
    print(f"Written: {FILE.relative_to(paths.CHECKOUT)}")


def read() -> dict[str, Any]:
    """Return the structure of the released version.

    :return: Its version, and its columns, constraints and indexes as `of_addon` returns them.
    :rtype: dict
    """
    released: dict[str, Any] = json.loads(FILE.read_text())
    for kind in KINDS:
        released[kind] = sorted(map(spell_alike, released[kind]))
    return released


def of_addon(cluster: Cluster, database: str, template: str) -> Structure:
    """Return what the addon added to the structure of a database.

    :param Cluster cluster: The PostgreSQL cluster, which must run.
    :param str database: The name of a database that has the addon.
    :param str template: The name of a database that has all but the addon.
    :return: Sorted texts, the names first, by kind of structure.
    :rtype: dict
    """
    structure = {}
    for kind, query in KINDS.items():
        rows, others = (
            set(map(spell_alike, cluster.query(query, name))) for name in (database, template)
        )
        structure[kind] = sorted(rows - others)
    return structure


def spell_alike(row: str) -> str:
    """Return a definition in one spelling, whether it was created or restored from a dump.

    :param str row: The definition, as PostgreSQL shows it.
    :rtype: str
    """
    row = CREATED_WORDS.sub(
        lambda match: f'ARRAY[{match[1].replace("::character varying", "::text")}]', row
    )
    return RESTORED_WORD.sub(r'\1::text', row)


def statements_to(released: Structure, present: Structure) -> list[str]:
    """Return the SQL that gives a database with data the structure of the released version.

    :param dict released: The structure to reach.
    :param dict present: The structure that there is.
    :return: The statements.
    :rtype: list[str]
    """
    new, gone = (
        {kind: [row for row in one[kind] if row not in other[kind]] for kind in KINDS}
        for one, other in ((present, released), (released, present))
    )
    kept_tables = {row.split()[0] for row in released['columns']}
    kept_columns = {tuple(row.split()[:2]) for row in released['columns']}
    statements = [f'DROP INDEX IF EXISTS "{row.split()[0]}"' for row in new['indexes']]
    for row in new['constraints']:
        table, name, *_definition = row.split()
        statements.append(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{name}" CASCADE')
    for row in new['columns']:
        table, column, *_type = row.split()
        if table.startswith('billpro_') and table not in kept_tables:
            statements.append(f'DROP TABLE IF EXISTS {table} CASCADE')
        elif (table, column) not in kept_columns:
            statements.append(f'ALTER TABLE IF EXISTS {table} DROP COLUMN IF EXISTS "{column}"')
    for row in gone['columns']:
        table, column, is_required, data_type = row.split(maxsplit=3)
        statements.append(f'ALTER TABLE {table} ADD COLUMN IF NOT EXISTS "{column}" {data_type}')
        if is_required == 'f':
            statements.append(f'ALTER TABLE {table} ALTER COLUMN "{column}" DROP NOT NULL')
    for row in gone['constraints']:
        table, name, definition = row.split(maxsplit=2)
        statements.append(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
    statements += [row.split(maxsplit=1)[1] for row in gone['indexes']]
    return statements
