"""Lists that are made by a query."""

from . import (
    billing_exception,
    card_expiry,
    payment_transaction,
)
