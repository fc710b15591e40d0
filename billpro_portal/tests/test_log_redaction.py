import io
import logging

from odoo.modules.module import Manifest
from odoo.tests import BaseCase, tagged

from odoo.addons import billpro_portal

from ..log_redaction import AddressFilter


@tagged('post_install', '-at_install')
class TestLogRedaction(BaseCase):
    def test_tokens_are_replaced_in_addresses(self):
        record = logging.LogRecord(
            'werkzeug',
            logging.INFO,
            __file__,
            1,
            '%s - "GET %s HTTP/1.1" 200',
            ('127.0.0.1', '/order/7?access_token=abc-123&page=2'),
            None,
        )
        self.assertTrue(AddressFilter().filter(record))
        self.assertEqual(
            record.getMessage(),
            '127.0.0.1 - "GET /order/7?access_token=[redacted]&page=2 HTTP/1.1" 200',
        )

    def test_addresses_within_others(self):
        self._assert_logged(
            "/web/login?redirect=/order/7%3Faccess_token%3Dabc-123",
            "/web/login?redirect=/order/7%3Faccess_token%3D[redacted]",
        )
        for mark in ('%253D', '%25253D', '%3d'):
            self._assert_logged(
                f"/a?b=%252Forder%252F7%253Faccess_token{mark}abc-123&c=1",
                f"/a?b=%252Forder%252F7%253Faccess_token{mark}[redacted]&c=1",
            )

    def test_client_secrets_are_replaced(self):
        for kind in ('payment', 'setup'):
            secret = f'{kind}_intent_client_secret='
            self._assert_logged(
                f'"GET /payment/stripe/return?reference=S1&{secret}x_secret_y&redirect_status=z"',
                f'"GET /payment/stripe/return?reference=S1&{secret}[redacted]&redirect_status=z"',
            )

    def _assert_logged(self, message, expected):
        record = logging.LogRecord('x', logging.INFO, __file__, 1, '%s', (message,), None)
        self.assertTrue(AddressFilter().filter(record))
        self.assertEqual(record.getMessage(), expected)

    def test_other_records_stay_as_they_are(self):
        record = logging.LogRecord('werkzeug', logging.INFO, __file__, 1, 'GET %s', ('/my',), None)
        AddressFilter().filter(record)
        self.assertEqual((record.msg, record.args), ('GET %s', ('/my',)))

    def test_the_server_filters_its_log_once(self):
        manifest = Manifest.for_addon('billpro_portal')
        for _load in range(2):
            getattr(billpro_portal, manifest['post_load'])()
        for handler in logging.getLogger().handlers:
            filters = [one for one in handler.filters if isinstance(one, AddressFilter)]
            self.assertEqual(len(filters), 1, handler)

    def test_what_the_server_writes(self):
        written = io.StringIO()
        handler = logging.StreamHandler(written)
        logging.getLogger().addHandler(handler)
        self.addCleanup(logging.getLogger().removeHandler, handler)
        billpro_portal.keep_secrets_out_of_log()
        logging.getLogger('a.child').warning("GET %s", '/order/7?access_token=abc-123')
        self.assertEqual(written.getvalue(), "GET /order/7?access_token=[redacted]\n")
