"""What staff do with scheduled payments: skip, merge, move, pause."""

from . import (
    billing_event,
    sale_order,
)
