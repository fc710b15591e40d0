from . import test_goods
from . import test_goods_alone
from . import test_goods_changes
from . import test_shipping
