"""The books: invoices, credit notes, taxes, deferred revenue."""

# Others in this room inherit it.
from . import order_report

from . import (
    account_analytic_distribution_model,
    account_fiscal_position,
    account_move,
    account_payment,
    account_tax,
    billing_event,
    deferral,
    deferral_report,
    payment_transaction,
    sale_order,
    sale_order_line,
)
