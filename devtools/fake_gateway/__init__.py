"""A payment gateway for tests and demos that answers as Stripe's API does, and keeps a ledger."""

from devtools.fake_gateway.gateway import FakeGateway
