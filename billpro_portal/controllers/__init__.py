from . import (
    checkout,
    order_cancellation,
    order_cards,
    order_change,
    order_documents,
    order_notices,
    order_portal,
    order_recovery,
    order_schedule,
    order_usage,
    stripe_webhook,
)
