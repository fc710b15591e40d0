from odoo import models


class ResUsers(models.Model):
    """Staff who leave: what they were asked about orders is left to those who stay."""

    _inherit = 'res.users'

    def write(self, vals):
        """Override of `base`: nothing waits for somebody who is archived."""
        if 'active' in vals and not vals['active']:
            self._billing_hand_over_activities()
        return super().write(vals)

    def action_archive(self):
        """Override of `mail`, which deletes what they have to do."""
        self._billing_hand_over_activities()
        return super().action_archive()

    def _billing_hand_over_activities(self):
        """Give others what the users were asked to do for orders with a purchase type."""
        activities = (
            self.env['mail.activity']
            .sudo()
            .search([('user_id', 'in', self.ids), ('res_model', '=', 'sale.order')])
        )
        for activity in activities:
            order = self.env['sale.order'].sudo().browse(activity.res_id).exists()
            if order.purchase_type:
                activity.user_id = order._billing_get_person_to_ask(without=self)

    def _billing_filter_staff(self, company):
        """Return the users who can look after something of a company.

        :param res.company company: The company.
        :rtype: res.users
        """
        return self.filtered(
            lambda user: user.active and not user.share and company in user.company_ids
        )
