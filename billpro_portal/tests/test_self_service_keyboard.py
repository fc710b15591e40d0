import time
from contextlib import ExitStack, contextmanager
from datetime import datetime

from freezegun import freeze_time

from odoo.tests import tagged
from odoo.tests.common import ChromeBrowser, ChromeBrowserException

from .test_self_service_tours import SelfServiceCommon

KEYBOARD_TIMEOUT = 60  # Seconds; the machine may be busy.


class Keyboard:
    """The keys of a browser, and what they have led to."""

    _KEYS = {
        'Tab': {'code': 'Tab', 'windowsVirtualKeyCode': 9},
        'Enter': {'code': 'Enter', 'windowsVirtualKeyCode': 13, 'text': '\r'},
        ' ': {'code': 'Space', 'windowsVirtualKeyCode': 32, 'text': ' '},
        'ArrowDown': {'code': 'ArrowDown', 'windowsVirtualKeyCode': 40},
    }
    # The focused element as a screen reader names it, and whether its focus can be seen.
    _FOCUSED = """
        (() => {
            const element = document.activeElement;
            const name = element.innerText || element.labels?.[0]?.innerText || "";
            const style = getComputedStyle(element);
            const box = element.getBoundingClientRect();
            return {
                name: name.replaceAll(/\\s+/g, " ").trim(),
                isMarked: style.outlineStyle !== "none" || style.boxShadow !== "none",
                isInView: box.bottom > 0 && box.top < innerHeight,
            };
        })()
    """

    def __init__(self, test, browser):
        self._test = test
        self._browser = browser

    def _evaluate(self, expression):
        answer = self._browser._websocket_request(
            'Runtime.evaluate',
            params={'expression': expression, 'awaitPromise': True, 'returnByValue': True},
            timeout=KEYBOARD_TIMEOUT,
        )
        self._test.assertNotIn('exceptionDetails', answer)
        return answer['result'].get('value')

    def press(self, key):
        """Press and release a key."""
        for kind in ('keyDown', 'keyUp'):
            self._browser._websocket_request(
                'Input.dispatchKeyEvent',
                params={'type': kind, 'key': key, **self._KEYS[key]},
                timeout=KEYBOARD_TIMEOUT,
            )

    def type(self, text):
        """Type into the focused field."""
        self._browser._websocket_request('Input.insertText', params={'text': text})

    def tab_to(self, name):
        """Press the tabulator until something is focused; all on the way must show its focus.

        :return: The names of what was focused on the way.
        :rtype: list[str]
        """
        names = []
        for _press in range(60):
            self.press('Tab')
            focused = self._evaluate(self._FOCUSED)
            names.append(focused['name'])
            self._test.assertTrue(focused['isMarked'], f"The focus is not seen: {focused}")
            self._test.assertTrue(focused['isInView'], f"It is out of view: {focused}")
            if focused['name'] == name:
                return names
        self._test.fail(f"The keyboard can't reach {name}, only {names}")
        return names

    def focused(self):
        """Return the name of the focused element."""
        return self._evaluate(self._FOCUSED)['name']

    def wait_for(self, selector, text):
        """Wait until a page is loaded on which an element has a text."""
        condition = f"""
            new Promise((resolve) => setTimeout(() => resolve(
                document.readyState === "complete"
                && document.body.getAttribute("is-ready") === "true"
                && document.querySelector({selector!r})?.innerText.trim() === {text!r}
            ), 50))
        """
        deadline = time.monotonic() + KEYBOARD_TIMEOUT
        while time.monotonic() < deadline:
            try:
                if self._evaluate(condition):
                    return
            except ChromeBrowserException:
                continue  # The page was left meanwhile.
        self._browser.take_screenshot().result(10)
        self._test.fail(f"{selector} never said {text}")


