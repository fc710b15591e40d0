import json
from datetime import datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..billing.usage_batch import RefusedRecord, SentRecord, read_record

GOOD = {'id': 'a', 'meter': 'calls', 'order': 'S1', 'timestamp': '2027-01-15T12:00:00Z'}


@tagged('post_install', '-at_install')
class TestUsageBatch(BaseCase):
    def test_what_is_read(self):
        self.assertEqual(
            read_record(GOOD),
            SentRecord('a', 'calls', 'S1', '', datetime(2027, 1, 15, 12), Decimal(1), ''),
        )
        for timestamp, moment in (
            ('2027-01-15T12:00:00+01:00', datetime(2027, 1, 15, 11)),
            ('2027-01-15 12:00:00', datetime(2027, 1, 15, 12)),
            ('2027-01-15T12:00:00.000001Z', datetime(2027, 1, 15, 12, 0, 0, 1)),
        ):
            self.assertEqual(read_record({**GOOD, 'timestamp': timestamp}).moment, moment)
        for sent, quantity in (
            (0.1, '0.1'),
            ('0.000000000001', '0.000000000001'),
            (10**14, '1e14'),
        ):
            self.assertEqual(read_record({**GOOD, 'quantity': sent}).quantity, Decimal(quantity))
        properties = read_record({**GOOD, 'properties': {'b': 1, 'a': 'NaN é'}}).properties
        self.assertEqual(json.loads(properties), {'a': 'NaN é', 'b': 1})

    def test_what_is_refused_and_why(self):
        for reason, changes in (
            ('unknown_key', {'qty': 1}),
            ('id', {'id': ''}),
            ('id', {'id': None}),
            ('id', {'id': 7}),
            ('id', {'id': 'x' * 256}),
            ('id', {'id': 'a\0'}),
            ('id', {'id': '\ud800'}),
            ('meter', {'meter': None}),
            ('order', {'order': None}),
            ('order', {'subscriber': 'acme'}),
            ('timestamp', {'timestamp': None}),
            ('timestamp', {'timestamp': 1800000000}),
            ('timestamp', {'timestamp': 'yesterday'}),
            ('timestamp', {'timestamp': '0001-01-01T00:00:00+10:00'}),
            ('timestamp', {'timestamp': '2207-01-15T12:00:00Z'}),
            ('quantity', {'quantity': None}),
            ('quantity', {'quantity': True}),
            ('quantity', {'quantity': -1}),
            ('quantity', {'quantity': 'NaN'}),
            ('quantity', {'quantity': float('inf')}),
            ('quantity', {'quantity': '1e15'}),
            ('quantity', {'quantity': '0.0000000000001'}),
            ('properties', {'properties': [1]}),
            ('properties', {'properties': {'a': [1]}}),
            ('properties', {'properties': {'a': 'x' * 2000}}),
            ('properties', {'properties': {'a': '\0'}}),
            ('properties', {'properties': {'\ud800': 1}}),
            ('properties', {'properties': {'a': float('nan')}}),
        ):
            with self.subTest(changes), self.assertRaises(RefusedRecord) as caught:
                read_record({**GOOD, **changes})
            self.assertEqual(caught.exception.reason, reason)
        for sent in (None, [], 'a', 7):
            with self.assertRaises(RefusedRecord) as caught:
                read_record(sent)
            self.assertEqual(caught.exception.reason, 'not_an_object')

    @given(
        st.dictionaries(
            st.sampled_from([*GOOD, 'subscriber', 'quantity', 'properties', 'other']),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                lambda values: st.lists(values) | st.dictionaries(st.text(), values),
                max_leaves=3,
            ),
        )
    )
    def test_nothing_else_happens_whatever_is_sent(self, changes):
        try:
            sent = read_record({**GOOD, **changes})
        except RefusedRecord:
            return
        self.assertTrue(sent.sender_id and sent.meter and (sent.order or sent.subscriber))
        self.assertGreaterEqual(sent.quantity, 0)
