"""Requests as Odoo's payment_stripe sends them, with its headers and bodies."""

import pytest
import requests

RETURN_URL = 'https://shop.example/payment/stripe/return?reference=S00001'
MANDATE = 'payment_method_options[card][mandate_options]'


@pytest.fixture
def send(gateway):
    """Send a request as `payment.provider._send_api_request` does."""

    def send_api_request(method, endpoint, data=None, idempotency_key=None):
        headers = {
            'AUTHORIZATION': f'Bearer {gateway.secret_key}',
            'Stripe-Version': '2019-05-16',
        }
        if idempotency_key:
            headers['Idempotency-Key'] = idempotency_key
        response = requests.request(
            method, f'{gateway.url}/v1/{endpoint}', data=data, headers=headers, timeout=10
        )
        return response.status_code, response.json()

    return send_api_request


@pytest.fixture
def browser(gateway):
    """Send a request as the script of the payment form does."""

    def send_form(path, data):
        form = {'key': gateway.publishable_key} | data
        response = requests.post(
            f'{gateway.url}/v1/{path}',
            data=form,
            headers={'Stripe-Version': '2019-05-16', 'Origin': 'https://shop.example'},
            timeout=10,
        )
        assert response.headers['Access-Control-Allow-Origin'] == '*'
        return response.json()

    return send_form


@pytest.fixture
def customer(send):
    status, customer = send(
        'POST',
        'customers',
        {
            'address[city]': "Scranton",
            'address[country]': 'US',
            'address[line1]': None,
            'address[postal_code]': '18503',
            'address[state]': "Pennsylvania (US)",
            'description': "Odoo Partner: Azure Interior (id: 14)",
            'email': "azure.interior@example.com",
            'name': "Azure Interior",
            'phone': "(870)-931-0505",
        },
    )
    assert status == 200
    return customer


def intent_payload(customer, **values):
    return {
        'amount': 10000,
        'currency': 'usd',
        'description': "S00001",
        'capture_method': 'automatic',
        'payment_method_types[]': 'card',
        'expand[]': 'payment_method',
        'shipping[address][city]': "Scranton",
        'shipping[address][country]': 'US',
        'shipping[address][line1]': '',
        'shipping[address][line2]': '',
        'shipping[address][postal_code]': '18503',
        'shipping[address][state]': '',
        'shipping[name]': "Azure Interior",
        'customer': customer['id'],
        **values,
    }


def mandate_options(**values):
    return {
        f'{MANDATE}[reference]': "S00001",
        f'{MANDATE}[amount_type]': 'maximum',
        f'{MANDATE}[amount]': 1500000,
        f'{MANDATE}[start_date]': 1760000000,
        f'{MANDATE}[interval]': 'sporadic',
        f'{MANDATE}[supported_types][]': 'india',
        **values,
    }


def card_data(number):
    return {
        'payment_method_data[type]': 'card',
        'payment_method_data[card][number]': number,
        'payment_method_data[card][exp_month]': '12',
        'payment_method_data[card][exp_year]': '34',
        'payment_method_data[card][cvc]': '123',
        'payment_method_data[billing_details][name]': "Azure Interior",
    }


def test_checkout_and_later_charges(gateway, send, browser, customer):
    # `_stripe_create_intent` of a checkout that saves the card.
    payload = intent_payload(customer, setup_future_usage='off_session', **mandate_options())
    status, intent = send('POST', 'payment_intents', payload, 'first')
    assert (status, intent['status']) == (200, 'requires_payment_method')
    # The payment form.
    confirmed = browser(
        f'payment_intents/{intent["id"]}/confirm',
        {
            'client_secret': intent['client_secret'],
            'return_url': RETURN_URL,
            'use_stripe_sdk': 'true',
            **card_data('5555555555554444'),
        },
    )
    assert confirmed['status'] == 'succeeded'
    # `stripe_return`, which sends the body with GET.
    endpoint = f'payment_intents/{intent["id"]}'
    _status, intent = send('GET', endpoint, {'expand[]': 'payment_method'})
    method = intent['payment_method']
    assert method['type'] == 'card'
    assert (method['card']['brand'], method['card']['last4']) == ('mastercard', '4444')
    assert method['customer'] == intent['customer'] == customer['id']
    # `_extract_token_values`.
    details = intent['charges']['data'][0]['payment_method_details']
    assert details[details['type']]['mandate'] is None
    assert (intent['amount'], intent['currency']) == (10000, 'usd')
    # `_stripe_sca_migrate_customer` and the list of another generated payment method.
    query = {'customer': customer['id'], 'type': 'card', 'limit': 1}
    assert send('GET', 'payment_methods', query)[1]['data'][0]['id'] == method['id']
    listed = send('GET', f'customers/{customer["id"]}/payment_methods')[1]
    assert listed['data'][0]['id'] == method['id']

    # `_charge_with_token`; requests sends Python's True, and leaves None out.
    payload = intent_payload(
        customer,
        description="S00001-E2-A1",
        confirm=True,
        off_session=True,
        payment_method=method['id'],
        mandate=None,
    )
    status, later = send('POST', 'payment_intents', payload, 'second')
    assert (status, later['status']) == (200, 'succeeded')
    assert later['payment_method']['card']['brand'] == 'mastercard'
    assert send('POST', 'payment_intents', payload, 'second')[1] == later
    assert [one.description for one in gateway.ledger.payments()] == ["S00001", "S00001-E2-A1"]


