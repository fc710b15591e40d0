"""Orders that go on with others: renewed, reactivated, or handed over to another customer."""

from . import sale_order
