import pytest
import stripe

from devtools import demos, odoo_server
from fake_gateway import FakeGateway


@pytest.fixture
def demo(monkeypatch, tmp_path):
    """Return a function that makes the Stripe demo on another port, with the same state."""
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path))

    def make():
        demo = demos.StripeDemo(odoo_server.free_port())
        demo.mark.parent.mkdir(parents=True, exist_ok=True)
        return demo

    return make


def ask(demo):
    return stripe.StripeClient(FakeGateway.secret_key, base_addresses={'api': demo.gateway})


def test_the_gateway_knows_what_it_did_before(demo):
    first = demo()
    with first.running(False):
        customer = ask(first).v1.customers.create({'name': "Anna"})
        url = first.address + demos.WEBHOOK_ROUTE
        ask(first).v1.webhook_endpoints.create({'url': url, 'enabled_events': ['*']})
    first.mark.write_text('{}')
    second = demo()
    with second.running(False):
        assert ask(second).v1.customers.retrieve(customer.id).name == "Anna"
        [endpoint] = ask(second).v1.webhook_endpoints.list()
        assert endpoint.url == second.address + demos.WEBHOOK_ROUTE
    third = demo()
    with third.running(True):
        assert ask(third).v1.customers.list().data == []


def test_a_new_database_begins_with_an_empty_gateway(demo):
    first = demo()
    with first.running(False):
        ask(first).v1.customers.create({})
    second = demo()
    with second.running(False):
        assert ask(second).v1.customers.list().data == []


def test_both_demos_can_live_side_by_side(demo):
    stripe_demo, demo_demo = demo(), demos.Demo(8069)
    for name in ('database', 'log_name', 'mark'):
        assert getattr(stripe_demo, name) != getattr(demo_demo, name)
    assert demo_demo.advice() == []
    advice = '\n'.join(stripe_demo.advice())
    for text in ('4242 4242 4242 4242', '3-D Secure', f'{stripe_demo.gateway}/_control/ledger'):
        assert text in advice
