from . import (
    cancel_subscription,
    order_link,
    pause,
    refund,
    reschedule,
    sms_template_preview,
    take_payment,
)
