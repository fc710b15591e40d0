from . import cancel_subscription, order_link, pause, refund, sms_template_preview, take_payment
