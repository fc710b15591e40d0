import logging

from odoo.modules.module import Manifest
from odoo.tests import BaseCase, tagged

from odoo.addons import billpro_portal

from ..log_redaction import AccessTokenFilter


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
        self.assertTrue(AccessTokenFilter().filter(record))
        self.assertEqual(
            record.getMessage(),
            '127.0.0.1 - "GET /order/7?access_token=[redacted]&page=2 HTTP/1.1" 200',
        )

    def test_other_records_stay_as_they_are(self):
        record = logging.LogRecord('werkzeug', logging.INFO, __file__, 1, 'GET %s', ('/my',), None)
        AccessTokenFilter().filter(record)
        self.assertEqual((record.msg, record.args), ('GET %s', ('/my',)))

    def test_the_server_filters_its_log_once(self):
        manifest = Manifest.for_addon('billpro_portal')
        for _load in range(2):
            getattr(billpro_portal, manifest['post_load'])()
        filters = logging.getLogger('werkzeug').filters
        self.assertEqual(sum(isinstance(item, AccessTokenFilter) for item in filters), 1)
