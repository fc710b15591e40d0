"""The books: invoices, credit notes, taxes, deferred revenue."""

# Others in this room inherit it.
from . import order_report

from . import (
    account_move,
    account_move_line,
    account_tax,
    billing_event,
    deferral,
    deferral_report,
    payment_transaction,
    sale_order,
    sale_order_line,
)
