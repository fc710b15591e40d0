from functools import partial

from odoo import models

from .notification import RETRIED_FAILURES


class MailMail(models.Model):
    """Mails of notices and receipts: what becomes of them is written back, or staff are told."""

    _inherit = 'mail.mail'

    def _postprocess_sent_message(
        self, success_pids, success_emails, failure_reason=False, failure_type=None
    ):
        """Override of `mail` to write back what became of the mails of customer notices."""
        notices = self.env['billpro.notification']._find_by_messages(self.mail_message_id)
        # Sent mails are deleted along with their messages.
        reasons = {mail.mail_message_id: failure_reason or mail.failure_reason for mail in self}
        for notice in notices:
            # The mail is sent: Odoo would take an error for one of its mail server, or send no
            # more mails.
            self.env['billpro.own.transaction']._is_survived(
                notice,
                'send',
                partial(notice._take_outcome, failure_type, reasons[notice.message_id]),
            )
        if failure_type:
            self.env['billpro.declaration']._follow_failed_receipts(
                self, is_tried_again=failure_type in RETRIED_FAILURES
            )
        return super()._postprocess_sent_message(
            success_pids, success_emails, failure_reason=failure_reason, failure_type=failure_type
        )
