import contextlib
import json
import time

from odoo.tests.common import ChromeBrowserException

PAGE_TIMEOUT = 60  # Seconds; the machine may be busy.
PAY_BUTTON = 'button[name="o_payment_submit_button"]'
CARD_FIELDS = ("Card number", "Expiration date (MM / YY)", "Security code")
FIND_LAYOUT_PROBLEMS = """
    odoo.loader.modules.get("@billpro_portal/../tests/tours/phone_layout").findLayoutProblems()
"""

FIND_BARRIERS = """
    odoo.loader.modules.get("@billpro_portal/../tests/tours/phone_layout").findBarriers()
"""


class Page:
    """What a page shows, and a finger that touches it."""

    def __init__(self, test, browser):
        """Keep where the page is open.

        :param odoo.tests.HttpCase test: The test that fails if the page isn't right.
        :param odoo.tests.common.ChromeBrowser browser: The browser.
        """
        self._test = test
        self._browser = browser

    def evaluate(self, expression):
        """Return what an expression is in the page.

        :param str expression: The expression, in JavaScript; a promise is waited for.
        """
        answer = self.send(
            'Runtime.evaluate', expression=expression, awaitPromise=True, returnByValue=True
        )
        self._test.assertNotIn('exceptionDetails', answer)
        return answer['result'].get('value')

    def send(self, method, **params):
        """Send a command to the browser; return its answer.

        :param str method: The name of the command.
        :param params: Its parameters.
        :rtype: dict
        """
        return self._browser._websocket_request(method, params=params, timeout=PAGE_TIMEOUT)

    def wait_for(self, selector, *texts):
        """Wait until a page is loaded on which the elements of a selector have these texts.

        :param str selector: The elements.
        :param texts: The text of each, in the order of the page.
        """
        found = self._wait_for_value(
            f"""
                [...document.querySelectorAll({json.dumps(selector)})].map(
                    (element) => element.innerText.replaceAll(/\\s+/g, " ").trim()
                )
            """,
            list(texts),
        )
        if found != list(texts):
            self._browser.take_screenshot().result(10)
            self._test.fail(f"{selector} says {found} and not {list(texts)}")

    def wait_elsewhere(self, selector):
        """Wait until an element is there on a page that isn't Odoo's.

        :param str selector: The element.
        """
        deadline = time.monotonic() + PAGE_TIMEOUT
        found = False
        while not found and time.monotonic() < deadline:
            # The page before it is being left.
            with contextlib.suppress(ChromeBrowserException):
                found = self.evaluate(f"!!document.querySelector({json.dumps(selector)})")
        if not found:
            self._browser.take_screenshot().result(10)
        self._test.assertTrue(found, selector)

    def wait_until_started(self):
        """Wait until the scripts of the page have started: what they load must not be cut off."""
        self._test.assertTrue(self._wait_for_value('true', True))

    def _wait_for_value(self, expression, value):
        """Wait until a page is loaded and started on which an expression has a value.

        :param str expression: The expression, in JavaScript.
        :param value: The value.
        :return: What it is in the end; False if the page isn't started.
        """
        patient = f"""
            new Promise((resolve) => setTimeout(() => resolve(
                document.readyState === "complete"
                && document.body.getAttribute("is-ready") === "true"
                && {expression.strip()}
            ), 50))
        """
        deadline = time.monotonic() + PAGE_TIMEOUT
        found = False
        while found != value and time.monotonic() < deadline:
            # The page may be left meanwhile.
            with contextlib.suppress(ChromeBrowserException):
                found = self.evaluate(patient)
        return found

    def check_layout(self):
        """Check that the page fits the window, and that all can use it, with a finger, too."""
        problems = self.evaluate(FIND_LAYOUT_PROBLEMS) + self.evaluate(FIND_BARRIERS)
        if problems:
            self._browser.take_screenshot().result(10)
        self._test.assertEqual(problems, [])

    def type(self, text):
        """Type into the focused field.

        :param str text: The text.
        """
        self.send('Input.insertText', text=text)

    def tap(self, selector):
        """Touch the middle of an element.

        :param str selector: The element.
        """
        point = self.evaluate(f"""
            (() => {{
                const element = document.querySelector({json.dumps(selector)});
                element.scrollIntoView({{ block: "center", behavior: "instant" }});
                const box = element.getBoundingClientRect();
                return {{ x: box.left + box.width / 2, y: box.top + box.height / 2 }};
            }})()
        """)
        self.send('Input.dispatchTouchEvent', type='touchStart', touchPoints=[point])
        self.send('Input.dispatchTouchEvent', type='touchEnd', touchPoints=[])
