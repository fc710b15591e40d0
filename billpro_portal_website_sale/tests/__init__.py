from . import test_shop_cart, test_shop_checkout, test_shop_rewards, test_shop_tours
