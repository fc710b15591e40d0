"""Adyen, whose charges of stored cards are answered at the fake gateway's address, too.

Rules: docs.adyen.com, "API explorer: Checkout, /payments"; "API idempotency": what was processed
under a key is answered again, and not processed while another request has the key (error 704);
"Webhook types: AUTHORISATION"; "Verify HMAC signatures".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from fake_gateway import FakeGateway
from fake_gateway.api import Answer, ConnectionDropped, Request
from fake_gateway.faults import Fault
from fake_gateway.ledger import Movement

MERCHANT = 'Torture'
HMAC_KEY = '44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056'
DECLINED_CARD = 'declined'
PATH = '/payment/adyen/notification'
ERROR = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, {'message': "Out of order"}, {})


class Adyen:
    """What Adyen answers; its charges are in the gateway's ledger, its messages in its queue."""

    def __init__(self, gateway: FakeGateway, address: str) -> None:
        """Answer at the gateway's address.

        :param FakeGateway gateway: The gateway, whose faults are Adyen's.
        :param str address: Where Odoo answers.
        """
        self._gateway = gateway
        self._webhook = address + PATH
        self._lock = threading.Lock()
        self._in_use: set[str] = set()
        self._answers: dict[str, Answer] = {}
        gateway.others['adyen'] = self.answer

    def answer(self, request: Request) -> Answer:
        """Answer a request to charge a stored card.

        :param Request request: The request.
        :rtype: Answer
        :raise ConnectionDropped: If a fault keeps the answer from the client.
        """
        # As of charges at Stripe: whoever charges a stored card has confirmed it.
        fault = self._gateway.faults.take(request.method, request.path, {'confirm': 'true'})
        kind = fault.kind if fault else ''
        if kind == 'rate_limit':
            return Answer(HTTPStatus.TOO_MANY_REQUESTS, {'message': "Too many requests"}, {})
        key = request.headers['idempotency-key']
        with self._using(key) as is_free:
            if not is_free:
                return self._refuse('704', "Request already processed or in progress")
            if fault and kind.endswith('_before'):
                self._break(fault)
                if kind == 'error_before':
                    return ERROR
            with self._lock:
                answer = self._answers[key] = self._answers.get(key) or self._pay(request, key)
        if fault and kind.endswith('_after'):
            self._break(fault)
        return ERROR if kind == 'error_after' else answer

    @contextmanager
    def _using(self, key: str) -> Iterator[bool]:
        """Have a key, and tell whether no other request has it."""
        with self._lock:
            is_free = key not in self._in_use
            self._in_use.add(key)
        try:
            yield is_free
        finally:
            if is_free:
                with self._lock:
                    self._in_use.discard(key)

    def _break(self, fault: Fault) -> None:
        """Let a fault happen."""
        if fault.seconds:
            self._gateway.faults.hold(fault.seconds)
        if fault.kind.startswith('drop_'):
            raise ConnectionDropped

    def _refuse(self, code: str, message: str) -> Answer:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        body = {'status': status, 'errorCode': code, 'message': message, 'errorType': 'validation'}
        return Answer(status, body, {})

    def _pay(self, request: Request, key: str) -> Answer:
        """Charge a stored card, and tell of it."""
        values: Any = request.parameters
        number = f'PSP{len(self._answers):013d}'
        answer = {
            'pspReference': number,
            'merchantReference': values['reference'],
            'amount': values['amount'],
            'paymentMethod': {'type': 'scheme', 'brand': 'visa'},
            'resultCode': 'Authorised',
        }
        is_declined = values['paymentMethod']['storedPaymentMethodId'] == DECLINED_CARD
        if is_declined:
            answer |= {
                'resultCode': 'Refused',
                'refusalReason': "Not enough balance",
                'refusalReasonCode': '12',
            }
        else:
            charge = Movement(
                id=number,
                kind='charge',
                amount=values['amount']['value'],
                currency=values['amount']['currency'].lower(),
                payment_intent=number,
                charge=number,
                time=int(self._gateway.clock.now()),
                idempotency_key=key,
                description=values['reference'],
            )
            self._gateway.ledger.append([charge])
        self._tell(number, values, is_success=not is_declined)
        return Answer(HTTPStatus.OK, answer, {})

    def _tell(self, number: str, values: Any, *, is_success: bool) -> None:
        """Queue the signed message about a charge."""
        signed = {
            'pspReference': number,
            'originalReference': '',
            'merchantAccountCode': MERCHANT,
            'merchantReference': values['reference'],
            'value': values['amount']['value'],
            'currency': values['amount']['currency'],
            'eventCode': 'AUTHORISATION',
            'success': 'true' if is_success else 'false',
        }
        text = ':'.join(str(value) for value in signed.values())
        digest = hmac.new(bytes.fromhex(HMAC_KEY), text.encode(), hashlib.sha256).digest()
        item = {
            **signed,
            'amount': values['amount'],
            'paymentMethod': 'visa',
            'additionalData': {'hmacSignature': base64.b64encode(digest).decode()},
        }
        event = {
            'id': number,
            'type': 'AUTHORISATION',
            'notificationItems': [{'NotificationRequestItem': item}],
        }
        self._gateway.webhooks.publish([(self._webhook, None, event)])
