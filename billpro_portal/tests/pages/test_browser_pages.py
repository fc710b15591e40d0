import os
import socket
from datetime import datetime

from freezegun import freeze_time

from odoo.tests import tagged

from odoo.addons.bus import websocket

from ..common.http import BillingHttpCommon
from ..common.page import FIND_BARRIERS, FIND_LAYOUT_PROBLEMS, PAY_BUTTON

MOMENT = datetime(2027, 1, 20, 10)


@tagged('post_install', '-at_install')
class TestBrowserPages(BillingHttpCommon):
    """The pages that tests open in one Chromium, and what is demanded of their layout."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time(MOMENT):
            cls.order = cls._create_order()

    def _visit_checkout(self):
        return self._visit(self.order, MOMENT)

    def test_nothing_is_left_for_the_next_page(self):
        stored = '`${document.cookie} ${localStorage.getItem("key")}`'
        with self._visit_checkout() as page:
            page.wait_for(PAY_BUTTON, "Order with obligation to pay")
            process = self.chromium.process
            page.evaluate('document.cookie = "key=cookie"; localStorage.setItem("key", "item")')
            self.assertRegex(page.evaluate(stored), r'\bkey=cookie\b.* item$')
        with self._visit_checkout() as page:
            page.wait_for(PAY_BUTTON, "Order with obligation to pay")
            self.assertNotRegex(page.evaluate(stored), r'\bkey=')
            self.assertRegex(page.evaluate(stored), ' null$')
        self.assertIs(self.chromium.process, process)

    def test_a_crashed_browser_is_replaced(self):
        with self._visit_checkout():
            process = self.chromium.process
        process.kill()
        process.wait()
        with self._visit_checkout() as page:
            page.wait_for(PAY_BUTTON, "Order with obligation to pay")
        self.assertIsNot(self.chromium.process, process)

    def test_a_bus_connection_ends_while_it_is_closed(self):
        """What a page leaves behind may end by itself just after it was seen to be open."""
        session = self.authenticate(None, None)
        ends = [socket.socketpair() for _number in range(2)]
        ended, other = (websocket.Websocket(ours, session, {}) for ours, _theirs in ends)
        for _ours, theirs in ends:
            self.addCleanup(theirs.close)
        ends[0][1].close()
        ended._terminate()
        ended.state = websocket.ConnectionState.OPEN
        websocket._kick_all(websocket.CloseCode.KILL_NOW)
        self.assertEqual(list(other.get_messages()), [])
        self.assertEqual(other.state, websocket.ConnectionState.CLOSED)

    def test_bad_layouts_are_found(self):
        with self._visit_checkout() as page:
            page.wait_for(PAY_BUTTON, "Order with obligation to pay")
            page.check_layout()
            for style, problem in (
                ('width: 2000px', "The page is 2"),
                ('height: 20px; min-height: 0', "is 20 px high"),
                ('position: fixed; left: -50px', "is out of the window"),
                ('position: fixed; bottom: 0; z-index: -1', "is below"),
                ('width: 60px; overflow: hidden; white-space: nowrap', "is cut at"),
            ):
                with self.subTest(style):
                    page.evaluate(f"""
                        document.querySelector(".o_billpro").insertAdjacentHTML("beforeend",
                            `<button id="bad" class="btn" style="{style}">Supercalifragilistic
                            </button>`
                        )
                    """)
                    self.assertIn(problem, ' '.join(page.evaluate(FIND_LAYOUT_PROBLEMS)))
                    page.evaluate('document.querySelector("#bad").remove()')
            page.check_layout()
            page.evaluate("""
                document.querySelector(".o_billpro").insertAdjacentHTML("beforeend",
                    `<p id="bad" style="color: #ccc">Pale</p>`
                )
            """)
            found = "color-contrast: " in ' '.join(page.evaluate(FIND_BARRIERS))
            self.assertEqual(found, 'BILLPRO_AXE' in os.environ)  # Where we test, it is there.
            page.evaluate('document.querySelector("#bad").remove()')
