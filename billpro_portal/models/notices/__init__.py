"""Notices to customers: kinds, queue, delivery, dates."""

# The kinds inherit it.
from . import notice

from . import (
    billing_event,
    confirmation_code,
    ir_qweb,
    link_request,
    mail_mail,
    mail_template,
    mail_thread,
    notice_card,
    notice_order,
    notice_payment,
    notice_subscription,
    notice_usage,
    notification,
    notification_kind,
    sale_order,
    sale_order_line,
    sms_tracker,
)
