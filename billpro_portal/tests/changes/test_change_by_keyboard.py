"""Customers change, pause and skip on a phone's width, with nothing but a keyboard."""

import re
from datetime import date, datetime

from freezegun import freeze_time

from odoo.tests import tagged

from odoo.addons.mail.tests.common import MockEmail

from ..common.change import ChangeCommon
from ..common.http import BillingHttpCommon
from ..common.keyboard import Keyboard

# The subscription is paid until 9 February.
BOUGHT = datetime(2027, 1, 10, 10)
MOMENT = datetime(2027, 1, 20, 10)
NOTICE = '.o_billpro_page_notice'


@tagged('post_install', '-at_install')
class TestChangeByKeyboard(BillingHttpCommon, ChangeCommon, MockEmail):
    browser_size = '360x740'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.family.write({'customers_may_raise': True, 'customers_may_lower': True})
        cls.company.write({'billing_customer_pause_days': 90, 'billing_customer_skips': 1})
        with freeze_time(BOUGHT):
            cls.subscription = cls._create_active_order((cls.plus, 1))

    def _look(self, keyboard, heading):
        keyboard.wait_for('h1', heading)
        keyboard.check_layout()

    def _assert_told(self, keyboard, text):
        keyboard.wait_for(NOTICE, text)
        keyboard.check_layout()

    def _show_preview(self, keyboard):
        keyboard.follow("Show what it comes to")
        keyboard.wait_for('#billpro_change_heading', "What it comes to")
        keyboard.check_layout()

    def test_change_decline_and_take_back(self):
        order = self.subscription
        with self._visit(order, MOMENT, kind=Keyboard) as keyboard:
            keyboard.wait_for('h1', "Plus")
            keyboard.follow("Change your plan")
            self._look(keyboard, "Change your plan")
            keyboard.tab_to("Quantity")
            keyboard.press('ArrowUp')
            self._show_preview(keyboard)
            order.billing_token_id.demo_simulated_state = 'error'
            self.env.flush_all()
            # 21 of 31 days: -13.55 + 27.10 = 13.55; tax 2.85.
            keyboard.follow("Pay $ 16.40 and change now")
            self._assert_told(keyboard, "The payment was declined. Nothing has changed.")
            keyboard.follow("Change your plan")
            self._look(keyboard, "Change your plan")
            keyboard.tab_to("Plus Basic Books")
            keyboard.press('ArrowDown')
            self._show_preview(keyboard)
            keyboard.follow("Change on February 10, 2027")
            self._assert_told(keyboard, "Your change is planned.")
            keyboard.follow("Planned change")
            self._look(keyboard, "Change your plan")
            keyboard.follow("Take back")
            self._assert_told(keyboard, "Your change is taken back.")
        self.env.invalidate_all()
        self.assertEqual(
            order.billing_change_ids.sorted('id').mapped('state'), ['declined', 'taken_back']
        )
        self.assertEqual((order.billing_paid, order.billing_next_amount), (24.2, 24.2))

    def test_skip_pause_and_resume(self):
        order = self.subscription
        with self._visit(order, MOMENT, kind=Keyboard) as keyboard:
            keyboard.wait_for('h1', "Plus")
            keyboard.follow("Skip the next payment")
            self._look(keyboard, "Skip the next payment")
            keyboard.follow("Skip this payment")
            self._assert_told(keyboard, "The payment is skipped.")
            keyboard.follow("Pause")
            self._look(keyboard, "Pause your subscription")
            keyboard.follow("Pause subscription")
            self._assert_told(keyboard, "Your subscription is paused.")
            keyboard.follow("Resume now")
            self._assert_told(keyboard, "Your subscription continues.")
        self.env.invalidate_all()
        self.assertEqual(order.billing_status, 'active')
        self.assertEqual(order.billing_next_event_id.period_start, date(2027, 3, 10))

    def test_details_with_a_code(self):
        order = self.subscription
        self.company.billing_confirm_changes = 'always'
        with (
            self.mock_mail_gateway(mail_unlink_sent=True),
            self._visit(order, MOMENT, kind=Keyboard) as keyboard,
        ):
            keyboard.wait_for('h1', "Plus")
            keyboard.follow("Change your details")
            self._look(keyboard, "Your details")
            keyboard.tab_to("Street and number")
            keyboard.type("3 Mill Lane")
            keyboard.follow("Save")
            self._look(keyboard, "Confirm that it is you")
            keyboard.wait_for_focus("Enter the code that we sent to a•••@customer.example.com")
            keyboard.type('x')
            keyboard.press('Enter')
            keyboard.wait_for(
                '#billpro_code_error', "This is not the code that we sent. Please try again."
            )
            keyboard.check_layout()
            keyboard.type(re.match(r'\d{6}', self._mails[-1]['subject'])[0])
            keyboard.press('Enter')
            self._assert_told(keyboard, "Your details are changed.")
            # The browser is known for a while.
            keyboard.follow("Change your details")
            self._look(keyboard, "Your details")
            keyboard.tab_to("New mail address")
            keyboard.type('anna@new.example')
            keyboard.press('Enter')
            self._assert_told(
                keyboard,
                "We have written to both mail addresses. It changes once both have agreed.",
            )
        self.env.invalidate_all()
        self.assertEqual(order.partner_id.street, "3 Mill Lane")
        change = self.env['billpro.mail.change']._get_open(order.partner_id)
        with (
            freeze_time(MOMENT, tick=True),
            self._open_page(change._get_url('old'), kind=Keyboard) as keyboard,
        ):
            self._look(keyboard, "Your mail address")
            keyboard.follow("No, this wasn't me")
            keyboard.wait_for(
                '.o_billpro_form_text', "This request is over. Nothing is changed by it."
            )
            keyboard.check_layout()
