"""What talks to Stripe works with the oldest release of its library; all tests have the newest."""

from devtools import stripe_releases


def test_the_oldest_release(odoo):
    assert stripe_releases.run_oldest(odoo) == 0
