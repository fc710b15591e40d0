"""A payment gateway for tests and demos that answers as Stripe's API does, and keeps a ledger.

In a test::

    with FakeGateway() as gateway:
        client = stripe.StripeClient(gateway.secret_key, base_addresses={'api': gateway.url})
        gateway.faults.add('drop_after', path='/v1/payment_intents')
        ...
        assert len(gateway.ledger.payments(description="S00042-E1-A1")) == 1

As a program, steered by the routes of `control.py`::

    python -m fake_gateway --port 4242 --journal FILE

What Stripe would refuse is refused; what Stripe can and this gateway can't, is too. Only cards pay.
"""

from fake_gateway.gateway import FakeGateway

__all__ = ['FakeGateway']
