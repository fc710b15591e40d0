from . import (
    test_booking,
    test_checkout,
    test_documents,
    test_lifecycle,
    test_log_redaction,
    test_notification,
    test_order_access,
    test_order_link,
    test_order_link_tours,
    test_order_pages,
    test_purchase_type,
    test_refund,
)
