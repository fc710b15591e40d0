from . import test_shop_cart, test_shop_checkout
