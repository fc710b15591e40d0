from . import cancel_subscription, order_link, pause, refund, take_payment
