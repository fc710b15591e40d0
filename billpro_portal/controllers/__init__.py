from . import (
    checkout,
    order_cancellation,
    order_cards,
    order_change,
    order_documents,
    order_notices,
    order_portal,
    order_recovery,
    stripe_webhook,
)
