from . import order_link, refund, take_payment
