from odoo.tests import tagged

from ...controllers.order_route import order_route
from ..common.http import BillingHttpCommon
from ..common.routes import get_open_routes

# They name no order of ours, or lead to the order link.
OTHER_ROUTES = {
    'billpro_declare',
    'billpro_lost_link',
    'billpro_mail_change',
    'billpro_take_text_message',
    'display_status',
    'poll_status',
    'portal_order_page',
    'stripe_return',
    'stripe_webhook',
}


@tagged('post_install', '-at_install')
class TestOrderRoutes(BillingHttpCommon):
    """Whatever takes an order opens it by `order_route`: nobody forgets to ask who may."""

    def test_all_routes_open_their_order_first(self):
        self.assertEqual(get_open_routes(self.env, 'billpro_portal'), OTHER_ROUTES)

    def test_what_changes_something_says_who_may(self):
        for routing in ({'methods': ['POST']}, {'type': 'jsonrpc'}, {'methods': ['GET', 'POST']}):
            with self.assertRaisesRegex(TypeError, "by_customer"):
                order_route('/change', **routing)
            with self.assertRaisesRegex(TypeError, "deed"):
                order_route('/change', by_customer=True, **routing)

    def test_an_address_names_one_order(self):
        order, other = self._create_order(), self._create_order(partner=self.other_customer)
        for each in order + other:
            each._portal_ensure_token()
        self.env.flush_all()
        page = self.url_open(
            f'/order/{order.id}?access_token={order.access_token}'
            f'&order={other.id}&order_id={other.id}'
        )
        self.assertEqual(page.status_code, 200)
        self.assertIn(order.name, page.text)
        self.assertNotIn(other.name, page.text)
