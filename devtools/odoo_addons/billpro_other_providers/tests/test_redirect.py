from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.billpro_portal.tests.common.http import BillingHttpCommon

from . import common


@tagged('post_install', '-at_install')
class TestRedirect(common.FlutterwaveCommon, BillingHttpCommon):
    """A single payment on a provider's own page: two tabs, coming back, cancelling."""

    def setUp(self):
        super().setUp()
        self.order = self._create_order((self.desk, 1, 100.0))
        self.provider.payment_method_ids = self.payment_method

    def _begin(self):
        answer = self._post_transaction(
            self.order,
            provider_id=self.provider.id,
            payment_method_id=self.payment_method.id,
            flow='redirect',
        )
        self.assertIn('checkout.flutterwave.com', answer['result']['redirect_form_html'])
        return self.order.billing_transaction_ids[:1]

    def _come_back(self, tx, status):
        with mute_logger('odoo.http'):
            self.url_open(
                f'/payment/flutterwave/return?tx_ref={tx.reference}&status={status}',
                allow_redirects=False,
            )
        self.env.invalidate_all()

    def test_paid_and_back(self):
        tx = self._begin()
        self.api.pay(self.api.links[0])
        for _twice in range(2):
            self._come_back(tx, 'successful')
        tx._post_process()
        self.assertEqual((tx.state, tx.amount), ('done', 121))
        self.assertEqual((self.order.billing_status, self.order.billing_paid), ('complete', 121))
        self._assert_books_closed(self.order)

    def test_cancelled_and_begun_anew(self):
        first = self._begin()
        self._come_back(first, 'cancelled')
        self.assertEqual(first.state, 'draft')
        with freeze_time(fields.Datetime.now() + timedelta(minutes=31)):
            self._begin()
        second = self.order.billing_transaction_ids - first
        self.assertEqual((first.state, second.state), ('cancel', 'draft'))
        self.assertTrue(first.billing_superseded)

    def test_a_second_tab_begins_nothing_while_the_first_may_pay(self):
        first = self._begin()
        with mute_logger('odoo.http'):
            answer = self._post_transaction(
                self.order,
                provider_id=self.provider.id,
                payment_method_id=self.payment_method.id,
                flow='redirect',
            )
        self.assertIn("already being processed", answer['error']['data']['message'])
        self.assertEqual((len(self.api.links), self.order.billing_transaction_ids), (1, first))
