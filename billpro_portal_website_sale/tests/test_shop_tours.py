from odoo.tests import tagged

from odoo.addons.billpro_portal.tests.common.nightly import nightly

from .common.shop import ShopCommon


@tagged('post_install', '-at_install')
class TestShopTours(ShopCommon):
    """From the shop to the order portal in the browser."""

    def test_guest_subscribes(self):
        self.start_tour(self.gym.website_url, 'billpro_portal.shop_subscription')
        order = self._get_cart()
        self.assertEqual((order.state, order.billing_status), ('sale', 'active'))
        self.assertEqual(order.billing_paid, 20)
        self.assertEqual(order.partner_id.name, "Nora Jacobs")

    @nightly("A guest subscribes in a browser, both are bought without one, for each change.")
    def test_customer_buys_instalments_and_single(self):
        self.start_tour(self.course.website_url, 'billpro_portal.shop_instalments', login='anna')
        single, instalments = self.env['sale.order'].search(
            [('website_id', '=', self.website.id)], order='id desc'
        )
        self.assertEqual((instalments.billing_status, instalments.billing_paid), ('active', 100))
        self.assertEqual((single.billing_status, single.billing_paid), ('complete', 33.33))
