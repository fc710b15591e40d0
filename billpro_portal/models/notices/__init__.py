"""Notices to customers: kinds, queue, delivery, dates."""

# The kinds inherit it.
from . import notice

from . import (
    mail_mail,
    notice_card,
    notice_order,
    notice_payment,
    notice_subscription,
    notification,
    notification_kind,
    sale_order,
    sms_tracker,
)
