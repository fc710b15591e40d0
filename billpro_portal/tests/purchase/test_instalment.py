from datetime import date, datetime

from freezegun import freeze_time

from odoo.exceptions import ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ...models.rights.own_context import INSIDE
from ..common.instalment import InstalmentCommon
from ..common.nightly import nightly, some


@tagged('post_install', '-at_install')
class TestInstalment(InstalmentCommon):
    def test_deposit_and_schedule(self):
        with freeze_time('2027-08-31 10:00:00'):
            order = self._create_active_order(
                (self.course, 1), billing_deposit=21.0, billing_instalment_count=3
            )
        self.assertEqual(order.billing_status, 'active')
        self.assertEqual(order.billing_paid, 21.0)
        self.assertEqual(order.billing_balance, 100.0)
        self.assertRecordValues(
            order.billing_event_ids,
            [
                {'number': 1, 'amount': 33.33, 'due_date': datetime(2027, 9, 30, 7)},
                {'number': 2, 'amount': 33.33, 'due_date': datetime(2027, 10, 31, 8)},
                {'number': 3, 'amount': 33.34, 'due_date': datetime(2027, 11, 30, 8)},
            ],
        )
        answer = self.env['billpro.order.answer']._get_calm_answer(order)
        self.assertEqual(answer['label'], "Next payment")
        self.assertNotIn("Everything is paid", answer['text'])
        deposit_invoice = order.billing_move_ids
        self.assertEqual(deposit_invoice.amount_total, 21.0)
        self.assertEqual(deposit_invoice.amount_tax, 3.64)
        self._assert_books_closed(order)
        self._pay_all(order)
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual(order.billing_paid, 121.0)
        self.assertEqual(order.billing_balance, 0)
        self.assertEqual(
            order.billing_move_ids.sorted('id').mapped('amount_total'), [21.0, 33.33, 33.33, 33.34]
        )
        self.assertEqual(self._tax_amounts(order.billing_move_ids), {'VAT 21%': 21.0})
        self.assertEqual(
            order.order_line.filtered(lambda line: line.product_id == self.course).qty_invoiced, 1
        )
        self.assertEqual(order.invoice_status, 'invoiced')
        self._assert_books_closed(order)

    def test_instalments_that_are_credit_wait_for_a_declaration(self):
        self.company.billing_credit_statement = False
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_order((self.course, 1))
            order.write({'billing_interval_unit': 'day', 'billing_interval_count': 50})
            for values, last_day in (
                ({'billing_instalment_count': 1}, False),
                ({'billing_instalment_count': 2}, "03/01/2027"),
                ({'billing_buyer': 'business'}, False),
                ({'billing_buyer': False, 'commitment_date': '2027-03-01 09:00:00'}, False),
                ({'commitment_date': '2027-02-28 09:00:00'}, "04/19/2027"),
                ({'commitment_date': False}, "03/01/2027"),
            ):
                order.write(values)
                if last_day:
                    with self.assertRaisesRegex(ValidationError, f"due after {last_day}"):
                        order._check_billing_link_can_be_given()
                else:
                    order._check_billing_link_can_be_given()
                self.assertEqual(bool(order.billing_credit_note), bool(last_day))
            self.company.billing_is_large_seller = True
            self.assertIn("due after 01/24/2027", order.billing_credit_note)
            self.assertIn("instalments yet", order._billing_get_not_payable_reason())
            manager = self.billing_manager
            manager.group_ids += self.env.ref('base.group_erp_manager')
            self.company.with_user(manager).billing_credit_statement = "The Bank of Ghent lends."
            self.assertFalse(order._billing_get_not_payable_reason() or order.billing_credit_note)
            token = self._create_token()
            self._create_initial_transaction(
                order, 'done', operation='validation', amount=0, token_id=token.id
            )._post_process()
        declared = f"The Bank of Ghent lends.\nDeclared by {manager.name} on 01/10/2027."
        self.company.billing_credit_statement = "Another one does."
        self.assertEqual(order.billing_credit_declaration, declared)

    def test_where_many_instalments_may_be_credit(self):
        customer = self.customer.copy()
        order = self._create_order((self.course, 1), partner=customer)
        for code, count, unit, warning in (
            ('us', 4, 'year', False),
            ('us', 5, 'week', "more than 4 instalments"),
            ('uk', 12, 'month', False),
            ('uk', 13, 'week', "more than 12 instalments"),
            ('uk', 2, 'year', "after 12 months"),
            ('ca', 24, 'month', False),
        ):
            with self.subTest(code=code, count=count, unit=unit):
                customer.country_id = self.env.ref(f'base.{code}')
                order.write({'billing_instalment_count': count, 'billing_interval_unit': unit})
                order._check_billing_link_can_be_given()
                if warning:
                    self.assertIn(warning, order.billing_credit_note)
                else:
                    self.assertFalse(order.billing_credit_note)

    @nightly("Drawn orders with several taxes are exact for each change.")
    def test_seven_instalments_with_three_taxes_are_exact(self):
        sold = []
        sales = (
            ('EUR', 99.99, (50.0, 20.0, 10.0)),
            ('JPY', 1000, (500, 200, 100)),
            ('EUR', 100.0, (50.0, 20.0, 10.0)),
            ('KWD', 10.001, (5.0, 2.0, 1.0)),
        )
        for currency, total, prices in some(sales):
            with freeze_time('2027-01-31 10:00:00'):
                order = self._create_taxed_order(currency, prices, total)
                self._register_card(order)
            self.assertEqual(order.currency_id.round(order.amount_total), total)
            taxes = {
                group['group_name']: round(group['tax_amount_currency'], 3)
                for group in order.tax_totals['subtotals'][0]['tax_groups']
            }
            sold.append((order, total, taxes))
        self._pay_all(self.env['sale.order'].union(*(order for order, _total, _taxes in sold)))
        for order, total, taxes in sold:
            with self.subTest(f'{order.currency_id.name} {total}'):
                self.assertEqual(order.billing_status, 'complete')
                self.assertEqual(order.currency_id.round(order.billing_paid), total)
                events = order.billing_event_ids
                self.assertEqual(len(events), 7)
                self.assertEqual(
                    events.invoice_id.sorted('id').mapped('amount_total'),
                    events.sorted('number').mapped('amount'),
                )
                self.assertEqual(self._tax_amounts(order.billing_move_ids), taxes)
                self.assertEqual(
                    [line.qty_invoiced for line in order.order_line if line.product_id], [1, 1, 1]
                )
                self._assert_books_closed(order)

    @nightly("Orders of both kinds of lines are drawn by the tests of the books.")
    def test_instalments_with_and_without_taxes_are_exact(self):
        with freeze_time('2027-01-31 10:00:00'):
            order = self._create_order(*((self.course, 1, price) for price in (50.0, 20.0, 19.49)))
            order.order_line[1:].tax_ids = False
            self._register_card(order)
        self._pay_all(order)
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual((order.billing_paid, order.amount_total), (99.99, 99.99))
        self.assertEqual(
            order.billing_event_ids.invoice_id.sorted('id').mapped('amount_total'),
            order.billing_event_ids.sorted('number').mapped('amount'),
        )
        self._assert_books_closed(order)

    def test_a_fixed_first_date(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order(
                (self.course, 1), billing_first_date='2027-03-31', billing_instalment_count=3
            )
            late = self._create_active_order(
                (self.course, 1), billing_first_date='2026-12-31', billing_instalment_count=2
            )
        self.assertEqual(
            order.billing_event_ids.mapped('period_start'),
            [date(2027, 3, 31), date(2027, 4, 30), date(2027, 5, 31)],
        )
        self.assertEqual(
            late.billing_event_ids.mapped('period_start'), [date(2027, 2, 10), date(2027, 3, 10)]
        )

    def test_late_instalments_are_each_collected_once(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.course, 1), billing_instalment_count=4)
        with freeze_time('2027-12-01 10:00:00'):
            self._run()
            self._assert_nothing_due(order)
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual(order.billing_paid, 121.0)
        self.assertEqual(self._tax_amounts(order.billing_move_ids), {'VAT 21%': 21.0})
        self._assert_books_closed(order)

    @nightly("Instalments are paid out of order in the course of each change.")
    def test_the_last_one_may_be_paid_first(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.course, 1), billing_instalment_count=3)
            last = order.billing_event_ids[-1]
            with self._committing_env(self.billing_manager) as env:
                env['billpro.billing.event'].browse(last.id).action_execute_now()
        self.assertEqual(last.status, 'completed')
        self._pay_all(order)
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual(order.billing_paid, 121.0)
        self.assertEqual(self._tax_amounts(order.billing_move_ids), {'VAT 21%': 21.0})
        self._assert_books_closed(order)

    def test_declined_instalments(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order(
                (self.course, 1), billing_instalment_count=2, state='error'
            )
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
        self.assertEqual(order.billing_status, 'failed')
        self.assertEqual(order.billing_outstanding, 60.5)
        self.assertEqual(order.billing_balance, 121.0)

    def test_a_percentage(self):
        self.course.write({'billing_deposit_type': 'percent', 'billing_deposit': 33.0})
        order = self._create_order((self.course, 1), sent=False)
        self.assertEqual(order.billing_deposit, 39.93)

    def test_what_cannot_be_split_is_refused(self):
        order = self._create_order((self.course, 1), sent=False)
        order.billing_interval_unit = 'day'
        for deposit, count in ((121.0, 1), (500.0, 1), (0, 12101), (0, 0)):
            order.write({'billing_deposit': deposit, 'billing_instalment_count': count})
            with self.assertRaisesRegex(ValidationError, "can't be split"):
                order.action_open_order_link()

    def test_an_order_changed_since_is_set_aside(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.course, 1), billing_instalment_count=1)
            order.order_line[0].price_unit = 90
        lines = order.order_line
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
            self._run()
        event = order.billing_event_ids
        self.assertEqual(order.order_line, lines)
        self.assertEqual(event.status, 'scheduled')
        self.assertIn("instead of", event.status_message)
        self.assertFalse(event.invoice_id)
        self.assertEqual(order.billing_paid, 0)

    def test_a_last_one_changed_since_is_set_aside(self):
        """Its invoice deducts down payments that are paid, which must stay on the order."""
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.course, 1), billing_instalment_count=2)
            other = self._create_active_order((self.course, 1), billing_instalment_count=1)
        first, last = order.billing_event_ids
        with freeze_time(first.due_date):
            self._run()
        self.assertEqual((first.status, other.billing_status), ('completed', 'complete'))
        order.order_line.filtered(lambda line: line.product_id == self.course).price_unit = 90
        lines = order.order_line
        with freeze_time('2027-01-10 10:00:00'):
            late = self._create_active_order((self.course, 1), billing_instalment_count=1)
        with freeze_time(last.due_date):
            self._run()
        self.assertEqual(late.billing_status, 'complete')
        self.assertEqual(order.order_line, lines)
        self.assertEqual(last.status, 'scheduled')
        self.assertIn("instead of", last.status_message)
        self.assertFalse(last.invoice_id)
        self.assertEqual(order.billing_paid, 60.5)
        self._assert_books_closed(order)

    @mute_logger('odoo.addons.billpro_portal.models.charging.billing_run')
    def test_an_order_invoiced_by_hand_keeps_no_other_waiting(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.course, 1), billing_instalment_count=1)
            other = self._create_active_order((self.course, 1), billing_instalment_count=1)
        # As the dialog did before it made the invoices of scheduled payments.
        order.with_context(billing_paid_at_once=INSIDE)._create_invoices(final=True)
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
        self.assertEqual(order.billing_event_ids.status, 'scheduled')
        self.assertTrue(order.billing_event_ids.status_message)
        self.assertFalse(order.billing_event_ids.invoice_id)
        self.assertEqual(other.billing_status, 'complete')
