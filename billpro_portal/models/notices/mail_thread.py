from odoo import api, models
from odoo.tools import html2plaintext


class MailThread(models.AbstractModel):
    """Mails of notices that come back: whoever was to be told wasn't."""

    _inherit = 'mail.thread'

    @api.model
    def _routing_handle_bounce(self, email_message, message_dict):
        """Override of `mail` to tell the notice, whose message is deleted when it was sent."""
        super()._routing_handle_bounce(email_message, message_dict)
        if not _is_undelivered(email_message):
            return
        self.env['billpro.declaration']._follow_failed_receipts(
            message_dict['bounced_message'].sudo().mail_ids, is_tried_again=False
        )
        if references := message_dict['bounced_msg_ids']:
            reason = html2plaintext(message_dict.get('body') or '').strip()
            self.env['billpro.notification']._take_bounce(
                references, reason or self.env._("The mail came back.")
            )


def _is_undelivered(email_message):
    """Return whether what Odoo takes for a bounce says that a mail reached nobody.

    Mail servers also report that they go on trying, or that it was delivered, and mail programs
    that it was read. One that names no action has nothing else to tell.

    :param email.message.EmailMessage email_message: The report.
    :rtype: bool
    """
    parts = {part.get_content_type(): part for part in email_message.walk()}
    if 'message/disposition-notification' in parts:
        return False
    report = parts.get('message/delivery-status')
    blocks = report.walk() if report else ()
    actions = {str(block['Action']).strip().lower() for block in blocks if block['Action']}
    return not actions or 'failed' in actions
