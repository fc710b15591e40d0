import pytest
import stripe

from devtools.tests.test_fake_gateway_payments import authenticate

SETUP = {'allowed_payment_method_types': ['card']}


@pytest.fixture
def browser(gateway):
    """Stripe's library with the publishable key, as far as that goes."""
    http_client = stripe.RequestsClient()
    yield stripe.StripeClient(
        gateway.publishable_key, base_addresses={'api': gateway.url}, http_client=http_client
    )
    http_client.close()


def test_customers(client):
    customer = client.v1.customers.create(
        {'name': "Ada", 'email': "ada@example.com", 'address': {'city': "Paris"}}
    )
    assert client.v1.customers.retrieve(customer.id).address.city == "Paris"
    changed = client.v1.customers.update(customer.id, {'name': "Ada L.", 'email': ''})
    assert (changed.name, changed.email) == ("Ada L.", None)
    assert [one.id for one in client.v1.customers.list()] == [customer.id]

    assert client.v1.customers.delete(customer.id).deleted
    assert client.v1.customers.retrieve(customer.id).deleted
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.customers.update(customer.id, {'name': "Ada"})
    assert (raised.value.http_status, raised.value.code) == (404, 'resource_missing')


@pytest.mark.parametrize('email', ["ada", "ada@", "ada@localhost", "a da@example.com", "adä@b.be"])
def test_refused_addresses(client, email):
    """Stripe documentation, "Error codes": `email_invalid`."""
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.customers.create({'name': "Ada", 'email': email})
    assert (raised.value.code, raised.value.param) == ('email_invalid', 'email')
    customer = client.v1.customers.create({'name': "Ada"})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.update(customer.id, {'email': email})


def test_cards_are_attached_listed_and_detached(client, saved_card, charge):
    customer, method = saved_card('pm_card_mastercard')
    second = client.v1.payment_methods.attach('pm_card_mastercard', {'customer': customer.id})
    assert method.card.fingerprint == second.card.fingerprint
    assert method.id != second.id
    for found in (
        client.v1.payment_methods.list({'customer': customer.id, 'type': 'card'}),
        client.v1.customers.payment_methods.list(customer.id),
    ):
        assert [one.id for one in found] == [second.id, method.id]

    assert client.v1.payment_methods.detach(method.id).customer is None

    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        client.v1.payment_methods.attach(method.id, {'customer': customer.id})
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        charge(customer, method)


def test_declined_cards_cant_be_attached(client):
    customer = client.v1.customers.create({})
    with pytest.raises(stripe.CardError) as raised:
        client.v1.payment_methods.attach(
            'pm_card_visa_chargeDeclinedLostCard', {'customer': customer.id}
        )
    assert raised.value.error.decline_code == 'lost_card'
    assert client.v1.customers.payment_methods.list(customer.id).data == []


def test_card_numbers_are_for_browsers_only(client, browser):
    card = {'number': '4000000000000341', 'exp_month': '12', 'exp_year': '34', 'cvc': '123'}
    with pytest.raises(stripe.CardError, match="unsafe"):
        client.v1.payment_methods.create({'type': 'card', 'card': card})
    method = browser.v1.payment_methods.create({'type': 'card', 'card': card})
    assert (method.card.last4, method.card.exp_year) == ('0341', 2034)


@pytest.mark.parametrize(
    ('wrong', 'code'),
    [
        ({'number': '4242424242424241'}, 'incorrect_number'),
        ({'number': '4539578763621486'}, 'card_declined'),
        ({'exp_month': 13}, 'invalid_expiry_month'),
        ({'exp_year': 1995}, 'invalid_expiry_year'),
        ({'cvc': '99'}, 'invalid_cvc'),
    ],
)
def test_invalid_card_data(browser, wrong, code):
    card = {'number': '4242424242424242', 'exp_month': 12, 'exp_year': 2034, 'cvc': '123'}
    with pytest.raises(stripe.CardError) as raised:
        browser.v1.payment_methods.create({'type': 'card', 'card': card | wrong})
    assert raised.value.code == code


