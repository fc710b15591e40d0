from . import (
    payment_provider,
    payment_transaction,
    product_template,
    purchase_instalment,
    purchase_metered,
    purchase_subscription,
    purchase_type,
    sale_order,
    sale_order_line,
    website,
)
