"""Orders and scheduled payments with their terms and statuses, and what purchase types answer."""

# Others in this room inherit it.
from . import purchase_features, purchase_type

from . import (
    billing_event,
    product_template,
    sale_order,
    sale_order_line,
)
