from datetime import datetime

from freezegun import freeze_time

from odoo.tests import tagged

from ..common.gateway import GatewayCommon


@tagged('post_install', '-at_install')
class TestUnknownExceptions(GatewayCommon):
    def test_unknown_and_authentication(self):
        order = self._create_active_order()
        waiting = self._create_active_order(state='pm_card_authenticationRequired')
        with freeze_time(datetime(2027, 2, 10, 10)):
            self.gateway.faults.add('drop_after', path='/v1/payment_intents', times=1)
            self._run()
        rows = self.env['billpro.billing.exception'].search(
            [('order_id', 'in', (order + waiting).ids)]
        )
        kinds = {row.order_id: row.kind for row in rows}
        self.assertEqual(kinds, {order: 'unknown', waiting: 'authentication'})
        self.assertIn("asked again", rows.filtered(lambda r: r.order_id == order).next_step)
