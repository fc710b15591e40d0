import requests
import urllib3

from odoo.tests import BaseCase, tagged

from ..billing.request_outcomes import (
    DECLINED,
    NOT_ATTEMPTED,
    UNKNOWN,
    classify_failed_request,
)


@tagged('post_install', '-at_install')
class TestRequestOutcomes(BaseCase):
    def test_answers(self):
        for status, outcome in (
            (400, DECLINED),
            (401, NOT_ATTEMPTED),
            (402, DECLINED),
            (403, NOT_ATTEMPTED),
            (404, DECLINED),
            (409, UNKNOWN),
            (429, NOT_ATTEMPTED),
            (500, UNKNOWN),
            (503, UNKNOWN),
        ):
            response = requests.Response()
            response.status_code = status
            error = requests.exceptions.HTTPError(response=response)
            self.assertEqual(classify_failed_request(error), outcome, status)

    def test_connections(self):
        unconnected = urllib3.exceptions.MaxRetryError(
            None, '/', urllib3.exceptions.NewConnectionError(None, "refused")
        )
        for error, outcome in (
            (requests.exceptions.ConnectionError(unconnected), NOT_ATTEMPTED),
            (requests.exceptions.ConnectTimeout(), NOT_ATTEMPTED),
            (requests.exceptions.ReadTimeout(), UNKNOWN),
            (requests.exceptions.ConnectionError("reset"), UNKNOWN),
            (requests.exceptions.ConnectionError(), UNKNOWN),
            (requests.exceptions.ChunkedEncodingError(), UNKNOWN),
            (None, DECLINED),
        ):
            self.assertEqual(classify_failed_request(error), outcome, error)