def test_browsers_can_do_little(client, browser):
    with pytest.raises(stripe.AuthenticationError) as raised:
        browser.v1.customers.create({})
    assert raised.value.error.code == 'secret_key_required'
    intent = client.v1.setup_intents.create(SETUP)
    with pytest.raises(stripe.InvalidRequestError):
        browser.v1.setup_intents.retrieve(intent.id, {'client_secret': 'seti_wrong'})
    with pytest.raises(stripe.InvalidRequestError):
        browser.v1.setup_intents.retrieve(intent.id)
    found = browser.v1.setup_intents.retrieve(intent.id, {'client_secret': intent.client_secret})
    assert found.id == intent.id


def test_a_card_is_set_up(gateway, client, charge):
    customer = client.v1.customers.create({})
    intent = client.v1.setup_intents.create(SETUP | {'customer': customer.id})
    intent = client.v1.setup_intents.confirm(
        intent.id,
        {'payment_method': 'pm_card_authenticationRequiredOnSetup', 'expand': ['payment_method']},
    )
    assert intent.status == 'requires_action'
    assert intent.payment_method.card.last4 == '3155'

    authenticate(gateway, intent)

    intent = client.v1.setup_intents.retrieve(intent.id, {'expand': ['payment_method']})
    assert intent.status == 'succeeded'
    assert intent.payment_method.customer == customer.id
    assert gateway.ledger.movements() == []
    assert charge(customer, intent.payment_method).status == 'succeeded'


def test_a_setup_that_fails(gateway, client):
    intent = client.v1.setup_intents.create(SETUP)
    with pytest.raises(stripe.CardError) as raised:
        client.v1.setup_intents.confirm(
            intent.id, {'payment_method': 'pm_card_visa_chargeDeclinedInsufficientFunds'}
        )
    assert raised.value.error.setup_intent.last_setup_error.decline_code == 'insufficient_funds'

    intent = client.v1.setup_intents.confirm(
        intent.id, {'payment_method': 'pm_card_authenticationRequired'}
    )
    authenticate(gateway, intent, 'fail')
    intent = client.v1.setup_intents.retrieve(intent.id)
    assert intent.last_setup_error.code == 'setup_intent_authentication_failure'
    assert client.v1.setup_intents.cancel(intent.id).status == 'canceled'
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.setup_intents.confirm(intent.id, {'payment_method': 'pm_card_visa'})
    assert refused.value.code == 'setup_intent_unexpected_state'


def test_indian_cards_get_a_mandate(client, charge):
    options = {
        'reference': "S1",
        'amount': 150000,
        'amount_type': 'maximum',
        'currency': 'eur',
        'start_date': 1760000000,
        'interval': 'sporadic',
        'supported_types': ['india'],
    }
    made = []
    for payment_method in ('pm_card_in', 'pm_card_visa'):
        customer = client.v1.customers.create({})
        intent = client.v1.setup_intents.create(
            SETUP
            | {
                'customer': customer.id,
                'payment_method': payment_method,
                'payment_method_options': {'card': {'mandate_options': options}},
                'confirm': True,
                'expand': ['payment_method'],
            }
        )
        made.append((customer, intent))
    (customer, with_mandate), (other, without_mandate) = made
    assert without_mandate.mandate is None
    mandate = client.v1.mandates.retrieve(with_mandate.mandate)
    assert (mandate.status, mandate.payment_method) == ('active', with_mandate.payment_method.id)
    assert charge(customer, with_mandate.payment_method, mandate=mandate.id).status == 'succeeded'
    with pytest.raises(stripe.InvalidRequestError) as raised:
        charge(other, without_mandate.payment_method, mandate=mandate.id)
    assert raised.value.code == 'payment_intent_mandate_invalid'


def test_payment_method_update(client, saved_card):
    _customer, method = saved_card()
    changed = client.v1.payment_methods.update(
        method.id,
        {'card': {'exp_month': 1, 'exp_year': 2040}, 'billing_details': {'name': "Ada"}},
    )
    assert (changed.card.exp_month, changed.card.exp_year) == (1, 2040)
    assert changed.billing_details.name == "Ada"


def test_a_stored_card_is_lost_one_day(client, gateway, saved_card, charge):
    customer, method = saved_card('pm_card_visa')
    assert charge(customer, method).status == 'succeeded'
    gateway.treat_card_as(method.id, '4000 0000 0000 9987')
    with pytest.raises(stripe.CardError) as raised:
        charge(customer, method)
    assert raised.value.error.decline_code == 'lost_card'
    assert client.v1.payment_methods.retrieve(method.id).card.last4 == '4242'
    assert len(gateway.ledger.movements(kind='charge')) == 1
