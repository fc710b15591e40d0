"""Web domains for Apple Pay, of which test mode registers none.

payment_stripe asks for it from the provider's form.
"""

from fake_gateway.parameters import EXPAND, Text

CREATE_FIELDS = {'domain_name': Text(required=True), **EXPAND}


def create(session, values):
    """Answer as test mode does: with a domain that is not live."""
    return session.create('apple_pay_domain', {'domain_name': values['domain_name']})
