"""The tables of a database in which tests roll back what they make."""

from contextlib import closing
from typing import Any

import psycopg2

from odoo import sql_db

# A scan of fewer pages of 8 kB takes no longer than anybody can measure.
PAGES_TO_EMPTY = 64
SIZES = """
SELECT oid::regclass::text, pg_relation_size(oid) / 8192
  FROM pg_class
 WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
# As if it had never been vacuumed, see `Databases.keep_from_vacuum`.
FORGET_STATISTICS = """
UPDATE pg_class SET relpages = 0, reltuples = -1, relallvisible = 0 WHERE oid = ANY(%s::regclass[])
"""


class GrownTables:
    """Tables in which rows that were rolled back take room.

    As nobody removes them, each query that scans a table reads what all tests before have left
    there.
    """

    def __init__(self, database: str) -> None:
        """Note how large the tables are.

        :param database: The name of the database.
        """
        self._database = database
        with closing(self._connect()) as connection:
            self._sizes = _sizes(connection)

    def empty(self) -> None:
        """Remove what was rolled back from tables that have grown, while no test is executed."""
        with closing(self._connect()) as connection:
            grown = [
                name
                for name, pages in _sizes(connection).items()
                if pages - self._sizes.get(name, 0) > PAGES_TO_EMPTY
            ]
            if grown:
                with connection.cursor() as cr:
                    cr.execute(f"VACUUM {', '.join(grown)}")
                    cr.execute(FORGET_STATISTICS, [grown])

    def _connect(self) -> Any:
        """Open a connection without a transaction, in which nothing can be vacuumed."""
        _name, options = sql_db.connection_info_for(self._database)
        connection = psycopg2.connect(**options)
        connection.autocommit = True
        return connection


def _sizes(connection: Any) -> dict[str, int]:
    """Return how many pages each table has.

    :param psycopg2.extensions.connection connection: A connection to the database.
    """
    with connection.cursor() as cr:
        cr.execute(SIZES)
        return dict(cr.fetchall())
