import json
import time

from odoo.tests.common import ChromeBrowserException

KEYBOARD_TIMEOUT = 60  # Seconds; the machine may be busy.


class Keyboard:
    """The keys of a browser, and what they have led to."""

    _KEYS = {
        'Tab': {'code': 'Tab', 'windowsVirtualKeyCode': 9},
        'Shift+Tab': {'key': 'Tab', 'code': 'Tab', 'windowsVirtualKeyCode': 9, 'modifiers': 8},
        'Enter': {'code': 'Enter', 'windowsVirtualKeyCode': 13, 'text': '\r'},
        ' ': {'code': 'Space', 'windowsVirtualKeyCode': 32, 'text': ' '},
        'ArrowDown': {'code': 'ArrowDown', 'windowsVirtualKeyCode': 40},
    }
    # The focused element as a screen reader names it, and whether its focus can be seen.
    _FOCUSED = """
        (() => {
            const element = document.activeElement;
            const name = element.innerText || element.labels?.[0]?.innerText
                || element.querySelector("img")?.alt || "";
            const style = getComputedStyle(element);
            const box = element.getBoundingClientRect();
            const top = document.elementFromPoint(
                box.left + box.width / 2, box.top + box.height / 2
            );
            return {
                name: name.replaceAll(/\\s+/g, " ").trim(),
                isMarked: style.outlineStyle !== "none" || style.boxShadow !== "none",
                isInView: [element, ...(element.labels ?? [])].some((part) => part.contains(top)),
            };
        })()
    """

    def __init__(self, test, browser):
        self._test = test
        self._browser = browser

    def evaluate(self, expression):
        """Return what an expression is in the page."""
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

    def tab_to(self, name, key='Tab'):
        """Press the tabulator until something is focused; all on the way must show its focus.

        :param str name: What is to be focused.
        :param str key: The key: `Shift+Tab` goes backwards.
        :return: The names of what was focused on the way.
        :rtype: list[str]
        """
        names = []
        for _press in range(60):
            self.press(key)
            focused = self.evaluate(self._FOCUSED)
            names.append(focused['name'])
            self._test.assertTrue(focused['isMarked'], f"The focus is not seen: {focused}")
            self._test.assertTrue(focused['isInView'], f"It is out of view: {focused}")
            if focused['name'] == name:
                return names
        self._test.fail(f"The keyboard can't reach {name}, only {names}")
        return names

    def follow(self, name):
        """Tab to a link or button and press it.

        :return: The names of what was focused on the way.
        :rtype: list[str]
        """
        names = self.tab_to(name)
        self.press('Enter')
        return names

    def focused(self):
        """Return the name of the focused element."""
        return self.evaluate(self._FOCUSED)['name']

    def wait_for(self, selector, *texts):
        """Wait until a page is loaded on which the elements of a selector have these texts."""
        expression = f"""
            new Promise((resolve) => setTimeout(() => resolve(
                document.readyState === "complete"
                && document.body.getAttribute("is-ready") === "true"
                && [...document.querySelectorAll({json.dumps(selector)})].map(
                    (element) => element.innerText.replaceAll(/\\s+/g, " ").trim()
                )
            ), 50))
        """
        deadline = time.monotonic() + KEYBOARD_TIMEOUT
        found = False
        while time.monotonic() < deadline:
            try:
                found = self.evaluate(expression)
            except ChromeBrowserException:
                continue  # The page was left meanwhile.
            if found == list(texts):
                return
        self._browser.take_screenshot().result(10)
        self._test.fail(f"{selector} says {found} and not {list(texts)}")
