# The dialogs inherit them.
from . import dialog
from . import agreed_dialog

# The dialogs.
from . import (
    adjust,
    cancel_subscription,
    capture,
    change_charge,
    change_plan,
    charge_card,
    follow_taxes,
    invoice_by_hand,
    merge,
    order_link,
    other_links,
    pause,
    pay_early,
    payout_import,
    refund,
    register_payment,
    reschedule,
    skip,
    sms_template_preview,
    succession,
    take_payment,
    transfer,
    unbilled_usage,
    void_usage,
)
