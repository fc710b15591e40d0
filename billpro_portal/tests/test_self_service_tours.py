from datetime import datetime

from freezegun import freeze_time

from odoo.http import Request
from odoo.tests import tagged

from .common.self_service import SelfServiceCommon


@tagged('post_install', '-at_install')
class TestSelfServiceTours(SelfServiceCommon):
    """Declined payments, cards and cancellation in a real browser."""

    def test_a_soft_decline_is_paid_with_the_same_card(self):
        self._check_soft_decline()

    def test_a_hard_decline_is_paid_with_another_card(self):
        self._check_hard_decline()

    def test_cancelled_and_kept_and_cancelled_at_once(self):
        self._check_cancellation()

    def test_the_bank_wants_the_customer(self):
        self._check_authentication()

    def test_an_expired_card_is_replaced(self):
        self._check_expired_card()

    def test_the_new_card_is_declined_too(self):
        self._check_declined_update()

    def test_cards_are_removed_unless_they_are_charged(self):
        self._check_removal()

    def test_forged_removals_are_refused(self):
        order, other, spare = self._create_gym_orders()
        order._portal_ensure_token()
        foreign = self._create_token(partner=self.other_customer)
        self.authenticate(None, None)
        for card, status, reason in (
            (order.billing_token_id, 409, "it is charged for GYM-1."),
            (other.billing_token_id, 409, "it is charged for GYM-2."),
            (foreign, 409, "This card is not available any more."),
            (spare, 303, ""),
        ):
            self.env.flush_all()
            with freeze_time(datetime(2027, 1, 20, 10), tick=True):
                response = self.url_open(
                    self._link(order, '/card/remove'),
                    data={'csrf_token': Request.csrf_token(self), 'token_id': card.id},
                    allow_redirects=False,
                )
            self.env.invalidate_all()
            self.assertEqual(response.status_code, status)
            self.assertIn(reason, response.text)
            self.assertEqual(card.active, status == 409)

    def test_other_types_write_to_the_seller(self):
        self._check_messages()


@tagged('post_install', '-at_install')
class TestSelfServiceToursOnPhone(SelfServiceCommon):
    """The same on a small phone."""

    browser_size = '360x740'
    touch_enabled = True

    def test_a_soft_decline_is_paid_with_the_same_card(self):
        self._check_soft_decline()

    def test_a_hard_decline_is_paid_with_another_card(self):
        self._check_hard_decline()

    def test_cancelled_and_kept_and_cancelled_at_once(self):
        self._check_cancellation()

    def test_the_bank_wants_the_customer(self):
        self._check_authentication()

    def test_an_expired_card_is_replaced(self):
        self._check_expired_card()

    def test_the_new_card_is_declined_too(self):
        self._check_declined_update()

    def test_cards_are_removed_unless_they_are_charged(self):
        self._check_removal()

    def test_other_types_write_to_the_seller(self):
        self._check_messages()
