import json
from datetime import date

import requests

from odoo.tests import BaseCase, tagged

from ..billing import (
    adyen_declines,
    authorize_net_declines,
    flutterwave_declines,
    mercado_pago_declines,
    razorpay_declines,
    worldline_declines,
    xendit_declines,
)
from ..billing.card_expiry import get_last_day, read_month_and_year
from ..billing.declines import AUTHENTICATION, HARD, SOFT
from ..billing.http_errors import find_refusal
from ..billing.request_outcomes import (
    DECLINED,
    NOT_ATTEMPTED,
    REFUSED,
    UNKNOWN,
    AnsweredError,
)

ANSWER_LOST = requests.exceptions.ReadTimeout()


def make_error(status, body=None):
    """Return what the HTTP library raises for an answer."""
    response = requests.Response()
    response.status_code = status
    response._content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return requests.exceptions.HTTPError(response=response)


@tagged('post_install', '-at_install')
class TestProviderDeclines(BaseCase):
    """What the codes of Odoo's other providers mean, and what leaves an outcome unknown."""

    def _assert_outcomes(self, classify, cases):
        for status, body, outcome in ((502, {}, UNKNOWN), (401, {}, NOT_ATTEMPTED), *cases):
            with self.subTest(status=status, body=body):
                self.assertEqual(classify(make_error(status, body)), outcome)
        self.assertEqual(classify(ANSWER_LOST), UNKNOWN)
        # A page of a proxy on the way is no word of the provider.
        self.assertEqual(classify(make_error(400, "<html>")), UNKNOWN)

    def _assert_classes(self, read, cases):
        for answer, decline_class in cases:
            with self.subTest(answer=answer):
                decline = read(answer)
                self.assertEqual(decline and decline.decline_class, decline_class)

    def test_adyen(self):
        self._assert_outcomes(
            adyen_declines.classify_failure,
            [
                (422, {'errorCode': '803'}, DECLINED),
                (422, {'errorCode': '137'}, REFUSED),
                (422, {'errorCode': '704'}, UNKNOWN),
                (422, {}, UNKNOWN),
            ],
        )

        def refuse(code, **details):
            return {
                'resultCode': 'Refused',
                'refusalReasonCode': code,
                'paymentMethod': {'type': 'scheme', 'brand': 'mc'},
                'additionalData': details,
            }

        self._assert_classes(
            adyen_declines.read_decline,
            [
                ({'resultCode': 'Authorised'}, None),
                ({'resultCode': 'Pending'}, None),
                (refuse('2'), SOFT),
                (refuse('6'), HARD),
                (refuse('12'), SOFT),
                (refuse('38'), AUTHENTICATION),
                (refuse('2', merchantAdviceCode="03 : Do not try again"), HARD),
                (refuse('2', merchantAdviceCode="02 : Try again later"), SOFT),
            ],
        )
        self.assertEqual(
            adyen_declines.read_error(make_error(422, {'errorCode': '803'})).decline_class, HARD
        )

    def test_authorize_net(self):
        for text, outcome, refusal in (
            ("This transaction has been declined.", DECLINED, None),
            ("The credit card has expired.", DECLINED, None),
            ("A duplicate transaction has been submitted.", UNKNOWN, None),
            ("An error occurred during processing. Please try again.", UNKNOWN, None),
            ("The transaction cannot be found.", REFUSED, 'invalid'),
            ("", UNKNOWN, None),
        ):
            error = AnsweredError(f"The transaction was unsuccessful.\n{text}")
            with self.subTest(text=text):
                self.assertEqual(authorize_net_declines.classify_error(error), outcome)
                self.assertEqual(authorize_net_declines.find_refusal(error), refusal)
        key = AnsweredError("User authentication failed due to invalid authentication values.")
        self.assertEqual(authorize_net_declines.classify_error(key), NOT_ATTEMPTED)
        self.assertEqual(authorize_net_declines.find_refusal(key), 'key')
        for code in ('1', '2', '4'):
            self.assertIsNone(authorize_net_declines.find_error({'x_response_code': code}))
        self.assertIsNone(authorize_net_declines.read_status('communicationError'))
        self.assertEqual(
            authorize_net_declines.read_status('voided'),
            {'x_response_code': '1', 'x_type': 'void'},
        )

    def test_flutterwave(self):
        self._assert_outcomes(
            flutterwave_declines.classify_failure,
            [
                (400, {'status': 'error', 'message': "Insufficient Funds"}, DECLINED),
                (400, {'status': 'error', 'message': "Duplicate Transaction"}, UNKNOWN),
                (400, {'status': 'error', 'message': "Invalid token passed"}, DECLINED),
                (400, {'status': 'error', 'message': "Currency not supported"}, UNKNOWN),
                (400, {'status': 'error'}, UNKNOWN),
            ],
        )
        self._assert_classes(
            flutterwave_declines.read_decline,
            [
                ({'status': 'successful'}, None),
                ({'status': 'failed', 'processor_response': "Insufficient Funds"}, SOFT),
                ({'status': 'failed', 'processor_response': "Expired card"}, HARD),
                ({'status': 'failed', 'processor_response': None}, SOFT),
            ],
        )

    def test_mercado_pago(self):
        self._assert_outcomes(
            mercado_pago_declines.classify_failure,
            [
                (404, {'message': "card not found"}, DECLINED),
                (400, {'message': "Invalid card_token_id"}, REFUSED),
                (404, {}, UNKNOWN),
            ],
        )
        self._assert_classes(
            mercado_pago_declines.read_decline,
            [
                ({'status': 'approved'}, None),
                ({'status': 'rejected', 'status_detail': 'cc_rejected_insufficient_amount'}, SOFT),
                ({'status': 'rejected', 'status_detail': 'cc_rejected_card_disabled'}, HARD),
                (
                    {'status': 'rejected', 'status_detail': 'cc_rejected_call_for_authorize'},
                    AUTHENTICATION,
                ),
            ],
        )

    def test_razorpay(self):
        self._assert_outcomes(
            razorpay_declines.classify_failure,
            [
                (400, {'error': {'reason': 'insufficient_funds'}}, DECLINED),
                (400, {'error': {'reason': 'input_validation_failed'}}, REFUSED),
                (400, {}, UNKNOWN),
            ],
        )
        self._assert_classes(
            razorpay_declines.read_decline,
            [
                ({'status': 'captured'}, None),
                ({'status': 'failed', 'error_reason': 'insufficient_funds'}, SOFT),
                ({'status': 'failed', 'error_reason': 'card_expired'}, HARD),
                ({'status': 'failed', 'error_reason': 'authentication_failed'}, AUTHENTICATION),
            ],
        )

    def test_worldline(self):
        def reject(code, status='REJECTED'):
            errors = [{'errorCode': code}]
            return {'payment': {'status': status, 'statusOutput': {'errors': errors}}}

        self._assert_outcomes(
            worldline_declines.classify_failure,
            [
                (402, {'paymentResult': reject('30511001')}, DECLINED),
                (400, {'errors': [{'errorCode': '1', 'propertyName': 'order.amount'}]}, REFUSED),
                (400, {'errors': [{'errorCode': '1', 'propertyName': 'card.token'}]}, DECLINED),
                (409, {'errors': [{'errorCode': '1409'}]}, UNKNOWN),
            ],
        )
        self._assert_classes(
            worldline_declines.read_decline,
            [
                (reject('', 'CAPTURED'), None),
                (reject('30511001'), SOFT),
                ({'paymentResult': reject('30331001')}, HARD),
                (reject('40001139'), AUTHENTICATION),
                (reject('', 'AUTHORIZATION_REQUESTED'), AUTHENTICATION),
            ],
        )

    def test_xendit(self):
        self._assert_outcomes(
            xendit_declines.classify_failure,
            [
                (400, {'error_code': 'EXTERNAL_ID_ALREADY_USED_ERROR'}, UNKNOWN),
                (400, {'error_code': 'API_VALIDATION_ERROR'}, REFUSED),
                (404, {'error_code': 'TOKEN_NOT_FOUND_ERROR'}, DECLINED),
            ],
        )
        self._assert_classes(
            xendit_declines.read_decline,
            [
                ({'status': 'CAPTURED'}, None),
                ({'status': 'FAILED', 'failure_reason': 'INSUFFICIENT_BALANCE'}, SOFT),
                ({'status': 'FAILED', 'failure_reason': 'STOLEN_CARD'}, HARD),
                ({'status': 'FAILED', 'failure_reason': 'AUTHENTICATION_FAILED'}, AUTHENTICATION),
            ],
        )

    def test_refusals(self):
        for status, outcome, refusal in (
            (401, NOT_ATTEMPTED, 'key'),
            (429, NOT_ATTEMPTED, 'limit'),
            (422, REFUSED, 'invalid'),
            (422, DECLINED, None),
        ):
            self.assertEqual(find_refusal(make_error(status), outcome), refusal)
        self.assertIsNone(find_refusal(ANSWER_LOST, UNKNOWN))

    def test_expiry(self):
        for text in ('3/2030', '03/30', '0330', '03 / 2030'):
            self.assertEqual(read_month_and_year(text), date(2030, 3, 31), text)
        for text in (None, '', 'XX/XX', '13/30', '2030-03'):
            self.assertIsNone(read_month_and_year(text), text)
        self.assertEqual(get_last_day(2028, 2), date(2028, 2, 29))
