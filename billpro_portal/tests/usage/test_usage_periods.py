from datetime import date, datetime, timedelta

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.modules.migration import exec_script
from odoo.tests import tagged
from odoo.tools import file_path

from ..common.price_increase import PriceIncreaseCommon
from ..common.usage_period import UsagePeriodCommon


@tagged('post_install', '-at_install')
class TestUsagePeriods(UsagePeriodCommon):
    """Periods close and charge by themselves: what is billed, when, and what is not."""

    def test_a_period_is_closed_and_charged_when_its_grace_is_over(self):
        (period,) = self.order.billing_usage_period_ids
        self.assertEqual(
            (period.first_day, period.next_day, period.start_date, period.close_date),
            (
                date(2027, 1, 10),
                date(2027, 2, 10),
                datetime(2027, 1, 9, 23),
                datetime(2027, 2, 10, 0),
            ),
        )
        self._send('2027-01-20 10:00:00', self._make_record('a', 500))
        self._run_at('2027-02-09 23:59:59')
        self.assertEqual(period.state, 'open')
        self._run_at('2027-02-10 00:00:00')
        self.assertEqual(period.state, 'closed')
        event = period.event_id
        # 400 calls at 0.02, and 6 % of tax.
        self.assertEqual((event.status, event.amount, period.amount), ('completed', 8.48, 8.48))
        self.assertEqual(
            self._get_lines(event.invoice_id),
            [
                ("API access, included\n01/10/2027 to 02/09/2027", 100, 0, 0),
                ("API access\n01/10/2027 to 02/09/2027", 400, 0.02, 8),
            ],
        )
        self._assert_books_closed(self.order)
        following = self.order.billing_usage_period_ids - period
        self.assertEqual(
            (following.number, following.first_day, following.start_date, following.state),
            (1, date(2027, 2, 10), period.end_date, 'open'),
        )
        with freeze_time('2027-02-10 00:00:00'):
            self._assert_nothing_due(self.order)

    def test_nothing_due_is_said_and_a_credit_is_carried_on(self):
        self._send('2027-01-20 10:00:00', self._make_record('a', 1100, '2027-01-20T09:00:00Z'))
        self._run_at('2027-02-10 00:00:00')  # 1,000 at 0.02.
        self._send('2027-02-20 10:00:00', self._make_record('b', 600, '2027-02-19T00:00:00Z'))
        with freeze_time('2027-02-20 10:00:00'):
            self.Record.void([{'id': 'a', 'meter': 'api_calls', 'order': self.order.name}], "Test")
        self._run_at('2027-03-10 00:00:00')  # 10 for b, 20 less for a.
        second = self.order.billing_usage_period_ids[1]
        self.assertEqual((second.state, second.amount, second.event_id.id), ('closed', 0, False))
        self.assertIn(
            "A credit of $ 10.60 is carried on.",
            str(self.order.message_ids[0].body).replace('\xa0', ' ').replace('&nbsp;', ' '),
        )
        self._send('2027-03-20 10:00:00', self._make_record('c', 850, '2027-03-19T00:00:00Z'))
        self._run_at('2027-04-10 00:00:00')
        third = self.order.billing_usage_period_ids[2]
        self.assertEqual(
            self._get_lines(third.move_id),
            [
                ("API access\nTaken back of 01/10/2027 to 02/09/2027", 1, -20, -20),
                ("API access\n02/10/2027 to 03/09/2027", 500, 0.02, 10),
                ("API access, included\n03/10/2027 to 04/09/2027", 100, 0, 0),
                ("API access\n03/10/2027 to 04/09/2027", 750, 0.02, 15),
            ],
        )
        self.assertEqual(third.amount, 5.3)
        self._run_at('2027-05-10 00:00:00')
        fourth = self.order.billing_usage_period_ids[3]
        self.assertEqual((fourth.state, fourth.amount), ('closed', 0))
        self.assertIn("nothing is due.", self.order.message_ids[0].body)

    def test_what_is_too_late_is_kept_and_shown(self):
        self._send('2027-01-20 10:00:00', self._make_record('a', 1))
        self._run_at('2027-02-10 00:00:00')
        record = self._make_record('b', 1, '2027-02-09T12:00:00Z')
        self.assertEqual(self._send('2027-03-16 11:59:59', record), ['accepted'])
        record = self._make_record('c', 1, '2027-02-09T12:00:00Z')
        self.assertEqual(self._send('2027-03-16 12:00:01', record), ['unattributed'])
        # What was billed is no other usage, whenever it is sent again.
        again = (self._make_record('a', 1), self._make_record('a', 2))
        self.assertEqual(self._send('2027-03-16 12:00:01', *again), ['duplicate', 'refused'])
        waiting = self.env['billpro.usage.unattributed'].search([])
        self.assertEqual(waiting.reason, 'too_late')
        waiting.write({'order_id': self.order.id, 'meter_id': self.calls.id})
        with freeze_time('2027-03-16 12:00:01'):
            with self.assertRaisesRegex(UserError, "too late"):
                waiting.with_user(self.billing_manager).action_assign()
            (answer,) = self.Record.void(
                [{'id': 'a', 'meter': 'api_calls', 'order': self.order.name}], "Test"
            )
        self.assertEqual((answer['status'], answer['reason']), ('refused', 'too_late'))

    def test_a_threshold_bills_before_the_period_ends(self):
        """As others do: what is billed early is taken off what the whole period costs."""
        self.order.billing_usage_threshold = 20
        self._send('2027-01-20 10:00:00', self._make_record('a', 1099))
        self._run_at('2027-01-20 11:00:00')
        self.assertFalse(self.order.billing_event_ids)
        self._send('2027-01-21 10:00:00', self._make_record('b', 1))
        self._run_at('2027-01-21 11:00:00')
        self._run_at('2027-01-21 12:00:00')
        self.assertEqual(self.order.billing_event_ids.mapped('amount'), [21.2])
        self._send('2027-01-22 10:00:00', self._make_record('c', 50))
        self._run_at('2027-02-10 00:00:00')
        period = self.order.billing_usage_period_ids[0]
        self.assertEqual(
            self._get_lines(period.move_id),
            [
                ("API access, included\n01/10/2027 to 02/09/2027", 100, 0, 0),
                ("API access\n01/10/2027 to 02/09/2027", 1050, 0.02, 21),
                ("API access, billed before\n01/10/2027 to 02/09/2027", 1, -20, -20),
            ],
        )
        self.assertEqual(self.order.billing_event_ids.mapped('amount'), [21.2, 1.06])
        ((row,), _earlier) = self.env['billpro.order.usage']._get_past_rows(self.order)
        self.assertEqual((row['amount'], len(row['documents'])), ("$\xa022.26", 2))

    def test_staff_close_now(self):
        self._send('2027-01-20 10:00:00', self._make_record('a', 600))
        (period,) = self.order.billing_usage_period_ids
        with self.assertRaises(AccessError):
            period.with_user(self.salesperson).action_close_now()
        for moment in ('2027-01-21 10:00:00', '2027-01-22 10:00:00'):
            with freeze_time(moment), self._committing_env(self.billing_manager) as env:
                env[period._name].browse(period.id).action_close_now()
        self.assertEqual((period.state, len(self.order.billing_event_ids)), ('open', 1))
        self.assertEqual(self.order.billing_event_ids.status, 'completed')
        with freeze_time('2027-02-09 23:30:00'), self._committing_env(self.billing_manager) as env:
            env[period._name].browse(period.id).action_close_now()
            with self.assertRaisesRegex(UserError, "nothing to bill"):
                env[period._name].browse(period.id).action_close_now()
        self.assertEqual((period.state, period.amount), ('closed', 0))

    def test_what_is_declined_is_retried_and_the_next_period_closes(self):
        self.order.billing_token_id.demo_simulated_state = 'error'
        self._send('2027-01-20 10:00:00', self._make_record('a', 600))
        self._run_at('2027-02-10 00:00:00')
        (event,) = self.order.billing_event_ids
        self.assertEqual((event.status, self.order.billing_status), ('soft_declined', 'failed'))
        amount = event.amount
        self.order.billing_token_id.demo_simulated_state = 'done'
        self._run_at('2027-02-12 10:00:00')
        self.assertEqual((event.status, event.amount), ('recovered', amount))
        self._assert_books_closed(self.order)

    def test_the_customer_moves_to_another_time_zone(self):
        """No moment is billed twice, or never."""
        (period,) = self.order.billing_usage_period_ids
        self.customer.tz = 'America/New_York'
        self._send(
            '2027-02-10 12:00:00',
            self._make_record('a', 200, '2027-02-09T22:59:59Z'),
            self._make_record('b', 300, '2027-02-09T23:00:00Z'),
        )
        self._run_at('2027-02-10 12:00:00')
        self.assertEqual(period.amount, 2.12)
        following = self.order.billing_usage_period_ids - period
        self.assertEqual(
            (following.start_date, following.end_date),
            (datetime(2027, 2, 9, 23), datetime(2027, 3, 10, 5)),
        )
        self._run_at('2027-03-10 06:00:00')
        self.assertEqual(following.amount, 4.24)

    def test_a_base_fee_that_is_rounded(self):
        seat = self._create_sold_product("Seat", 9.99, self.tax_6, 'metered')
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.api, 1), (seat, 1.5))
        self._run_at('2027-02-10 00:00:00')
        lines = order.billing_usage_period_ids[0].move_id.invoice_line_ids
        self.assertEqual(
            [
                (line.name.splitlines()[-1], line.price_subtotal)
                for line in lines
                if line.product_id == seat
            ],
            [("1.5 Units at $\xa09.99", 14.99)],
        )

    def _bill_above_cap(self):
        """Return a payment of 8.48 of an order on which 5 were agreed on."""
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.api, 1), billing_usage_cap=5)
        record = self._make_record('a', 500, order=order.name)
        self.assertEqual(self._send('2027-01-20 10:00:00', record), ['accepted'])
        self._run_at('2027-02-10 00:00:00')
        event = order.billing_usage_period_ids[0].event_id
        self.assertEqual((event.amount, event.is_above_cap), (8.48, True))
        return event

    def test_what_waits_for_the_customer_is_not_merged(self):
        event = self._bill_above_cap()
        with freeze_time('2027-02-11 10:00:00'):
            typed = event.copy({'number': 2, 'amount': 1, 'is_above_cap': False})
            with self.assertRaisesRegex(UserError, "they are asked first"), self.cr.savepoint():
                (event | typed)._merge_by_staff(date(2027, 2, 12))
        self.assertEqual((event.status, event.is_above_cap), ('scheduled', True))

    def _get_open_payment(self, cap, quantity, **values):
        """Return a payment of usage at 0.02 and 6% of tax, which was declined, and its order."""
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.api, 1), billing_usage_cap=cap)
        order.billing_token_id.demo_simulated_state = 'error'
        self._send('2027-01-20 10:00:00', self._make_record('a', quantity, order=order.name))
        self._run_at('2027-02-10 00:00:00')
        return order.billing_usage_period_ids[0].event_id

    def test_a_merge_above_what_was_agreed_to_waits_for_the_customer(self):
        event = self._get_open_payment(10, 500)
        self.assertEqual((event.amount, event.status), (8.48, 'soft_declined'))
        with freeze_time('2027-02-11 10:00:00'):
            typed = event.copy({'number': 2, 'amount': 1.53, 'status': 'scheduled'})
            merged = (event | typed)._merge_by_staff(date(2027, 2, 12))
        self.assertEqual((merged.amount, merged.is_above_cap), (10.01, True))
        texts = event.order_id.billing_notification_ids.filtered('text').mapped('text')
        self.assertIn(
            "A payment of $ 10.01 is more than the $ 10.00 that were agreed to.",
            ' '.join(texts).replace('\xa0', ' '),
        )
        self._run_at('2027-02-13 10:00:00')
        self.assertEqual((merged.status, merged.attempt_count), ('scheduled', 0))

    def test_what_is_added_is_compared_with_what_was_agreed_to(self):
        setup = self._create_sold_product("Setup", 1, self.tax_6)
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.api, 1), billing_usage_cap=10)
        with freeze_time('2027-01-20 10:00:00'):
            typed = order.billing_event_ids.create(
                {
                    'order_id': order.id,
                    'number': 1,
                    'amount': 9,
                    'due_date': '2027-02-01 10:00:00',
                }
            )
        line = self._add_line('2027-01-21 10:00:00', setup, order)
        self.assertEqual((typed.amount, typed.is_above_cap), (10.06, True))
        with freeze_time('2027-01-22 10:00:00'):
            line.price_unit = 0.5
            self.env.flush_all()
        self.assertEqual((typed.amount, typed.is_above_cap), (9.53, False))

    def test_a_typed_payment_is_compared_with_what_was_agreed_to(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.api, 1), billing_usage_cap=10)
        with freeze_time('2027-01-20 10:00:00'), self._committing_env(self.billing_manager) as env:
            wizard = env['billpro.take.payment'].create(
                {'order_id': order.id, 'amount': 10.01, 'when': 'now'}
            )
            message = wizard.action_take_payment()['params']['message']
        self.assertIn("more than the", message)
        event = order.billing_event_ids
        self.assertEqual((event.status, event.is_above_cap), ('scheduled', True))

    def test_what_is_too_small_to_charge_is_carried_on(self):
        provider = self.env.ref('payment.payment_provider_stripe').copy()
        self.order.billing_token_id.provider_id = provider
        self._send(
            '2027-01-20 10:00:00',
            self._make_record('a', 120),
            self._make_record('b', 110, '2027-01-20T10:00:00Z'),
        )
        first = self.order.billing_usage_period_ids
        self.env['billpro.usage.record'].search([('sender_id', '=', 'b')])._void("Test")
        with freeze_time('2027-02-10 00:00:00'):
            first._close()
        self.assertEqual((first.state, first.amount, first.event_id.id), ('closed', 0, False))
        self.assertIn("0.42 are less than can be charged", self.order.message_ids[0].body)
        self._send('2027-02-20 10:00:00', self._make_record('c', 110, '2027-02-20T10:00:00Z'))
        second = self.order.billing_usage_period_ids - first
        with freeze_time('2027-03-10 00:00:00'):
            second._close()
        # 0.40 and 0.20, and 6% of tax.
        self.assertEqual(second.amount, 0.64)
        self.assertEqual([line[-1] for line in self._get_lines(second.move_id)], [0.4, 0, 0.2])

    def test_what_is_left_at_the_end_is_too_small_to_charge(self):
        self.order.billing_token_id.provider_id = self.env.ref(
            'payment.payment_provider_stripe'
        ).copy()
        self._send('2027-01-20 10:00:00', self._make_record('a', 101))
        with freeze_time('2027-01-21 10:00:00'):
            self.order._billing_cancel_subscription(at_once=True)
        for moment in ('2027-01-22 00:00:00', '2027-02-27 23:00:00'):
            with freeze_time(moment):
                self.order.billing_usage_period_ids[-1]._close()
        self.assertFalse(self.order.billing_event_ids)
        self.assertIn(
            f"Order {self.order.name} ended with an amount too small to charge",
            self.order.activity_ids.mapped('summary'),
        )

    def test_a_part_that_was_given_away_is_not_given_back(self):
        self._send('2027-01-20 10:00:00', self._make_record('a', 500), self._make_record('b', 100))
        (period,) = self.order.billing_usage_period_ids
        with freeze_time('2027-01-21 10:00:00'):
            period._bill_so_far()._skip()  # 500 at 0.02.
        self._send('2027-01-22 10:00:00', self._make_record('c', 50))
        self._run_at('2027-02-10 00:00:00')
        self.assertEqual(period.amount, 1.06)
        with freeze_time('2027-02-11 10:00:00'):
            self.Record.void([{'id': 'a', 'meter': 'api_calls', 'order': self.order.name}], "Test")
        self._run_at('2027-03-10 00:00:00')
        # 1.00 of the 11.00 was paid, and is given back.
        late = self.order.billing_usage_period_ids.line_ids.filtered(lambda one: one.kind == 'late')
        self.assertEqual(late.mapped('amount'), [-1])

    def test_a_part_that_was_given_away_is_not_taken_off_the_end(self):
        self._send('2027-01-20 10:00:00', self._make_record('a', 500), self._make_record('b', 100))
        (period,) = self.order.billing_usage_period_ids
        with freeze_time('2027-01-21 10:00:00'):
            period._bill_so_far()._skip()
            self.Record.void([{'id': 'a', 'meter': 'api_calls', 'order': self.order.name}], "Test")
        self._run_at('2027-02-10 00:00:00')
        self.assertEqual((period.amount, sum(period.line_ids.mapped('amount'))), (0, 10))
        self.assertIn("nothing is due.", self.order.message_ids[0].body)

    def test_another_amount_is_compared_with_what_was_agreed_to(self):
        event = self._bill_above_cap()
        with freeze_time('2027-02-11 10:00:00'):
            event._reschedule(date(2027, 2, 12), 5)
            self.assertFalse(event.is_above_cap)
            event._reschedule(date(2027, 2, 12), 5.01)
            self.assertTrue(event.is_above_cap)

    def test_what_waits_for_the_customer_is_said_on_the_page(self):
        order = self._bill_above_cap().order_id
        with freeze_time('2027-02-20 10:00:00'):
            (attention,) = self.env['billpro.order.attention']._get_attention(order)
            (row,) = self.env['billpro.order.payments']._get_upcoming_rows(order)
        self.assertEqual(
            attention['text'].replace('\xa0', ' '),
            "A payment of $ 8.48 is more than the $ 5.00 that were agreed to. It is charged when"
            " it is paid on the order's page.",
        )
        self.assertEqual(row['status'], "Waits for your OK")

    def test_what_was_merged_and_skipped_is_given_away(self):
        self._send('2027-01-20 10:00:00', self._make_record('a', 500))
        self.order.billing_token_id.demo_simulated_state = 'error'
        self._run_at('2027-02-10 00:00:00')
        (event,) = self.order.billing_event_ids
        self.assertEqual(event.status, 'soft_declined')
        with freeze_time('2027-02-12 10:00:00'):
            typed = event.copy({'number': 2, 'amount': 1})
            merged = (event | typed)._merge_by_staff(date(2027, 2, 13))
            merged._skip()
            (answer,) = self.Record.void(
                [{'id': 'a', 'meter': 'api_calls', 'order': self.order.name}], "Test"
            )
        self.assertEqual(answer['status'], 'voided')
        self._run_at('2027-03-10 00:00:00')
        lines = self.order.billing_usage_period_ids.line_ids
        self.assertFalse(lines.filtered(lambda line: line.kind == 'late'))

    def test_the_file_of_a_period_keeps_what_is_not_counted_any_more(self):
        self._send('2027-01-20 10:00:00', self._make_record('left', 500))
        charge = self._create_charge(self.storage, unit_price=1)
        with freeze_time('2027-01-20 10:00:00'):
            self.order.billing_usage_line_ids._billing_change_charge(charge, date(2027, 2, 1))
        self._run_at('2027-02-10 00:00:00')
        self.assertEqual(self.order.billing_usage_line_ids.billing_meter_id, self.storage)
        with freeze_time('2027-02-11 10:00:00'):
            period = self.order._billing_get_begun_usage_period(0)
            rows = list(self.env['billpro.order.usage']._iter_file(self.order, period))
        self.assertEqual([',left,' in row for row in rows], [False, True])

    def _add_line(self, moment, product, order=None):
        """Add a product to a live order at a moment; return its line."""
        with freeze_time(moment):
            line = self.env['sale.order.line'].create(
                {'order_id': (order or self.order).id, 'product_id': product.id}
            )
            self.env.flush_all()
        return line

    def test_what_is_added_is_charged_from_its_day_on(self):
        disk = self._create_disk((0, 2, 3), kind='graduated', minimum=31)
        record = self._make_record('a', 90, meter='storage')
        self.assertEqual(self._send('2027-01-20 10:00:00', record), ['unattributed'])
        line = self._add_line('2027-01-31 22:30:00', disk)  # 31 January in Brussels, 23:30.
        self.assertEqual(line.billing_charge_id, disk.billing_charge_id)
        self.assertEqual(line.billing_usage_start, datetime(2027, 1, 30, 23))
        statuses = self._send(
            '2027-02-01 10:00:00',
            self._make_record('b', 80, '2027-01-30T22:59:59Z', meter='storage'),
            self._make_record('c', 2, '2027-01-30T23:00:00Z', meter='storage'),
        )
        self.assertEqual(statuses, ['unattributed', 'accepted'])
        with freeze_time('2027-02-01 10:00:00'):
            self.assertEqual(line.billing_usage_quantity, 2)
            self.assertFalse(self.order._billing_get_base_lines())
        self._run_at('2027-02-10 00:00:00')
        days = '01/10/2027 to 02/09/2027'
        # Ten of 31 days: 10 of 31 at least.
        self.assertEqual(
            self._get_lines(self.order.billing_usage_period_ids[0].move_id),
            [
                (f"Storage, beyond\n{days}", 2, 2, 4),
                (f"Storage, flat fee, beyond\n{days}", 1, 3, 3),
                (f"Storage, up to the minimum\n{days}", 1, 3, 3),
            ],
        )
        # What comes late of the days before it was added is nobody's usage.
        late = self._make_record('d', 99, '2027-01-25T10:00:00Z', meter='storage')
        self.assertEqual(self._send('2027-02-11 10:00:00', late), ['unattributed'])
        self.assertEqual(
            self.env['billpro.usage.unattributed'].search([]).mapped('reason'), ['not_charged'] * 3
        )
        self._run_at('2027-03-10 00:00:00')
        self.assertEqual(self.order.billing_usage_period_ids[1].amount, 32.86)

    def test_another_meter_is_charged_from_its_period_on(self):
        """Each moment has the meter of its period, also of one that is closed."""
        charge = self._create_charge(self.storage, unit_price=1)
        with freeze_time('2027-01-20 10:00:00'):
            self.order.billing_usage_line_ids._billing_change_charge(charge, date(2027, 2, 1))
        moments = ('2027-02-09T22:59:59Z', '2027-02-09T23:00:00Z')
        # In the grace of the first period, and when it is closed.
        for sent_at in ('2027-02-09 23:30:00', '2027-02-11 10:00:00'):
            self._run_at(sent_at)
            records = [
                self._make_record(f'{sent_at} {moment}', 200, moment, meter=meter)
                for meter in ('api_calls', 'storage')
                for moment in moments
            ]
            self.assertEqual(
                self._send(sent_at, *records),
                ['accepted', 'unattributed', 'unattributed', 'accepted'],
            )
        self._run_at('2027-03-10 00:00:00')
        first, second = self.order.billing_usage_period_ids[:2]
        # 200 of 100 that are included, and as many late; the storage is the larger one.
        self.assertEqual((first.amount, second.amount), (2.12, 216.24))

    def test_what_is_added_in_the_grace_belongs_to_the_next_period(self):
        disk = self._create_disk((0, 2, 3), kind='graduated')
        self._send('2027-02-09 10:00:00', self._make_record('a', 90, meter='storage'))
        self._add_line('2027-02-09 23:30:00', disk)
        self._run_at('2027-02-10 00:00:00')
        self.assertEqual(self.order.billing_usage_period_ids[0].amount, 0)
        self._run_at('2027-03-10 00:00:00')
        self.assertEqual(self.order.billing_usage_period_ids[1].amount, 3.18)

    def test_only_billing_users_add_what_is_charged_by_itself(self):
        self.order.user_id = self.salesperson
        lines = self.env['sale.order.line'].with_user(self.salesperson)
        with self.assertRaisesRegex(AccessError, "only billing users"), self.cr.savepoint():
            lines.create({'order_id': self.order.id, 'product_id': self.api.id})

    def test_usage_is_not_added_where_nothing_bills_it(self):
        plain = self._create_sold_product("Calls", 1, self.tax_6, 'metered')
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((plain, 1))
        with self.assertRaisesRegex(ValidationError, "bills no usage"), self.cr.savepoint():
            self._add_line('2027-01-20 10:00:00', self.api, order)
        self.assertFalse(order.billing_usage_line_ids)

    def _change_charge(self, moment, day, unit_price, **values):
        """Plan at a moment that calls cost something else from a day on."""
        charge = self._create_charge(self.calls, unit_price=unit_price, **values)
        with freeze_time(moment):
            self.order.billing_usage_line_ids._billing_change_charge(charge, day)
        return charge

    def test_the_last_change_counts_from_its_day_and_earlier_ones_until_then(self):
        line = self.order.billing_usage_line_ids
        self._change_charge('2027-01-20 10:00:00', date(2027, 2, 10), 1)
        self._change_charge('2027-01-20 10:00:00', date(2027, 4, 1), 9)
        # In the grace of the first period, which is charged as ever.
        self._change_charge('2027-02-09 23:30:00', date(2027, 3, 10), 2)
        self.assertEqual(
            line.billing_charge_change_ids.mapped('day'), [date(2027, 2, 10), date(2027, 3, 10)]
        )
        for month in range(1, 5):
            record = self._make_record(f'{month}', 101, f'2027-{month:02}-15T12:00:00Z')
            self._send(f'2027-{month:02}-15 12:00:00', record)
        for month in range(2, 6):
            self._run_at(f'2027-{month:02}-10 00:00:00')
        # A unit at 0.02, 101 at 1, then at 2; nothing at 9.
        self.assertEqual(
            self.order.billing_usage_period_ids.line_ids.filtered('amount').mapped('amount'),
            [0.02, 101, 202, 202],
        )

    def test_a_cancellation_says_what_is_still_charged(self):
        with freeze_time('2027-01-20 10:00:00'):
            values = self.env['billpro.order.page']._get_cancel_values(self.order)
            self.assertEqual(
                values['text'],
                [
                    "You keep access until February 9, 2027.",
                    "What you use until then is still charged.",
                    "What you have paid already is not refunded.",
                    "You can change your mind until then.",
                ],
            )
            wizard = self.env['billpro.cancel.subscription'].create({'order_id': self.order.id})
            self.assertIn("is still charged", wizard.charges)
            self.order._billing_cancel_subscription(at_once=False)
            template = self.env.ref('billpro_portal.mail_template_cancelled')
            body = template._render_field('body_html', self.order.ids)[self.order.id]
        self.assertIn("What you use until then is still charged", body)
        self.assertNotIn("no further charges", body)
        self.assertNotIn("paid for", body)

    def test_the_update_takes_a_promise_out_of_the_mail(self):
        template = self.env.ref('billpro_portal.mail_template_cancelled')
        promise = '<p t-else="" style="margin: 0 0 16px 0;">There are no further charges.</p>'
        self.assertIn(promise, str(template.body_html))
        template.body_html = f'<p t-if="object.note">A note</p>{promise}'
        with freeze_time('2027-01-20 10:00:00'):
            self.order._billing_cancel_subscription(at_once=False)
        self.env.flush_all()
        script = file_path('billpro_portal/migrations/19.0.0.7.0/post-migrate.py')
        exec_script(self.env.cr, '19.0.0.6.0', script, 'billpro_portal', 'post')
        self.env.invalidate_all()
        body = template._render_field('body_html', self.order.ids)[self.order.id]
        self.assertNotIn("no further charges", body)

    def test_a_backup_is_charged_for_the_last_usage(self):
        card = self.order.billing_token_id
        backup = card.copy({'demo_simulated_state': 'done'})
        self.order.billing_backup_token_id = backup
        self._send('2027-01-20 10:00:00', self._make_record('a', 500))
        with freeze_time('2027-01-21 10:00:00'):
            self.order._billing_cancel_subscription(at_once=True)
        card.demo_simulated_state = 'cancel'
        self._run_at('2027-01-22 00:00:00')
        (event,) = self.order.billing_event_ids
        self.assertEqual(event.transaction_ids.sorted('id').token_id, card | backup)
        self.assertEqual(event.status, 'recovered')

    def test_a_cancellation_is_undone(self):
        (period,) = self.order.billing_usage_period_ids
        with freeze_time('2027-01-20 10:00:00'):
            self.order._billing_cancel_subscription(at_once=True)
            self.assertEqual(self.order.billing_cancel_date, date(2027, 1, 20))
            self.assertEqual(period.end_date, datetime(2027, 1, 20, 23))
            (attention,) = self.env['billpro.order.attention']._get_attention(self.order)
            self.assertIn("What you use until then is still charged.", attention['text'])
            self.assertTrue(attention['actions'][0]['url'].startswith('/order/'))
            self.order._billing_undo_cancellation()
        self.assertEqual(period.next_day, date(2027, 2, 10))
        self.assertEqual(period.close_date, datetime(2027, 2, 10))

    def test_a_cancellation_in_the_grace_is_undone(self):
        seat = self._create_sold_product("Seat", 28, self.tax_6, 'metered')
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.api, 1), (seat, 1))
        with freeze_time('2027-02-09 23:30:00'):
            order._billing_cancel_subscription(at_once=True)
        self._run_at('2027-02-10 00:00:00')
        self.assertEqual(order.billing_event_ids.mapped('amount'), [1.06])  # One of 28 days.
        with freeze_time('2027-02-10 10:00:00'):
            order._billing_undo_cancellation()
        self._run_at('2027-02-10 11:00:00')
        self.assertEqual(order.billing_event_ids.mapped('amount'), [1.06, 28.62])
        self.assertEqual(set(order.billing_event_ids.mapped('status')), {'completed'})
        self.assertEqual(
            self._get_lines(order.billing_event_ids[1].invoice_id),
            [("Seat\n02/10/2027 to 03/09/2027", 1, 27, 27)],
        )
        self._run_at('2027-03-10 00:00:00')
        self.assertEqual(order.billing_usage_period_ids[1].amount, 29.68)

    def test_who_cancels_still_pays_what_they_asked_to_pay(self):
        event = self._bill_above_cap()
        order = event.order_id
        with freeze_time('2027-02-11 10:00:00'):
            order._lock_billing()
            order._billing_request_collection(8.48)
            order._billing_cancel_subscription(at_once=False)
            self._run()
        self.assertEqual((event.status, order.billing_paid), ('completed', 8.48))

    def test_what_a_running_period_will_bring_is_expected(self):
        seat = self._create_sold_product("Seat", 10, self.tax_6, 'metered')
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.api, 1), (seat, 1))
        record = self._make_record('a', 400, '2027-01-14T10:00:00Z', order=order.name)
        self._send('2027-01-14 10:00:00', record)
        # Five of 31 days, of which it looks every hour.
        self._run_at('2027-01-14 23:00:00')
        self._send('2027-01-14 23:01:00', {**record, 'id': 'b'})
        self._run_at('2027-01-14 23:30:00')
        period = order.billing_usage_period_ids
        # 2,480 in all, 2,380 beyond what is included, at 0.02; and the seat, with 6% of tax.
        self.assertEqual(
            (period.looked_date, period.expected_amount), (datetime(2027, 1, 14, 23), 61.06)
        )
        with freeze_time('2027-01-14 23:30:00'):
            (row,) = self.env['billpro.cash.report'].search([('order_id', '=', order.id)])
            self.assertEqual(
                (row.date, row.kind, row.amount), (date(2027, 2, 10), 'projected', 61.06)
            )
            period._bill_so_far()
        self._run_at('2027-01-15 00:00:00')
        # 4,919 in all at the pace of five days and an hour; 14.84 are billed.
        self.assertEqual(period.expected_amount, 97.92)

    def test_an_order_that_nothing_bills_says_so(self):
        self.assertFalse(self.order.billing_usage_by_hand)
        self.order.billing_usage_period_ids.unlink()
        self.assertTrue(self.order.billing_usage_by_hand)

    def test_what_can_not_be_set_up(self):
        with self.assertRaises(ValidationError), self.cr.savepoint():
            self.company.billing_usage_late_days = -1
        self.api.billing_interval_unit = False
        order = self._create_order((self.api, 1))
        with self.assertRaisesRegex(ValidationError, "needs an interval"):
            order._get_purchase()._check_order(order)

    def test_many_orders_cost_as_many_queries_as_one(self):
        with freeze_time('2027-01-10 10:00:00'):
            orders = self.order
            for _number in range(3):
                orders |= self._create_active_order((self.api, 1))
        self._send(
            '2027-01-20 10:00:00',
            *(self._make_record('a', 500, order=order.name) for order in orders),
        )
        counts = []
        for some in (orders[:1], orders):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            periods = some.billing_usage_period_ids
            drafts = periods._rate(is_final=True)
            periods._rate_late(drafts)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(*counts)
        self.assertEqual(len(drafts), 4)


