"""What is refused, and that nothing is accepted that Stripe's own library does not know."""

import importlib
import re
import socket
from urllib.parse import urlsplit

import pytest
import requests
import stripe

from fake_gateway import parameters
from fake_gateway.api import ROUTES
from fake_gateway.parameters import Array, Hash

NEWEST = '2026-10-28.endive'
# Endpoints whose parameters Stripe's library declares under another name than the path's.
PARAMS_CLASSES = {
    'customers.create': 'CustomerCreateParams',
    'customers.list_all': 'CustomerListParams',
    'customers.update': 'CustomerUpdateParams',
    'payment_methods.attach': 'PaymentMethodAttachParams',
    'payment_methods.create': 'PaymentMethodCreateParams',
    'payment_methods.detach': 'PaymentMethodDetachParams',
    'payment_methods.list_all': 'PaymentMethodListParams',
    'payment_methods.list_of_customer': 'CustomerPaymentMethodListParams',
    'payment_methods.update': 'PaymentMethodUpdateParams',
    'payment_intents.cancel': 'PaymentIntentCancelParams',
    'payment_intents.capture': 'PaymentIntentCaptureParams',
    'payment_intents.confirm': 'PaymentIntentConfirmParams',
    'payment_intents.create': 'PaymentIntentCreateParams',
    'payment_intents.list_all': 'PaymentIntentListParams',
    'payment_intents.retrieve': 'PaymentIntentRetrieveParams',
    'payment_intents.search_all': 'PaymentIntentSearchParams',
    'payment_intents.update': 'PaymentIntentUpdateParams',
    'setup_intents.cancel': 'SetupIntentCancelParams',
    'setup_intents.confirm': 'SetupIntentConfirmParams',
    'setup_intents.create': 'SetupIntentCreateParams',
    'setup_intents.list_all': 'SetupIntentListParams',
    'setup_intents.retrieve': 'SetupIntentRetrieveParams',
    'refunds.create': 'RefundCreateParams',
    'refunds.list_all': 'RefundListParams',
    'refunds.update': 'RefundUpdateParams',
    'charges.list_all': 'ChargeListParams',
    'disputes.list_all': 'DisputeListParams',
    'disputes.update': 'DisputeUpdateParams',
    'files.create': 'FileCreateParams',
    'balance_transactions.list_all': 'BalanceTransactionListParams',
    'payouts.list_all': 'PayoutListParams',
    'events.list_all': 'EventListParams',
    'apple_pay_domains.create': 'ApplePayDomainCreateParams',
    'webhook_endpoints.create': 'WebhookEndpointCreateParams',
    'webhook_endpoints.list_all': 'WebhookEndpointListParams',
    'webhook_endpoints.update': 'WebhookEndpointUpdateParams',
}
# What Stripe knows though its library does not: what Stripe.js sends, and what newer versions of
# the API no longer take.
UNDECLARED = {
    'PaymentIntentConfirmParams.client_secret',
    'SetupIntentConfirmParams.client_secret',
    'PaymentIntentCreateParams.payment_method_types',
    'PaymentIntentUpdateParams.payment_method_types',
    'SetupIntentCreateParams.payment_method_types',
    'PaymentIntentCreateParamsPaymentMethodData.card',
    'PaymentIntentConfirmParamsPaymentMethodData.card',
    'PaymentIntentUpdateParamsPaymentMethodData.card',
    'SetupIntentCreateParamsPaymentMethodData.card',
    'SetupIntentConfirmParamsPaymentMethodData.card',
}


def route_name(route):
    return f'{route.function.__module__.rpartition(".")[2]}.{route.function.__name__}'


def undeclared(fields, class_name):
    """Return the parameters that Stripe's library does not declare."""
    declared = declarations(class_name)
    for name, parameter in fields.items():
        full_name = f'{class_name}.{name}'
        if name not in declared:
            if full_name not in UNDECLARED:
                yield full_name
            continue
        inner = parameter.item if isinstance(parameter, Array) else parameter
        nested = re.search(rf"{class_name}\w+", declared[name])
        if isinstance(inner, Hash) and inner.fields and nested:
            yield from undeclared(inner.fields, nested[0])


def declarations(class_name):
    """Return the parameters that a class of Stripe's library declares, with their types."""
    module_class = getattr(stripe.params, class_name[: class_name.index('Params')] + 'Params')
    module = importlib.import_module(module_class.__module__)
    annotations = getattr(module, class_name).__annotations__
    return {name: str(kind) for name, kind in annotations.items()}


