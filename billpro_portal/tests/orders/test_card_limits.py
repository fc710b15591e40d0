from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..common.gateway import GatewayCommon
from ..common.http import BillingHttpCommon


@tagged('post_install', '-at_install')
class TestCardLimits(BillingHttpCommon, GatewayCommon):
    """Whoever tests stolen cards gets a few tries, and the gateway hears of no more."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time(fields.Datetime.now() - timedelta(days=5)):
            cls.orders = [cls._create_order((cls.gym, 1)) for _number in range(3)]
            for order in cls.orders:
                tx = cls._create_initial_transaction(order, token_id=cls._create_token().id)
                tx._set_done()
                tx._post_process()
                order._portal_ensure_token()

    def setUp(self):
        super().setUp()
        self.gateway.requests.clear()

    def _register(self, order, headers=None):
        return self._call_json(
            f'/order/{order.id}/card/transaction',
            self._prepare_new_card(
                access_token=order.access_token, tokenization_requested=True, collect_amount=0
            ),
            headers,
        )

    def _count_setups(self):
        return sum(entry['path'] == '/v1/setup_intents' for entry in self.gateway.requests)

    def _assert_limited(self, answer):
        self.assertIn("Too many cards were tried", answer['error']['data']['message'])

    @mute_logger('odoo.http')
    def test_by_order_and_by_address(self):
        first, second, third = self.orders
        for number in range(5):
            answer = self._register(first)
            self.assertTrue(answer['result']['client_secret'], number)
        self.assertEqual(self._count_setups(), 5)
        # Another address, if the proxy's header said so, is no way round either.
        for headers in ({}, {'X-Forwarded-For': '203.0.113.9'}):
            self._assert_limited(self._register(first, headers=headers))
        page = self.url_open(self._link(first, '/card'))
        self.assertIn("Too many cards were tried", page.text)
        self.assertNotIn('o_payment_form', page.text)
        for number in range(5):
            self.assertIn('result', self._register(second), number)
        requests = len(self.gateway.requests)
        for order in (second, third):
            self._assert_limited(self._register(order, headers={'X-Forwarded-For': '203.0.113.9'}))
        self.assertEqual(len(self.gateway.requests), requests)
        self.assertEqual(self._count_setups(), 10)
        txs = self.env['payment.transaction'].search([('billing_is_card_update', '=', True)])
        self.assertEqual(set(txs.billing_order_id), {first, second})
        self.assertEqual(len(txs), 10)
        # An hour later there may be more.
        self.env.cr.execute(
            "UPDATE payment_transaction SET create_date = create_date - interval '61 minutes'"
        )
        self.env.invalidate_all()
        self.assertIn('result', self._register(first))
