from contextlib import closing

import psycopg2
import pytest

from odoo import sql_db
from odoo.tests.common import get_db_name

from devtools import grown_tables

STATISTICS = "SELECT relpages, reltuples FROM pg_class WHERE relname = 'grown'"


@pytest.fixture
def cr():
    """What executes statements in the database of the tests, each for itself."""
    _name, options = sql_db.connection_info_for(get_db_name())
    with closing(psycopg2.connect(**options)) as connection:
        connection.autocommit = True
        with connection.cursor() as cr:
            cr.execute("CREATE TABLE grown (number integer)")
            yield cr
            cr.execute("DROP TABLE grown")


def test_what_was_rolled_back_takes_no_room(cr):
    tables = grown_tables.GrownTables(get_db_name())
    cr.execute("INSERT INTO grown VALUES (1)")
    cr.execute("BEGIN; INSERT INTO grown SELECT generate_series(1, 30000); ROLLBACK")
    cr.execute("SELECT pg_relation_size('grown') / 8192")
    (pages,) = cr.fetchone()
    assert pages > grown_tables.PAGES_TO_EMPTY
    tables.empty()
    cr.execute("SELECT pg_relation_size('grown') / 8192, count(*) FROM grown")
    assert cr.fetchone() == (1, 1)
    # Nothing is known of it that would change how it is joined.
    cr.execute(STATISTICS)
    assert cr.fetchone() == (0, -1)
