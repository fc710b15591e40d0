from datetime import date, datetime

from freezegun import freeze_time

from odoo.http import Request
from odoo.tests import tagged

from ..common.cards import NEEDS_BANK
from ..common.nightly import nightly
from ..common.page import CARD_FIELDS, PAY_BUTTON
from ..common.self_service import SelfServiceCommon

SPARE_CARDS = '.o_billpro_payment_method .o_billpro_fold'


@tagged('post_install', '-at_install')
class TestSelfServiceTours(SelfServiceCommon):
    """Declined payments, cards and cancellation in a real browser."""

    @nightly("A card is replaced in a browser for each change.")
    def test_a_soft_decline_is_paid_with_the_same_card(self):
        self._check_soft_decline()

    @nightly("Walked by keyboard for each change.")
    def test_a_hard_decline_is_paid_with_another_card(self):
        self._check_hard_decline()

    def test_cancelled_and_kept_and_cancelled_at_once(self):
        self._check_cancellation()

    def test_the_bank_wants_the_customer(self):
        self._check_authentication()

    def test_an_expired_card_is_replaced(self):
        self._check_expired_card()

    @nightly("Walked on a phone, and collected without a browser later, for each change.")
    def test_the_new_card_is_declined_too(self):
        self._check_declined_update()

    @nightly("Walked by keyboard and on a phone for each change.")
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
class TestSelfServiceOnPhone(SelfServiceCommon):
    """The pages on a small phone, with a finger; the tours look at all of them at its width."""

    browser_size = '360x740'
    touch_enabled = True

    def _enter_card(self, page, number):
        """Enter a card with a finger."""
        for field, text in ('number', number), ('expiry', '12 / 34'), ('cvc', '123'):
            page.tap(f'.fake-gateway-card-form input[name="{field}"]')
            page.type(text)

    def _assert_told(self, page, notice):
        page.wait_for('.o_billpro_page_notice:focus', notice)
        page.check_layout()

    def _assert_collecting(self, page):
        page.wait_for('.o_billpro_progress h1', "We are collecting your payment")
        page.check_layout()

    @nightly("Walked on a desktop for each change.")
    def test_a_soft_decline_is_paid_with_the_same_card(self):
        order = self._decline_softly()
        with self._visit(order, datetime(2027, 2, 10, 11)) as page:
            page.wait_for('.o_billpro_overview_status .o_billpro_badge', "Payment declined")
            page.check_layout()
            pay = '.o_billpro_attention .btn-primary'
            page.wait_for(pay, "Pay $ 24.20 with VISA •••• 4242")
            page.tap(pay)
            self._assert_collecting(page)
        self.assertEqual(self._movements(), [])

    @nightly("A card that is declined, too, is entered on a phone for each change.")
    def test_a_hard_decline_is_paid_with_another_card(self):
        order = self._owe_with_lost_card(2)
        with self._visit(order, datetime(2027, 2, 10, 12), '/card') as page:
            agree = 'label[for="billpro_collect"]'
            page.wait_for(agree, "Charge $ 24.20 to this card now")
            page.wait_for('.fake-gateway-card-form label', *CARD_FIELDS)
            page.wait_for(f'{PAY_BUTTON}:disabled', "Save card and pay $ 24.20")
            page.check_layout()
            page.tap(agree)
            page.wait_for(f'{PAY_BUTTON}:enabled', "Save card and pay $ 24.20")
            self._enter_card(page, '4242424242424242')
            page.tap(PAY_BUTTON)
            self._assert_collecting(page)
        self.assertEqual(order.billing_token_id.card_last_digits, '4242')

    def test_cancelled(self):
        order = self._create_active_order()
        with self._visit(order, datetime(2027, 1, 20, 10), '/cancel') as page:
            page.wait_for('.o_billpro_heading h1', "Cancel your subscription")
            page.check_layout()
            reason = self.env.ref('billpro_portal.cancel_reason_price')
            page.tap(f'label[for="billpro_reason_{reason.id}"]')
            page.tap('.o_billpro_form button[type="submit"]')
            self._assert_told(page, "Your subscription is cancelled. A confirmation is on its way.")
        self.assertEqual(order.billing_cancel_date, date(2027, 2, 9))
        self.assertEqual(order.billing_cancel_reason_id, reason)

    @nightly("Walked on a desktop for each change.")
    def test_the_bank_wants_the_customer(self):
        order = self._create_active_order(number=NEEDS_BANK)
        self._treat_card_as(order, NEEDS_BANK)
        self._run_on(2, 10)
        tx = order.billing_event_ids[0].transaction_ids
        with self._visit(order, datetime(2027, 2, 10, 11), f'/authenticate/{tx.id}') as page:
            confirm = '.o_billpro_authenticate_button'
            page.wait_for(confirm, "Confirm with your bank")
            page.check_layout()
            page.tap(confirm)
            page.wait_for('.fake-gateway-3d-secure h2', "Test authentication")
            page.tap('#test-source-authorize-3ds')
            self._assert_collecting(page)

    @nightly("Walked on a desktop for each change.")
    def test_an_expired_card_is_replaced(self):
        order = self._create_active_order()
        order.billing_token_id.card_expiry_date = date(2026, 12, 31)
        with self._visit(order, datetime(2027, 1, 20, 10)) as page:
            update = '.o_billpro_attention .btn'
            page.wait_for(update, "Update card")
            page.wait_for('.o_billpro_payment_card .o_billpro_badge', "Expired")
            page.check_layout()
            page.tap(update)
            page.wait_for('.fake-gateway-card-form label', *CARD_FIELDS)
            page.check_layout()
            self._enter_card(page, '5555555555554444')
            page.tap(PAY_BUTTON)
            self._assert_told(page, "Your card is saved and charged from now on.")
        self.assertEqual(order.billing_token_id.card_last_digits, '4444')

    def test_the_new_card_is_declined_too(self):
        order = self._owe_with_lost_card(2, 3)
        with self._visit(order, datetime(2027, 3, 10, 12), '/card') as page:
            page.wait_for('.o_billpro_outstanding_total dd', "$ 48.40")
            page.wait_for('.fake-gateway-card-form label', *CARD_FIELDS)
            page.tap('label[for="billpro_collect"]')
            self._enter_card(page, '4000000000000341')
            page.tap(f'{PAY_BUTTON}:enabled')
            self._assert_collecting(page)
            page.evaluate("document.cookie = 'billpro_progress_seen=1; path=/'")
            self._assert_told(page, "The payment was not collected. Nothing was charged.")
        self.assertEqual(self._movements(), [])

    def test_cards_are_removed_unless_they_are_charged(self):
        order, _other, spare = self._create_gym_orders()
        with self._visit(order, datetime(2027, 1, 20, 10)) as page:
            remove = '.o_billpro_payment_card details:has(form[action*="/card/remove"])'
            page.wait_for(f'{SPARE_CARDS} > summary', "2 more saved cards")
            page.check_layout()
            page.tap(f'{SPARE_CARDS} > summary')
            page.wait_for(f'{remove} summary', "Remove VISA •••• 0003")
            page.check_layout()
            page.tap(f'{remove} summary')
            page.wait_for(
                f'{remove}[open] p',
                "The card is deleted. To use it again, you have to enter it anew.",
            )
            page.check_layout()
            page.tap(f'{remove}[open] button')
            self._assert_told(page, "The card was removed.")
        self.assertFalse(spare.active)

    def test_narrow_windows_and_text_of_twice_the_size(self):
        order, _other, _spare = self._create_gym_orders()
        order._portal_ensure_token()
        for address, title in (
            (self._link(order, '/orders'), "Your orders"),
            (self._link(order, '/orders/documents'), "Documents"),
            (self._link(order, '/cancel'), "Cancel your subscription"),
            ('/order/link', "Get your links"),
            ('/order/link?sent=1', "Look into your mailbox"),
        ):
            with (
                self.subTest(title),
                freeze_time(datetime(2027, 1, 20, 10), tick=True),
                self._open_page(address) as page,
            ):
                page.wait_for('h1', title)
                page.check_layout()
                page.send(
                    'Emulation.setDeviceMetricsOverride',
                    width=320,
                    height=640,
                    deviceScaleFactor=1,
                    mobile=False,
                )
                page.check_layout()
                page.evaluate('document.documentElement.style.fontSize = "200%"')
                page.check_layout()

    def test_other_types_write_to_the_seller(self):
        order = self._register(self._create_sold_product("Power", 0.3, self.tax_21, 'metered'))
        with self._visit(order, datetime(2027, 1, 20, 10), '/contact') as page:
            page.wait_for('.o_billpro_heading h1', "Contact us about this order")
            page.check_layout()
            page.tap('.o_billpro_form textarea[name="message"]')
            page.type("May I stop in March?")
            page.tap('.o_billpro_form button[type="submit"]')
            self._assert_told(page, "Your message was sent. We will answer it.")
        message = order.message_ids.filtered(lambda m: m.author_id == self.customer)
        self.assertIn("May I stop in March?", message.body)
