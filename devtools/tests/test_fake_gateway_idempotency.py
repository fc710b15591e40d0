import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import stripe

BODY = {
    'amount': '1000',
    'currency': 'eur',
    'payment_method': 'pm_card_visa',
    'payment_method_types[]': 'card',
    'confirm': 'true',
}


def post(gateway, key, path='payment_intents', **changes):
    return requests.post(
        f'{gateway.url}/v1/{path}',
        data=BODY | changes,
        headers={'Authorization': f'Bearer {gateway.secret_key}', 'Idempotency-Key': key},
        timeout=20,
    )


def test_the_answer_is_replayed(gateway):
    first, second = post(gateway, 'k'), post(gateway, 'k')
    assert 'Idempotent-Replayed' not in first.headers
    assert second.headers['Idempotent-Replayed'] == 'true'
    assert second.json() == first.json()
    [movement] = gateway.ledger.movements()
    assert movement.idempotency_key == 'k'


def test_a_decline_is_replayed(gateway):
    answers = [post(gateway, 'k', payment_method='pm_card_visa_chargeDeclined') for _ in range(2)]
    assert [answer.status_code for answer in answers] == [402, 402]
    assert answers[0].json() == answers[1].json()
    assert 'Idempotent-Replayed' in answers[1].headers


def test_what_fails_validation_is_not_stored(gateway):
    assert post(gateway, 'k', amount='ten').status_code == 400
    assert post(gateway, 'k').status_code == 200


def test_a_refusal_after_execution_began_is_stored(gateway):
    answers = [post(gateway, 'k', customer='cus_nobody') for _ in range(2)]
    assert [answer.json()['error']['code'] for answer in answers] == ['resource_missing'] * 2
    assert 'Idempotent-Replayed' in answers[1].headers


def test_other_parameters_are_an_error(gateway, client, saved_card, charge):
    customer, method = saved_card()
    charge(customer, method, key='k')
    with pytest.raises(stripe.IdempotencyError) as raised:
        charge(customer, method, key='k', amount=2000)
    assert raised.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        client.v1.customers.create({}, {'idempotency_key': 'k'})
    assert len(gateway.ledger.movements()) == 1


def test_keys_expire_after_a_day(gateway):
    first = post(gateway, 'k').json()
    gateway.advance(24 * 3600 - 60)
    assert post(gateway, 'k').json() == first
    gateway.advance(120)
    assert post(gateway, 'k').json()['id'] != first['id']
    assert len(gateway.ledger.movements()) == 2


def test_concurrent_use_is_a_conflict(gateway):
    gateway.faults.add('hang_before', seconds=20)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(post, gateway, 'k')
        assert gateway.faults.wait_until_held()
        second = post(gateway, 'k')
        gateway.faults.release()
        assert first.result().status_code == 200
    assert second.status_code == 409
    assert second.json()['error']['code'] == 'idempotency_key_in_use'
    assert second.headers['Stripe-Should-Retry'] == 'true'
    assert post(gateway, 'k').json() == first.result().json()


def test_fifty_at_once_charge_once(gateway):
    barrier = threading.Barrier(50)

    def send(_number):
        barrier.wait()
        return post(gateway, 'k')

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(send, range(50)))

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.json()['id'] for answer in answers if answer.ok}) == 1
    assert len(gateway.ledger.movements()) == 1


def test_fifty_keys_at_once_charge_fifty_times(gateway):
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda number: post(gateway, f'k{number}'), range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({movement.idempotency_key for movement in gateway.ledger.movements()}) == 50


def test_too_long_keys(gateway):
    assert post(gateway, 'k' * 256).json()['error']['type'] == 'idempotency_error'