def test_a_decline_of_a_token(gateway, send, customer):
    attach = {'customer': customer['id']}
    method = send('POST', 'payment_methods/pm_card_chargeCustomerFail/attach', attach)[1]
    payload = intent_payload(customer, confirm=True, off_session=True, payment_method=method['id'])
    status, body = send('POST', 'payment_intents', payload, 'k')
    assert status == 402
    assert body['error']['message'] == "Your card was declined."
    assert body['error']['decline_code'] == 'generic_decline'
    assert body['error']['payment_intent']['description'] == "S00001"
    assert gateway.ledger.movements() == []


def test_a_card_without_payment(send, browser, customer):
    # `_stripe_prepare_setup_intent_payload`.
    payload = {
        'customer': customer['id'],
        'description': "V00001",
        'payment_method_types[]': 'card',
        **mandate_options(**{f'{MANDATE}[currency]': 'usd'}),
    }
    status, intent = send('POST', 'setup_intents', payload)
    assert (status, intent['status']) == (200, 'requires_payment_method')
    confirmed = browser(
        f'setup_intents/{intent["id"]}/confirm',
        {
            'client_secret': intent['client_secret'],
            'return_url': RETURN_URL,
            'use_stripe_sdk': 'true',
            **card_data('4242424242424242'),
        },
    )
    assert confirmed['status'] == 'succeeded'
    endpoint = f'setup_intents/{intent["id"]}'
    _status, intent = send('GET', endpoint, {'expand[]': 'payment_method'})
    assert intent['description'] == "V00001"
    assert intent['payment_method']['card']['last4'] == '4242'
    # The webhook's controller asks for the payment method by itself.
    method = send('GET', f'payment_methods/{intent["payment_method"]["id"]}')[1]
    assert method['customer'] == customer['id']


def test_an_indian_card_gets_a_mandate(send, browser, customer):
    payload = intent_payload(customer, setup_future_usage='off_session', **mandate_options())
    intent = send('POST', 'payment_intents', payload)[1]
    confirmed = browser(
        f'payment_intents/{intent["id"]}/confirm',
        {'client_secret': intent['client_secret'], **card_data('4000003560000008')},
    )
    details = confirmed['charges']['data'][0]['payment_method_details']
    assert details['card']['mandate'].startswith('mandate_')


def test_capture_void_and_refund(gateway, send, browser, customer):
    intents = []
    for number in range(2):
        payload = intent_payload(customer, capture_method='manual', description=f"S{number}")
        intent = send('POST', 'payment_intents', payload)[1]
        confirmed = browser(
            f'payment_intents/{intent["id"]}/confirm',
            {'client_secret': intent['client_secret'], **card_data('4242424242424242')},
        )
        assert confirmed['status'] == 'requires_capture'
        intents.append(intent)
    captured = send('POST', f'payment_intents/{intents[0]["id"]}/capture')[1]
    assert (captured['status'], captured['description']) == ('succeeded', "S0")
    assert isinstance(captured['payment_method'], str)
    voided = send('POST', f'payment_intents/{intents[1]["id"]}/cancel')[1]
    assert voided['status'] == 'canceled'

    refund_data = {'payment_intent': intents[0]['id'], 'amount': 2500}
    status, refund = send('POST', 'refunds', refund_data)
    assert (status, refund['status'], refund['amount']) == (200, 'succeeded', 2500)
    assert (refund['currency'], refund['object']) == ('usd', 'refund')
    query = {'charge': refund['charge'], 'starting_after': refund['id'], 'limit': 100}
    assert send('GET', 'refunds', query)[1]['data'] == []
    assert gateway.ledger.net_amount(description="S0") == 7500


def test_webhooks_are_set_up(send):
    status, endpoint = send(
        'POST',
        'webhook_endpoints',
        {
            'url': 'https://shop.example/payment/stripe/webhook',
            'enabled_events[]': [
                'payment_intent.processing',
                'payment_intent.amount_capturable_updated',
                'payment_intent.succeeded',
                'payment_intent.payment_failed',
                'payment_intent.canceled',
                'setup_intent.succeeded',
                'charge.refunded',
                'charge.refund.updated',
            ],
            'api_version': '2019-05-16',
        },
    )
    assert status == 200
    assert endpoint['secret'].startswith('whsec_')
    assert len(endpoint['enabled_events']) == 8


def test_apple_pay_is_not_registered_in_test_mode(send):
    status, domain = send('POST', 'apple_pay/domains', {'domain_name': 'shop.example'})
    assert (status, domain['livemode']) == (200, False)
