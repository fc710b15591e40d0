from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from fake_gateway.faults import Fault


@pytest.fixture
def pay(client):
    def take(key='k', **values):
        return client.v1.payment_intents.create(
            {
                'amount': 1000,
                'currency': 'eur',
                'payment_method': 'pm_card_visa',
                'allowed_payment_method_types': ['card'],
                'confirm': True,
                **values,
            },
            {'idempotency_key': key},
        )

    return take


def test_money_moves_but_the_answer_is_lost(gateway, pay):
    gateway.faults.add('drop_after')
    with pytest.raises(stripe.APIConnectionError):
        pay()
    assert len(gateway.ledger.movements()) == 1

    assert pay().status == 'succeeded'
    assert len(gateway.ledger.movements()) == 1


def test_the_connection_is_lost_before_anything_happens(gateway, pay):
    gateway.faults.add('drop_before')
    with pytest.raises(stripe.APIConnectionError):
        pay()
    assert gateway.ledger.movements() == []
    assert pay().status == 'succeeded'


def test_connections_are_refused(gateway, pay):
    pay('first')
    gateway.refuse_connections()
    with pytest.raises(stripe.APIConnectionError):
        pay()
    gateway.accept_connections()
    assert pay().status == 'succeeded'
    assert len(gateway.ledger.movements()) == 2


def test_too_many_requests(gateway, pay):
    gateway.faults.add('rate_limit')
    with pytest.raises(stripe.RateLimitError):
        pay()
    assert gateway.ledger.movements() == []
    assert pay().status == 'succeeded'


def test_out_of_order_before_execution(gateway, pay):
    gateway.faults.add('error_before')
    with pytest.raises(stripe.APIError) as raised:
        pay()
    assert raised.value.http_status == 500
    assert gateway.ledger.movements() == []
    assert pay().status == 'succeeded'


def test_out_of_order_after_execution(gateway, client, pay):
    gateway.faults.add('error_after')
    for _attempt in range(2):  # The 500 is what the key got.
        with pytest.raises(stripe.APIError) as raised:
            pay(metadata={'attempt': 'A1'})
        assert raised.value.http_status == 500
    assert len(gateway.ledger.movements()) == 1
    [found] = client.v1.payment_intents.search({'query': 'metadata["attempt"]:"A1"'})
    assert found.status == 'succeeded'


@pytest.mark.parametrize(('kind', 'moved_while_held'), [('hang_before', 0), ('hang_after', 1)])
def test_a_hanging_gateway(gateway, pay, kind, moved_while_held):
    gateway.faults.add(kind, seconds=20)
    with ThreadPoolExecutor() as pool:
        payment = pool.submit(pay)
        assert gateway.faults.wait_until_held()
        assert len(gateway.ledger.movements()) == moved_while_held
        gateway.faults.release()
        assert payment.result().status == 'succeeded'
    assert len(gateway.ledger.movements()) == 1


def test_a_client_that_gives_up_is_charged_late(gateway):
    impatient = stripe.RequestsClient(timeout=0.2)
    client = stripe.StripeClient(
        gateway.secret_key, base_addresses={'api': gateway.url}, http_client=impatient
    )
    gateway.faults.add('hang_before', seconds=20)
    with pytest.raises(stripe.APIConnectionError):
        client.v1.payment_intents.create(
            {
                'amount': 1000,
                'currency': 'eur',
                'payment_method': 'pm_card_visa',
                'allowed_payment_method_types': ['card'],
                'confirm': True,
            },
            {'idempotency_key': 'late'},
        )
    impatient.close()
    assert gateway.ledger.movements() == []

    gateway.faults.release()

    assert gateway.ledger.wait_until(1)
    [movement] = gateway.ledger.movements()
    assert movement.idempotency_key == 'late'


def test_latency(gateway, client):
    gateway.faults.add('hang_before', seconds=0.02, times=None)
    for _ in range(3):
        client.v1.customers.create({})
    assert len(gateway.faults.due()) == 1
    gateway.faults.clear()
    assert gateway.faults.due() == []


def test_faults_choose_their_requests(gateway, client, pay):
    gateway.faults.add('rate_limit', method='POST', path='/v1/payment_intents/*/capture')
    gateway.faults.add('error_before', parameters={'description': "S2"}, times=2)
    gateway.faults.add('drop_before', path='/v1/customers', skip=1)

    intent = pay(capture_method='manual', description="S1")
    with pytest.raises(stripe.RateLimitError):
        client.v1.payment_intents.capture(intent.id)
    assert client.v1.payment_intents.capture(intent.id).status == 'succeeded'
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            pay('k2', description="S2")
    assert pay('k2', description="S2").status == 'succeeded'
    client.v1.customers.create({})
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create({})
    assert gateway.faults.due() == []


def test_probability_follows_a_seed():
    def course(seed):
        fault = Fault('drop_after', times=None, probability=0.5, seed=seed)
        return [fault.happens_to('POST', '/v1/refunds', {}) for _ in range(50)]

    assert course(1) == course(1) != course(2)
    assert 10 < sum(course(1)) < 40


def test_an_unknown_kind():
    with pytest.raises(ValueError, match="drop_after"):
        Fault('explode')


def test_requests_are_remembered(gateway, pay):
    gateway.faults.add('drop_after')
    with pytest.raises(stripe.APIConnectionError):
        pay()
    pay()
    seen = [(one['path'], one['idempotency_key'], one['status']) for one in gateway.requests]
    assert seen == [('/v1/payment_intents', 'k', None), ('/v1/payment_intents', 'k', 200)]
