from datetime import date, datetime, timedelta

from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.tests import tagged

from ..common.subscription import SubscriptionCommon


@tagged('post_install', '-at_install')
class TestMerging(SubscriptionCommon):
    """Invoices of merged payments."""

    def _owe(self, order, months):
        """Let payments fall due without being collected."""
        order._apply_billing_trigger('decline_hard', "The card was lost.")
        with freeze_time(date(2027, 1, 10) + timedelta(days=31 * months)):
            order._billing_extend_schedule()
            events = order._billing_get_outstanding_events()
            return events._merge()

    def test_one_line_for_each_period_and_the_taxes_of_each(self):
        self.company.tax_calculation_rounding_method = 'round_globally'
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.gym, 1, 9.99))
        self.assertEqual(order.billing_event_ids.amount, 12.09)
        merged = self._owe(order, 3)
        self.assertEqual(merged.amount, 36.27)
        self.assertEqual(
            (merged.period_start, merged.period_end), (date(2027, 2, 10), date(2027, 5, 9))
        )
        order._get_purchase()._create_event_invoices(merged)
        invoice = merged.invoice_id
        self.assertEqual(invoice.amount_total, 36.27)
        self.assertEqual(invoice.amount_tax, 6.3)
        self.assertEqual(
            invoice.invoice_line_ids.mapped('name'),
            [
                "Gym membership\n02/10/2027 to 03/09/2027",
                "Gym membership\n03/10/2027 to 04/09/2027",
                "Gym membership\n04/10/2027 to 05/09/2027",
            ],
        )
        self.assertEqual(invoice.invoice_line_ids.mapped('price_subtotal'), [9.99, 9.99, 9.99])

    def test_a_line_is_invoiced_once_whatever_is_merged_or_opened_together(self):
        with freeze_time('2027-01-10 10:00:00'):
            order, other = (self._create_active_order(billing_trial_days=7) for _ in range(2))
        merged = self._owe(order, 2)
        self.assertEqual(merged.amount, 48.4)
        with freeze_time('2027-03-11 10:00:00'):
            other._billing_extend_schedule()
        events = other.billing_event_ids[:2]
        order._get_purchase()._create_event_invoices(merged | events)
        self.assertEqual(order.order_line.qty_invoiced, 1)
        self.assertEqual(other.order_line.qty_invoiced, 1)
        self.assertEqual(events.invoice_id.mapped('amount_total'), [24.2, 24.2])

    def test_only_open_payments_of_one_order(self):
        with freeze_time('2027-01-10 10:00:00'):
            first, second = self._create_active_order(), self._create_active_order()
        with self.assertRaisesRegex(UserError, "same order"):
            (first | second).billing_event_ids._merge()
        self.assertEqual(first.billing_event_ids._merge(), first.billing_event_ids)

    def test_instalments_merge_into_one_down_payment_or_the_final_invoice(self):
        bike = self._create_sold_product("Bike", 300.0, self.tax_21 | self.tax_6, 'instalment')
        bike.write({'billing_instalment_count': 4, 'billing_deposit': 0})
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_order((bike, 1))
            self.assertEqual(order.amount_total, 381.0)
            self._register_card(order)
        events = order.billing_event_ids
        merged = events[:2]._merge()
        order._get_purchase()._create_event_invoices(merged)
        self.assertEqual(merged.amount, 190.5)
        self.assertEqual(merged.invoice_id.amount_total, 190.5)
        names = set(merged.invoice_id.invoice_line_ids.mapped('name'))
        self.assertEqual(names, {"Instalment 1 of 4", "Instalment 2 of 4"})
        last = events[2:]._merge()
        order._get_purchase()._create_event_invoices(last)
        self.assertEqual(last.invoice_id.amount_total, 190.5)
        self.assertEqual(merged.invoice_id.amount_tax + last.invoice_id.amount_tax, 81.0)

    def test_metered_payments_merge_with_their_notes(self):
        power = self._create_sold_product("Power", 0.3, self.tax_21, 'metered')
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_order((power, 1))
            self._register_card(order)
            events = self.env['billpro.billing.event'].create(
                [
                    {
                        'order_id': order.id,
                        'number': number,
                        'due_date': datetime(2027, 2, number),
                        'amount': amount,
                        'note': note,
                    }
                    for number, amount, note in ((1, 10.01, "January"), (2, 20.02, "February"))
                ]
            )
        merged = events._merge()
        order._get_purchase()._create_event_invoices(merged)
        self.assertEqual(merged.invoice_id.amount_total, 30.03)
        self.assertEqual(
            merged.invoice_id.invoice_line_ids.mapped('name'),
            ["Power\nJanuary", "Power\nFebruary"],
        )
        self.assertEqual(events.mapped('status'), ['merged', 'merged'])
        self.assertEqual(events.merged_into_id, merged)
