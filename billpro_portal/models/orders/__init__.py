"""The order in people's hands: link, limits, totals, lists, completion."""

from . import (
    consent,
    payment_transaction,
    sale_order,
    sale_order_line,
)
