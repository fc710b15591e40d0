"""Stored cards."""

from . import (
    payment_provider,
    payment_token,
    payment_transaction,
    sale_order,
)