@tagged('post_install', '-at_install')
class TestUsageYear(UsagePeriodCommon, PriceIncreaseCommon):
    """A year of an order with a base fee and two meters, and what becomes of it, by hand."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.platform = cls._create_sold_product("Platform", 20, cls.tax_6, 'metered')
        cls.disk = cls._create_sold_product("Storage", 1, cls.tax_6, 'metered')
        cls.api.billing_charge_id = cls._create_charge(
            cls.calls,
            (10000, 0.002, 0),
            (0, 0.001, 0),
            kind='graduated',
            allowance=1000,
            minimum=6.2,
        )
        cls.disk.billing_charge_id = cls._create_charge(
            cls.storage, kind='package', unit_price=5, package_size=100
        )
        with freeze_time('2027-01-15 10:00:00'):
            cls.order = cls._create_active_order(
                (cls.platform, 1), (cls.api, 1), (cls.disk, 1), billing_usage_cap=150
            )

    def _use(self, sender_id, moment, quantity, meter='api_calls', received=None):
        """Send a record at its moment, or when it was received; return its status."""
        record = self._make_record(sender_id, quantity, f'{moment.replace(" ", "T")}Z', meter=meter)
        (status,) = self._send(received or moment, record)
        return status

    def _close(self, number, moment, total, *lines):
        """Let a period close; check the lines of its invoice, without the days, and its total."""
        self._run_at(moment)
        period = self.order.billing_usage_period_ids[number]
        self.assertEqual((period.number, period.state), (number, 'closed'))
        found = [
            (name.replace('\n', ' | '), *factors)
            for name, *factors in self._get_lines(period.move_id)
        ]
        self.assertEqual(found, list(lines))
        self.assertEqual((period.amount, period.move_id.amount_total), (total, total))
        return period

    def _days(self, month, year=2027):
        """Return the days of the period that begins in a month, as invoices say them."""
        last = date(year + month // 12, month % 12 + 1, 14)
        return f'{month:02}/15/{year} to {last:%m/%d/%Y}'

    def _base(self, month, year=2027):
        return (f"Platform | {self._days(month, year)}", 1, 20, 20)

    def _quiet(self, number, moment, minimum, total):
        """Let a period close in which what is included was used."""
        month = number + 1
        before = datetime.fromisoformat(moment) - timedelta(days=3)
        self._use(f'quiet-{number}', str(before), 1000)
        days = self._days(month)
        self._close(
            number,
            moment,
            total,
            (f"API access, included | {days}", 1000, 0, 0),
            (f"API access, up to the minimum | {days}", 1, minimum, minimum),
            self._base(month + 1),
        )

    def test_a_higher_base_fee(self):
        """20.00 and 10 % are 22.00, with 6 % tax 23.32; what usage costs isn't raised."""
        with freeze_time('2027-01-20 10:00:00'):
            increase = self._raise_price(self.platform | self.api, day='2027-02-01', notice_days=10)
            line = increase.line_ids.filtered(lambda line: line.order_id == self.order)
            self.assertEqual(
                (line.old_amount, line.new_amount, line.first_day),
                (21.2, 23.32, date(2027, 2, 15)),
            )
            other = increase.line_ids - line
            self.assertEqual(other.reason, "No price of it is charged each period.")
            increase.action_confirm()
            self._work()
        self._run_at('2027-01-21 10:00:00')
        period = self.order.billing_usage_period_ids
        # The minimum of 6.20 for calls, and the base fee of the next period.
        self.assertEqual(period.expected_amount, 29.89)
        with freeze_time('2027-02-15 00:30:00'), self._committing_env(self.billing_manager) as env:
            # Staff come before the run that raises prices.
            env['billpro.usage.period'].browse(period.id).action_close_now()
        self.assertEqual(
            [name_to_total[1:] for name_to_total in self._get_lines(period.move_id)][-1],
            (1, 22, 22),
        )
        self.assertEqual((line.state, period.amount), ('done', 29.89))
        texts = self.order.billing_notification_ids.filtered('text').mapped('text')
        self.assertEqual(len(texts), 1, "They are told once.")

    def test_a_year(self):
        order = self.order
        # The first base fee is paid at the checkout.
        self.assertEqual(order.billing_paid, 21.2)
        self.assertEqual(
            self._get_lines(order.billing_move_ids),
            [(f"Platform\n{self._days(1)}", 1, 20, 20)],
        )
        self._begin()
        self._come_late()
        self._ask_above_what_was_agreed()
        self._change_the_price()
        self._cancel()
        # All that was paid, once: the base fees of twelve periods, and the usage.
        self.assertEqual(
            order.currency_id.round(sum(order.billing_usage_period_ids.mapped('amount'))),
            order.currency_id.round(order.billing_paid - 21.2),
        )
        bases = order.billing_usage_period_ids.line_ids.filtered(lambda one: one.kind == 'base')
        self.assertEqual(len(bases), 11)
        self._assert_books_closed(order)
        with freeze_time('2028-06-01 10:00:00'):
            self._assert_nothing_due(order)

    def _begin(self):
        days = self._days(1)
        self._use('a', '2027-01-20 10:00:00', 5000)
        self._use('b', '2027-01-21 10:00:00', 250, 'storage')
        self._use('c', '2027-01-22 10:00:00', 120, 'storage')
        period = self._close(
            *(0, '2027-02-15 00:00:00', 45.58),
            (f"API access, included | {days}", 1000, 0, 0),
            (f"API access, up to 10,000 | {days}", 4000, 0.002, 8),
            (f"Storage, packages of 100 Units | {days}", 3, 5, 15),
            self._base(2),
        )
        self.assertEqual(period.event_id.status, 'completed')

    def _come_late(self):
        days = self._days(2)
        self._use('d', '2027-02-16 10:00:00', 10000)
        self._use('e', '2027-02-17 10:00:00', 5000)
        late = ('late', '2027-02-10 10:00:00', 500)
        self.assertEqual(self._use(*late, received='2027-02-20 10:00:00'), 'accepted')
        self.assertEqual(self._use(*late, received='2027-02-21 10:00:00'), 'duplicate')
        self._close(
            *(1, '2027-03-15 00:00:00', 47.7),
            (f"API access | Late usage of {self._days(1)}", 1, 1, 1),
            (f"API access, included | {days}", 1000, 0, 0),
            (f"API access, up to 10,000 | {days}", 10000, 0.002, 20),
            (f"API access, beyond | {days}", 4000, 0.001, 4),
            self._base(3),
        )
        # One of the two is taken back: 9,000 at 0.002 are 18 instead of 24.
        self._use('f', '2027-03-18 10:00:00', 800)
        self._use('g', '2027-03-19 10:00:00', 100, 'storage')
        with freeze_time('2027-03-20 10:00:00'):
            self.Record.void([{'id': 'e', 'meter': 'api_calls', 'order': self.order.name}], "Test")
        days = self._days(3)
        self._close(
            *(2, '2027-04-15 00:00:00', 26.71),
            (f"API access | Taken back of {self._days(2)}", 1, -6, -6),
            (f"API access, included | {days}", 800, 0, 0),
            (f"API access, up to the minimum | {days}", 1, 6.2, 6.2),
            (f"Storage, packages of 100 Units | {days}", 1, 5, 5),
            self._base(4),
        )
        # Without any usage.
        self._close(
            *(3, '2027-05-15 00:00:00', 27.77),
            (f"API access, up to the minimum | {self._days(4)}", 1, 6.2, 6.2),
            self._base(5),
        )

    def _ask_above_what_was_agreed(self):
        order, days = self.order, self._days(5)
        self._use('h', '2027-05-20 10:00:00', 100000)
        self._use('i', '2027-05-21 10:00:00', 900, 'storage')
        period = self._close(
            *(4, '2027-06-15 00:00:00', 184.44),
            (f"API access, included | {days}", 1000, 0, 0),
            (f"API access, up to 10,000 | {days}", 10000, 0.002, 20),
            (f"API access, beyond | {days}", 89000, 0.001, 89),
            (f"Storage, packages of 100 Units | {days}", 9, 5, 45),
            self._base(6),
        )
        event = period.event_id
        self.assertEqual((event.status, event.is_above_cap), ('scheduled', True))
        notice = order.billing_notification_ids.filtered(lambda one: one.event_id == event)
        self.assertEqual(notice.kind, 'payment_changed')
        self.assertIn(
            "more than the $ 150.00 that were agreed to", notice.text.replace('\xa0', ' ')
        )
        self._run_at('2027-06-16 00:00:00')
        self.assertEqual((event.status, event.attempt_count), ('scheduled', 0))
        with freeze_time('2027-06-16 10:00:00'):
            self.assertEqual(order.billing_outstanding, 184.44)
            with self.assertRaisesRegex(UserError, "they are asked first"):
                event.with_user(self.billing_manager).action_execute_now()
            order._lock_billing()
            order._billing_request_collection(184.44)
            self._run()
        self.assertEqual((event.status, event.amount), ('completed', 184.44))

    def _change_the_price(self):
        charge = self._create_charge(self.calls, unit_price=0.003, allowance=1000, minimum=3.1)
        line = self.order.billing_usage_line_ids.filtered(lambda line: line.product_id == self.api)
        with freeze_time('2027-06-20 10:00:00'):
            wizard = self.env['billpro.change.charge'].with_user(self.billing_manager)
            wizard = wizard.create(
                {
                    'order_id': self.order.id,
                    'line_id': line.id,
                    'charge_id': charge.id,
                    'day': '2027-07-01',
                }
            )
            wizard.action_change()
        # The running period is charged as before.
        self._quiet(5, '2027-07-15 00:00:00', 6.2, 27.77)
        self.assertEqual(line.billing_charge_id, charge)
        self.assertEqual(line.billing_charge_change_ids.day, date(2027, 7, 1))
        days = self._days(7)
        self._use('j', '2027-07-16 10:00:00', 3000)
        # Late usage costs what it did: 4,200 beyond what is included, of which 6.20 are billed.
        self._use('k', '2027-07-14 20:00:00', 4200, received='2027-07-20 10:00:00')
        self._close(
            *(6, '2027-08-15 00:00:00', 29.89),
            (f"API access | Late usage of {self._days(6)}", 1, 2.2, 2.2),
            (f"API access, included | {days}", 1000, 0, 0),
            (f"API access | {days}", 2000, 0.003, 6),
            self._base(8),
        )
        self._quiet(7, '2027-09-15 00:00:00', 3.1, 24.49)
        self._quiet(8, '2027-10-15 00:00:00', 3.1, 24.49)
        self._quiet(9, '2027-11-15 00:00:00', 3.1, 24.49)
        self._quiet(10, '2027-12-15 00:00:00', 3.1, 24.49)

    def _cancel(self):
        order = self.order
        self._use('l', '2027-12-20 10:00:00', 1100)
        self._use('m', '2027-12-20 10:00:00', 50, 'storage')
        with freeze_time('2027-12-24 10:00:00'):
            order._billing_cancel_subscription(at_once=True)
        self.assertEqual(order.billing_cancel_date, date(2027, 12, 24))
        self.assertEqual(self._use('n', '2027-12-24 22:59:59', 100), 'accepted')
        self.assertEqual(self._use('o', '2027-12-24 23:00:00', 100), 'unattributed')
        # Ten of 31 days: 1.00 of 3.10 at least.
        days = '12/15/2027 to 12/24/2027'
        self._close(
            *(11, '2027-12-25 00:00:00', 6.36),
            (f"API access, included | {days}", 1000, 0, 0),
            (f"API access | {days}", 200, 0.003, 0.6),
            (f"API access, up to the minimum | {days}", 1, 0.4, 0.4),
            (f"Storage, packages of 100 Units | {days}", 1, 5, 5),
        )
        self.assertEqual(order.billing_status, 'active')
        with freeze_time('2027-12-26 10:00:00'):
            answer = self.env['billpro.order.answer']._get_calm_answer(order)
        self.assertEqual(answer['title'], "Nothing is to be paid now")
        self._use('p', '2027-12-23 10:00:00', 1000, received='2028-01-10 10:00:00')
        self._close(
            *(12, '2028-01-29 23:00:00', 2.76),
            (f"API access | Late usage of {days}", 1, 2.6, 2.6),
        )
        self._run_at('2028-01-29 23:10:00')
        self.assertEqual(order.billing_status, 'complete')
        usage = self.env['billpro.order.usage']._get_usage_values(order)
        self.assertEqual(
            [row['period'] for row in usage['past'][:2]],
            ["Late usage", "Dec 15\u2009\u2013\u200924, 2027"],
        )
        self.assertEqual(
            self._use('q', '2027-12-23 10:00:00', 1, received='2028-01-30 10:00:00'),
            'unattributed',
        )
