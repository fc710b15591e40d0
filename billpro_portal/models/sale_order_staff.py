from odoo import models
from odoo.tools import plaintext2html


class SaleOrder(models.Model):
    """Whom the jobs ask about an order when a person has to look: always somebody who is there."""

    _inherit = 'sale.order'

    def _billing_get_person_to_ask(self, without=None):
        """Return the salesperson, else the leader of the team, else whom the company has.

        :param res.users without: Who can't be asked, whatever they are.
        :rtype: res.users
        """
        self.ensure_one()
        order = self.sudo()
        people = (order.user_id | order.team_id.user_id)._billing_filter_staff(order.company_id)
        if without:
            people -= without
        return people[:1] or order.company_id._billing_get_person_to_ask(without=without)

    def _ask_staff(self, summary, note):
        """Give a person something to look at; once.

        :param str summary: What it is about, a line.
        :param str note: What happened and what to do, as plain text.
        :return: The activity, which they may have been given before.
        :rtype: mail.activity
        """
        self.ensure_one()
        given = self.activity_ids.filtered(lambda activity: activity.summary == summary)
        return given[:1] or self.activity_schedule(
            'mail.mail_activity_data_todo',
            summary=summary,
            note=plaintext2html(note),
            user_id=self._billing_get_person_to_ask().id,
        )