def ask(gateway, method, path, *, key='sk_test_x', version='2019-05-16', **options):
    headers = {'Authorization': f'Bearer {key}', 'Stripe-Version': version}
    url = f'{gateway.url}/v1/{path}'
    return requests.request(method, url, headers=headers, timeout=10, **options)


def test_every_parameter_is_one_of_stripes():
    checked = set()
    for route in ROUTES:
        name = route_name(route)
        if name in PARAMS_CLASSES:
            assert list(undeclared(route.fields, PARAMS_CLASSES[name])) == []
            checked.add(name)
        else:
            assert route.fields.keys() <= {'expand'}, name
    assert checked == PARAMS_CLASSES.keys()


def test_what_is_required_is_required_by_stripe():
    required = {
        f'{name}.{field}'
        for route in ROUTES
        for name in [PARAMS_CLASSES.get(route_name(route))]
        for field, parameter in route.fields.items()
        if parameter.required and 'NotRequired' in declarations(name)[field]
    }
    # Their alternatives, which no one needs here: accounts as customers, copies of methods.
    assert required == {'PaymentMethodAttachParams.customer', 'PaymentMethodCreateParams.type'}


@pytest.mark.parametrize(
    ('key', 'message'),
    [('', "You did not provide"), ('sk_live_x', "Invalid API Key"), ('nonsense', "Invalid")],
)
def test_keys(gateway, key, message):
    answer = ask(gateway, 'GET', 'customers', key=key)
    assert answer.status_code == 401
    assert answer.json()['error']['message'].startswith(message)
    assert 'sk_live_x' not in answer.text


def test_basic_authentication(gateway):
    url = f'{gateway.url}/v1/customers'
    assert requests.get(url, auth=('sk_test_x', ''), timeout=10).status_code == 200


@pytest.mark.parametrize(
    ('changes', 'code', 'param'),
    [
        ({'nonsense': '1'}, 'parameter_unknown', 'nonsense'),
        ({'shipping[x]': '1', 'shipping[name]': "A"}, 'parameter_unknown', 'shipping[x]'),
        ({'amount': 'ten'}, 'parameter_invalid_integer', 'amount'),
        ({'amount': '10.00'}, 'parameter_invalid_integer', 'amount'),
        ({'amount': ''}, 'parameter_invalid_empty', 'amount'),
        ({'currency': None}, 'parameter_missing', 'currency'),
        ({'confirm': 'maybe'}, None, 'confirm'),
        ({'capture_method': 'later'}, None, 'capture_method'),
        ({'shipping': 'Paris'}, None, 'shipping'),
        ({'description[a]': '1'}, None, 'description'),
        ({'payment_method_types': 'card'}, None, 'payment_method_types'),
        ({'shipping[name]': "Ada"}, 'parameter_missing', 'shipping[address]'),
        ({'metadata[a]': 'x' * 501}, None, 'metadata[a]'),
        ({'metadata[' + 'k' * 41 + ']': '1'}, None, 'metadata'),
        ({'statement_descriptor': "BILLPRO"}, None, 'statement_descriptor'),
        ({'statement_descriptor_suffix': "123"}, None, 'statement_descriptor_suffix'),
        ({'customer': 'cus_x'}, 'resource_missing', 'customer'),
        ({'off_session': 'true'}, None, 'off_session'),
        ({'expand[]': 'nonsense'}, None, 'expand'),
        ({'expand[]': 'a.b.c.d.e'}, 'property_expansion_max_depth', 'expand'),
        ({'allowed_payment_method_types[]': 'card'}, 'parameter_unknown', None),
    ],
)
def test_parameters_that_are_refused(gateway, changes, code, param):
    body = {'amount': '1000', 'currency': 'eur'} | changes
    answer = ask(gateway, 'POST', 'payment_intents', data=body)
    assert answer.status_code == 400, answer.text
    error = answer.json()['error']
    assert error['type'] == 'invalid_request_error'
    assert error.get('code') == code
    assert param is None or error['param'] == param
    assert gateway.find_all('payment_intent') == []


def test_several_unknown_parameters(gateway):
    answer = ask(gateway, 'POST', 'customers', data={'a': '1', 'b': '1'})
    assert answer.json()['error']['message'] == "Received unknown parameters: a, b"


