"""Who may do and write what, and who is asked. What decides about money nobody writes."""

from . import (
    account_move,
    account_move_line,
    account_payment,
    guarded_fields,
    ir_default,
    ir_http,
    mail_activity,
    own_context,
    own_fields,
    payment_token,
    payment_transaction,
    res_company,
    res_users,
    sale_order,
    sale_order_line,
)
