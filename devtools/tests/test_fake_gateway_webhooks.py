import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import stripe

SECRET = 'whsec_test'


class Receiver(ThreadingHTTPServer):
    """A webhook endpoint that keeps what it gets."""

    daemon_threads = True

    def __init__(self):
        self.received = []
        self.status = 200
        super().__init__(('127.0.0.1', 0), ReceiverHandler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        return f'http://127.0.0.1:{self.server_port}/webhook'

    def types(self):
        return [json.loads(body)['type'] for body, _headers in self.received]


class ReceiverHandler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        self.server.received.append((body, dict(self.headers)))
        self.send_response(self.server.status)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def receiver(gateway):
    server = Receiver()
    gateway.add_webhook(server.url, SECRET)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def pay(client):
    def take(payment_method='pm_card_visa', **values):
        return client.v1.payment_intents.create(
            {
                'amount': 1000,
                'currency': 'eur',
                'payment_method': payment_method,
                'allowed_payment_method_types': ['card'],
                'confirm': True,
                **values,
            }
        )

    return take


def test_events_are_signed(gateway, client, receiver, pay):
    intent = pay(description="S1")
    assert gateway.webhooks.wait_until_sent()
    body, headers = receiver.received[-1]
    event = client.construct_event(body, headers['Stripe-Signature'], SECRET)
    assert event.type == 'payment_intent.succeeded'
    assert event.data.object.id == intent.id
    assert client.v1.events.retrieve(event.id).data.object.description == "S1"
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(body, headers['Stripe-Signature'], 'whsec_other')
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(body + b' ', headers['Stripe-Signature'], SECRET)


def test_the_server_has_moved(gateway, client, receiver, pay):
    values = {'url': f'{gateway.url}/gone', 'enabled_events': ['*']}
    deleted = client.v1.webhook_endpoints.create(values)
    client.v1.webhook_endpoints.delete(deleted.id)
    client.v1.webhook_endpoints.create(values)
    gateway.move_webhooks(receiver.url)
    assert [one.url for one in client.v1.webhook_endpoints.list()] == [receiver.url] * 2
    pay()
    assert gateway.webhooks.wait_until_sent()
    assert receiver.types().count('payment_intent.succeeded') == 2


def test_which_events_there_are(gateway, client, receiver, pay, saved_card):
    def seen():
        assert gateway.webhooks.wait_until_sent()
        types = receiver.types()
        receiver.received.clear()
        return types

    intent = pay()
    assert seen() == ['payment_intent.created', 'charge.succeeded', 'payment_intent.succeeded']
    client.v1.refunds.create({'payment_intent': intent.id, 'amount': 10})
    assert seen() == ['charge.refunded', 'refund.created']
    with pytest.raises(stripe.CardError):
        pay('pm_card_visa_chargeDeclined')
    assert seen() == ['payment_intent.created', 'charge.failed', 'payment_intent.payment_failed']
    intent = pay(capture_method='manual')
    assert seen()[-1] == 'payment_intent.amount_capturable_updated'
    client.v1.payment_intents.cancel(intent.id)
    assert seen() == ['payment_intent.canceled']
    pay('pm_card_authenticationRequired')
    assert seen()[-1] == 'payment_intent.requires_action'
    gateway.settings.processing_payments = 1
    pay()
    assert seen()[-1] == 'payment_intent.processing'
    pay('pm_card_createDispute')
    assert 'charge.dispute.created' in seen()
    _customer, method = saved_card()
    assert seen() == ['customer.created', 'payment_method.attached']
    gateway.renew_card(method.id, exp_year=2040)
    # The account's version is an old one, in which it had another name.
    assert seen() == ['payment_method.card_automatically_updated']
    client.v1.payment_methods.detach(method.id)
    assert seen() == ['payment_method.detached']
    client.v1.setup_intents.create({'payment_method': 'pm_card_visa', 'confirm': True} | TYPES)
    assert seen() == ['setup_intent.created', 'setup_intent.succeeded']
    refund = client.v1.refunds.create({'payment_intent': pay('pm_card_refundFail').id})
    seen()
    gateway.settle_refund(refund.id)
    assert seen() == ['refund.updated', 'charge.refund.updated', 'refund.failed']


TYPES = {'allowed_payment_method_types': ['card']}


def test_what_is_rolled_back_sends_nothing(gateway, client, receiver):
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create(
            {'amount': 1000, 'currency': 'eur', 'payment_method': 'pm_nothing'} | TYPES
        )
    assert gateway.webhooks.wait_until_sent()
    assert receiver.types() == []
    assert client.v1.payment_intents.list().data == []


def test_events_are_held_and_sent_in_another_order(gateway, receiver, pay):
    gateway.webhooks.hold()
    pay()
    assert len(gateway.webhooks.queued()) == 3
    assert receiver.types() == []
    gateway.webhooks.release(order='reversed', copies=2)
    assert gateway.webhooks.wait_until_sent()
    assert receiver.types() == [
        *['payment_intent.succeeded'] * 2,
        *['charge.succeeded'] * 2,
        *['payment_intent.created'] * 2,
    ]


def test_events_are_lost_and_sent_again(gateway, client, receiver, pay):
    gateway.webhooks.hold()
    pay()
    assert gateway.webhooks.drop_queued()[-1] == 'payment_intent.succeeded'
    gateway.webhooks.release()
    [event] = client.v1.events.list({'type': 'payment_intent.succeeded'})
    gateway.webhooks.resend(event.id, copies=2)
    assert gateway.webhooks.wait_until_sent()
    assert receiver.types() == ['payment_intent.succeeded'] * 2


def test_wrong_signatures_on_demand(gateway, client, receiver, pay):
    pay()
    assert gateway.webhooks.wait_until_sent()
    [event] = client.v1.events.list({'type': 'payment_intent.succeeded'})
    receiver.received.clear()
    gateway.webhooks.resend(event.id, unsigned=True)
    gateway.webhooks.resend(event.id, secret='whsec_wrong')
    gateway.webhooks.resend(event.id, signed_at=gateway.clock.now() - 3600)
    assert gateway.webhooks.wait_until_sent()
    unsigned, wrong, old = receiver.received
    assert 'Stripe-Signature' not in unsigned[1]
    for body, headers in (wrong, old):
        with pytest.raises(stripe.SignatureVerificationError):
            client.construct_event(body, headers['Stripe-Signature'], SECRET)


def test_events_come_before_the_answer(gateway, receiver, pay):
    gateway.faults.add('hang_after', seconds=20)
    thread = threading.Thread(target=pay)
    thread.start()
    assert gateway.faults.wait_until_held()
    assert gateway.webhooks.wait_until_sent()
    assert receiver.types()[-1] == 'payment_intent.succeeded'
    gateway.faults.release()
    thread.join()


def test_events_come_late(gateway, receiver, pay):
    gateway.webhooks.delay = 0.05
    pay()
    assert gateway.webhooks.queued()
    assert gateway.webhooks.wait_until_sent()
    assert len(receiver.types()) == 3


def test_what_became_of_a_delivery(gateway, receiver, pay):
    receiver.status = 503
    pay()
    assert gateway.webhooks.wait_until_sent()
    assert [one.status for one in gateway.webhooks.attempts()] == [503] * 3
    receiver.shutdown()
    receiver.server_close()
    pay()
    assert gateway.webhooks.wait_until_sent()
    assert [one.status for one in gateway.webhooks.attempts()[3:]] == [None] * 3


def test_endpoints_are_registered_by_the_api(gateway, client, receiver, pay):
    endpoint = client.v1.webhook_endpoints.create(
        {
            'url': receiver.url.replace('/webhook', '/other'),
            'enabled_events': ['payment_intent.succeeded'],
            'api_version': '2019-05-16',
        }
    )
    assert endpoint.secret.startswith('whsec_')
    assert 'secret' not in client.v1.webhook_endpoints.retrieve(endpoint.id)
    assert len(client.v1.webhook_endpoints.list().data) == 2
    pay()
    assert gateway.webhooks.wait_until_sent()
    assert receiver.types().count('payment_intent.succeeded') == 2
    newest = [json.loads(body) for body, _headers in receiver.received[-2:]]
    with_charges = [event for event in newest if 'charges' in event['data']['object']]
    assert [event['api_version'] for event in with_charges] == ['2019-05-16']
    client.v1.webhook_endpoints.delete(endpoint.id)
    receiver.received.clear()
    pay()
    assert gateway.webhooks.wait_until_sent()
    assert receiver.types().count('payment_intent.succeeded') == 1
