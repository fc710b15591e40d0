"""Notices to customers: kinds, queue, delivery, dates."""

from . import (
    billing_event,
    mail_mail,
    notification,
    notification_kind,
    payment_transaction,
    sale_order,
    sms_tracker,
)
