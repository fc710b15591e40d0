from . import order_link, refund
