"""Declines, retries and suspension."""

from . import (
    billing_event,
    payment_transaction,
    sale_order,
)
