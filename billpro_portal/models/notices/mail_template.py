from odoo import models

NOTICE_LAYOUT = 'billpro_portal.mail_layout'


class MailTemplate(models.Model):
    """Templates of mails to customers: those in our frame write dates as the pages do."""

    _inherit = 'mail.template'

    def _render_eval_context(self):
        """Override of `mail`: notices write dates in words, which everybody reads alike.

        The templates stand in databases, where users edit them: what they call stays.
        """
        values = super()._render_eval_context()
        if len(self) == 1 and self.email_layout_xmlid == NOTICE_LAYOUT:
            format_date = values['format_date']
            values['format_date'] = lambda value, date_format='long', lang_code=False: format_date(
                value, date_format, lang_code
            )
        return values
