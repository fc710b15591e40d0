from datetime import datetime, timedelta
from pathlib import Path

from freezegun import freeze_time

from odoo.tests import tagged

from odoo.addons.billpro_portal.tests.common.http import BillingHttpCommon
from odoo.addons.billpro_portal.tests.common.page import PAY_BUTTON

from . import common

BOUGHT = datetime(2027, 1, 10, 10)
SCRIPT = Path(__file__).with_name('adyen.js')
NUMBER = '[name="o_adyen_component_container"] input'


@tagged('post_install', '-at_install')
class TestAdyenForm(common.AdyenCommon, BillingHttpCommon):
    """A subscription that is bought by Adyen's form in the browser, whose script is a stand-in."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['payment.provider'].search([('code', '=', 'demo')]).state = 'disabled'
        cls.provider.payment_method_ids = cls.payment_method

    def fetch_proxy(self, url):
        """Override of `HttpCase` to answer for Adyen's host of scripts."""
        if url.endswith('/6.9.0/adyen.js'):
            return self.make_fetch_proxy_response(SCRIPT.read_text())
        if url.endswith('/adyen.css'):
            return self.make_fetch_proxy_response('')
        return super().fetch_proxy(url)

    def _pay_with(self, page, number):
        page.tap(NUMBER)
        page.type(number)
        page.tap(PAY_BUTTON)

    def test_a_card_is_refused_and_another_one_stored(self):
        with freeze_time(BOUGHT):
            order = self._create_order((self.gym, 1))
        with self._visit(order, BOUGHT) as page:
            page.wait_for(f'{PAY_BUTTON}:disabled', "Order with obligation to pay")
            page.tap('#billpro_consent')
            page.wait_for(f'{PAY_BUTTON}:enabled', "Order with obligation to pay")
            self._pay_with(page, '4000020000000000')
            page.wait_for('.o_billpro_declined h2', "The payment did not go through")
            page.wait_for(f'{PAY_BUTTON}:enabled', "Order with obligation to pay")
            self._pay_with(page, '4111111111111111')
            page.wait_for(
                '.o_billpro_lead',
                "We received your payment of $ 24.20. A confirmation is on its way to your"
                " mailbox.",
            )
        self.assertEqual((order.billing_status, order.billing_paid), ('active', 24.2))
        self.assertEqual(order.billing_token_id.provider_ref, 'approved')
        with freeze_time(BOUGHT + timedelta(days=31)):
            self._run()
        self.assertEqual((order.billing_paid, len(self.api.charges)), (48.4, 2))
        self._assert_books_closed(order)
