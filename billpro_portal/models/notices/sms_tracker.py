from functools import partial

from odoo import models

DELIVERED = frozenset({'process', 'pending', 'sent'})
FAILED = frozenset({'exception', 'bounce', 'canceled'})


class SmsTracker(models.Model):
    """Text messages of notices: what becomes of them is written back to the notice."""

    _inherit = 'sms.tracker'

    def _update_sms_notifications(
        self, notification_status, failure_type=False, failure_reason=False
    ):
        """Override of `sms` to write back what became of the text messages of customer notices."""
        super()._update_sms_notifications(
            notification_status, failure_type=failure_type, failure_reason=failure_reason
        )
        notices = self.env['billpro.notification']._find_by_messages(
            self.mail_notification_id.mail_message_id
        )
        if notification_status in DELIVERED:
            outcome = (False, False)
        elif notification_status in FAILED:
            labels = dict(
                self.env['mail.notification']
                ._fields['failure_type']
                ._description_selection(self.env)
            )
            reason = failure_reason or labels.get(failure_type) or self.env._("It was cancelled.")
            outcome = (failure_type or 'canceled', reason)
        else:
            return
        for notice in notices:
            # The provider has them: what fails here is none of the other messages' business.
            self.env['billpro.own.transaction']._is_survived(
                notice, 'send', partial(notice._take_outcome, *outcome)
            )
