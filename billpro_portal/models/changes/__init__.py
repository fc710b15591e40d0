"""Changing a subscription: plan, quantity, discounts, days and the end, and what they come to."""

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
