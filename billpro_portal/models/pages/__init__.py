"""What customers see, ready to print; no state."""

from . import (
    billing_event,
    ir_actions_report,
    payment_transaction,
    sale_order,
)
