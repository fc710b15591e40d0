from . import (
    checkout,
    declarations,
    order_cancellation,
    order_cards,
    order_documents,
    order_notices,
    order_portal,
    order_recovery,
    order_usage,
    stripe_webhook,
)
