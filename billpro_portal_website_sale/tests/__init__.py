from . import test_shop_database
