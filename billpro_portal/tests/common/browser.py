import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import Future
from pathlib import Path
from unittest.mock import patch

from odoo.tests import HttpCase
from odoo.tests.common import HOST, ChromeBrowser, ChromeBrowserException, websocket

from odoo.addons.bus.websocket import ConnectionState, _websocket_instances

from .page import Page

PATIENCE = 30  # Seconds; the machine may be busy.
RESOLVED_HOSTS = f'MAP * ~NOTFOUND, EXCLUDE {HOST}'


class Chromium:
    """A running Chromium, which gives a context of its own to each page that is opened in it."""

    def __init__(self, process, port, directory):
        """Keep what is running.

        :param subprocess.Popen process: The process.
        :param int port: Where it takes commands.
        :param str directory: Where it stores what it keeps on disk.
        """
        self.process = process
        self.port = port
        self._directory = directory
        self._connection = None
        self._request_count = 0

    def request(self, method, **params):
        """Send a command that is for no page.

        :param str method: The name of the command.
        :param params: Its parameters.
        :return: The answer.
        :rtype: dict
        :raise ChromeBrowserException: If Chromium refuses, or doesn't answer; it is ended then.
        """
        self._request_count += 1
        request = {'id': self._request_count, 'method': method, 'params': params}
        answer = {}
        try:
            self._connection.send(json.dumps(request))
            while answer.get('id') != self._request_count:
                answer = json.loads(self._connection.recv())
        except (OSError, websocket.WebSocketException) as error:
            self.process.kill()  # The next test starts another.
            raise ChromeBrowserException(f"{method} was not answered") from error
        if 'error' in answer:
            raise ChromeBrowserException(f"{method}: {answer['error']['message']}")
        return answer['result']

    def open_page(self, url):
        """Open an empty page in a new context: without cookies, storage and cache.

        :param str url: Where commands that are for no page are taken.
        :return: The ids of the context and of the page.
        :rtype: tuple[str, str]
        """
        if not self._connection:
            self._connection = websocket.create_connection(
                url, timeout=PATIENCE, suppress_origin=True
            )
        context_id = self.request('Target.createBrowserContext')['browserContextId']
        page = self.request('Target.createTarget', url='about:blank', browserContextId=context_id)
        return context_id, page['targetId']

    def end(self):
        """End the process, and remove what it has stored."""
        if self._connection:
            # The process may be a script that has started Chromium.
            with contextlib.suppress(ChromeBrowserException):
                self.request('Browser.close')
            self._connection.close()
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self._directory, ignore_errors=True)


class Context:
    """What a page takes for the process of its browser: it ends when the page is done with it."""

    def __init__(self, chromium):
        """Keep what the context is in.

        :param Chromium chromium: The Chromium.
        """
        self._chromium = chromium
        self._id = None
        self.pid = chromium.process.pid

    def open_page(self, url):
        """Open its page.

        :param str url: Where Chromium takes commands that are for no page.
        :return: The id of the page.
        :rtype: str
        """
        self._id, page_id = self._chromium.open_page(url)
        return page_id

    def poll(self):
        """Return the exit code of Chromium, and None as long as it is running."""
        return self._chromium.process.poll()

    def terminate(self):
        """Close the page and forget its cookies, storage and cache."""
        if self._id and self.poll() is None:
            # If Chromium has ended for it, so has the context.
            with contextlib.suppress(ChromeBrowserException):
                self._chromium.request('Target.disposeBrowserContext', browserContextId=self._id)
        self._id = None

    kill = terminate

    def wait(self, timeout=None):
        """Do nothing: the context has ended when it is told to."""


