from datetime import timedelta

from freezegun import freeze_time

from odoo.tests import tagged

from odoo.addons.billpro_portal.tests.common.each_alone import DUE, TRIES
from odoo.addons.billpro_portal.tests.common.nightly import nightly

from .common.goods import GoodsCommon


@tagged('post_install', '-at_install')
class TestGoodsAlone(GoodsCommon):
    def test_no_route(self):
        bad = self._create_coffee_order()
        good = self._create_coffee_order()
        lost = self.env['stock.location'].create({'name': "Nowhere", 'usage': 'customer'})
        place = self.customer.property_stock_customer
        bad.partner_shipping_id = self.customer.copy({'property_stock_customer': lost.id})
        for delay in (*TRIES, timedelta(days=1)):
            with freeze_time(DUE + delay):
                self._run()
                self._launch()
        event = bad.billing_event_ids[0]
        self.assertEqual((bad + good).mapped('billing_paid'), [108.9, 108.9])
        self.assertEqual((event.status, event.delivery_state), ('completed', 'due'))
        self.assertEqual([len(bad.picking_ids), len(good.picking_ids)], [1, 2])
        failure = self._get_failures('deliver')
        self.assertEqual((failure.failure_count, failure.event_id), (3, event))
        self.assertIn("No rule has been found", failure.reason)
        self._assert_set_aside(bad, 'deliver')
        bad.partner_shipping_id.property_stock_customer = place
        with freeze_time(DUE + timedelta(days=2)):
            self._launch()
            self.assertEqual(len(bad.picking_ids), 1)  # Until somebody asks for it.
            self._try_again(bad)
            self._launch()
        self.assertEqual(self._deliveries(bad), [{"Coffee": 3}] * 2)
        self.assertFalse(self._get_failures('deliver'))
        self.assertFalse(self._get_rows(bad))

    @nightly("A later one has none for each change.")
    def test_the_first_delivery_has_no_route(self):
        lost = self.env['stock.location'].create({'name': "Nowhere", 'usage': 'customer'})
        place = self.customer.property_stock_customer
        with freeze_time(DUE):
            order = self._create_order((self.coffee, 3))
            self.customer.property_stock_customer = lost
            self._create_initial_transaction(order, 'done', token_id=self._create_token().id)
        for delay in (*TRIES, timedelta(days=1)):
            with freeze_time(DUE + delay):
                self._book_payments()
        self.assertEqual((order.state, order.billing_status), ('sent', 'pending'))
        self._assert_set_aside(order, 'book', kind='unbooked')
        self.customer.property_stock_customer = place
        with freeze_time(DUE + timedelta(days=1)):
            self._try_again(order)
            self._book_payments()
        self.assertEqual((order.state, order.billing_status), ('sale', 'active'))
        self.assertEqual(self._deliveries(order), [{"Coffee": 3}])

    def _book_payments(self):
        with self.enter_registry_test_mode():
            self.env.ref('payment.cron_post_process_payment_tx').method_direct_trigger()
        self.env.invalidate_all()
