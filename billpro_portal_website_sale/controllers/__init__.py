from . import shop_cart, shop_checkout, shop_payment
