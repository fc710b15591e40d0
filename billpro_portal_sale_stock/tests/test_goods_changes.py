from datetime import date

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.billpro_portal.tests.common.nightly import nightly

from .common.goods import GoodsCommon


@tagged('post_install', '-at_install')
class TestGoodsChanges(GoodsCommon):
    """Deliveries of orders that don't go on as planned."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls._create_coffee_order()

    def _decline(self, order, day):
        order.billing_token_id.demo_simulated_state = 'error'
        self._run_jobs_on(day)
        order.billing_token_id.demo_simulated_state = 'done'

    def test_declined_and_recovered(self):
        order = self.order
        self._decline(order, '2027-02-10')
        event = order.billing_event_ids[0]
        self.assertEqual(event.status, 'soft_declined')
        self.assertEqual(len(order.picking_ids), 1)
        self._run_jobs_on('2027-02-11')
        self.assertEqual(event.status, 'recovered')
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}] * 2)
        self.assertEqual(order.picking_ids[-1].scheduled_date.date(), date(2027, 2, 11))

    @nightly("Recovered by the next attempt for each change.")
    def test_approved_late(self):
        order = self.order
        self._decline(order, '2027-02-10')
        event = order.billing_event_ids[0]
        tx = event.transaction_ids
        with freeze_time('2027-02-12 10:00:00'):
            for _time in range(2):
                tx._process('demo', {'reference': tx.reference, 'simulated_state': 'done'})
                self.env['billpro.billing.run']._book(tx)
            self._launch()
        self.assertEqual(event.status, 'recovered')
        self._run_jobs_on('2027-02-12')
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}] * 2)

    def test_what_was_charged_is_delivered_whatever_the_lines_are_by_then(self):
        order = self.order
        self._decline(order, '2027-02-10')
        with freeze_time('2027-02-10 12:00:00'):
            order.order_line.product_uom_qty = 5
        self._run_jobs_on('2027-02-11')
        self.assertEqual(order.billing_paid, 108.9)
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}] * 2)
        self._run_jobs_on('2027-03-10')
        self.assertEqual(order.billing_paid, 199.65)
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}] * 2 + [{"Coffee": 5}])

    def test_more_or_less_from_the_next_payment_on(self):
        order = self.order
        line = order.order_line
        line.product_uom_qty = 5
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}])
        self._run_jobs_on('2027-02-10')
        self._ship(order)
        self.assertEqual(line.qty_delivered, 8)
        order.with_user(self.billing_manager).order_line = [
            Command.update(line.id, {'product_uom_qty': 1})
        ]
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}, {"Coffee": 5}])
        self.assertFalse(order.picking_ids.activity_ids)
        self._run_jobs_on('2027-03-10')
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}, {"Coffee": 5}, {"Coffee": 1}])
        self.assertEqual(order.billing_paid, 163.35)

    @nightly("More of a line is delivered for each change.")
    def test_a_line_that_is_added(self):
        tea = self._create_sold_product("Tea", 5.0, self.tax_21, 'subscription')
        order = self.order
        order.order_line = [Command.create({'product_id': tea.id, 'product_uom_qty': 2})]
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}])
        self._run_jobs_on('2027-02-10')
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}, {"Coffee": 3, "Tea": 2}])
        self.assertEqual(order.billing_paid, 121.0)

    def test_skipped(self):
        order = self.order
        with freeze_time('2027-02-01 10:00:00'):
            self._skip(order.billing_event_ids)
        self._run_jobs_on('2027-02-10')
        self.assertEqual(len(order.picking_ids), 1)
        self._run_jobs_on('2027-03-10')
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}] * 2)
        self.assertEqual(order.billing_event_ids.mapped('delivery_state')[:2], [False, 'launched'])

    def test_merged(self):
        order = self.order
        self._decline(order, '2027-02-10')
        with freeze_time('2027-02-10 12:00:00'):
            merged = self._merge(order.billing_event_ids, date(2027, 2, 20))
        self._run_jobs_on('2027-02-20')
        self.assertEqual(merged.status, 'recovered')
        self.assertEqual(order.billing_paid, 163.35)
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}, {"Coffee": 6}])
        self.assertEqual(order.picking_ids[-1].move_ids.billpro_event_id, merged)
        self._run_jobs_on('2027-04-10')
        self.assertEqual(self._deliveries(order)[2:], [{"Coffee": 3}])

    def test_another_interval_begins_when_the_period_ends(self):
        order = self.order
        quarter = self.coffee.product_tmpl_id.copy({'name': "Quarter", 'list_price': 50.0})
        quarter.billing_interval_count = 3
        family = self.env['billpro.plan.family'].create(
            {'name': "Coffee", 'company_id': self.company.id}
        )
        (self.coffee.product_tmpl_id | quarter).billing_family_id = family
        terms = order, order.order_line, quarter.product_variant_id, 1
        with freeze_time('2027-01-20 10:00:00'):
            with self.assertRaisesRegex(UserError, "The goods of the paid period are delivered"):
                self.env['billpro.change']._propose(*terms, 'now')
            self.assertEqual(order._billing_get_usual_time(*terms[1:]), 'period_end')
            values = self.env['billpro.change']._propose(*terms, 'period_end')
            self.env['billpro.change'].create(values)._begin()
        self._run_jobs_on('2027-02-10')
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}, {"Quarter": 1}])
        self.assertEqual(order.billing_next_event_id.period_start, date(2027, 5, 10))

    @nightly("What is skipped is not delivered for each change.")
    def test_paused_and_resumed(self):
        order = self.order
        with freeze_time('2027-02-01 10:00:00'):
            order._billing_pause()
        self._run_jobs_on('2027-02-10')
        self._run_jobs_on('2027-03-10')
        self.assertEqual(len(order.picking_ids), 1)
        with freeze_time('2027-03-20 10:00:00'):
            order._billing_resume()
        self._run_jobs_on('2027-04-10')
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}] * 2)

    @nightly("More or less is delivered for each change.")
    def test_rescheduled_and_collected_early(self):
        order = self.order
        with freeze_time('2027-02-01 10:00:00'):
            self._reschedule(order.billing_event_ids, day=date(2027, 2, 15))
        self._run_jobs_on('2027-02-10')
        self.assertEqual(len(order.picking_ids), 1)
        self._run_jobs_on('2027-02-15')
        self.assertEqual(len(order.picking_ids), 2)
        with freeze_time('2027-03-01 10:00:00'):
            with self._committing_env(self.billing_manager) as env:
                env['billpro.billing.event'].browse(
                    order.billing_event_ids[1].id
                ).action_execute_now()
            self._launch()
        early = order.picking_ids.sorted('id')[2]
        self.assertEqual(early.scheduled_date, order.billing_event_ids[1].due_date)

    def test_cancelled(self):
        order = self.order
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
            order._billing_complete_by_staff("Mitchell")
            self._launch()
        self._run_jobs_on('2027-03-10')
        self.assertEqual(order.billing_status, 'complete')
        # What is paid is delivered.
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}] * 2)

    def test_returned_and_paid_back(self):
        order = self.order
        self._ship(order)
        self._run_jobs_on('2027-02-10')
        self._ship(order)
        delivered = order.picking_ids.sorted('id')[1]
        with freeze_time('2027-02-12 10:00:00'):
            wizard = (
                self.env['stock.return.picking']
                .with_context(
                    active_id=delivered.id, active_ids=delivered.ids, active_model='stock.picking'
                )
                .create({})
            )
            wizard.product_return_moves.write({'quantity': 3, 'to_refund': True})
            wizard._create_return()
            self._ship(order)
            self._refund(order, 54.45)
        self.assertEqual(order.order_line.qty_delivered, 3)
        self._run_jobs_on('2027-03-10')
        last = order.picking_ids.sorted('id')[-1]
        self.assertEqual(last.move_ids.product_uom_qty, 3)
        self.assertEqual(last.move_ids.billpro_event_id, order.billing_event_ids[1])
        self.assertEqual(len(order.picking_ids), 4)
        self.assertEqual(order.order_line.qty_to_invoice, 0)
        self._assert_books_closed(order)

    def test_paid_back_before_it_was_on_the_way(self):
        order = self.order
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
            self._refund(order, 54.45)
            self._launch()
        self.assertEqual(len(order.picking_ids), 1)
        self.assertFalse(order.billing_event_ids[0].delivery_state)
        self.assertIn("not delivered", ''.join(order.message_ids.mapped('body')))
        self._run_jobs_on('2027-03-10')
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}] * 2)
