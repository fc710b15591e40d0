"""Notices to customers: kinds, queue, delivery, dates."""

from . import (
    mail_mail,
    notification,
    notification_kind,
    sale_order,
    sms_tracker,
)
