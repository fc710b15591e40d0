"""What customers see, ready to print; no state."""

from . import (
    billing_event,
    checkout_page,
    ir_actions_report,
    notice_rows,
    order_attention,
    order_cards,
    order_change,
    order_page,
    order_payments,
    payment_transaction,
    sale_order,
)
