"""What customers see, ready to print; no state."""

from . import (
    billing_event,
    checkout_page,
    declaration_page,
    ir_actions_report,
    notice_rows,
    order_answer,
    order_attention,
    order_cards,
    order_change,
    order_confirmation,
    order_documents,
    order_home,
    order_leaving,
    order_page,
    order_payments,
    order_schedule,
    order_usage,
    page_words,
    payment_transaction,
    sale_order,
)
