from datetime import date, timedelta

from freezegun import freeze_time

from odoo.tests import tagged

from odoo.addons.billpro_portal.tests.common.gateway import DUE

from . import common


@tagged('post_install', '-at_install')
class TestAdyen(common.AdyenCommon):
    """Refunds are received and reported later; codes and keys are used."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls._create_active_order()
        cls.event = cls.order.billing_event_ids

    def _pay_back(self):
        with freeze_time(DUE + timedelta(hours=1)):
            return self._refund(self.order, 24.2)

    def _decline(self, card):
        self.order.billing_token_id = self._create_token(card)
        self._run_at()
        return self.event.transaction_ids

    def test_a_refund_that_was_received_asks_nobody(self):
        self._run_at()
        refund_tx = self._pay_back()
        for hours in (2, 26):
            self._run_at(hours=hours)
            self.assertEqual(
                (refund_tx.state, refund_tx.billing_outcome_unknown), ('pending', False)
            )
            self.assertFalse(self.order.activity_ids)
            self.assertFalse(self.event.transaction_ids._billing_get_refundable_amount())
        self._deliver(refund_tx)
        self.assertEqual((refund_tx.state, self.order.billing_refunded), ('done', 24.2))
        self.assertEqual(len(self.api.changes), 1)
        self._assert_books_closed(self.order)

    def test_a_refund_that_fails_later_can_be_made_again(self):
        self._run_at()
        refund_tx = self._pay_back()
        self._deliver(refund_tx, result='Error')
        self.assertEqual((refund_tx.state, self.order.billing_refunded), ('error', 0))
        self.assertEqual(self.event.transaction_ids._billing_get_refundable_amount(), 24.2)

    def test_a_refund_without_an_answer_is_repeated_under_its_key(self):
        self._run_at()
        self.api.fault = 'drop_after'
        refund_tx = self._pay_back()
        self.assertEqual((refund_tx.state, refund_tx.billing_outcome_unknown), ('pending', True))
        self._run_at(hours=1, minutes=6)
        self.assertEqual((refund_tx.state, refund_tx.billing_outcome_unknown), ('pending', False))
        keys = {
            headers['idempotency-key']
            for _method, path, headers, _body in self.api.requests
            if path.endswith('/refunds')
        }
        self.assertEqual((len(keys), len(self.api.changes)), (1, 1))
        self._deliver(refund_tx)
        self.assertEqual((refund_tx.state, self.order.billing_refunded), ('done', 24.2))

    def test_the_message_about_a_refund_without_an_answer(self):
        self._run_at()
        self.api.fault = 'drop_after'
        refund_tx = self._pay_back()
        [number] = self.api.changes
        self._deliver(refund_tx, number=number)
        self.assertEqual((refund_tx.state, refund_tx.provider_reference), ('done', number))
        self.assertEqual(self.event.transaction_ids.child_transaction_ids, refund_tx)
        self._run_at(hours=1, minutes=6)
        self.assertEqual((len(self.api.changes), self.order.billing_refunded), (1, 24.2))
        self._assert_books_closed(self.order)

    def test_a_person_is_asked_about_a_refund_that_is_never_reported(self):
        self._run_at()
        refund_tx = self._pay_back()
        self._run_at(days=6)
        self.assertFalse(self.order.activity_ids)
        for minutes in (0, 10):
            self._run_at(days=8, minutes=minutes)
        self.assertEqual((refund_tx.state, refund_tx.billing_outcome_unknown), ('pending', True))
        self.assertIn(
            f"Was {refund_tx.reference} executed?", self.order.activity_ids.mapped('summary')
        )
        self.assertEqual(len(self.api.changes), 1)

    def test_the_codes_of_a_decline_are_kept(self):
        tx = self._decline('advised')
        self.assertEqual((tx.billing_error_code, tx.billing_decline_code), ('2', "Refused"))
        self.assertEqual((tx.billing_network_code, tx.billing_network_advice_code), ('05', '03'))
        # Mastercard's advice says nothing about a Visa card.
        self.assertEqual(self.event.status, 'soft_declined')

    def test_what_needs_the_customer(self):
        tx = self._decline('authentication')
        self.assertEqual((tx.state, tx.billing_decline_class), ('error', 'authentication'))

    def test_a_card_that_is_gone(self):
        tx = self._decline('lost')
        self.assertEqual((tx.state, tx.billing_decline_class), ('error', 'hard'))
        self.assertEqual(self.event.status, 'hard_declined')

    def test_the_expiry_of_a_card_is_kept(self):
        self.assertEqual(
            self.seam()._prepare_card_values(
                {'additionalData': {'expiryDate': '3/2030', 'cardSummary': '4242'}}
            ),
            {'card_expiry_date': date(2030, 3, 31), 'card_last_digits': '4242'},
        )

    def seam(self):
        return self.provider._in_billing()
