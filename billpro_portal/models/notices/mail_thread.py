from odoo import api, models
from odoo.tools import html2plaintext


class MailThread(models.AbstractModel):
    """Mails of notices that come back: whoever was to be told wasn't."""

    _inherit = 'mail.thread'

    @api.model
    def _routing_handle_bounce(self, email_message, message_dict):
        """Override of `mail` to tell the notice, whose message is deleted when it was sent."""
        super()._routing_handle_bounce(email_message, message_dict)
        self.env['billpro.declaration']._follow_failed_receipts(
            message_dict['bounced_message'].sudo().mail_ids, is_tried_again=False
        )
        if references := message_dict['bounced_msg_ids']:
            reason = html2plaintext(message_dict.get('body') or '').strip()
            self.env['billpro.notification']._take_bounce(
                references, reason or self.env._("The mail came back.")
            )
