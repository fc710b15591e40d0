import random
from datetime import datetime
from decimal import Decimal

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, tagged

from ...billing.metering import AGGREGATIONS, Record, aggregate
from ...billing.usage_batch import read_record
from ..common.usage import UsageCommon


@tagged('post_install', '-at_install')
class TestUsageRecords(UsageCommon):
    """What is sent is kept once, for the order that was live at its moment."""

    def test_each_record_is_answered(self):
        same = self._make_record('a', '2.5')
        answers = self._ingest(
            same,
            same,
            self._make_record('a', '2.6'),
            self._make_record('b', -1),
            self._make_record('c', 1, order='S99999'),
            self._make_record('d', 1),
        )
        self.assertEqual(
            answers,
            [
                ('accepted', None),
                ('duplicate', None),
                ('refused', 'other_content'),
                ('refused', 'quantity'),
                ('unattributed', 'order'),
                ('accepted', None),
            ],
        )
        self.assertEqual(self._count(self.calls), Decimal('3.5'))
        self.assertEqual(self._ingest(same), [('duplicate', None)])
        self.assertEqual(self._count(self.calls), Decimal('3.5'))

    def test_the_id_of_each_answer_is_the_sender_s(self):
        with freeze_time('2027-01-20 10:00:00'):
            answers = self.Record.ingest(
                [self._make_record('a'), self._make_record('b', None), 'nothing', {'id': 7}]
            )
        self.assertEqual(
            answers,
            [
                {'id': 'a', 'status': 'accepted'},
                {'id': 'b', 'status': 'refused', 'reason': 'quantity'},
                {'id': None, 'status': 'refused', 'reason': 'not_an_object'},
                {'id': None, 'status': 'refused', 'reason': 'order'},
            ],
        )

    def test_all_or_none(self):
        records = [self._make_record('a'), self._make_record('b', 'many')]
        self.assertEqual(
            self._ingest(*records, all_or_none=True),
            [('not_kept', None), ('refused', 'quantity')],
        )
        self.assertEqual(self._count(self.calls), 0)
        self.assertEqual(self._ingest(*records), [('accepted', None), ('refused', 'quantity')])

    def test_the_same_id_counts_once_for_each_order_and_meter(self):
        with freeze_time('2027-01-10 10:00:00'):
            other = self._create_active_order((self.api, 1), (self._create_disk(), 1))
        records = [
            self._make_record('a'),
            self._make_record('a', order=other.name),
            self._make_record('a', meter='storage', order=other.name),
        ]
        self.assertEqual(self._ingest(*records), [('accepted', None)] * 3)
        self.assertEqual(self._ingest(*records), [('duplicate', None)] * 3)

    def test_properties_are_part_of_the_content(self):
        sent = self._make_record('a', properties={'region': 'eu', 'size': 1.5})
        again = self._make_record('a', properties={'size': 1.5, 'region': 'eu'})
        other = self._make_record('a', properties={'region': 'us'})
        self.assertEqual(
            self._ingest(sent, again, other),
            [('accepted', None), ('duplicate', None), ('refused', 'other_content')],
        )

    def test_a_record_counts_for_the_order_live_at_its_moment(self):
        """One subscriber, two orders one after the other; of the first nothing more is billed."""
        self.order.billing_subscriber_key = 'acme'
        with freeze_time('2027-02-10 10:00:00'):
            self.order.with_user(self.billing_manager).action_mark_complete()
            later = self._create_active_order((self.api, 1))
        self.assertEqual(self.order.billing_ended_date, datetime(2027, 2, 10, 10))
        later.billing_subscriber_key = 'acme'
        with freeze_time('2027-03-01 10:00:00'):
            answers = self.Record.ingest(
                [
                    # Midnight in Brussels, where 10 January begins at 23:00 UTC.
                    self._make_record('a', 1, '2027-01-09T22:59:59.999999Z', subscriber='acme'),
                    self._make_record('b', 2, '2027-01-09T23:00:00Z', subscriber='acme'),
                    self._make_record('c', 4, '2027-02-09T22:59:59Z', subscriber='acme'),
                    self._make_record('d', 8, '2027-02-10T11:00:00+01:00', subscriber='acme'),
                ]
            )
        self.assertEqual(
            [(answer['status'], answer.get('reason')) for answer in answers],
            [
                ('unattributed', 'not_live'),
                ('unattributed', 'too_late'),
                ('unattributed', 'too_late'),
                ('accepted', None),
            ],
        )
        self.assertEqual(self._count(self.calls, '2027-01-01', '2028-01-01'), 0)
        self.assertEqual(self._count(self.calls, '2027-01-01', '2028-01-01', order=later), 8)

    def test_a_key_of_two_live_orders_says_not_whose_it_is(self):
        with freeze_time('2027-01-12 10:00:00'):
            other = self._create_active_order((self.api, 1))
        (self.order | other).billing_subscriber_key = 'acme'
        self.assertEqual(
            self._ingest(
                self._make_record('a', 1, '2027-01-11T00:00:00Z', subscriber='acme'),
                self._make_record('b', 1, '2027-01-13T00:00:00Z', subscriber='acme'),
            ),
            [('accepted', None), ('unattributed', 'several')],
        )

    def test_what_belongs_to_nobody_is_kept_with_its_reason(self):
        records = [
            self._make_record('a', order='S99999'),
            self._make_record('b', subscriber='nobody'),
            self._make_record('c', meter='coffee'),
            self._make_record('d', timestamp='2027-01-20T10:05:01Z'),
            self._make_record('e', timestamp='2027-01-09T12:00:00Z'),
        ]
        reasons = ['order', 'subscriber', 'meter', 'future', 'not_live']
        self.assertEqual(self._ingest(*records), [('unattributed', reason) for reason in reasons])
        self.assertEqual(self._ingest(*records), [('duplicate', None)] * 5)
        self.assertEqual(
            self._ingest(self._make_record('a', 2, order='S99999')),
            [('refused', 'other_content')],
        )
        # Clocks differ by minutes.
        self.assertEqual(
            self._ingest(self._make_record('f', timestamp='2027-01-20T10:05:00Z')),
            [('accepted', None)],
        )
        kept = self.env['billpro.usage.unattributed'].search([], order='sender_id')
        self.assertEqual(kept.mapped('reason'), reasons)
        self.assertEqual(kept.company_id, self.company)

    def test_orders_of_other_types_and_companies_have_no_usage(self):
        gym = self._create_active_order((self.gym, 1))
        self.assertEqual(
            self._ingest(self._make_record('a', order=gym.name)), [('unattributed', 'order')]
        )
        other = self.env['res.company'].create({'name': "Other"})
        self.billing_manager.company_ids += other
        elsewhere = self.Record.with_context(allowed_company_ids=other.ids)
        with freeze_time('2027-01-20 10:00:00'):
            (answer,) = elsewhere.ingest([self._make_record('a')])
        self.assertEqual((answer['status'], answer['reason']), ('unattributed', 'meter'))
        self.assertEqual(self._count(self.calls), 0)

    def test_what_the_order_does_not_charge_is_kept_and_assigned(self):
        record = self._make_record('a', 3, meter='storage')
        self.assertEqual(self._ingest(record), [('unattributed', 'not_charged')])
        self.assertEqual(self._ingest(record), [('duplicate', None)])
        waiting = self.env['billpro.usage.unattributed'].search([])
        self.assertEqual(waiting.reason, 'not_charged')
        waiting.write({'order_id': self.order.id, 'meter_id': self.storage.id})
        with self.assertRaisesRegex(UserError, "it didn't charge what “Storage” counted then"):
            waiting.with_user(self.billing_manager).action_assign()
        with freeze_time('2027-01-10 10:00:00'):
            other = self._create_active_order((self.api, 1), (self._create_disk(), 1))
        waiting.order_id = other
        waiting.with_user(self.billing_manager).action_assign()
        self.assertEqual(self._count(self.storage, order=other), 3)

    def test_what_was_counted_stays_a_duplicate(self):
        """Records that were taken in before nobody was found to be billed for them."""
        record = self._make_record('a', 3, meter='storage')
        self.env['billpro.usage.record']._insert(
            {0: (read_record(record), self.order.id, self.storage.id)}
        )
        self.assertEqual(
            self._ingest(record, {**record, 'quantity': 4}),
            [('duplicate', None), ('refused', 'other_content')],
        )

    def test_orders_that_charge_no_usage(self):
        plain = self._create_sold_product("By hand", 1, self.tax_6, 'metered')
        with freeze_time('2027-01-10 10:00:00'):
            by_hand = self._create_active_order((plain, 1))
            trial = self._create_active_order((self.gym, 1), billing_trial_days=30)
        draft = self._create_order((self.api, 1))
        company = self.env['res.company'].create({'name': "Other"})
        self._create_meter('api_calls', "API calls", company_id=company.id)
        self.billing_manager.company_ids += company
        reasons = {by_hand: 'not_charged', trial: 'order', draft: 'not_live'}
        records = [self._make_record('a', order=order.name) for order in reasons]
        self.assertEqual(
            self._ingest(*records), [('unattributed', reason) for reason in reasons.values()]
        )
        elsewhere = self.Record.with_context(allowed_company_ids=company.ids)
        with freeze_time('2027-01-20 10:00:00'):
            (answer,) = elsewhere.ingest([self._make_record('a')])
        self.assertEqual((answer['status'], answer['reason']), ('unattributed', 'order'))

    def test_a_meter_that_is_archived_counts_where_it_is_charged(self):
        self.calls.active = False
        self.assertEqual(self._ingest(self._make_record('a', 3)), [('accepted', None)])
        with freeze_time('2027-01-20 10:00:00'):
            self.assertEqual(self.order.billing_usage_line_ids.billing_usage_quantity, 3)

    def test_assigning_what_belongs_to_nobody(self):
        self._ingest(self._make_record('a', '3.000001', subscriber='acme', properties={'x': 'y'}))
        waiting = self.env['billpro.usage.unattributed'].search([])
        waiting = waiting.with_user(self.billing_manager)
        with self.assertRaisesRegex(UserError, "Choose the order and the meter of usage “a”"):
            waiting.action_assign()
        waiting.write({'order_id': self.order.id, 'meter_id': self.calls.id})
        waiting.action_assign()
        record = waiting.record_id
        self.assertEqual(
            (record.order_id, record.meter_id, record.moment, record.properties),
            (self.order, self.calls, datetime(2027, 1, 15, 12), {'x': 'y'}),
        )
        self.assertEqual(self._count(self.calls), Decimal('3.000001'))
        waiting.action_assign()
        self.assertEqual(self._count(self.calls), Decimal('3.000001'))
        # The sender sends it once more, now that the order has the key.
        self.order.billing_subscriber_key = 'acme'
        again = self._make_record('a', '3.000001', subscriber='acme', properties={'x': 'y'})
        self.assertEqual(self._ingest(again), [('duplicate', None)])

    def test_usage_is_assigned_to_an_order_that_was_live_only(self):
        self._ingest(self._make_record('a', timestamp='2027-01-01T00:00:00Z'))
        waiting = self.env['billpro.usage.unattributed'].search([])
        waiting.write({'order_id': self.order.id, 'meter_id': self.calls.id})
        with self.assertRaisesRegex(UserError, f"“a” can't be of order {self.order.name}"):
            waiting.with_user(self.billing_manager).action_assign()

    def test_a_record_that_was_wrong_is_void(self):
        self._ingest(self._make_record('a', 1), self._make_record('b', 2))
        wrong = {'id': 'a', 'meter': 'api_calls', 'order': self.order.name}
        for status in ('voided', 'duplicate'):
            self.assertEqual(
                self.Record.void([wrong], "Counted twice"), [{'id': 'a', 'status': status}]
            )
        self.assertEqual(self._count(self.calls), 2)
        record = self.env['billpro.usage.record'].search([('sender_id', '=', 'a')])
        self.assertTrue(record.is_void)
        self.assertEqual(record.void_ids.reason, "Counted twice")
        self.assertEqual(record.void_ids.create_uid, self.billing_manager)
        # Sent again, it stays void.
        self.assertEqual(self._ingest(self._make_record('a', 1)), [('duplicate', None)])
        self.assertEqual(self._count(self.calls), 2)
        self.assertEqual(
            self.Record.void([{**wrong, 'id': 'z'}, 'z'], "?"),
            [
                {'id': 'z', 'status': 'refused', 'reason': 'unknown_record'},
                {'id': None, 'status': 'refused', 'reason': 'not_an_object'},
            ],
        )
        with self.assertRaisesRegex(UserError, "Say why"):
            self.Record.void([wrong], " ")

    def test_what_is_not_attributed_is_taken_back(self):
        sent = {'id': 'a', 'meter': 'api_calls', 'order': 'S9'}
        self._ingest({**sent, 'timestamp': '2027-01-15T12:00:00Z'})
        self._ingest({**sent, 'id': 'b', 'timestamp': '2027-01-15T12:00:00Z'})
        for status in ('voided', 'duplicate'):
            self.assertEqual(self.Record.void([sent], "A test"), [{'id': 'a', 'status': status}])
        waiting = self.env['billpro.usage.unattributed'].search([('order_name', '=', 'S9')])
        waiting = waiting.sorted('sender_id').with_user(self.billing_manager)
        self.assertEqual(waiting.mapped('void_reason'), ["A test", False])
        waiting.write({'order_id': self.order.id, 'meter_id': self.calls.id})
        with self.assertRaisesRegex(UserError, "Usage “a” was taken back"):
            waiting.action_assign()
        action = waiting.action_open_void()
        wizard = self.env['billpro.void.usage'].browse(action['res_id'])
        wizard = wizard.with_user(self.billing_manager)
        wizard.reason = "A test, too"
        wizard.action_void()
        self.assertEqual(waiting.mapped('void_reason'), ["A test", "A test, too"])
        self.assertEqual(self._count(self.calls), 0)
        with self.assertRaises(AccessError):
            waiting.void_reason = False
        with self.assertRaises(AccessError):
            waiting.with_user(self.salesperson).action_open_void()

    def test_batches_have_a_limit(self):
        for batch in ([self._make_record('a')] * 1001, {'a': 1}, None):
            with self.assertRaisesRegex(UserError, "A batch is a list of up to 1000"):
                self.Record.ingest(batch)

    def test_who_may_send_and_who_may_change(self):
        record = self._make_record('a')
        self._ingest(record)
        kept = self.env['billpro.usage.record'].search([])
        for method, arguments in (('ingest', [[record]]), ('void', [[record], "?"])):
            with self.assertRaises(AccessError):
                getattr(self.Record.with_user(self.salesperson), method)(*arguments)
        for user in (self.salesperson, self.billing_manager):
            for change in (
                lambda one: one.write({'quantity': 5}),
                lambda one: one.unlink(),
                lambda one: one.create({'sender_id': 'b'}),
            ):
                with self.assertRaises(AccessError):
                    change(kept.with_user(user))
        self.assertTrue(kept.with_user(self.salesperson).has_access('read'))

    def test_a_batch_costs_the_same_number_of_queries(self):
        self._ingest(self._make_record('warm'))
        records = [self._make_record(str(number)) for number in range(1000)]
        for batch in (records[:10], records[10:]):
            self.env.flush_all()
            self.env.invalidate_all()
            with self.assertQueryCount(14), freeze_time('2027-01-20 10:00:00'):
                self.Record.ingest(batch)
        self.assertEqual(self._count(self.calls), 1001)
        nobody_s = [{**record, 'order': 'S99999'} for record in records]
        for batch in (nobody_s[:10], nobody_s[10:], nobody_s):
            self.env.flush_all()
            self.env.invalidate_all()
            with self.assertQueryCount(14), freeze_time('2027-01-20 10:00:00'):
                self.Record.ingest(batch)
        self.assertEqual(self.env['billpro.usage.unattributed'].search_count([]), 1000)

    # === COUNTING === #

    def test_databases_count_as_plain_python_does(self):
        rng = random.Random(18)
        sent, records = [], []
        for number in range(200):
            moment = f'2027-01-{rng.randint(10, 19)}T{rng.randint(0, 23):02}:00:00'
            quantity = f'{rng.randint(0, 10**6)}.{rng.randint(0, 10**6):06}'
            value = rng.choice('abc')
            sent.append(
                self._make_record(f'é{number}', quantity, moment, properties={'user': value})
            )
            records.append(
                Record(datetime.fromisoformat(moment), Decimal(quantity), f'é{number}', value)
            )
        rng.shuffle(sent)
        for batch in (sent[:77], sent[50:], sent):
            self._ingest(*batch)
        start, end = '2027-01-12', '2027-01-17'
        counted = [r for r in records if datetime(2027, 1, 12) <= r.moment < datetime(2027, 1, 17)]
        for aggregation in AGGREGATIONS:
            with self.subTest(aggregation):
                self.calls.unique_property = 'user'
                self.calls.aggregation = aggregation
                self.assertEqual(
                    self._count(self.calls, start, end), aggregate(aggregation, counted)
                )
        ordered = sorted(counted, key=lambda record: (record.moment, record.sender_id))
        self.assertEqual(
            self.env['billpro.usage.record']._list_quantities(
                {5: self._get_query(self.calls, start, end)}
            )[5],
            tuple(record.quantity for record in ordered),
        )

    def test_only_records_with_a_property_count(self):
        self._ingest(
            self._make_record('a', 1, properties={'region': 'eu'}),
            self._make_record('b', 2, properties={'region': 'us'}),
            self._make_record('c', 4),
        )
        self.assertEqual(self._count(self.calls), 7)
        self.calls.write({'filter_property': 'region', 'filter_value': 'us'})
        self.assertEqual(self._count(self.calls), 2)

    def test_one_pass_counts_many_orders(self):
        with freeze_time('2027-01-10 10:00:00'):
            other = self._create_active_order((self._create_disk(), 1))
        queries = [
            self._get_query(self.calls, '2027-01-10', '2027-02-10'),
            self._get_query(self.calls, '2027-02-10', '2027-03-10'),
            self._get_query(self.storage, '2027-01-10', '2027-02-10', order=other),
        ]
        self._ingest(
            self._make_record('a', 5), self._make_record('b', 7, meter='storage', order=other.name)
        )
        self.env['billpro.usage.record']._count(queries)
        with self.assertQueryCount(2):
            found = self.env['billpro.usage.record']._count(queries)
        self.assertEqual(found, [5, 0, 7])


