from odoo import models


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
