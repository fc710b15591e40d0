from datetime import timedelta

from freezegun import freeze_time
from lxml import html

from odoo import fields
from odoo.tests import tagged

from ...models.orders.visit import BillproVisit
from ..common.self_service_http import SelfServiceHttpCommon

BOT = {'User-Agent': 'facebookexternalhit/1.1'}


@tagged('post_install', '-at_install')
class TestVisits(SelfServiceHttpCommon):
    """What is listed of the uses of an order link, and when the link ends."""

    def _deeds(self):
        return self.order.billing_visit_ids.sorted('id').mapped('deed')

    def test_openings_and_actions_are_listed(self):
        self._get(self.order, '', headers=BOT)
        self.url_open(self._link(self.order), method='HEAD')
        self.assertFalse(self._deeds())
        for _time in range(2):
            self._get(self.order, '')
        self._post_form(self.order, '/text-messages', wanted='1')
        self._post_form(self.order, '/card/select', token_id=self.spare.id)
        self._post_form(self.order, '/card/select', token_id=0)  # Is refused.
        self._post_form(self.order, '/pay', csrf_token='x', amount='24.2')  # Another site's.
        self._register(self.order)
        self.assertEqual(self._deeds(), ['open', 'settings', 'card', 'card'])
        self.assertEqual(set(self.order.billing_visit_ids.mapped('ip_address')), {'127.0.0.0/24'})
        page = html.fromstring(self._get(self.order, '').content)
        (listed,) = page.find_class('o_billpro_visits')
        self.assertEqual(
            [row[0].text for row in listed],
            ["Cards changed", "Cards changed", "Messages and alerts changed", "Page opened"],
        )
        with freeze_time(fields.Datetime.now() + timedelta(minutes=11)):
            self._get(self.order, '')
        self.assertEqual(self._deeds()[4:], ['open'])

    def test_addresses_are_shortened(self):
        for address, network in (
            ('203.0.113.77', '203.0.113.0/24'),
            ('2001:db8:12:34::5', '2001:db8:12::/48'),
            ('unknown', ''),
        ):
            self.assertEqual(BillproVisit._shorten(address), network)

    def test_they_are_kept_for_a_year(self):
        self._get(self.order, '')
        for days, count in ((364, 1), (366, 0)):
            with freeze_time(fields.Datetime.now() + timedelta(days=days)):
                self.env['billpro.consent']._delete_visits()
            self.assertEqual(len(self.order.billing_visit_ids), count)

    def test_a_link_ends_some_days_after_its_order(self):
        order = self._create_active_order()
        order._portal_ensure_token()
        order._billing_cancel_subscription(at_once=True)
        later = fields.Datetime.now() + timedelta(days=31)
        with freeze_time(later):
            self.assertEqual(self._get(order, '').status_code, 200)
        self.company.billing_link_days = 30
        self.assertEqual(self._get(order, '/documents').status_code, 200)
        home = self._get(self.order, '/orders').text
        self.assertIn(order.name, home)
        with freeze_time(later):
            for suffix in ('', '/documents', '/document/summary'):
                self.assertEqual(self._get(order, suffix).status_code, 404)
            self.assertNotIn(order.name, self._get(self.order, '/orders').text)
            self.assertEqual(self._get(self.order, '').status_code, 200)
