"""Payments that are authorised first: capture and void."""

from . import (
    account_move,
    payment_provider,
    payment_transaction,
    sale_order,
)
