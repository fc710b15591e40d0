from freezegun import freeze_time

from odoo.addons.billpro_portal.tests.common.each_alone import EachAloneCommon
from odoo.addons.billpro_portal.tests.common.schedule_actions import ScheduleActionCommon


class GoodsCommon(ScheduleActionCommon, EachAloneCommon):
    """A monthly box of coffee, kept in stock."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # A company that was there before Inventory has none.
        Warehouse = cls.env['stock.warehouse']
        cls.warehouse = Warehouse.search([('company_id', '=', cls.company.id)], limit=1)
        cls.warehouse = cls.warehouse or Warehouse.create(
            {'name': "Aurora", 'code': 'AUR', 'company_id': cls.company.id}
        )
        cls.coffee = cls._create_sold_product("Coffee", 15.0, cls.tax_21, 'subscription')
        cls.coffee.is_storable = True
        cls.gym.type = 'service'
        cls.fee.type = 'service'
        cls.env['stock.quant']._update_available_quantity(
            cls.coffee, cls.warehouse.lot_stock_id, 1000
        )

    @classmethod
    def _create_coffee_order(cls, *lines, day='2027-01-10', **terms):
        """Return a live order, paid on a day; three boxes if no lines are given."""
        with freeze_time(f'{day} 10:00:00'):
            return cls._create_active_order(*(lines or [(cls.coffee, 3)]), **terms)

    def _run_jobs_on(self, day):
        """Charge what is due on a day, and deliver what was paid."""
        with freeze_time(f'{day} 10:00:00'):
            self._run()
            self._launch()

    def _launch(self):
        """Let the scheduled action launch what is to be delivered."""
        with self.enter_registry_test_mode():
            self.env.ref('billpro_portal_sale_stock.cron_deliver').method_direct_trigger()
        self.env.invalidate_all()

    def _deliveries(self, order):
        """Return what each delivery of an order delivers: quantities by product name."""
        return [
            {move.product_id.name: move.product_uom_qty for move in picking.move_ids}
            for picking in order.picking_ids.sorted('id')
        ]

    def _ship(self, order):
        """Do what the warehouse does: deliver all that is ready."""
        for picking in order.picking_ids.filtered(lambda picking: picking.state != 'done'):
            picking.move_ids.picked = True
            picking._action_done()
