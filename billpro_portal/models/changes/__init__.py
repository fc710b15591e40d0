"""Changing a subscription: plan families, changes of plan and quantity, and what they come to."""

from . import (
    billing_event,
    change,
    discount,
    plan_family,
    price_increase,
    product_template,
    sale_order,
    sale_order_line,
)
