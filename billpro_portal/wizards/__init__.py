from . import (
    cancel_subscription,
    capture,
    order_link,
    pause,
    refund,
    reschedule,
    sms_template_preview,
    take_payment,
)
