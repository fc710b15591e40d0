from . import (
    checkout,
    lost_link,
    order_cancellation,
    order_cards,
    order_change,
    order_documents,
    order_home,
    order_notices,
    order_portal,
    order_recovery,
    order_usage,
    stripe_webhook,
)
