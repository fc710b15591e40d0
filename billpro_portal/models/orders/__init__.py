"""The order in people's hands: link, limits, totals, lists, completion."""

from . import (
    consent,
    payment_transaction,
    res_users,
    sale_order,
    sale_order_line,
    visit,
)
