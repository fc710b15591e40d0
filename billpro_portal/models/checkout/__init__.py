"""The initial payment: what is shown, agreed to and asked for."""

# Others in this room inherit it.
from . import purchase_type

from . import (
    payment_transaction,
    sale_order,
)
