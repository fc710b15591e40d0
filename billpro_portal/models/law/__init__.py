"""What consumer law gives the customer of an order, and the words for it."""

from . import (
    product_template,
    sale_order,
)
