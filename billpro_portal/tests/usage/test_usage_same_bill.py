from datetime import datetime, timedelta

from freezegun import freeze_time
from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import tagged

from ..common.usage import UsageCommon

START = datetime(2027, 1, 10)
CLIENTS = 10
# A quantity in eighths, and an hour of the period.
facts = st.tuples(st.integers(0, 4000), st.integers(0, 700))


@tagged('post_install', '-at_install')
class TestUsageSameBill(UsageCommon):
    """However usage is sent, and however often: it costs the same."""

    @settings(max_examples=5)
    @given(st.lists(facts, min_size=1, max_size=40), st.randoms(use_true_random=False))
    def test_ten_clients_send_the_same_in_disorder(self, drawn, numbers):
        with self.env.cr.savepoint() as savepoint:
            with freeze_time('2027-01-10 10:00:00'):
                other = self._create_active_order((self.api, 1))
            periods = [order.billing_usage_period_ids for order in (self.order, other)]
            records = [
                self._make_record(
                    f'r{number}', eighths / 8, f'{START + timedelta(hours=hour)}Z'.replace(' ', 'T')
                )
                for number, (eighths, hour) in enumerate(drawn)
            ]
            with freeze_time('2027-02-10 00:00:00'):
                self.Record.ingest(records)
                again = [{**record, 'order': other.name} for record in records] * CLIENTS
                numbers.shuffle(again)
                while again:
                    size = numbers.randint(1, len(again))
                    self.Record.ingest(again[:size])
                    again = again[size:]
                (periods[0] | periods[1])._close()
            once, often = (
                [
                    (line.kind, line.quantity, line.unit_price, line.amount)
                    for line in period.line_ids
                ]
                for period in periods
            )
            self.assertEqual(once, often)
            self.assertEqual(periods[0].amount, periods[1].amount)
            savepoint.rollback()
        self.env.invalidate_all()
