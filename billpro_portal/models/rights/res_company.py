from odoo import models
from odoo.tools import plaintext2html


class ResCompany(models.Model):
    """Whom the jobs of a company ask."""

    _inherit = 'res.company'

    def _billing_get_person_to_ask(self, without=None):
        """Return whom jobs ask when a person has to look and no order says who.

        :param res.users without: Who can't be asked, whatever they are.
        :return: A billing manager of the company, else an administrator.
        :rtype: res.users
        """
        self.ensure_one()
        for group in ('billpro_portal.group_billing_manager', 'base.group_system'):
            users = self.env.ref(group).sudo().all_user_ids._billing_filter_staff(self)
            if people := users - (without or users.browse()):
                return people.sorted('id')[0]
        return self.env.ref('base.user_root')

    def _billing_ask_staff(self, summary, note, user=None):
        """Give a person something to look at that is no order's own.

        :param str summary: What it is about, a line.
        :param str note: What happened and what to do, as plain text.
        :param res.users user: Who is asked, as long as they work for the company.
        :return: The activity.
        :rtype: mail.activity
        """
        self.ensure_one()
        person = (user and user._billing_filter_staff(self)) or self._billing_get_person_to_ask()
        return (
            self.env['mail.activity']
            .sudo()
            .create(
                {
                    'activity_type_id': self.env.ref('mail.mail_activity_data_todo').id,
                    'summary': summary,
                    'note': plaintext2html(note),
                    'user_id': person.id,
                }
            )
        )
