import requests
import stripe
import urllib3

from odoo.tests import BaseCase, tagged

from ..billing.request_outcomes import (
    DECLINED,
    NOT_ATTEMPTED,
    REFUSED,
    UNKNOWN,
    NotSent,
    classify_failed_request,
)
from ..billing.stripe_outcomes import classify_stripe_error


@tagged('post_install', '-at_install')
class TestRequestOutcomes(BaseCase):
    def test_answers(self):
        for status, outcome in (
            (400, DECLINED),
            (401, NOT_ATTEMPTED),
            (402, DECLINED),
            (403, NOT_ATTEMPTED),
            (404, DECLINED),
            (408, UNKNOWN),
            (409, UNKNOWN),
            (425, UNKNOWN),
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
            # What nobody has classified: a decline needs proof.
            (None, UNKNOWN),
            (ValueError("no number"), UNKNOWN),
            (NotSent('payment_intents/../x'), NOT_ATTEMPTED),
        ):
            self.assertEqual(classify_failed_request(error), outcome, error)

    def _invalid(self, message, **details):
        error = {'type': 'invalid_request_error', 'message': message, **details}
        return stripe.InvalidRequestError(
            message,
            details.get('param'),
            details.get('code'),
            http_status=400,
            json_body={'error': error},
        )

    def _declined(self):
        return stripe.CardError(
            "declined",
            None,
            'card_declined',
            http_status=402,
            json_body={'error': {'type': 'card_error', 'code': 'card_declined'}},
        )

    def test_stripe_answers(self):
        for error, outcome in (
            (self._declined(), DECLINED),
            # Nothing of Stripe's own: a proxy on the way has answered.
            (stripe.CardError("declined", None, 'card_declined', http_status=402), UNKNOWN),
            (stripe.InvalidRequestError("wrong", 'amount', http_status=400), UNKNOWN),
            (stripe.APIError("<html>", http_status=404), UNKNOWN),
            (stripe.APIError("<html>", http_status=408), UNKNOWN),
            (self._invalid("Amount must be", code='amount_too_small', param='amount'), REFUSED),
            (
                self._invalid("No such customer", code='resource_missing', param='customer'),
                DECLINED,
            ),
            (
                self._invalid(
                    "No such customer: 'c'; a similar object exists in live mode",
                    code='resource_missing',
                    param='customer',
                ),
                REFUSED,
            ),
            (self._invalid("It was detached from a Customer."), DECLINED),
            (self._invalid("We can't", code='payment_intent_authentication_failure'), DECLINED),
            (stripe.AuthenticationError("key", http_status=401), NOT_ATTEMPTED),
            (stripe.PermissionError("rights", http_status=403), NOT_ATTEMPTED),
            (stripe.RateLimitError("many", http_status=429), NOT_ATTEMPTED),
            # Another request had the key, under way or with other parameters.
            (stripe.APIError("in use", http_status=409), UNKNOWN),
            (stripe.IdempotencyError("parameters", http_status=400), UNKNOWN),
            (stripe.APIError("out of order", http_status=500), UNKNOWN),
            # An answer that is no JSON.
            (stripe.APIError("<html>", http_status=200), UNKNOWN),
            # Not the library's: whatever else may be raised about a request.
            (None, UNKNOWN),
            (NotSent('payment_intents/../x'), NOT_ATTEMPTED),
        ):
            self.assertEqual(classify_stripe_error(error), outcome, error)

    def test_stripe_connections(self):
        unconnected = urllib3.exceptions.MaxRetryError(
            None, '/', urllib3.exceptions.NewConnectionError(None, "refused")
        )
        for cause, outcome in (
            (requests.exceptions.ConnectionError(unconnected), NOT_ATTEMPTED),
            (requests.exceptions.ConnectTimeout(), NOT_ATTEMPTED),
            (requests.exceptions.ReadTimeout(), UNKNOWN),
            (requests.exceptions.ConnectionError("reset"), UNKNOWN),
            (ValueError("no request"), UNKNOWN),
            (None, UNKNOWN),
        ):
            error = stripe.APIConnectionError("no answer")
            error.__cause__ = cause
            self.assertEqual(classify_stripe_error(error), outcome, cause)
