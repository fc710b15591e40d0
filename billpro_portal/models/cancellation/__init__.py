"""Cancelling a subscription, and undoing it."""

from . import (
    cancel_reason,
    sale_order,
)
