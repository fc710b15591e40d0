from datetime import date, timedelta

from freezegun import freeze_time

from odoo.tests import tagged

from odoo.addons.billpro_portal.tests.common.gateway import DUE

from . import common


@tagged('post_install', '-at_install')
class TestAuthorizeNet(common.AuthorizeNetCommon):
    """What is refunded before it is settled is voided; answers tell their codes as texts."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls._create_active_order()
        cls.event = cls.order.billing_event_ids

    def setUp(self):
        super().setUp()
        self._run_at()
        self.tx = self.event.transaction_ids
        self.charge = self.api.charges.get(self.tx.provider_reference)

    def _pay_back(self):
        with freeze_time(DUE + timedelta(hours=1)):
            self.refund_tx = self._refund(self.order, 24.2)

    def _assert_paid_back(self):
        self.assertEqual((self.refund_tx.state, self.refund_tx.amount), ('done', -24.2))
        self.assertEqual((self.order.billing_refunded, self.order.billing_credited), (24.2, 24.2))
        self.assertFalse(self.tx._billing_get_refundable_amount())
        self._assert_books_closed(self.order)

    def test_a_payment_that_is_not_settled_is_voided_and_credited(self):
        self._pay_back()
        self.assertEqual([change[0] for change in self.api.changes.values()], ['voidTransaction'])
        self._assert_paid_back()

    def test_a_settled_payment_is_refunded_by_its_number(self):
        self.charge['transactionStatus'] = 'settledSuccessfully'
        self._pay_back()
        self.assertEqual(
            [change[:2] for change in self.api.changes.values()],
            [('refundTransaction', self.tx.provider_reference)],
        )
        self._assert_paid_back()

    def test_a_payment_that_was_voided_there_is_credited(self):
        self.charge['transactionStatus'] = 'voided'
        self._pay_back()
        self.assertFalse(self.api.changes)
        self._assert_paid_back()

    def test_a_refund_that_is_refused_pays_nothing_back(self):
        self.charge['transactionStatus'] = 'communicationError'
        self._pay_back()
        self.assertEqual((self.refund_tx.state, self.order.billing_refunded), ('error', 0))
        self.assertEqual(self.tx._billing_get_refundable_amount(), 24.2)

    def test_a_refund_without_an_answer_is_unknown(self):
        self.api.fault = 'drop_after'
        self._pay_back()
        self.assertEqual(
            (self.refund_tx.state, self.refund_tx.billing_outcome_unknown), ('pending', True)
        )
        self.assertFalse(self.refund_tx.provider_reference)

    def test_the_expiry_of_a_stored_card_is_asked_for(self):
        self.assertEqual(self.order.billing_token_id.card_expiry_date, date(2030, 3, 31))


@tagged('post_install', '-at_install')
class TestAuthorizeNetAnswers(common.AuthorizeNetCommon):
    """What Authorize.net answers to charges."""

    def _charge(self, card):
        order = self._create_active_order()
        event = order.billing_event_ids
        order.billing_token_id = self._create_token(card)
        self._run_at()
        return event

    def test_a_card_that_has_expired(self):
        event = self._charge('expired')
        self.assertEqual(event.status, 'hard_declined')

    def test_a_profile_that_is_gone(self):
        event = self._charge('lost')
        self.assertEqual(event.status, 'hard_declined')

    def test_that_it_was_sent_twice_is_no_decline(self):
        event = self._charge('twice')
        tx = event.transaction_ids
        self.assertEqual((event.status, tx.state), ('unknown', 'pending'))
        self.assertFalse(tx.billing_decline_class)
