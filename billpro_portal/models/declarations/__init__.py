"""What customers declare by law, with or without their order's link: withdrawal, cancellation."""

from . import (
    declaration,
    sale_order,
)
