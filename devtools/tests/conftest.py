import pytest
import stripe

from devtools import odoo_server, postgresql, python_environment
from fake_gateway import FakeGateway


@pytest.fixture(scope='session')
def odoo():
    """An Odoo of its own, in processes of its own: the one that pytest runs in is in use."""
    environment = python_environment.prepare(python_environment.ODOO_REQUIREMENTS)
    with postgresql.Cluster(environment).running() as cluster:
        odoo = odoo_server.Odoo(odoo_server.find_source(), environment, cluster)
        odoo.has_few_rows = True
        yield odoo


@pytest.fixture
def gateway():
    with FakeGateway() as gateway:
        yield gateway


@pytest.fixture
def client(gateway):
    """Stripe's own library, talking to the gateway."""
    http_client = stripe.RequestsClient()
    yield stripe.StripeClient(
        gateway.secret_key,
        base_addresses={'api': gateway.url},
        http_client=http_client,
        max_network_retries=0,
    )
    http_client.close()


@pytest.fixture
def saved_card(client):
    """Return a function that saves a test card for a new customer."""

    def save(payment_method='pm_card_visa'):
        customer = client.v1.customers.create({'name': "Azure Interior"})
        method = client.v1.payment_methods.attach(payment_method, {'customer': customer.id})
        return customer, method

    return save


@pytest.fixture
def charge(client):
    """Return a function that charges a saved card while its customer is away."""

    def charge_saved(customer, method, *, key=None, **values):
        return client.v1.payment_intents.create(
            {
                'amount': 1000,
                'currency': 'eur',
                'customer': customer.id,
                'payment_method': method.id,
                'allowed_payment_method_types': ['card'],
                'confirm': True,
                'off_session': True,
                **values,
            },
            {'idempotency_key': key} if key else {},
        )

    return charge_saved
