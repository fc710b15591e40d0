"""Cancelling a subscription, and undoing it."""

from . import (
    cancel_reason,
    leaving_offer,
    sale_order,
)
