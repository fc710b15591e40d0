import time

from .page import PAGE_TIMEOUT, Page


class Keyboard(Page):
    """The keys of a browser, and what they have led to."""

    _KEYS = {
        'Tab': {'code': 'Tab', 'windowsVirtualKeyCode': 9},
        'Shift+Tab': {'key': 'Tab', 'code': 'Tab', 'windowsVirtualKeyCode': 9, 'modifiers': 8},
        'Enter': {'code': 'Enter', 'windowsVirtualKeyCode': 13, 'text': '\r'},
        ' ': {'code': 'Space', 'windowsVirtualKeyCode': 32, 'text': ' '},
        'ArrowUp': {'code': 'ArrowUp', 'windowsVirtualKeyCode': 38},
        'ArrowDown': {'code': 'ArrowDown', 'windowsVirtualKeyCode': 40},
    }
    # The focused element as a screen reader names it, and whether its focus can be seen: at the
    # latest when the page has scrolled there.
    _FOCUSED = """
        new Promise((resolve) => {
            const end = performance.now() + 10000;
            const look = () => {
                const element = document.activeElement;
                const name = element.innerText || element.labels?.[0]?.innerText
                    || element.querySelector("img")?.alt || "";
                const style = getComputedStyle(element);
                const box = element.getBoundingClientRect();
                const top = document.elementFromPoint(
                    box.left + box.width / 2, box.top + box.height / 2
                );
                const parts = [element, ...(element.labels ?? [])];
                const focused = {
                    name: name.replaceAll(/\\s+/g, " ").trim(),
                    isMarked: style.outlineStyle !== "none" || style.boxShadow !== "none",
                    isInView: parts.some((part) => part.contains(top)),
                };
                if ((focused.isMarked && focused.isInView) || performance.now() > end) {
                    resolve(focused);
                } else {
                    requestAnimationFrame(look);
                }
            };
            look();
        })
    """

    def press(self, key):
        """Press and release a key."""
        for kind in ('keyDown', 'keyUp'):
            self.send('Input.dispatchKeyEvent', **{'type': kind, 'key': key, **self._KEYS[key]})

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

    def wait_for_focus(self, name):
        """Wait until something is focused.

        :param str name: What is to be focused.
        """
        deadline = time.monotonic() + PAGE_TIMEOUT
        while (focused := self.evaluate(self._FOCUSED)['name']) != name:
            self._test.assertLess(time.monotonic(), deadline, f"{focused} is focused, not {name}")
