"""A server in the process of the tests that answers as providers document it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class ProviderApi:
    """What one provider answers, and what it was asked for."""

    # The end of the names of its hosts.
    host = ''
    # That of the account, where requests don't say it.
    currency = ''

    def __init__(self):
        """Listen on a port of this machine."""
        self.reset()
        api = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                """Override: the log of the tests is Odoo's."""

            def do_GET(self):
                api.handle(self)

            def do_POST(self):
                api.handle(self)

        self._server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={'poll_interval': 0.01}, daemon=True
        )
        self._thread.start()

    def reset(self):
        """Forget what happened."""
        self.charges = {}
        self.changes = {}
        self.requests = []
        self.fault = None
        self._numbers = 0

    def stop(self):
        """End the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def get_url(self):
        """Return where it listens; a closed port while connections are refused."""
        return f'127.0.0.1:{1 if self.fault == "refuse" else self._server.server_port}'

    def number(self, prefix):
        """Return the next number of something."""
        self._numbers += 1
        return f'{prefix}{self._numbers:08d}'

    def handle(self, handler):
        """Answer one request, or lose it or its answer."""
        size = int(handler.headers.get('Content-Length') or 0)
        text = handler.rfile.read(size).decode()
        path = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(path.query).items()}
        is_json = text.startswith('{')
        body = json.loads(text) if is_json else {k: v[0] for k, v in parse_qs(text).items()}
        moves = self.moves_money(handler.command, path.path, body)
        fault = self.fault if moves else None
        if fault:
            self.fault = None
        if fault == 'drop_before':
            return
        if isinstance(fault, int):
            status, answer = fault, {'message': "Refused", 'errors': [{'errorCode': '1'}]}
        else:
            self.requests.append((handler.command, path.path, dict(handler.headers), body))
            status, answer = self.answer(handler.command, path.path, query, handler.headers, body)
        if fault == 'drop_after':
            return
        content = json.dumps(answer).encode()
        handler.send_response(status)
        handler.send_header('Content-Type', 'application/json')
        handler.send_header('Content-Length', str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def moves_money(self, method, path, body):
        """Return whether a request charges, refunds, captures or voids: these are lost."""
        return method == 'POST'

    def answer(self, method, path, query, headers, body):
        """Return the status and the body of an answer."""
        raise NotImplementedError


class AdyenApi(ProviderApi):
    """docs.adyen.com/api-explorer/Checkout/71; keys as in "API idempotency"."""

    host = 'adyen.com'
    # By the stored card: code, reason, raw reason, advice.
    refusals = {
        'expired': ('6', "Expired Card", '54 : Expired card', None),
        'low': ('12', "Not enough balance", '51 : Insufficient funds', None),
        'test_4000020000000000': ('12', "Not enough balance", '51 : Insufficient funds', None),
        'advised': ('2', "Refused", '05 : Do not honor', '03 : Do not try again'),
        'authentication': ('38', "Authentication required", '1A : Customer auth', None),
    }

    def reset(self):
        super().reset()
        self.keys = {}

    def answer(self, method, path, query, headers, body):
        key = headers.get('idempotency-key')
        if key and key in self.keys:
            return self.keys[key]
        found = self._execute(path, body)
        if key:
            self.keys[key] = found
        return found

    def _execute(self, path, body):
        parts = path.split('/')
        if parts[-1] == 'payments':
            return self._pay(body)
        if parts[-1] == 'paymentMethods':
            return 200, {'paymentMethods': [{'type': 'scheme', 'name': "Cards"}]}
        number, change = parts[-2:]
        if number not in self.charges:
            return 422, {
                'status': 422,
                'errorCode': '167',
                'message': "Original pspReference required for this operation",
                'errorType': 'validation',
            }
        psp = self.number('CHANGE')
        self.changes[psp] = (change, number, body)
        return 201, {
            'merchantAccount': body['merchantAccount'],
            'paymentPspReference': number,
            'reference': body['reference'],
            'pspReference': psp,
            'status': 'received',
            **({'amount': body['amount']} if 'amount' in body else {}),
        }

    def _pay(self, body):
        method = body['paymentMethod']
        card = method.get('storedPaymentMethodId') or method['encryptedCardNumber']
        if card == 'lost':
            return 422, {
                'status': 422,
                'errorCode': '803',
                'message': "PaymentDetail not found",
                'errorType': 'validation',
            }
        psp = self.number('PSP')
        answer = {
            'pspReference': psp,
            'merchantReference': body['reference'],
            'amount': body['amount'],
            'paymentMethod': {'type': 'scheme', 'brand': 'visa'},
            'additionalData': {'expiryDate': '3/2030', 'cardSummary': '4242'},
        }
        if card in self.refusals:
            code, reason, raw, advice = self.refusals[card]
            answer |= {
                'resultCode': 'Refused',
                'refusalReason': reason,
                'refusalReasonCode': code,
                'additionalData': {'refusalReasonRaw': raw}
                | ({'merchantAdviceCode': advice} if advice else {}),
            }
            return 200, answer
        if body.get('storePaymentMethod'):
            answer['additionalData'] |= {
                'recurring.recurringDetailReference': 'approved',
                'recurring.shopperReference': body['shopperReference'],
            }
        self.charges[psp] = body
        return 200, {**answer, 'resultCode': 'Authorised'}


class AuthorizeNetApi(ProviderApi):
    """developer.authorize.net/api/reference: every answer has status 200."""

    host = 'authorize.net'
    errors = {
        'low': ('2', "This transaction has been declined."),
        'expired': ('8', "The credit card has expired."),
        'twice': ('11', "A duplicate transaction has been submitted."),
    }
    statuses = {
        'authCaptureTransaction': 'capturedPendingSettlement',
        'authOnlyTransaction': 'authorizedPendingCapture',
    }

    def moves_money(self, method, path, body):
        return 'createTransactionRequest' in body

    def answer(self, method, path, query, headers, body):
        [(name, values)] = body.items()
        ok = {'messages': {'resultCode': 'Ok', 'message': [{'code': 'I00001', 'text': "Ok."}]}}
        if name == 'createTransactionRequest':
            return 200, self._transact(values['transactionRequest'], ok)
        if name == 'getTransactionDetailsRequest':
            found = self.charges.get(values['transId'])
            return 200, {'transaction': found, **ok} if found else self._error('E00040')
        if name == 'getUnsettledTransactionListRequest':
            return 200, {'transactions': list(self.charges.values()), **ok}
        card = {'cardNumber': 'XXXX4242', 'expirationDate': '2030-03', 'cardType': 'Visa'}
        return 200, {'paymentProfile': {'payment': {'creditCard': card}}, **ok}

    def _transact(self, request, ok):
        kind = request['transactionType']
        if request.get('amount', '').startswith('-'):
            return self._error('E00003', "The element 'amount' is invalid.")
        if kind in self.statuses:
            card = request['profile']['paymentProfile']['paymentProfileId']
            if card == 'lost':
                return self._error('E00040', "The record cannot be found.")
            if card in self.errors:
                return self._error('E00027', "The transaction was unsuccessful.", self.errors[card])
            number = self.number('6000')
            self.charges[number] = {
                'transId': number,
                'transactionStatus': self.statuses[kind],
                'authAmount': float(request['amount']),
                'invoiceNumber': request['order']['invoiceNumber'],
                'order': request['order'],
                'payment': {'creditCard': {'cardNumber': 'XXXX4242'}},
            }
            return self._approve(number, ok)
        charge = self.charges.get(request['refTransId'])
        if not charge:
            return self._error(
                'E00027',
                "The transaction was unsuccessful.",
                ('16', "The transaction cannot be found."),
            )
        number = charge['transId']
        self.changes[self.number('C')] = (kind, number, request)
        if kind == 'voidTransaction':
            charge['transactionStatus'] = 'voided'
        elif kind == 'priorAuthCaptureTransaction':
            charge['transactionStatus'] = 'capturedPendingSettlement'
        else:
            number = self.number('6000')
            self.charges[number] = {
                **charge,
                'transId': number,
                'transactionStatus': 'refundPendingSettlement',
                'authAmount': float(request['amount']),
            }
        return self._approve(number, ok)

    @staticmethod
    def _approve(number, ok):
        answer = {'responseCode': '1', 'transId': number, 'accountType': 'Visa'}
        return {'transactionResponse': answer, **ok}

    @staticmethod
    def _error(code, text="The record cannot be found.", reason=None):
        answer = {
            'messages': {'resultCode': 'Error', 'message': [{'code': code, 'text': text}]},
            'transactionResponse': {'responseCode': '3', 'transId': '0'},
        }
        if reason:
            answer['transactionResponse']['errors'] = [
                {'errorCode': reason[0], 'errorText': reason[1]}
            ]
        return answer


class RazorpayApi(ProviderApi):
    """razorpay.com/docs/api."""

    host = 'razorpay.com'
    reasons = {'low': 'insufficient_funds', 'expired': 'card_expired'}

    def reset(self):
        super().reset()
        self.orders = {}

    def moves_money(self, method, path, body):
        return method == 'POST' and path != '/v1/orders'

    def answer(self, method, path, query, headers, body):
        parts = path.removeprefix('/v1/').split('/')
        if parts == ['orders']:
            number = self.number('order_')
            self.orders[number] = body
            return 200, {'id': number, 'amount': body['amount'], 'currency': body['currency']}
        if parts == ['payments', 'create', 'recurring']:
            return self._pay(body)
        if parts == ['payments']:
            return 200, {'entity': 'collection', 'items': list(self.charges.values())}
        charge = self.charges.get(parts[1])
        if charge:
            return 200, self._answer_about(charge, parts[2:], body)
        return 400, {
            'error': {
                'code': 'BAD_REQUEST_ERROR',
                'description': "The id provided does not exist",
                'reason': 'input_validation_failed',
            }
        }

    def _answer_about(self, charge, action, body):
        if action == ['refund']:
            refund = {
                'id': self.number('rfnd_'),
                'entity': 'refund',
                'amount': body['amount'],
                'currency': charge['currency'],
                'payment_id': charge['id'],
                'notes': body['notes'],
                'status': 'processed',
            }
            self.changes[refund['id']] = refund
            return refund
        if action == ['refunds']:
            return {'items': list(self.changes.values())}
        if action == ['capture']:
            self.changes[self.number('capture_')] = body
            charge['status'] = 'captured'
        return charge

    def _pay(self, body):
        order = self.orders[body['order_id']]
        number = self.number('pay_')
        reason = self.reasons.get(body['token'])
        is_captured = order['payment_capture']
        self.charges[number] = {
            'id': number,
            'entity': 'payment',
            'amount': body['amount'],
            'currency': body['currency'],
            'status': 'failed' if reason else 'captured' if is_captured else 'authorized',
            'method': 'card',
            'card': {'last4': '4242', 'network': 'Visa'},
            'description': body['description'],
            'error_code': 'BAD_REQUEST_ERROR' if reason else None,
            'error_description': reason,
            'error_reason': reason,
        }
        return 200, {'razorpay_payment_id': number, 'razorpay_order_id': body['order_id']}


class FlutterwaveApi(ProviderApi):
    """developer.flutterwave.com (v3.0): tokenized charges, verification."""

    host = 'flutterwave.com'

    def reset(self):
        super().reset()
        self.links = []

    def pay(self, link):
        """Pay at a link, as its customer does on the page."""
        self._charge({**link, 'token': 'approved', 'email': link['customer']['email']})

    def answer(self, method, path, query, headers, body):
        if path.endswith('/verify_by_reference'):
            found = [each for each in self.charges.values() if each['tx_ref'] == query['tx_ref']]
            if found:
                return 200, {'status': 'success', 'data': found[0]}
            return 400, {'status': 'error', 'message': "No transaction was found", 'data': None}
        if path.endswith('/payments'):
            self.links.append(body)
            link = f'https://checkout.flutterwave.com/v3/hosted/pay/{len(self.links)}'
            return 200, {'status': 'success', 'data': {'link': link}}
        if any(each['tx_ref'] == body['tx_ref'] for each in self.charges.values()):
            return 400, {'status': 'error', 'message': "Duplicate transaction reference"}
        if body['token'] == 'lost':
            return 400, {'status': 'error', 'message': "Invalid token passed", 'data': None}
        return 200, {'status': 'success', 'data': self._charge(body)}

    def _charge(self, body):
        charge = {
            'id': 277000000 + len(self.charges),
            'tx_ref': body['tx_ref'],
            'amount': body['amount'],
            'currency': body['currency'],
            'status': 'successful',
            'processor_response': 'Approved',
            'payment_type': 'card',
            'card': {'type': 'VISA', 'last_4digits': '4242', 'expiry': '03/30', 'token': 'flw-t1'},
            'customer': {'email': body['email']},
        }
        if body['token'] == 'low':
            charge |= {'status': 'failed', 'processor_response': 'Insufficient Funds'}
        self.charges[charge['id']] = charge
        return charge


class WorldlineApi(ProviderApi):
    """docs.direct.worldline-solutions.com: API reference, "Send idempotent requests"."""

    host = 'worldline-solutions.com'
    codes = {'low': '30511001', 'expired': '30331001'}

    def reset(self):
        super().reset()
        self.keys = {}

    def answer(self, method, path, query, headers, body):
        if method == 'GET':
            found = self.charges.get(path.rsplit('/', 1)[1])
            return (200, found) if found else (404, {'errors': [{'errorCode': '1002'}]})
        key = headers['X-GCS-Idempotence-Key']
        if key not in self.keys:
            self.keys[key] = self._pay(body)
        return self.keys[key]

    def _pay(self, body):
        card = body['cardPaymentMethodSpecificInput']['token']
        if card == 'lost':
            name = 'cardPaymentMethodSpecificInput.token'
            return 400, {'errors': [{'errorCode': '1006', 'propertyName': name}]}
        number = f'{self.number("32545")}_0'
        code = self.codes.get(card)
        payment = {
            'id': number,
            'status': 'REJECTED' if code else 'CAPTURED',
            'paymentOutput': {
                **body['order'],
                'cardPaymentMethodSpecificOutput': {
                    'paymentProductId': 1,
                    'card': {'cardNumber': '************4242', 'expiryDate': '0330'},
                },
            },
            'statusOutput': {'errors': [{'errorCode': code}] if code else []},
        }
        if code:
            return 402, {
                'errorId': 'x',
                'errors': [{'errorCode': code, 'message': ''}],
                'paymentResult': {'payment': payment},
            }
        self.charges[number] = payment
        return 201, {'payment': payment}


class XenditApi(ProviderApi):
    """docs.xendit.co: "Create charge", "Get charge"."""

    host = 'xendit.co'
    reasons = {'low': 'INSUFFICIENT_BALANCE', 'expired': 'EXPIRED_CARD'}

    def answer(self, method, path, query, headers, body):
        if method == 'GET':
            found = self.charges.get(path.rsplit('/', 1)[1])
            return (200, found) if found else (404, {'error_code': 'CHARGE_NOT_FOUND_ERROR'})
        if any(each['external_id'] == body['external_id'] for each in self.charges.values()):
            return 400, {'error_code': 'EXTERNAL_ID_ALREADY_USED_ERROR', 'message': "Used"}
        if body['token_id'] == 'lost':
            return 404, {'error_code': 'TOKEN_NOT_FOUND_ERROR', 'message': "Token not found"}
        reason = self.reasons.get(body['token_id'])
        charge = {
            'id': self.number('5f6'),
            'external_id': body['external_id'],
            'status': 'FAILED' if reason else 'CAPTURED',
            'authorized_amount': body['amount'],
            'currency': body['currency'],
            'masked_card_number': '400000XXXXXX4242',
            'card_brand': 'VISA',
            **({'failure_reason': reason} if reason else {}),
        }
        self.charges[charge['id']] = charge
        return 200, charge


class MercadoPagoApi(ProviderApi):
    """mercadopago.com/developers/en/reference: card tokens, payments."""

    host = 'mercadopago.com'
    details = {'low': 'cc_rejected_insufficient_amount', 'expired': 'cc_rejected_card_disabled'}

    def reset(self):
        super().reset()
        self.tokens = {}

    def moves_money(self, method, path, body):
        return method == 'POST' and path == '/v1/payments'

    def answer(self, method, path, query, headers, body):
        if path == '/v1/card_tokens':
            if body['card_id'] == 'lost':
                return 404, {'message': "card not found", 'status': 404}
            token = self.number('token')
            self.tokens[token] = body['card_id']
            return 201, {'id': token}
        if path == '/v1/payments/search':
            found = [
                each
                for each in self.charges.values()
                if each['external_reference'] == query['external_reference']
            ]
            return 200, {'results': found}
        if method == 'GET':
            found = self.charges.get(int(path.rsplit('/', 1)[1]))
            return (200, found) if found else (404, {'message': "Payment not found"})
        detail = self.details.get(self.tokens[body['token']])
        charge = {
            'id': 20000000 + len(self.charges),
            'status': 'rejected' if detail else 'approved',
            'status_detail': detail or 'accredited',
            'transaction_amount': body['transaction_amount'],
            'currency_id': self.currency,
            'external_reference': body['external_reference'],
            'payment_type_id': 'credit_card',
            'payment_method_id': 'visa',
            'card': {'expiration_month': 3, 'expiration_year': 2030},
        }
        self.charges[charge['id']] = charge
        return 201, charge