@tagged('post_install', '-at_install')
class TestUsageByApi(UsageCommon, HttpCase):
    def test_a_batch_by_json_2(self):
        now = fields.Datetime.now()
        with freeze_time(now):
            order = self._create_active_order((self.api, 1))
        expires = fields.Datetime.add(now, days=1)
        key = (
            self.env['res.users.apikeys']
            .with_user(self.billing_manager)
            ._generate('rpc', "Usage", expires)
        )
        self.env.flush_all()
        response = self.url_open(
            '/json/2/billpro.usage.record/ingest',
            json={
                'records': [
                    self._make_record('a', 0.1, now.isoformat(), order=order.name),
                    self._make_record('b', '0.2', now.isoformat(), order=order.name),
                    self._make_record('c', 1, now.isoformat(), order='S99999'),
                ]
            },
            headers={'Authorization': f'bearer {key}'},
        )
        self.assertEqual(response.status_code, 200, response.text)
        self.assertEqual(
            response.json(),
            [
                {'id': 'a', 'status': 'accepted'},
                {'id': 'b', 'status': 'accepted'},
                {'id': 'c', 'status': 'unattributed', 'reason': 'order'},
            ],
        )
        self.env.invalidate_all()
        counted = self._count(self.calls, '2020-01-01', '2100-01-01', order=order)
        self.assertEqual(counted, Decimal('0.3'))
