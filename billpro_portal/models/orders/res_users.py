from odoo import models

from ...billing.lifecycle import LIVE


class ResUsers(models.Model):
    """Customers who delete their account: their orders go on, and somebody has to know."""

    _inherit = 'res.users'

    def _deactivate_portal_user(self, **post):
        """Override of `base` to have staff ask who has left what becomes of the live orders."""
        orders = (
            self.env['sale.order']
            .sudo()
            .search(
                [
                    ('partner_id', 'in', self.partner_id.ids),
                    ('billing_status', 'in', list(LIVE)),
                ]
            )
        )
        res = super()._deactivate_portal_user(**post)
        for order in orders:
            note = self.env._(
                "%s has deleted the account with which they logged in. The order goes on, and is"
                " charged as before: ask whether it should. Its link still works.",
                order.partner_id.display_name,
            )
            order._message_log(body=note)
            order._billing_ask_staff(
                'account-deleted',
                self.env._("Customer has deleted their account: %s", order.name),
                note,
            )
        return res
