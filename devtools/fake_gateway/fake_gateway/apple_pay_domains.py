"""Web domains for Apple Pay, of which test mode registers none.

payment_stripe asks for it from the provider's form.
"""

from __future__ import annotations

from fake_gateway.parameters import EXPAND, Fields, Text
from fake_gateway.records import Record, Values
from fake_gateway.store import Session

CREATE_FIELDS: Fields = {'domain_name': Text(required=True), **EXPAND}


def create(session: Session, values: Values) -> Record:
    """Answer as test mode does: with a domain that is not live."""
    return session.create('apple_pay_domain', {'domain_name': values['domain_name']})
