"""What providers pay out, and disputes."""

from . import (
    dispute,
    payment_provider,
    payout,
    payout_line,
    provider,
    sale_order,
)
