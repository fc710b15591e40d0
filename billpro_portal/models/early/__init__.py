"""Paying before the day: the next payment, or all instalments that are left."""

from . import sale_order