@tagged('post_install', '-at_install')
class TestSelfServiceByKeyboard(SelfServiceCommon):
    """The same with nothing but a keyboard; its keys are real ones for the browser."""

    @contextmanager
    def _open_browser(self, order, moment):
        """Open an order in a browser, to which only keys are sent."""
        order._portal_ensure_token()
        link = self.base_url() + self._link(order)
        self.env.flush_all()
        with freeze_time(moment, tick=True), ExitStack() as stack:
            browser = ChromeBrowser(self)
            stack.enter_context(self.allow_requests(browser=browser))
            stack.callback(self._wait_remaining_requests)
            stack.callback(browser.stop)
            self.authenticate(None, None, browser=browser)
            browser.set_cookie('billpro_progress_seen', '1', '/', '127.0.0.1')
            self.cr.flush()
            self.cr.clear()
            browser.navigate_to(link)
            yield Keyboard(self, browser)
            self.assertFalse(browser.had_failure)
        self.env.invalidate_all()
        self.env['account.move']._get_sequence_cache().clear()

    def test_a_declined_payment_is_paid_and_the_subscription_cancelled_and_kept(self):
        order = self._decline_softly()
        status = '.o_billpro_overview_status .o_billpro_badge'
        with self._open_browser(order, datetime(2027, 2, 10, 11)) as keyboard:
            keyboard.wait_for(status, "Payment declined")
            pay = "Pay $ 24.20 with VISA •••• 4242"
            names = keyboard.tab_to(pay)
            self.assertIn("Cancel subscription", names)  # What comes before it on the page.
            keyboard.press('Enter')
            keyboard.wait_for('.o_billpro_page_notice', "Thank you, your payment was received.")
            self.assertEqual(keyboard.focused(), "Thank you, your payment was received.")
            keyboard.wait_for(status, "Active")
            keyboard.tab_to("Cancel subscription")
            keyboard.press('Enter')
            keyboard.wait_for('h1', "Cancel your subscription")
            keyboard.tab_to("It is too expensive")
            keyboard.press('ArrowDown')
            self.assertEqual(keyboard.focused(), "I don't use it enough")
            names = keyboard.tab_to("Cancel subscription")
            self.assertEqual(
                names,
                ["Is there anything you want to tell us? (optional)", "Cancel subscription"],
            )
            keyboard.press('Enter')
            keyboard.wait_for(status, "Cancelled – access until 03/09/2027")
            keyboard.tab_to("Keep my subscription")
            keyboard.press('Enter')
            keyboard.wait_for('.o_billpro_page_notice', "Your subscription goes on.")
            keyboard.wait_for(status, "Active")
        self._check_recovered(order)
        self.assertFalse(order.billing_cancel_date)
        self.assertEqual(
            order.billing_notification_ids.sorted('id').mapped('kind')[-2:],
            ['cancelled', 'cancel_undone'],
        )
        logged = ' '.join(order.message_ids.mapped('body'))
        self.assertIn("I don't use it enough", logged.replace('&#39;', "'"))

    def test_outstanding_payments_are_paid_with_another_card(self):
        order = self._owe_with_lost_card(2, 3)
        status = '.o_billpro_overview_status .o_billpro_badge'
        with self._open_browser(order, datetime(2027, 3, 10, 12)) as keyboard:
            keyboard.wait_for(status, "Suspended")
            keyboard.tab_to("Update card")
            keyboard.press('Enter')
            keyboard.wait_for('h1', "Update card")
            keyboard.wait_for('.fake-gateway-card-form label', "Card number")
            keyboard.tab_to("Charge $ 48.40 to this card now")
            keyboard.press(' ')
            for field, text in (
                ("Card number", '4242 4242 4242 4242'),
                ("Expiration date (MM / YY)", '12 / 34'),
                ("Security code", '123'),
            ):
                keyboard.tab_to(field)
                keyboard.type(text)
            keyboard.tab_to("Save card and pay $ 48.40")
            keyboard.press('Enter')
            keyboard.wait_for('.o_billpro_page_notice', "Thank you, your payment was received.")
            keyboard.wait_for(status, "Active")
        self._assert_collected(order, 48.4)
        self._assert_nothing_left(order, datetime(2027, 3, 10, 13))
