from datetime import date, datetime

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user, tagged

from odoo.addons.billpro_portal.tests.common.nightly import nightly, some

from .common.goods import GoodsCommon


@tagged('post_install', '-at_install')
class TestGoods(GoodsCommon):
    def test_each_period_delivers_what_it_charges(self):
        order = self._create_coffee_order()
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}])
        self._ship(order)
        for number, day in enumerate(('2027-02-10', '2027-03-10', '2027-04-10'), 2):
            self._run_jobs_on(day)
            self.assertEqual(self._deliveries(order), [{"Coffee": 3}] * number)
            event = order.billing_event_ids[number - 2]
            self.assertEqual((event.status, event.delivery_state), ('completed', 'launched'))
            picking = order.picking_ids.sorted('id')[-1]
            self.assertEqual(picking.move_ids.billpro_event_id, event)
            self.assertEqual(picking.state, 'assigned')
            self.assertEqual(picking.partner_id, order.partner_shipping_id)
            self.assertEqual(picking.scheduled_date.date(), date.fromisoformat(day))
            self.assertEqual(picking.date_deadline.date(), date.fromisoformat(day))
            self._ship(order)
            self.assertEqual(order.order_line.qty_delivered, 3 * number)
        self.assertEqual(order.delivery_count, 4)
        self.assertEqual(order.order_line.product_uom_qty, 3)
        self.assertEqual(order.billing_paid, 217.8)
        self.assertEqual(order.invoice_status, 'invoiced')
        self.assertFalse(order.activity_ids)
        self.assertEqual(order.billing_move_ids.invoice_line_ids.mapped('quantity'), [3] * 4)
        # Odoo's date of the first delivery stands on the invoice of that period alone.
        first_date = order.effective_date.date()
        self.assertEqual(
            order.billing_move_ids.sorted('id').mapped('delivery_date'),
            [first_date, False, False, False],
        )
        self._assert_books_closed(order)

    def test_nothing_is_delivered_before_it_is_paid(self):
        order = self._create_coffee_order()
        with freeze_time('2027-02-09 10:00:00'):
            self._run()
            self._launch()
        self.assertEqual(len(order.picking_ids), 1)
        self.assertFalse(order.billing_event_ids.delivery_state)
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
            event = order.billing_event_ids[0]
            self.assertEqual((event.status, event.delivery_state), ('completed', 'due'))
            self.assertEqual(len(order.picking_ids), 1)
            self._launch()
        self.assertEqual(len(order.picking_ids), 2)

    def test_what_is_repeated_delivers_once(self):
        order = self._create_coffee_order()
        for _time in range(3):
            self._run_jobs_on('2027-02-10')
        event = order.billing_event_ids[0]
        with freeze_time('2027-02-10 11:00:00'):
            event.transaction_ids.is_post_processed = False
            self.env['billpro.billing.run']._book(event.transaction_ids)
            event._follow_collection()
            self.assertEqual(event.delivery_state, 'launched')
            event._deliver()
            self._launch()
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}] * 2)

    def test_nobody_writes_what_is_delivered(self):
        order = self._create_coffee_order()
        user = new_test_user(
            self.env,
            login='accountant',
            groups='account.group_account_manager,stock.group_stock_manager,'
            'billpro_portal.group_billing_manager',
            company_id=self.company.id,
        )
        invoice_lines = order.billing_move_ids.invoice_line_ids.with_user(user)
        invoice_lines.read()
        with self.assertRaises(AccessError):
            invoice_lines.billpro_period_line_ids = False
        with self.assertRaises(AccessError):
            order.billing_event_ids.with_user(user).delivery_state = 'due'

    def test_a_delivery_is_its_own_while_another_one_is_open(self):
        order = self._create_coffee_order()
        self._run_jobs_on('2027-02-10')
        self._run_jobs_on('2027-03-10')
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}] * 3)
        self.assertEqual(order.picking_ids.mapped('state'), ['assigned'] * 3)
        self.assertEqual(
            order.action_view_delivery()['domain'], [('id', 'in', order.picking_ids.ids)]
        )

    @nightly("One line is delivered for each change.")
    def test_several_lines_and_such_that_are_paid_once(self):
        mug = self._create_sold_product("Mug", 8.0, self.tax_21)
        mug.is_storable = True
        order = self._create_coffee_order(
            (self.coffee, 3), (self.coffee, 1), (mug, 2), (self.gym, 1)
        )
        self.assertEqual(sorted(order.picking_ids.move_ids.mapped('product_uom_qty')), [1, 2, 3])
        self._run_jobs_on('2027-02-10')
        second = order.picking_ids.sorted('id')[1]
        self.assertEqual(
            [(move.sale_line_id, move.product_uom_qty) for move in second.move_ids.sorted('id')],
            [(order.order_line[0], 3), (order.order_line[1], 1)],
        )

    def test_units_of_measure(self):
        dozen = self.env.ref('uom.product_uom_dozen')
        self.coffee.uom_ids = [Command.link(dozen.id)]
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_order((self.coffee, 2))
            order.order_line.product_uom_id = dozen
            self._create_initial_transaction(
                order, 'done', token_id=self._create_token().id
            )._post_process()
        self._run_jobs_on('2027-02-10')
        self._ship(order)
        moves = order.picking_ids.move_ids
        self.assertEqual(
            [
                move.product_uom._compute_quantity(move.quantity, self.coffee.uom_id)
                for move in moves
            ],
            [24, 24],
        )
        self.assertEqual(order.order_line.qty_delivered, 4)

    def test_a_trial_is_not_delivered(self):
        order = self._create_coffee_order(billing_trial_days=14)
        self.assertFalse(order.picking_ids)
        self._run_jobs_on('2027-01-24')
        self._run_jobs_on('2027-02-24')
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}] * 2)
        self.assertEqual(order.billing_paid, 108.9)

    def test_locked_orders(self):
        order = self._create_coffee_order()
        order.action_lock()
        self._run_jobs_on('2027-02-10')
        self.assertEqual(len(order.picking_ids), 2)

    @nightly("The usual warehouse delivers for each change.")
    def test_another_warehouse_and_lead_time(self):
        warehouse = self.env['stock.warehouse'].create(
            {'name': "Shop", 'code': 'SHOP', 'company_id': self.company.id}
        )
        self.coffee.sale_delay = 4
        self.company.security_lead = 1
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_order((self.coffee, 3))
            order.write({'warehouse_id': warehouse.id, 'client_order_ref': "PO-77"})
            order.commitment_date = datetime(2027, 1, 20)
            self._create_initial_transaction(
                order, 'done', token_id=self._create_token().id
            )._post_process()
        self._run_jobs_on('2027-02-10')
        first, second = order.picking_ids.sorted('id')
        self.assertEqual(second.picking_type_id, warehouse.out_type_id)
        self.assertEqual(second.company_id, self.company)
        self.assertEqual(first.scheduled_date, datetime(2027, 1, 19))
        self.assertEqual(second.date_deadline, datetime(2027, 2, 14, 10))
        self.assertEqual(second.scheduled_date, datetime(2027, 2, 13, 10))
        self.assertEqual(second.state, 'confirmed')  # The shop has none.

    @nightly("What is picked is shipped by the warehouse for each change.")
    def test_pick_and_ship(self):
        self.warehouse.delivery_steps = 'pick_ship'
        order = self._create_coffee_order()
        self._run_jobs_on('2027-02-10')
        for _step in range(2):
            self._ship(order)
        self.assertEqual(order.order_line.qty_delivered, 6)
        self.assertEqual(len(order.picking_ids), 4)
        event = order.billing_event_ids[0]
        moves = order.picking_ids.move_ids.filtered('billpro_event_id')
        self.assertEqual(moves.mapped('billpro_event_id'), event)
        self.assertEqual(moves.mapped('product_uom_qty'), [3, 3])

    def test_the_warehouse_needs_no_right_of_sales(self):
        """It ships, parts what it ships, and reads and exports what the addon adds to it."""
        self.warehouse.delivery_steps = 'pick_ship'
        order = self._create_coffee_order()
        self._run_jobs_on('2027-02-10')
        user = new_test_user(
            self.env,
            login='warehouse',
            groups='stock.group_stock_user,base.group_allow_export',
            company_id=self.company.id,
            company_ids=self.company.ids,
        )
        event = order.billing_event_ids[0]
        picking = order.picking_ids.filtered(lambda one: one.move_ids.billpro_event_id == event)
        self.env.invalidate_all()
        with freeze_time('2027-02-11 10:00:00'):
            picking = picking.with_user(user)
            picking.move_ids.quantity = 2
            picking.move_ids.picked = True
            picking.with_context(skip_backorder=True).button_validate()
            for shipment in picking.search([('state', '=', 'assigned')], order='id'):
                shipment.button_validate()
        self.assertEqual(order.order_line.qty_delivered, 5)
        moves = self.env['stock.move'].with_user(user)
        moves = moves.search([('reference_ids', 'in', order.stock_reference_ids.ids)])
        self.env.invalidate_all()
        self.assertIn(
            event.id,
            [move['billpro_event_id'] for move in moves.read(['billpro_event_id'], load=None)],
        )
        exported = moves.fields_get(attributes=['exportable'])
        names = [
            name
            for name, description in exported.items()
            if moves._fields[name]._module == 'billpro_portal_sale_stock'
            and description.get('exportable', True)
        ]
        self.env.invalidate_all()
        self.assertEqual(len(moves.export_data([*names, 'id'])['datas']), len(moves))

    def test_other_types_deliver_once(self):
        desk = self.desk
        desk.is_storable = True
        order = self._create_paid_order((desk, 2))
        self.assertEqual(self._deliveries(order), [{desk.name: 2}])
        desk.purchase_type = 'instalment'
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order(
                (desk, 2), billing_deposit=42.0, billing_instalment_count=2
            )
        for day in ('2027-02-10', '2027-03-10', '2027-04-10'):
            self._run_jobs_on(day)
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual(self._deliveries(order), [{desk.name: 2}])
        self.assertEqual(order.billing_event_ids.mapped('delivery_state'), [False, False])

    def test_metered_goods_are_refused(self):
        water = self._create_sold_product("Water", 2.5, self.tax_21, 'metered')
        order = self._create_order((water, 1), sent=False)
        order._get_purchase()._check_order(order)
        water.is_storable = True
        with self.assertRaisesRegex(ValidationError, "“Water” is kept in stock"):
            order._get_purchase()._check_order(order)

    def test_nothing_is_left_to_invoice(self):
        for policy, trial in some([('order', 0), ('delivery', 14), ('order', 14)], count=2):
            with self.subTest(policy, trial=trial):
                self.coffee.invoice_policy = policy
                order = self._create_coffee_order(billing_trial_days=trial)
                line = order.order_line
                line.product_uom_qty = 5
                self.assertEqual((line.qty_to_invoice, line.amount_to_invoice), (0, 0))
                self.assertEqual(line.untaxed_amount_to_invoice, 0)
                self.assertNotIn(order.invoice_status, ('to invoice', 'upselling'))
                self._run_jobs_on('2027-02-10')
                self.assertEqual(line.qty_to_invoice, 0)
                self.assertEqual(len(order.billing_move_ids), 1 if trial else 2)

    def test_products_invoiced_by_what_was_delivered(self):
        self.coffee.invoice_policy = 'delivery'
        order = self._create_coffee_order()
        line = order.order_line
        for day in ('2027-02-10', '2027-03-10'):
            self._ship(order)
            self._run_jobs_on(day)
            self.assertEqual((line.qty_to_invoice, line.invoice_status), (0, 'invoiced'))
            self.assertEqual((line.untaxed_amount_to_invoice, line.amount_to_invoice), (0, 0))
            self.assertEqual(order.invoice_status, 'invoiced')
        self.assertEqual(order.billing_paid, 163.35)
        self.assertEqual(order.billing_move_ids.mapped('amount_total'), [54.45] * 3)
        self._assert_books_closed(order)
