from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from odoo.tests import TransactionCase, tagged
from odoo.tools import SQL

from ...billing.calendar import UNITS, nth_date

courses = st.tuples(
    st.dates(min_value=date(1990, 1, 1), max_value=date(2100, 12, 31)),
    st.integers(min_value=1, max_value=24),
    st.sampled_from(UNITS),
    st.integers(min_value=0, max_value=240),
)


@tagged('post_install', '-at_install')
class TestDatesOfReports(TransactionCase):
    """Reports count dates in the database, where nobody could ask `billing.calendar`."""

    @given(st.lists(courses, min_size=1, max_size=50))
    def test_dates_are_those_of_the_calendar(self, drawn):
        nth = self.env['billpro.order.report']._get_nth_date(SQL("o.anchor"), SQL("o.steps"))
        rows = SQL(", ").join(
            SQL("(%s, %s, %s, %s, %s)", place, *course) for place, course in enumerate(drawn)
        )
        query = SQL(
            """
            SELECT %s
              FROM (VALUES %s)
                AS o(place, anchor, billing_interval_count, billing_interval_unit, steps)
             ORDER BY o.place
            """,
            nth,
            rows,
        )
        self.assertEqual(
            [day for (day,) in self.env.execute_query(query)],
            [nth_date(*course) for course in drawn],
        )
