"""The charge run: open, charge, book; what is unknown; what is charged by hand."""

from . import (
    batch,
    billing_event,
    billing_run,
    books,
    payment_transaction,
    sale_order,
    usage_period,
)
