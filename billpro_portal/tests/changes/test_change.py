"""Changes of subscriptions, as amounts that were worked out by hand.

Prices are without tax, tax is 21 % unless a row says otherwise. "16/30" are the days that are left
of those of the period; credit and charge are rounded each, the tax as Odoo does.
"""

from datetime import date
from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from ...billing.agreement import agreement_text
from ..common.change import ChangeCommon
from ..common.nightly import IS_NIGHTLY

APRIL = '2027-04-01'
MIDDLE = '2027-04-16'  # 15 of 30 days are left.


@tagged('post_install', '-at_install')
class TestChange(ChangeCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.yearly, cls.yearly_plus, cls.weekly, cls.weekly_plus = (
            cls._create_sold_product(name, price, cls.tax_21, 'subscription')
            for name, price in (
                ("Year", 120.0),
                ("Year plus", 240.0),
                ("Week", 7.0),
                ("Week plus", 14.0),
            )
        )
        for plans, unit in (
            (cls.yearly | cls.yearly_plus, 'year'),
            (cls.weekly | cls.weekly_plus, 'week'),
        ):
            plans.billing_interval_unit = unit
            plans.product_tmpl_id.billing_family_id = cls.family.copy({'name': unit})
        tax = cls.tax_21.copy(
            {'name': "VAT 21% included", 'price_include_override': 'tax_included'}
        )
        cls.gross, cls.gross_plus = (
            cls._create_sold_product(name, price, tax, 'subscription')
            for name, price in (("Gross", 12.1), ("Gross plus", 24.2))
        )
        plans = cls.gross | cls.gross_plus
        plans.product_tmpl_id.billing_family_id = cls.family

    def _start(self, day, *lines, **terms):
        with freeze_time(f'{day} 10:00:00'):
            return self._create_active_order(*lines, **terms)

    def _run_on(self, *days):
        for day in days:
            with freeze_time(f'{day} 10:00:00'):
                self._run()

    def _change_on(self, day, order, *args, **kwargs):
        with freeze_time(f'{day} 10:00:00'):
            return self._change(order, *args, **kwargs)

    def test_worked_changes_within_a_period(self):
        """Start, lines, changes (day, plan, quantity, what is charged at once), next payment."""
        basic, plus, books = self.basic, self.plus, self.free_of_tax
        rows = (
            # -20.00 + 10.00, which pays all of 12.10.
            ("down on the first day", APRIL, [(plus, 1)], [(APRIL, basic, 1, -12.1)], 0.0),
            ("without tax", APRIL, [(books, 1)], [(MIDDLE, books, 2, 10.0)], 40.0),
            # -1.00 + 2.00.
            (
                "a week, 1/7",
                APRIL,
                [(self.weekly, 1)],
                [('2027-04-07', self.weekly_plus, 1, 1.21)],
                16.94,
            ),
            # -5.00 + 10.00 = 5.00; tax 1.05.
            ("up in the middle, 15/30", APRIL, [(basic, 1)], [(MIDDLE, plus, 1, 6.05)], 24.2),
            ("up on the first day", APRIL, [(basic, 1)], [(APRIL, plus, 1, 12.1)], 24.2),
            # -0.33 + 0.67 = 0.34; tax 0.07.
            (
                "up on the last day, 1/30",
                APRIL,
                [(basic, 1)],
                [('2027-04-30', plus, 1, 0.41)],
                24.2,
            ),
            # -6.67 + 13.33 = 6.66; tax 1.40.
            ("up, 20/30", APRIL, [(basic, 1)], [('2027-04-11', plus, 1, 8.06)], 24.2),
            # -10.00 + 30.00.
            ("more of it", APRIL, [(plus, 1)], [(MIDDLE, plus, 3, 24.2)], 72.6),
            ("more of another", APRIL, [(basic, 1)], [(MIDDLE, plus, 2, 18.15)], 48.4),
            # -10.00 + 10.00.
            ("half of twice the price", APRIL, [(basic, 2)], [(MIDDLE, plus, 1, 0.0)], 24.2),
            # -30.00 + 20.00, taken off 48.40.
            ("fewer of it at once", APRIL, [(plus, 3)], [(MIDDLE, plus, 2, -12.1)], 36.3),
            ("down at once", APRIL, [(plus, 1)], [(MIDDLE, basic, 1, -6.05)], 6.05),
            # -0.67 + 0.33 = -0.34, taken off 12.10.
            ("down on the last day", APRIL, [(plus, 1)], [('2027-04-30', basic, 1, -0.41)], 11.69),
            (
                "there and back on one day",
                APRIL,
                [(basic, 1)],
                [(MIDDLE, plus, 1, 6.05), (MIDDLE, basic, 1, -6.05)],
                6.05,
            ),
            # -10.00 + 30.00.
            (
                "twice on a day",
                APRIL,
                [(basic, 1)],
                [(MIDDLE, plus, 1, 6.05), (MIDDLE, plus, 3, 24.2)],
                72.6,
            ),
            # Then -6.67 (10/20 of 13.33) + 13.33 (10/30 of 40.00) = 6.66; tax 1.40.
            (
                "twice in a period",
                APRIL,
                [(basic, 1)],
                [('2027-04-11', plus, 1, 8.06), ('2027-04-21', plus, 2, 8.06)],
                48.4,
            ),
            ("February, 14/28", '2027-02-01', [(basic, 1)], [('2027-02-15', plus, 1, 6.05)], 24.2),
            # -5.17 + 10.34 = 5.17; tax 1.09.
            (
                "29 February, 15/29",
                '2028-02-01',
                [(basic, 1)],
                [('2028-02-15', plus, 1, 6.26)],
                24.2,
            ),
            # 31 January to 27 February.
            ("last days, 14/28", '2027-01-31', [(basic, 1)], [('2027-02-14', plus, 1, 6.05)], 24.2),
            # -60.16 + 120.33 = 60.17; tax 12.64.
            (
                "a year, 183/365",
                '2027-01-01',
                [(self.yearly, 1)],
                [('2027-07-02', self.yearly_plus, 1, 72.81)],
                290.4,
            ),
            # -4.00 + 8.00.
            (
                "a week, 4/7",
                APRIL,
                [(self.weekly, 1)],
                [('2027-04-04', self.weekly_plus, 1, 4.84)],
                16.94,
            ),
            # -10.00, tax -2.10, + 10.00 without tax.
            ("another tax", APRIL, [(plus, 1)], [(MIDDLE, books, 1, -2.1)], 17.9),
            ("another tax, back", APRIL, [(books, 1)], [(MIDDLE, plus, 1, 2.1)], 24.2),
            # -6.05 + 12.10, tax included.
            ("tax included", APRIL, [(self.gross, 1)], [(MIDDLE, self.gross_plus, 1, 6.05)], 24.2),
            ("own price kept", APRIL, [(plus, 1, 16.0)], [(MIDDLE, plus, 2, 9.68)], 38.72),
            ("own price left", APRIL, [(basic, 1, 16.0)], [(MIDDLE, plus, 1, 2.42)], 24.2),
            (
                "a fee isn't credited",
                APRIL,
                [(plus, 1), (self.fee, 1)],
                [(MIDDLE, plus, 2, 12.1)],
                48.4,
            ),
            (
                "the other line stays",
                APRIL,
                [(basic, 1), (books, 1)],
                [(MIDDLE, plus, 1, 6.05)],
                44.2,
            ),
        )
        # A change waits for every third one.
        for name, start, lines, changes, following in rows if IS_NIGHTLY else rows[::3]:
            with self.subTest(name):
                order = self._start(start, *lines)
                paid = order.billing_paid
                for day, plan, quantity, amount in changes:
                    change, shown = self._change_on(day, order, plan, quantity, 'now')
                    self.assertEqual((change.state, change.amount), ('done', amount))
                    format_amount = order.currency_id.format
                    self.assertEqual(shown["Charged today"], format_amount(max(amount, 0)))
                    paid += max(amount, 0)
                self.assertAlmostEqual(order.billing_paid, paid, places=2)
                line = order.order_line[0]
                self.assertEqual((line.product_id, line.product_uom_qty), changes[-1][1:3])
                self.assertEqual(order.billing_next_amount, following)
                self.assertIn(format_amount(following), shown.values())

    def test_worked_changes_in_other_currencies(self):
        for currency, prices, amount, following in (
            # -500 + 1001 (1000.5), tax 105.
            ('JPY', (1000, 2001), 606, 2421),
            # -5.001 (5.0005) + 10.002 (10.0015) = 5.001; tax 1.050.
            ('KWD', (10.001, 20.003), 6.051, 24.204),
        ):
            with self.subTest(currency):
                plans = dict(zip((self.basic, self.plus), prices, strict=True))
                pricelist = self._create_price_list_of(plans, currency)
                with freeze_time(f'{APRIL} 10:00:00'):
                    order = self._create_order((self.basic, 1), sent=False)
                    order.pricelist_id = pricelist
                    order._recompute_prices()
                    order._billing_mark_link_sent("The link was sent.")
                    amount_due = order._get_purchase()._get_initial_amount(order)
                    self._create_initial_transaction(
                        order, 'done', amount=amount_due, token_id=self._create_token().id
                    )._post_process()
                change, _shown = self._change_on(MIDDLE, order, self.plus, when='now')
                self.assertEqual((change.state, change.amount), ('done', amount))
                self.assertEqual(order.billing_next_amount, following)

    def test_the_documents_of_a_change(self):
        order = self._start(APRIL, (self.basic, 1))
        change, _shown = self._change_on(MIDDLE, order, self.plus)
        invoice = change.event_ids.invoice_id
        self.assertRecordValues(
            invoice.invoice_line_ids,
            [
                {
                    'name': "Basic\nCredit, 04/16/2027 to 04/30/2027",
                    'product_id': self.basic.id,
                    'price_subtotal': -5.0,
                },
                {
                    'name': "Plus\nNew price, 04/16/2027 to 04/30/2027",
                    'product_id': self.plus.id,
                    'price_subtotal': 10.0,
                },
            ],
        )
        self.assertRecordValues(
            invoice, [{'amount_untaxed': 5.0, 'amount_tax': 1.05, 'amount_total': 6.05}]
        )
        self.assertEqual(change.event_ids.status, 'completed')
        with freeze_time('2027-04-20 10:00:00'):
            mrr = self.env['billpro.mrr.report'].search([('order_id', '=', order.id)])
            self.assertEqual(mrr.mapped('mrr'), [20.0])
            deferred = self.env['billpro.deferral.report'].search([('order_id', '=', order.id)])
            # 10.00 for April, of which 20 days are earned; 5.00 for the rest, 5 of 15 days.
            self.assertEqual(sorted(deferred.mapped('earned')), [1.67, 6.67])
            self.assertEqual(sorted(deferred.mapped('deferred')), [3.33, 3.33])
            # 11 of 30 days of 12.10, and 11 of 15 of 6.05; both are paid by the same card.
            unused = order._billing_get_unused()
            self.assertEqual((unused[1], unused[2], len(unused[3])), (30, 8.87, 2))
        self._run_on('2027-05-01')
        self.assertEqual(order.billing_paid, 42.35)
        self._assert_books_closed(order)
        self._assert_nothing_due(order)

    def test_credit_is_used_up_by_the_payments_that_follow(self):
        """From 200.00 to 10.00 on 2 April, 29/30: -193.33 + 9.67 = -183.66; tax -38.57."""
        order = self._start(APRIL, (self.plus, 10))
        change, shown = self._change_on('2027-04-02', order, self.basic, 1, 'now')
        self.assertEqual(change.amount, -222.23)
        self.assertEqual(shown["Credited with the next payments"], "$\xa0222.23")
        note = change.credit_note_id
        self.assertEqual((note.amount_total, note.amount_residual), (222.23, 222.23))
        self.assertEqual(note.reversed_entry_id, order.billing_move_ids.sorted('id')[0])
        next_event = order.billing_next_event_id
        self.assertEqual((next_event.amount, next_event.credit_amount), (0.0, 12.1))
        self._run_on('2027-05-01')
        self.assertEqual(next_event.status, 'completed')
        self.assertFalse(next_event.transaction_ids)
        self.assertEqual(next_event.invoice_id.amount_total, 12.1)
        self.assertEqual(next_event.invoice_id.payment_state, 'reversed')
        self.assertEqual(note.amount_residual, 210.13)
        later = order.billing_next_event_id
        self.assertEqual((later.amount, later.credit_amount), (0.0, 12.1))
        with freeze_time('2027-05-02 10:00:00'):
            later._skip()
        self.assertEqual(order.billing_next_event_id.credit_amount, 12.1)
        # 360.00 from August on: 435.60, of which the rest of the credit pays a part.
        self._run_on('2027-07-01')
        self.assertEqual(note.amount_residual, 198.03)
        self.assertEqual(order.billing_paid, 242.0)
        change, shown = self._change_on('2027-07-02', order, self.plus, 18, 'period_end')
        self.assertEqual(shown["Payment on August 1, 2027"], "$\xa0237.57")
        event = order.billing_next_event_id
        self.assertEqual((event.amount, event.credit_amount), (237.57, 198.03))
        self._run_on('2027-08-01')
        self.assertEqual(order.billing_paid, 479.57)
        self.assertEqual(note.amount_residual, 0)
        self.assertEqual(event.invoice_id.amount_total, 435.6)
        self.assertEqual(order.billing_next_amount, 435.6)
        self._assert_books_closed(order)
        with freeze_time('2027-08-02 10:00:00'):
            mrr = self.env['billpro.mrr.report'].search([('order_id', '=', order.id)])
            self.assertEqual(mrr.sorted('month').mapped('mrr'), [10.0, 10.0, 10.0, 10.0, 360.0])

    def test_planned_for_the_end_of_the_period(self):
        order = self._start(APRIL, (self.plus, 2))
        change, shown = self._change_on(MIDDLE, order, self.basic, 1)
        self.assertRecordValues(
            change, [{'state': 'planned', 'amount': 0, 'first_day': date(2027, 5, 1)}]
        )
        self.assertNotIn("Charged today", shown)
        self.assertEqual(shown["Payment on May 1, 2027"], "$\xa012.10")
        self.assertEqual(order.order_line.product_id, self.plus)
        self.assertEqual(order.billing_next_amount, 12.1)
        with freeze_time(f'{MIDDLE} 11:00:00'):
            with self.assertRaisesRegex(UserError, "Take back the change that is planned first"):
                self.env['billpro.change']._propose(order, order.order_line, self.plus, 1, 'now')
            with self.assertRaises(AccessError):
                change.with_user(self.salesperson).action_take_back()
            change.with_user(self.billing_manager).action_take_back()
            self.assertEqual(change.state, 'taken_back')
            self.assertEqual(order.billing_next_amount, 48.4)
            with self.assertRaisesRegex(UserError, "isn't planned any more"):
                change.with_user(self.billing_manager).action_take_back()
        change, _shown = self._change_on('2027-04-20', order, self.basic, 1)
        with freeze_time('2027-04-21 10:00:00'):
            order.order_line.with_user(self.billing_manager).price_unit = 30.0
        self.assertEqual(order.billing_next_amount, 12.1)
        self._run_on('2027-05-01')
        self.assertEqual(change.state, 'done')
        self.assertEqual(order.order_line.product_id, self.basic)
        self.assertEqual(order.billing_paid, 60.5)
        self.assertEqual(order.billing_next_amount, 12.1)
        self._assert_books_closed(order)

    def test_the_amount_that_was_planned_is_charged_whatever_the_tax_is(self):
        order = self._start(APRIL, (self.plus, 2))
        change, _shown = self._change_on(MIDDLE, order, self.basic, 1)
        tax = self.basic.taxes_id = self.tax_21.copy({'name': "VAT 25%", 'amount': 25.0})
        self._run_on('2027-05-01')
        self.assertEqual(change.state, 'done')
        self.assertEqual(order.order_line.tax_ids, tax)
        self.assertEqual(order.billing_paid, 60.5)
        self.assertEqual(order.billing_next_amount, 12.5)
        self._assert_books_closed(order)

    def test_what_is_not_collected_at_once_is_given_up(self):
        """A worker dies between the commits of the change and of its payment."""
        order = self._start(APRIL, (self.basic, 1))
        Change, terms = self.env['billpro.change'], (order.order_line, self.plus, 1, 'now')
        with freeze_time(f'{MIDDLE} 10:00:00'):
            shown = agreement_text(Change.new(Change._propose(order, *terms))._get_rows())
            change = order._billing_change(*terms, shown)
            self.assertEqual((change.state, change.event_ids.status), ('under_way', 'scheduled'))
        with freeze_time(f'{MIDDLE} 11:00:00'):
            self._run()
        self.assertEqual((change.state, change.event_ids.status), ('declined', 'cancelled'))
        self.assertEqual(order.billing_paid, 12.1)

    def test_declined_nothing_changes(self):
        order = self._start(APRIL, (self.basic, 1))
        order.billing_token_id.demo_simulated_state = 'error'
        change, _shown = self._change_on(MIDDLE, order, self.plus)
        self.assertEqual(change.state, 'declined')
        self.assertEqual(change.event_ids.status, 'cancelled')
        self.assertFalse(change.event_ids.invoice_id)
        self.assertRecordValues(
            order,
            [{'billing_status': 'active', 'billing_outstanding': 0, 'billing_next_amount': 12.1}],
        )
        self.assertEqual(order.order_line.product_id, self.basic)
        kinds = order.billing_notification_ids.mapped('kind')
        self.assertNotIn('payment_declined', kinds)
        tx = change.event_ids.transaction_ids
        with freeze_time(f'{MIDDLE} 12:00:00'):
            self._assert_nothing_due(order)
            self.assertFalse(order._billing_get_refusal_to_change('now'))
            tx.billing_action_required = True  # The bank may still ask the customer.
            refusal = order._billing_get_refusal_to_change('now')
            self.assertIn("A payment of the order is being processed", refusal)
            tx.billing_action_required = False
        # What the bank approves after all is paid back by staff: the customer was told otherwise.
        with freeze_time('2027-04-17 10:00:00'):
            tx._set_done(extra_allowed_states=('error',))
            tx.is_post_processed = False
            self._run()
        self.assertEqual(change.state, 'overtaken')
        self.assertEqual(order.order_line.product_id, self.basic)
        self.assertIn("can't be carried out", order.activity_ids.mapped('summary')[0])

    def test_a_decline_for_good_takes_no_backup(self):
        order = self._start(APRIL, (self.basic, 1))
        card = order.billing_token_id
        backup = order.billing_backup_token_id = self._create_token()
        card.demo_simulated_state = 'cancel'
        change, _shown = self._change_on(MIDDLE, order, self.plus)
        self.assertEqual(change.state, 'declined')
        self.assertEqual(change.event_ids.status, 'cancelled')
        self.assertEqual(order.billing_token_id, card)
        self.assertEqual(order.billing_backup_token_id, backup)
        # Nor is the bank asked again.
        card.demo_simulated_state = 'done'
        again, _shown = self._change_on('2027-04-17', order, self.plus)
        self.assertEqual((again.state, again.event_ids.status), ('declined', 'cancelled'))
        self.assertFalse(again.event_ids.transaction_ids)

    def test_a_refund_pays_back_what_is_credited(self):
        for name, refunded, left, following in (
            # 18.15 of 24.20 aren't credited yet.
            ("all", 24.2, 0.0, 12.1),
            ("1.85 of the credit", 20.0, 4.2, 7.9),
            ("none of the credit", 18.15, 6.05, 6.05),
        ):
            with self.subTest(name):
                order = self._start(APRIL, (self.plus, 1))
                change, _shown = self._change_on(MIDDLE, order, self.basic, 1, 'now')
                self.assertEqual(change.credit_note_id.amount_residual, 6.05)
                with freeze_time('2027-04-17 10:00:00'):
                    self._refund(order, refunded)
                self.assertEqual(change.credit_note_id.amount_residual, left)
                self.assertEqual(order.billing_next_amount, following)
                self._run_on('2027-05-01')
                self.assertAlmostEqual(order.billing_paid, 24.2 + following, places=2)
                self._assert_books_closed(order)

    def test_what_credit_pays_keeps_nothing_from_being_collected(self):
        covered = self._start(APRIL, (self.plus, 10))
        self._change_on('2027-04-02', covered, self.basic, 1, 'now')
        other = self._start(APRIL, (self.basic, 1))
        with patch('odoo.addons.billpro_portal.models.charging.billing_run.BATCH_SIZE', 1):
            self._run_on('2027-05-01')
        self.assertEqual(covered.billing_paid, 242.0)
        self.assertEqual(other.billing_paid, 24.2)

    def test_what_is_planned_follows_the_payment(self):
        order = self._start(APRIL, (self.plus, 2))
        change, _shown = self._change_on(MIDDLE, order, self.basic, 1)
        with freeze_time('2027-04-17 10:00:00'):
            order.billing_next_event_id._reschedule(date(2027, 4, 25), is_lasting=True)
        self.assertEqual(change.first_day, date(2027, 4, 25))
        self.assertEqual(order.billing_next_amount, 12.1)
        self._run_on('2027-04-25')
        self.assertEqual(change.state, 'done')
        self.assertEqual(order.billing_paid, 60.5)
        order = self._start(APRIL, (self.plus, 2))
        self._change_on(MIDDLE, order, self.basic, 1)
        with freeze_time('2027-04-17 10:00:00'):
            order.billing_next_event_id._skip()
        self.assertEqual(order.billing_next_event_id.period_start, date(2027, 6, 1))
        self.assertEqual(order.billing_next_amount, 12.1)

    def test_a_period_that_ends_earlier_is_the_same_one(self):
        order = self._start(APRIL, (self.basic, 1))
        self._run_on('2027-05-01')
        # 16 of 31 days: -5.16 + 10.32; tax 1.08.
        change, _shown = self._change_on('2027-05-16', order, self.plus)
        self.assertEqual((change.state, change.amount), ('done', 6.24))
        with freeze_time('2027-05-17 10:00:00'):
            order.billing_next_event_id._reschedule(date(2027, 5, 25), is_lasting=True)
        # 5 days: of 9 that cost 10.32, -5.73, of 24 that cost 10.00, + 2.08; tax -0.77.
        change, _shown = self._change_on('2027-05-20', order, self.basic, 1, 'now')
        self.assertEqual((change.state, change.amount), ('done', -4.42))
        self.assertEqual(order.billing_next_amount, 7.68)

    def test_credit_pays_what_is_added_once_as_well(self):
        order = self._start(APRIL, (self.plus, 10))
        self._change_on('2027-04-02', order, self.basic, 1, 'now')
        event = order.billing_next_event_id
        for price, credit in ((5.0, 18.15), (-8.0, 8.47)):
            with freeze_time('2027-04-03 10:00:00'):
                order.with_user(self.billing_manager).order_line = [
                    Command.create({'product_id': self.fee.id, 'price_unit': price})
                ]
            self.assertRecordValues(event, [{'amount': 0.0, 'credit_amount': credit}])
        self._run_on('2027-05-01')
        self.assertEqual(event.invoice_id.amount_total, 8.47)
        self.assertEqual(order.billing_next_event_id.credit_amount, 12.1)

    def test_never_more_is_credited_than_was_paid(self):
        for name, refunded, amount in (
            # 2.10 of 12.10 are left: -1.73 + 10.00 = 8.27; tax 1.74.
            ("a part", 10.0, 10.01),
            ("all", 12.1, 12.1),
        ):
            with self.subTest(name):
                order = self._start(APRIL, (self.basic, 1))
                with freeze_time('2027-04-10 10:00:00'):
                    self._refund(order, refunded)
                change, _shown = self._change_on(MIDDLE, order, self.plus)
                self.assertEqual((change.state, change.amount), ('done', amount))

    def test_what_was_billed_is_credited(self):
        """Staff made a payment half of what the lines add up to, and the next one whole again."""
        order = self._start('2027-04-01', (self.plus, 1))
        with freeze_time('2027-04-02 10:00:00'):
            order.billing_next_event_id._reschedule(date(2027, 5, 1), 12.1)
        self._run_on('2027-05-01')
        # 15 of 31 days: -10.00 → -4.84, + 40.00 → 19.35; tax 3.05.
        change, _shown = self._change_on('2027-05-17', order, self.plus, 2)
        self.assertEqual((change.state, change.amount), ('done', 17.56))
        order = self._start(APRIL, (self.plus, 1))
        with freeze_time('2027-04-02 10:00:00'):
            order.order_line.with_user(self.billing_manager).price_unit = 30.0
        # -10.00 as billed, + 30.00.
        change, _shown = self._change_on(MIDDLE, order, self.plus, 2)
        self.assertEqual((change.state, change.amount), ('done', 24.2))

    def test_in_a_trial_nothing_is_charged(self):
        order = self._start(APRIL, (self.basic, 1), billing_trial_days=14)
        change, shown = self._change_on('2027-04-05', order, self.plus)
        self.assertEqual((change.state, change.amount), ('done', 0))
        self.assertEqual(shown["Charged today"], "$\xa00.00")
        self.assertEqual(order.billing_next_amount, 24.2)

    def test_what_cant_be_changed(self):
        order = self._start(APRIL, (self.basic, 1))
        change = self.env['billpro.change']

        def propose(when='now', line=order.order_line, product=self.plus, quantity=1):
            return change._propose(order, line, product, quantity, when)

        with freeze_time(f'{MIDDLE} 10:00:00'):
            for reason, values in (
                ("Choose another plan, or another quantity", {'product': self.basic}),
                ("isn't of the plan family", {'product': self.gym}),
                ("a line of the subscription and a quantity", {'quantity': 0}),
                ("“Plus” is no add-on", {'line': order.order_line.browse()}),
            ):
                with self.subTest(reason), self.assertRaisesRegex(UserError, reason):
                    propose(**values)
            with self.assertRaisesRegex(UserError, "has changed meanwhile"):
                order._billing_change(order.order_line, self.plus, 1, 'now', '[]')
            order._billing_pause()
            with self.assertRaisesRegex(UserError, "its billing status is “Paused”"):
                propose()
            order._billing_resume()
            with self.assertRaises(AccessError):
                order.with_user(self.salesperson).action_open_change_plan()
        self._check_nothing_of_what_was_returned_is_credited()
        order.billing_token_id.demo_simulated_state = 'error'
        self._run_on('2027-05-01')
        with freeze_time('2027-05-02 10:00:00'):
            with self.assertRaisesRegex(UserError, "Payments are outstanding"):
                propose()
            self.assertEqual(propose('period_end')['first_day'], date(2027, 6, 1))
            order.billing_event_ids.filtered(lambda e: e.status == 'soft_declined')._skip()
            with self.assertRaisesRegex(UserError, "No paid period has today in it"):
                propose()

    def _check_nothing_of_what_was_returned_is_credited(self):
        """The bank took the first payment back, and staff do without it."""
        order = self._start(APRIL, (self.basic, 1))
        with freeze_time(f'{MIDDLE} 10:00:00'):
            tx = order.billing_transaction_ids
            event = order._billing_create_event_of_return(tx)
            tx._set_error("Returned", extra_allowed_states=('done',))
            tx.is_post_processed = True
            event._apply_trigger('return_soft')
            event._skip()
            with self.assertRaisesRegex(UserError, "No paid period has today in it"):
                self.env['billpro.change']._propose(order, order.order_line, self.plus, 1, 'now')

    def test_what_a_change_has_cost_is_owed_if_the_bank_takes_it_back(self):
        order = self._start(APRIL, (self.basic, 1))
        change, _shown = self._change_on(MIDDLE, order, self.plus)
        event = change.event_ids
        self.assertEqual((change.state, event.status), ('done', 'completed'))
        with freeze_time('2027-04-20 10:00:00'):
            event._apply_trigger('return_hard')
            self.assertEqual(order._billing_get_outstanding_events(), event)
            self.assertEqual(order.billing_outstanding, event.amount)
            # It isn't credited or paid back before it is paid: 11 of 30 days of 12.10 are.
            self.assertEqual(order._billing_get_unused()[2], 4.44)
            event._skip()
            with self.assertRaisesRegex(UserError, "No paid period has today in it"):
                self.env['billpro.change']._propose(order, order.order_line, self.basic, 1, 'now')

    def test_a_later_period_that_is_paid_along_with_others(self):
        order = self._start(APRIL, (self.basic, 1))
        order.billing_token_id.demo_simulated_state = 'error'
        self._run_on('2027-05-01')
        order.billing_token_id.demo_simulated_state = 'done'
        with freeze_time('2027-05-03 10:00:00'):
            events = order.billing_event_ids
            self.assertEqual(events.mapped('period_start'), [date(2027, 5, 1), date(2027, 6, 1)])
            events._merge_by_staff(date(2027, 5, 3))
        self._run_on('2027-05-03')
        self.assertEqual((order.billing_status, order.billing_paid), ('active', 36.3))
        with freeze_time('2027-05-10 10:00:00'):
            self.assertIn(
                "A later period is paid already", order._billing_get_refusal_to_change('now')
            )
            self.assertEqual(
                order._billing_get_refusal_to_pay_early('next'), "The next payment is paid already."
            )

    def test_credit_is_about_the_change_before_though_that_names_no_invoice(self):
        """A change that was made before changes named the invoice of their period."""
        order = self._start(APRIL, (self.basic, 1))
        before, _shown = self._change_on('2027-04-02', order, self.plus)
        before.invoice_id = False
        change, _shown = self._change_on(MIDDLE, order, self.basic, 1, 'now')
        self.assertEqual(change.credit_note_id.reversed_entry_id, before.event_ids.invoice_id)

    def test_credit_needs_no_card(self):
        order = self._start(APRIL, (self.plus, 10))
        self._change_on('2027-04-02', order, self.basic, 1, 'now')
        event = order.billing_next_event_id
        order.billing_token_id = False
        self._run_on('2027-05-01')
        self.assertEqual((event.status, event.invoice_id.payment_state), ('completed', 'reversed'))

    def test_what_was_collected_is_booked_though_nothing_can_be_changed(self):
        order = self._start(APRIL, (self.basic, 1))
        change_class = self.registry['billpro.change']
        with (
            patch.object(change_class, '_replace_line', side_effect=ValueError("Another addon")),
            mute_logger('odoo.addons.billpro_portal.models.each_alone.own_transaction'),
        ):
            change, _shown = self._change_on(MIDDLE, order, self.plus)
        self.assertEqual((change.state, change.event_ids.status), ('overtaken', 'completed'))
        self.assertEqual(change.event_ids.invoice_id.payment_state, 'paid')
        self.assertEqual(order.order_line.product_id, self.basic)
        self.assertIn(
            "A change was paid that can't be carried out", order.activity_ids.mapped('summary')
        )

    def test_plans_of_a_family_can_replace_each_other(self):
        with (
            self.assertRaisesRegex(UserError, "those are for subscriptions"),
            self.env.cr.savepoint(),
        ):
            self.desk.product_tmpl_id.billing_family_id = self.family
        with self.assertRaisesRegex(UserError, "archive the family"), self.env.cr.savepoint():
            self.family.unlink()
        order = self._start(APRIL, (self.basic, 1))
        self.plus.product_tmpl_id.sale_ok = False
        plans = order._billing_get_plans(order.order_line)
        self.assertEqual(plans, self.basic | self.free_of_tax | self.gross | self.gross_plus)
        order = self._start(APRIL, (self.basic, 1), billing_interval_count=3)
        self.assertEqual(order._billing_get_plans(order.order_line), self.basic)

    def _create_addon(self, name, price, **values):
        """Return a monthly add-on of the basic plan."""
        addon = self._create_sold_product(name, price, self.tax_21, 'subscription')
        addon.product_tmpl_id.write(values)
        self.basic.product_tmpl_id.billing_addon_ids += addon.product_tmpl_id
        return addon

    def test_an_addon_in_documents_and_reports(self):
        """20/30 of 12.00: 8.00, tax 1.68; dropped for 10/20 of it, -4.00 and -0.84."""
        storage = self._create_addon("Storage", 6.0)
        order = self._start(APRIL, (self.basic, 1))
        none = order.order_line.browse()
        change, shown = self._change_on('2027-04-11', order, storage, 2, 'now', none)
        self.assertEqual(
            shown,
            {
                "Change": "2 × Storage (new)",
                "From": "April 11, 2027",
                "Charge, April 11, 2027 to April 30, 2027": "$\xa08.00",
                "Tax on the difference": "$\xa01.68",
                "Charged today": "$\xa09.68",
                "Payment on May 1, 2027": "$\xa026.62",
                "Then every month": "$\xa026.62",
            },
        )
        self.assertEqual(
            change.event_ids.invoice_id.invoice_line_ids.mapped('name'),
            ["Storage\nAdded, 04/11/2027 to 04/30/2027"],
        )
        line = order.order_line[1]
        self.assertEqual((line.product_id, line.product_uom_qty, line.price_unit), (storage, 2, 6))
        with freeze_time('2027-04-20 12:00:00'):
            self.env.flush_all()
            mrr = self.env['billpro.mrr.report'].search([('order_id', '=', order.id)])
            self.assertEqual(mrr.mapped('mrr'), [22.0])
            # 20/30 of 10.00, and 10/20 of 8.00.
            deferred = self.env['billpro.deferral.report'].search([('order_id', '=', order.id)])
            self.assertEqual(sorted(deferred.mapped('earned')), [4.0, 6.67])
        change, shown = self._change_on('2027-04-21', order, storage, 0, 'now', line)
        self.assertEqual(shown["Change"], "2 × Storage (ends)")
        self.assertEqual(shown["Credit, April 21, 2027 to April 30, 2027"], "$\xa0-\ufeff4.00")
        self.assertFalse([label for label in shown if label.startswith("Charge, ")])
        self.assertEqual(order._get_order_lines_to_report(), order.order_line[0])
        self.assertEqual(order.billing_next_amount, 7.26)
        self._run_on('2027-05-01')
        invoice = order.billing_event_ids.filtered(lambda event: event.number == 2).invoice_id
        self.assertEqual(invoice.invoice_line_ids.product_id, self.basic)
        with freeze_time('2027-05-20 12:00:00'):
            self.env.flush_all()
            self.env.invalidate_all()
            mrr = self.env['billpro.mrr.report'].search([('order_id', '=', order.id)])
            self.assertEqual(mrr.sorted('month').mapped('mrr'), [10.0, 10.0])
        self._assert_books_closed(order)
        self._assert_nothing_due(order)

    def test_what_can_be_added(self):
        storage = self._create_addon("Storage", 6.0)
        year, archived, unsold, foreign = (
            self._create_addon(name, 5.0, **values)
            for name, values in (
                ("Backup", {'billing_interval_unit': 'year'}),
                ("Archived", {'active': False}),
                ("Not sold", {'sale_ok': False}),
                ("Foreign", {}),
            )
        )
        plan = self.basic.product_tmpl_id
        order = self._start(APRIL, (self.basic, 1))
        other = self.env['res.company'].create({'name': "Another company"})
        foreign.company_id = other
        none = order.order_line.browse()
        with freeze_time(f'{MIDDLE} 10:00:00'):
            propose = self.env['billpro.change']._propose
            self.assertEqual(order._billing_get_addons(), storage | year)
            for reason, addon, quantity in (
                ("is charged every month, “Backup” every year", year, 1),
                ("“Archived” is no add-on", archived, 1),
                ("“Not sold” is no add-on", unsold, 1),
                ("“Foreign” is no add-on", foreign, 1),
                ("“Gym membership” is no add-on", self.gym, 1),
                ("a line of the subscription and a quantity", storage, 0),
                ("a line of the subscription and a quantity", storage, -1),
            ):
                with self.subTest(reason), self.assertRaisesRegex(UserError, reason):
                    propose(order, none, addon, quantity, 'now')
            for values, reason in (
                ({'billing_addon_ids': self.desk.product_tmpl_id.ids}, "must be subscriptions"),
                ({'purchase_type': False}, "must be subscriptions|for subscriptions"),
                ({'company_id': other.id}, "of different companies|ncompatible companies"),
            ):
                with (
                    self.subTest(values=values),
                    self.assertRaisesRegex(UserError, reason),
                    self.env.cr.savepoint(),
                ):
                    plan.write(values)
        self._change_on(MIDDLE, order, storage, 2, 'now', none)
        with freeze_time(f'{MIDDLE} 10:00:00'):
            with self.assertRaisesRegex(UserError, "“Storage” is no add-on"):
                propose(order, none, storage, 1, 'now')
            # What has two products that recur has one interval.
            self.assertTrue(order._billing_get_refusal_to_change_interval())
            self._change(order, storage, 0, 'now', order.order_line[1])
            self.assertFalse(order._billing_get_refusal_to_change_interval())

    def test_an_addon_beside_a_plan_that_is_planned(self):
        """15/30 of 6.00: 3.00, tax 0.63; 20.00 + 6.00 from May on."""
        storage = self._create_addon("Storage", 6.0)
        order = self._start(APRIL, (self.basic, 1))
        planned, _shown = self._change_on(MIDDLE, order, self.plus, 1, 'period_end')
        _change, shown = self._change_on(
            MIDDLE, order, storage, 1, 'now', order.order_line.browse()
        )
        self.assertEqual(shown["Charged today"], "$\xa03.63")
        self.assertEqual(shown["Payment on May 1, 2027"], "$\xa031.46")
        self.assertEqual(shown["Then every month"], "$\xa031.46")
        plan, line = order.order_line
        with freeze_time(f'{MIDDLE} 11:00:00'):
            propose = self.env['billpro.change']._propose
            with self.assertRaisesRegex(UserError, "Take back the change that is planned first"):
                propose(order, plan, self.basic, 2, 'now')
            dropped, _shown = self._change(order, storage, 0, 'period_end', line)
            self.assertEqual(order.billing_next_amount, 24.2)
            # Nothing would be left, whoever drops the plan today.
            with self.assertRaisesRegex(UserError, "is planned first"):
                propose(order, plan, self.basic, 0, 'now')
            planned.with_user(self.billing_manager).action_take_back()
            self.assertEqual((planned.state, dropped.state), ('taken_back', 'planned'))
            self.assertEqual(order.billing_next_amount, 12.1)
            with self.assertRaisesRegex(UserError, "must be positive"):
                propose(order, plan, self.basic, 0, 'now')
        self._run_on('2027-05-01')
        self.assertEqual((dropped.state, line.product_uom_qty), ('done', 0))

    def test_an_addon_in_a_period_with_a_discount(self):
        """A half of 16/31 of 6.00: 1.55 (1.5484); 10.00 less a half, 6.05."""
        storage = self._create_addon("Storage", 6.0)
        order = self._start(APRIL, (self.basic, 1))
        with freeze_time(f'{MIDDLE} 10:00:00'):
            rows = self.env['billpro.discount']._propose(order, 50, 2)._get_rows()
            order._billing_give_discount(50, 2, agreement_text(rows))
        self._run_on('2027-05-01')
        change, _shown = self._change_on(
            '2027-05-16', order, storage, 1, 'now', order.order_line.browse()
        )
        invoice = change.event_ids.invoice_id
        self.assertEqual((invoice.amount_untaxed, invoice.amount_tax), (1.55, 0.33))
        # A half of 16.00 and 3.36.
        self.assertEqual(order.billing_next_amount, 9.68)
        self._change_on('2027-05-20', order, storage, 0, 'period_end', order.order_line[1])
        self._run_on('2027-06-01')
        self.assertEqual(order.billing_next_amount, 12.1)
        invoice = order.billing_event_ids.filtered(lambda event: event.number == 3).invoice_id
        self.assertEqual(invoice.amount_total, 6.05)
        self.assertTrue(all(invoice.invoice_line_ids.mapped('price_total')))

    def test_the_dialog_follows_what_is_chosen_in_it(self):
        order = self._start(APRIL, (self.plus, 1)).with_user(self.billing_manager)
        with freeze_time(f'{MIDDLE} 10:00:00'):
            action = order.action_open_change_plan()
            form = Form(
                self.env[action['res_model']]
                .with_user(self.billing_manager)
                .browse(action['res_id'])
            )
            for quantity, when, shown in ((2, 'now', "12.10"), (0.5, 'period_end', "May 1")):
                form.quantity = quantity
                self.assertEqual(form.when, when)
                self.assertIn(shown, form.preview)
            form.quantity = 0
            self.assertIn("a quantity", form.problem)
            self.assertFalse(form.preview)
            self.plus.product_tmpl_id.billing_addon_ids = self.gross.product_tmpl_id
            form.line_id = self.env['sale.order.line']
            self.assertEqual((form.product_id, form.quantity, form.when), (self.gross, 1, 'now'))
            self.assertIn("1 × Gross (new)", form.preview)

    def test_up_and_down_are_told_without_taxes(self):
        order = self._start(APRIL, (self.gross_plus, 1))  # 20.00, and 4.20 tax.
        line = order.order_line
        for plan, is_down in ((self.plus, False), (self.basic, True), (self.gross, True)):
            with self.subTest(plan.name):
                self.assertEqual(order._billing_is_down(line, plan, 1), is_down)