class ContextBrowser(ChromeBrowser):
    """A page in a context of its own, in the one Chromium of a test class.

    Scripts of the page resize its window by calling `billproResize`.
    """

    def __init__(self, test_case, *args, **kwargs):
        """Override of `ChromeBrowser`: let the page resize its window."""
        super().__init__(test_case, *args, **kwargs)
        self._handlers['Runtime.bindingCalled'] = self._handle_binding
        self._websocket_request('Runtime.addBinding', params={'name': 'billproResize'})
        if script := os.environ.get('BILLPRO_AXE'):  # `./dev test` names it.
            self._websocket_request(
                'Page.addScriptToEvaluateOnNewDocument',
                params={'source': Path(script).read_text()},
            )

    def _chrome_start(self, user_data_dir, touch_enabled, headless=True, debug=False):
        """Override of `ChromeBrowser`: start a process for the first page of a class only."""
        if not headless:  # Somebody is watching.
            return super()._chrome_start(user_data_dir, touch_enabled, headless, debug)
        test_class = type(self.test_case)
        chromium = test_class.chromium
        if not chromium or chromium.process.poll() is not None:
            process, port = super()._chrome_start(user_data_dir, touch_enabled, headless, debug)
            chromium = test_class.chromium = Chromium(process, port, user_data_dir)
            test_class.addClassCleanup(chromium.end)
            self.user_data_dir = tempfile.mkdtemp(suffix='_chrome_odoo')  # The other is in use.
        return Context(chromium), chromium.port

    def _spawn_chrome(self, cmd):
        """Override of `ChromeBrowser`: find no other machine; not all requests are intercepted."""
        url = cmd.pop()
        return super()._spawn_chrome([*cmd, f'--host-resolver-rules={RESOLVED_HOSTS}', url])

    def _open_websocket(self):
        """Override of `ChromeBrowser`: connect to a page of the new context."""
        if not isinstance(self.chrome, Context):
            return super()._open_websocket()
        page_id = self.chrome.open_page(self._json_command('version')['webSocketDebuggerUrl'])
        url = f'ws://{HOST}:{self.devtools_port}/devtools/page/{page_id}'
        connection = websocket.create_connection(url, enable_multithread=True, suppress_origin=True)
        connection.settimeout(0.01)
        return connection

    def _handle_binding(self, payload, **_kwargs):
        """Make the page think that it is on a phone of a size, or on what the test has chosen.

        :param str payload: The width and the height, as JSON; or nothing.
        """
        size = json.loads(payload)
        if size:
            width, height = size['width'], size['height']
        else:
            width, height = map(int, self.test_case.browser_size.split(','))
        self._websocket_send(
            'Emulation.setTouchEmulationEnabled',
            params={'enabled': bool(size) or self.test_case.touch_enabled},
        )
        self._websocket_send(
            'Emulation.setDeviceMetricsOverride',
            params={'width': width, 'height': height, 'deviceScaleFactor': 1, 'mobile': False},
        )

    def _websocket_request(self, method, **kwargs):
        """Override of `ChromeBrowser`: end the context and not Chromium, which others use.

        Requests to this machine are not intercepted: to let each go on by a message took a
        twentieth of the time of tests with pages.
        """
        if method == 'Browser.close' and isinstance(self.chrome, Context):
            return self.chrome.terminate()
        if method == 'Fetch.enable':
            kwargs['params'] = {'patterns': [{'urlPattern': 'https://*'}]}
        return super()._websocket_request(method, **kwargs)

    def _websocket_send(self, method, **kwargs):
        """Override of `ChromeBrowser`: don't tidy up a page whose memory is given back anyway."""
        if method == 'HeapProfiler.collectGarbage':
            collected = Future()
            collected.set_result({})
            return collected
        return super()._websocket_send(method, **kwargs)


def close_bus_connections(code):
    """Close what pages have open to Odoo's bus, as Odoo does when a tour has ended.

    Odoo's own way fails if a connection ends by itself between its look at the state and the
    command to close, as all do that a page leaves behind.

    :param CloseCode code: What the pages are told.
    """
    for connection in list(_websocket_instances):
        if connection.state is ConnectionState.OPEN:
            with contextlib.suppress(OSError):
                connection.close(code)


class BrowserCommon(HttpCase):
    """Tests that open pages in one Chromium, each without what the others have left there."""

    chromium = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.chromium = None
        cls.startClassPatcher(patch('odoo.tests.common.ChromeBrowser', ContextBrowser))
        cls.startClassPatcher(patch('odoo.addons.bus.websocket._kick_all', close_bus_connections))

    @contextlib.contextmanager
    def _open_page(self, path, kind=Page, cookies=None):
        """Open a page as somebody who isn't logged in, without a tour.

        :param str path: The path of the page.
        :param type kind: The class of what is given to act on the page.
        :param dict cookies: The cookies that the browser has before.
        :return: A context manager that gives what acts on the page.
        """
        self.env.flush_all()
        with contextlib.ExitStack() as stack:
            browser = ContextBrowser(self)
            stack.enter_context(self.allow_requests(browser=browser))
            stack.callback(self._wait_remaining_requests)
            stack.callback(browser.stop)
            self.authenticate(None, None, browser=browser)
            for name, value in (cookies or {}).items():
                browser.set_cookie(name, value, '/', HOST)
            self.cr.flush()
            self.cr.clear()
            browser.navigate_to(self.base_url() + path)
            page = kind(self, browser)
            yield page
            page.wait_until_started()
            self.assertFalse(browser.had_failure)
        self.env.invalidate_all()
