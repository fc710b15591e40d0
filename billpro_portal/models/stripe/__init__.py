"""What is Stripe's alone: requests, webhook events, look-ups."""

from . import (
    payment_provider,
    payment_token,
    payment_transaction,
    payout,
    provider_stripe,
    webhook_event,
)
