# The purchase types inherit it.
from . import purchase_type

# isort: split
from . import (
    account_move,
    billing_event,
    billing_run,
    billing_run_booking,
    consent,
    notification,
    payment_provider,
    payment_transaction,
    payment_transaction_attempt,
    payment_transaction_outcome,
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
    sale_order_schedule_pages,
    sale_order_terms,
)
