from datetime import datetime, timezone

import pytest
import requests
import stripe
import urllib3


@pytest.fixture
def control(gateway):
    """Send a control request."""

    def send(method, route, status=200, **values):
        url = f'{gateway.url}/_control/{route}'
        answer = requests.request(method, url, json=values or None, timeout=10)
        assert answer.status_code == status, answer.text
        return answer.json()

    return send


def test_the_clock(gateway, client, control):
    shown = control('POST', 'clock', time='2028-02-29T12:00:00')
    assert shown['time'] == '2028-02-29T12:00:00+00:00'
    control('POST', 'clock', advance=24 * 3600)
    assert gateway.clock.today().date().isoformat() == '2028-03-01'
    noon = datetime(2028, 3, 1, 12, tzinfo=timezone.utc).timestamp()
    assert 0 <= client.v1.customers.create({}).created - noon < 60
    assert control('GET', 'clock')['now'] >= noon
    control('POST', 'clock', 400)
    control('POST', 'clock', 400, time='later')


def test_faults(gateway, client, control):
    control('POST', 'faults', kind='rate_limit', path='/v1/customers', times=2)
    assert control('GET', 'faults')['faults'][0]['times'] == 2
    with pytest.raises(stripe.RateLimitError):
        client.v1.customers.create({})
    control('DELETE', 'faults')
    client.v1.customers.create({})
    control('POST', 'faults/release')
    control('POST', 'faults', 400, kind='explode')
    control('POST', 'faults', 400, kind='rate_limit', nonsense=1)
    statuses = [one['status'] for one in control('GET', 'requests')['requests']]
    assert statuses == [429, 200]


def test_refused_connections(gateway, control):
    control('POST', 'connections/refuse', seconds=0.05)
    session = requests.Session()
    adapter = requests.adapters.HTTPAdapter(
        max_retries=urllib3.Retry(20, backoff_factor=0.02, backoff_max=0.2)
    )
    session.mount('http://', adapter)
    assert session.get(f'{gateway.url}/_control/clock', timeout=10).status_code == 200
    session.close()


def test_webhooks(gateway, client, control):
    dead_end = gateway.url + '/webhook'
    control('POST', 'webhooks', url=dead_end, secret='whsec_x', enabled_events=['*'])
    control('POST', 'webhooks/hold')
    client.v1.customers.create({})
    assert control('GET', 'webhooks')['queued'] == ['customer.created']
    control('POST', 'webhooks/release', copies=2, order='shuffled', seed=3)
    assert gateway.webhooks.wait_until_sent()
    attempts = control('GET', 'webhooks')['attempts']
    assert [one['status'] for one in attempts] == [404, 404]
    control('POST', f'webhooks/resend/{attempts[0]["event_id"]}', unsigned=True)
    control('POST', 'webhooks/resend/evt_nothing', 400)
    assert gateway.webhooks.wait_until_sent()
    control('POST', 'webhooks/hold')
    client.v1.customers.create({})
    assert control('POST', 'webhooks/drop')['lost'] == ['customer.created']
    control('POST', 'webhooks/delay', seconds=1)
    assert gateway.webhooks.delay == 1
    control('POST', 'webhooks/release', 400, order='sorted')


def test_banks_and_customers(client, control, saved_card, charge):
    customer, method = saved_card('pm_card_refundFail')
    renewed = control('POST', f'payment_methods/{method.id}/renew', exp_year=2041, last4='1111')
    assert (renewed['card']['exp_year'], renewed['card']['last4']) == (2041, '1111')
    intent = charge(customer, method)
    refund = client.v1.refunds.create({'payment_intent': intent.id, 'amount': 100})
    assert control('POST', f'refunds/{refund.id}/settle')['status'] == 'failed'
    control('POST', f'refunds/{refund.id}/settle', 400)
    dispute = control('POST', f'payment_intents/{intent.id}/dispute', amount=500)
    assert control('POST', f'disputes/{dispute["id"]}/close', won=False)['status'] == 'lost'
    control('POST', f'disputes/{dispute["id"]}/close', 400, won=True)

    settings = control('POST', 'settings', processing_payments=1, search_delay=60)
    assert settings == {
        'processing_payments': 1,
        'search_delay': 60,
        'unsure_refunds': 0,
        'exchange_rate': 1.0,
        'settlement_currency': '',
        'revoked_keys': [],
        'allowed_paths': ['*'],
        'live_objects': [],
    }
    intent = charge(customer, method)
    assert intent.status == 'processing'
    settled = control('POST', f'payment_intents/{intent.id}/settle', succeeds=False)
    assert settled['status'] == 'requires_payment_method'
    control('POST', f'payment_intents/{intent.id}/settle', 400)
    control('POST', 'settings', 400, nonsense=1)
    kinds = [one['kind'] for one in control('GET', 'ledger')['movements']]
    assert kinds == ['charge', 'refund', 'refund_reversal', 'dispute']
    control('GET', 'nonsense', 404)


def test_a_stored_card_that_is_declined_from_now_on(control, saved_card, charge):
    customer, method = saved_card('pm_card_mastercard')
    shown = {
        'id': method.id,
        'brand': 'mastercard',
        'last4': '4444',
        'customer': "Azure Interior",
    }
    assert control('GET', 'payment_methods') == {'payment_methods': [shown]}
    control('POST', f'payment_methods/{method.id}/treat_as', number='4000000000009995')
    with pytest.raises(stripe.CardError) as refused:
        charge(customer, method)
    assert refused.value.code == 'card_declined'
    control('POST', f'payment_methods/{method.id}/treat_as', number='4242424242424242')
    assert charge(customer, method).status == 'succeeded'
    assert control('GET', 'payment_methods') == {'payment_methods': [shown]}
    control('POST', f'payment_methods/{method.id}/treat_as', 402, number='1')


def test_the_ledger_by_metadata(gateway, client, control, saved_card, charge):
    customer, method = saved_card()
    for order, amount in (('S1', 100), ('S2', 200), ('S1', 300)):
        charge(customer, method, amount=amount, metadata={'order': order})
    charge(customer, method, amount=500, currency='jpy', metadata={'order': 'S2'})
    found = control('GET', 'ledger', metadata={'order': 'S1'})['movements']
    assert [one['amount'] for one in found] == [100, 300]
    totals = gateway.ledger.net_amounts_by('order')
    assert totals == {('S1', 'eur'): 400, ('S2', 'eur'): 200, ('S2', 'jpy'): 500}
    with pytest.raises(ValueError, match="eur, jpy"):
        gateway.ledger.net_amount()


def test_what_happened_can_be_forgotten(gateway, client, saved_card, charge):
    customer, method = saved_card()
    charge(customer, method, key='first')
    before = gateway.ledger.movements()
    with gateway.rolled_back():
        second = charge(customer, method, key='second')
        assert len(gateway.ledger.movements()) == 2
    assert gateway.ledger.movements() == before
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent"):
        client.v1.payment_intents.retrieve(second.id)
    # Its key can be used as if it had never been.
    charge(customer, method, key='second', amount=2000)
    assert [movement.amount for movement in gateway.ledger.movements()] == [1000, 2000]