@pytest.mark.parametrize(
    ('path', 'code'),
    [
        ('payment_intents/pi_nothing', 'resource_missing'),
        ('refunds/re_nothing', 'resource_missing'),
        ('nonsense', None),
    ],
)
def test_what_is_not_found(gateway, path, code):
    answer = ask(gateway, 'GET', path)
    assert answer.status_code == 404
    assert answer.json()['error'].get('code') == code


def test_old_versions_have_lists(gateway):
    body = {'amount': '1000', 'currency': 'eur', 'payment_method': 'pm_card_visa'}
    made = ask(gateway, 'POST', 'payment_intents', data=body | {'confirm': 'true'}).json()
    [charge] = made['charges']['data']
    assert charge['id'] == made['latest_charge']
    assert charge['refunds']['data'] == []

    newer = ask(gateway, 'GET', f'payment_intents/{made["id"]}', version=NEWEST).json()
    assert 'charges' not in newer
    charge = ask(gateway, 'GET', f'charges/{made["latest_charge"]}', version=NEWEST).json()
    assert 'refunds' not in charge


def test_payment_method_types_by_version(gateway):
    def create(version, **changes):
        body = {'amount': '1000', 'currency': 'eur'} | changes
        return ask(gateway, 'POST', 'payment_intents', version=version, data=body).json()

    assert create('2019-05-16')['payment_method_types'] == ['card']
    assert create('2019-05-16', **{'payment_method_types[]': 'ideal'})['payment_method_types'] == [
        'ideal'
    ]
    assert create('2024-06-20')['automatic_payment_methods']['enabled']
    removed = create(NEWEST, **{'payment_method_types[]': 'card'})
    assert removed['error']['code'] == 'payment_method_types_no_longer_supported'
    allowed = create(NEWEST, **{'allowed_payment_method_types[]': 'card'})
    assert allowed['payment_method_types'] == ['card']
    assert allowed['automatic_payment_methods'] is None
    contradiction = {
        'allowed_payment_method_types[]': 'card',
        'automatic_payment_methods[enabled]': 'true',
    }
    assert 'only specify one' in create(NEWEST, **contradiction)['error']['message']
    returning = {'payment_method': 'pm_card_visa', 'confirm': 'true'}
    assert create(NEWEST, **returning)['error']['param'] == 'return_url'
    back = {'return_url': 'https://shop.example/'}
    assert create(NEWEST, **returning, **back)['status'] == 'succeeded'


def test_versions_that_do_not_exist(gateway):
    assert ask(gateway, 'GET', 'customers', version='tomorrow').status_code == 400
    assert ask(gateway, 'GET', 'customers', version='2011-01-01').status_code == 400


def test_private_fields_are_not_shown(gateway, client, saved_card, charge):
    customer, method = saved_card()
    intent = charge(customer, method, expand=['latest_charge', 'payment_method', 'customer'])
    assert '"_' not in str(intent)
    assert '4242424242424242' not in str(intent)
    assert intent.customer.name == "Azure Interior"


def test_lists_are_expanded(client, saved_card, charge):
    customer, method = saved_card()
    charge(customer, method)
    [intent] = client.v1.payment_intents.list({'expand': ['data.latest_charge']}).data
    assert intent.latest_charge.paid


def test_nested_parameters_are_read():
    assert parameters.parse('a[b][c]=1&d[]=2&d[]=3&e[0]=4&e[1][f]=5&g=') == {
        'a': {'b': {'c': '1'}},
        'd': {'0': '2', '1': '3'},
        'e': {'0': '4', '1': {'f': '5'}},
        'g': '',
    }


def test_browsers_may_ask_from_other_origins(gateway):
    answer = requests.options(f'{gateway.url}/v1/payment_intents', timeout=10)
    assert answer.status_code == 204
    assert answer.headers['Access-Control-Allow-Origin'] == '*'
    script = requests.get(gateway.script_url, timeout=10)
    assert 'window.Stripe' in script.text
    assert requests.get(f'{gateway.url}/nonsense', timeout=10).status_code == 404


def test_a_part_of_a_request_asks_nothing(gateway):
    """Its client was killed while it sent it."""
    url = urlsplit(gateway.url)
    with socket.create_connection((url.hostname, url.port), timeout=10) as client:
        client.sendall(
            b"POST /v1/customers HTTP/1.1\r\nHost: gateway\r\nContent-Length: 20\r\n"
            b"Authorization: Bearer sk_test_x\r\n\r\nname=A"
        )
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1000) == b''
    assert gateway.find_all('customer') == []
