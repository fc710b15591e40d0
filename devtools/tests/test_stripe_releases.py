"""What talks to Stripe works with the oldest release of its library; all tests have the newest."""

from odoo.addons.billpro_portal.tests.common.nightly import nightly

from devtools import stripe_releases


@nightly("The same tests with the newest release are for each change.")
def test_the_oldest_release(odoo):
    assert stripe_releases.run_oldest(odoo) == 0
