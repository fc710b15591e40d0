# The purchase types inherit it.
from . import purchase_type

# isort: split
from . import (
    account_move,
    consent,
    notification,
    payment_transaction,
    product_template,
    purchase_instalment,
    purchase_metered,
    purchase_single,
    purchase_subscription,
    res_company,
    res_config_settings,
    sale_order,
    sale_order_line,
    sale_order_link,
    sale_order_pages,
)
