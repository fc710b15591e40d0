from datetime import date

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import tagged

from ..common.nightly import some
from ..common.schedule_actions import ScheduleActionCommon


@tagged('post_install', '-at_install')
class TestTaxes(ScheduleActionCommon):
    """The taxes of the books change while subscriptions are charged."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.vat = cls._create_vat("VAT", 19)
        cls.gym.taxes_id = [Command.set(cls.vat.ids)]
        with freeze_time('2027-01-10 10:00:00'):
            cls.order = cls._create_active_order((cls.gym, 1), (cls.gym, 3, 3.33))

    def _change(self, rate=16, moment='2027-01-20 10:00:00', **values):
        """Change the tax as an accountant does, and let the run follow."""
        with freeze_time(moment):
            self.vat.write({'amount': rate, **values})
            self._run()

    def _assert_charged(self, *amounts):
        invoices = self.order.billing_move_ids.sorted('id')[1:]
        self.assertEqual(invoices.mapped('amount_total'), list(amounts))
        self.assertEqual(invoices.invoice_line_ids.tax_ids, self.vat)
        self._assert_books_closed(self.order)
        self.assertFalse(
            self.order.billing_event_ids.filtered(lambda e: e.status == 'scheduled').status_message
        )

    def test_the_price_without_tax_stays(self):
        self.assertEqual(self.order.billing_event_ids.amount, 35.69)
        self._change()
        self.assertEqual(self.order.billing_event_ids.amount, 34.79)
        self.assertEqual(self.order.order_line.mapped('price_unit'), [20.0, 3.33])
        self.assertEqual(self.order.amount_total, 34.79)
        self.assertEqual(
            self._last_notice(self.order),
            "Your payment on February 10, 2027 is $ 34.79 instead of $ 35.69. Your later payments"
            " are $ 34.79, too.",
        )
        self._run_on('2027-02-10')
        self._run_on('2027-03-10')
        self._assert_charged(34.79, 34.79)
        self.assertEqual(self.order.billing_move_ids[:1].amount_tax, 4.8)

    def test_the_price_with_tax_stays(self):
        self.company.billing_tax_change = 'with'
        self._change()
        self.assertEqual(self.order.billing_event_ids.amount, 35.69)
        notices = self.order.billing_notification_ids
        self.assertFalse(notices.filtered(lambda n: n.kind == 'payment_changed'))
        self._run_on('2027-02-10')
        self._run_on('2027-03-10')
        self._assert_charged(35.69, 35.69)
        self.assertEqual(self.order.billing_move_ids[:1].amount_tax, 4.92)

    def test_prices_that_include_the_tax(self):
        self._change(19, price_include_override='tax_included')
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.gym, 1, 23.8))
        self._change()
        self.assertEqual(order.order_line.price_subtotal, 20.0)
        self.assertEqual(order.billing_event_ids.amount, 23.2)
        self.company.billing_tax_change = 'with'
        self._change(19)
        self.assertAlmostEqual(order.order_line.price_unit, 23.2)
        self.assertEqual(order.billing_event_ids.amount, 23.2)

    def test_what_was_announced_is_charged_as_it_was_announced(self):
        self._change(moment='2027-02-08 10:00:00')
        self.assertEqual(self.order.billing_event_ids.amount, 35.69)
        self.assertEqual(
            self._last_notice(self.order),
            "The payments after that on February 10, 2027 are $ 34.79: the tax has changed.",
        )
        self._run_on('2027-02-10')
        self._run_on('2027-03-10')
        self._assert_charged(35.69, 34.79)

    def test_what_falls_due_before_it_is_followed(self):
        """The run does not come to it, as another one has the order."""
        self.vat.amount = 16
        self.order.billing_tax_change = False
        self._run_on('2027-02-10')
        self._run_on('2027-03-10')
        self._assert_charged(35.69, 34.79)

    def test_another_rounding_stops_nothing(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order(*[(self.gym, 1, 0.33)] * 5)
        amount = order.billing_event_ids.amount
        self.company.tax_calculation_rounding_method = (
            'round_globally'
            if self.company.tax_calculation_rounding_method == 'round_per_line'
            else 'round_per_line'
        )
        self._run_on('2027-02-10')
        event = order.billing_event_ids[0]
        self.assertEqual((event.status, event.invoice_id.amount_total), ('completed', amount))
        self.assertNotEqual(order.billing_next_event_id.amount, amount)

    def test_declined_merged_and_changed_payments(self):
        self.order.billing_token_id.demo_simulated_state = 'error'
        self._run_on('2027-02-10')
        with freeze_time('2027-02-11 10:00:00'):
            later = self.order.billing_next_event_id
            self._reschedule(later, amount=30.0)
        self._change(moment='2027-02-12 10:00:00')
        self.order.billing_token_id.demo_simulated_state = 'done'
        with freeze_time('2027-02-13 10:00:00'):
            merged = self._merge(self.order.billing_event_ids, date(2027, 2, 20))
        self.assertEqual(merged.amount, 65.69)
        self._run_on('2027-02-20')
        self._run_on('2027-04-10')
        self._assert_charged(65.69, 34.79)

    def test_instalments_keep_their_total(self):
        """Whatever the company keeps: each of them is agreed to, and so is what they add up to."""
        self.course.taxes_id = [Command.set(self.vat.ids)]
        for rounding, rate in some((('round_globally', 16), ('round_per_line', 23))):
            with self.subTest(rounding=rounding, rate=rate):
                self.company.tax_calculation_rounding_method = rounding
                self.vat.amount = 19
                order = self._create_instalments(
                    *((self.course, 1, 33.33), (self.course, 7, 1.07), (self.course, 3, 12.345)),
                    count=2,
                )
                amounts = [21.0, *order.billing_event_ids.mapped('amount')]
                total = order.amount_total
                self._run_on('2027-02-10')
                self._change(rate, moment='2027-02-20 10:00:00')
                self.assertEqual(order.amount_total, total)
                self.assertEqual(order.tax_totals['total_amount_currency'], total)
                with freeze_time('2027-02-21 10:00:00'):
                    self._refund(order, 1.0)
                self._run_on('2027-03-10')
                invoices = order.billing_move_ids.filtered(lambda m: m.move_type == 'out_invoice')
                self.assertEqual(invoices.sorted('id').mapped('amount_total'), amounts)
                tax = total - total / (1 + rate / 100)
                self.assertAlmostEqual(sum(invoices.mapped('amount_tax')), tax, delta=0.02)
                self._assert_books_closed(order)
                # What has its final invoice stays as it was billed.
                billed = order.amount_tax
                self._change(7, moment='2027-03-20 10:00:00')
                self.assertEqual(order.billing_status, 'review')
                self.assertEqual((order.amount_tax, order.amount_total), (billed, total))

    def test_quotations_are_paid_as_they_are_invoiced(self):
        self.desk.taxes_id = [Command.set(self.vat.ids)]
        for kept, rate, total in (('without', 16, 348.0), ('with', 23, 357.0)):
            with self.subTest(kept):
                self.company.billing_tax_change = kept
                self.vat.amount = 19
                with freeze_time('2027-01-19 10:00:00'):
                    order, under_way = (
                        self._create_order((self.desk, 3, 100.0)) for _number in '12'
                    )
                    self._create_initial_transaction(under_way, 'pending')
                    opened = self._create_initial_transaction(order)
                self._change(rate)
                self.assertEqual((order.amount_total, under_way.amount_total), (total, 357.0))
                self.assertEqual(opened.state, 'cancel')
                self._create_initial_transaction(order, 'done')._post_process()
                self.assertEqual(order.billing_move_ids.amount_total, total)
                self._assert_books_closed(order)
                under_way.billing_transaction_ids._set_canceled()
                self._run()
                self.assertEqual(under_way.amount_total, total)

    def test_what_is_confirmed_and_not_paid_follows(self):
        self.desk.taxes_id = [Command.set(self.vat.ids)]
        self.env.user.group_ids += self.env.ref('sale.group_auto_done_setting')
        with freeze_time('2027-01-19 10:00:00'):
            order, billed = (self._create_order((self.desk, 1, 100.0)) for _number in '12')
            (order | billed).action_confirm()
            billed._create_invoices()
        self.assertEqual((order | billed).mapped('amount_total'), [119.0] * 2)
        self.assertTrue(order.locked)
        self._change()
        self.assertEqual((order.amount_total, billed.amount_total), (116.0, 119.0))
        self.assertTrue(order.locked)
        with freeze_time('2027-01-21 10:00:00'):
            self._create_initial_transaction(order, 'done')._post_process()
        self.assertEqual(order.billing_move_ids.amount_total, 116.0)
        self._assert_books_closed(order)

    def test_what_is_offered_again_follows(self):
        self.desk.taxes_id = [Command.set(self.vat.ids)]
        with freeze_time('2027-01-10 10:00:00'):
            expired, cancelled = (self._create_order((self.desk, 1, 100.0)) for _number in '12')
            expired.validity_date = '2027-01-15'
            cancelled._action_cancel()
            self._run()
        self._change()
        self.assertEqual((expired | cancelled).mapped('amount_total'), [119.0] * 2)
        with freeze_time('2027-01-21 10:00:00'):
            expired.validity_date = '2027-02-15'
            cancelled.action_draft()
            self._run()
        self.assertEqual((expired | cancelled).mapped('amount_total'), [116.0] * 2)

    def test_a_price_that_nobody_has_set_still_follows_the_pricelist(self):
        self.vat.price_include_override = 'tax_included'
        self.desk.write({'taxes_id': [Command.set(self.vat.ids)], 'list_price': 119.0})
        with freeze_time('2027-01-19 10:00:00'):
            order = self._create_order()
            agreed = self._create_order()
            agreed.order_line.price_unit = 110.0
        self.env.flush_all()
        self._change()
        lines = (order | agreed).order_line
        self.assertAlmostEqual(lines[0].price_unit, 116.0)
        with freeze_time('2027-01-21 10:00:00'):
            self.desk.list_price = 116.5
            lines.product_uom_qty = 2
        self.assertEqual(lines[0].price_unit, 116.5)
        self.assertAlmostEqual(lines[1].price_unit, 107.23, places=2)

    def test_a_new_rate_keeps_new_taxes_waiting(self):
        with freeze_time('2027-01-20 10:00:00'):
            other = self._create_vat("Other", 7)
            self.gym.taxes_id = [Command.set(other.ids)]
            self.order._billing_have_taxes_followed('mapping')
            self.vat.amount = 16
            self._run()
        self.assertEqual(self.order.order_line.tax_ids, other)
        self.assertEqual(self.order.billing_event_ids.amount, 32.09)

    def test_an_invoice_that_is_made_before_has_the_new_tax(self):
        water = self._create_sold_product("Water", 2.5, self.vat, 'metered')
        with freeze_time('2027-01-10 10:00:00'):
            metered = self._create_active_order((water, 1))
            self.env['billpro.billing.event'].create(
                {
                    'order_id': metered.id,
                    'number': 1,
                    'due_date': '2027-02-10 09:00:00',
                    'amount': 11.9,
                }
            )
        orders = self.order | metered
        with freeze_time('2027-02-08 10:00:00'):
            orders._create_invoices()
            self.assertEqual(orders.billing_event_ids.invoice_id.mapped('state'), ['draft'] * 2)
        self._change(moment='2027-02-09 10:00:00')
        self._run_on('2027-02-10')
        for order, amounts in ((self.order, (35.69, 4.92)), (metered, (11.9, 1.64))):
            invoice = order.billing_event_ids.sorted('number')[0].invoice_id
            self.assertEqual((invoice.amount_total, invoice.amount_tax), amounts)
            self._assert_books_closed(order)

    def test_what_is_added_to_a_metered_order(self):
        water = self._create_sold_product("Water", 2.5, self.vat, 'metered')
        self.fee.taxes_id = [Command.set(self.vat.ids)]
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((water, 1))
            event = self.env['billpro.billing.event'].create(
                {
                    'order_id': order.id,
                    'number': 1,
                    'due_date': '2027-02-10 09:00:00',
                    'amount': 11.9,
                }
            )
            order.with_user(self.billing_user).order_line = [
                Command.create({'product_id': self.fee.id, 'price_unit': 50.0})
            ]
        self.assertEqual(event.amount, 71.4)
        self._change()
        self.assertEqual((event.amount, event.added_amount), (69.9, 58.0))
        # The run does not come to it, as another one has the order.
        self.vat.amount = 7
        order.billing_tax_change = False
        self._run_on('2027-02-10')
        self.assertEqual(event.invoice_id.invoice_line_ids.mapped('price_total'), [16.4, 53.5])
        self.assertEqual((event.status, event.invoice_id.amount_total), ('completed', 69.9))
        self._assert_books_closed(order)

    def test_there_is_time_for_what_comes_after_the_taxes(self):
        with freeze_time('2027-01-20 10:00:00'):
            quotation = self._create_order((self.gym, 1, 10.0))
            other = self._create_active_order()
            self.env.flush_all()
            self.vat.amount = 16
            changed = self.env['billpro.billing.run']._get_orders_to_tax_anew()
            self.assertEqual(changed, self.order | other | quotation)
            with self._committing_env() as env:
                run = env['billpro.billing.run']
                run._keep_dates_of(
                    run._get_orders_to_tax_anew(), 'taxes', '_billing_follow_taxes', seconds=-1
                )
            self.assertEqual(
                [bool(order.billing_tax_change) for order in changed], [False, True, True]
            )
            self._run()
            self.assertFalse(any(changed.mapped('billing_tax_change')))

    def test_all_orders_of_a_fiscal_position_at_once(self):
        zero = self._create_vat("Zero", 0)
        position = self.env['account.fiscal.position'].create(
            {'name': "Abroad", 'company_id': self.company.id}
        )
        self.order.fiscal_position_id = position
        zero.write(
            {
                'fiscal_position_ids': [Command.link(position.id)],
                'original_tax_ids': [Command.link(self.vat.id)],
            }
        )
        wizards = self.env['billpro.follow.taxes']
        with self.assertRaises(AccessError):
            wizards.with_user(self.salesperson)._open_for(position)
        with freeze_time('2027-01-20 10:00:00'):
            action = wizards.with_user(self.billing_manager)._open_for(position)
            wizard = wizards.browse(action['res_id']).with_user(self.billing_manager)
            self.assertRecordValues(
                wizard.preview_ids,
                [{'order_id': self.order.id, 'old_amount': 35.69, 'new_amount': 29.99}],
            )
            self.assertEqual(self.order.order_line.tax_ids, self.vat)
            self.assertEqual(self.order.billing_event_ids.amount, 35.69)
            wizard.action_follow()
            self._run()
        self.assertEqual(self.order.order_line.tax_ids, zero)
        self.assertEqual(self.order.billing_event_ids.amount, 29.99)
        self.assertIn("is $ 29.99 instead of $ 35.69", self._last_notice(self.order))
        self._run_on('2027-02-10')
        self.assertEqual(self.order.billing_move_ids[:1].amount_tax, 0)
