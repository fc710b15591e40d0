"""Attempts to collect and to refund: whose they are, and how they end."""

# Others in this room inherit it.
from . import provider

from . import (
    billing_event,
    payment_provider,
    payment_transaction,
    provider_custom,
    provider_demo,
    provider_paypal,
    sale_order,
)
