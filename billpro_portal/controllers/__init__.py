from . import (
    checkout,
    order_cancellation,
    order_cards,
    order_documents,
    order_portal,
    order_recovery,
)
