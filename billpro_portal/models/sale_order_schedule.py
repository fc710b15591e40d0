from odoo import api, fields, models
from odoo.exceptions import UserError

from ..billing.lifecycle import MERGEABLE


class SaleOrder(models.Model):
    """Staff's dialogs that change the schedule of an order."""

    _inherit = 'sale.order'

    billing_can_merge = fields.Boolean(compute='_compute_billing_can_merge', compute_sudo=True)

    @api.depends('billing_event_ids.status', 'billing_status', 'billing_collection_date')
    def _compute_billing_can_merge(self):
        for order in self:
            order.billing_can_merge = len(order._get_mergeable_events()) > 1

    def _get_mergeable_events(self):
        """Return the payments that staff may merge.

        :rtype: billpro.billing.event
        """
        self.ensure_one()
        return self.billing_event_ids.filtered(
            lambda event: event.sudo()._get_refusal_to_change(MERGEABLE) is False
        )

    def action_open_merge(self):
        """Open the dialog that merges payments.

        :raise UserError: If there are less than two.
        """
        self.ensure_one()
        self._check_billing_user()
        events = self._get_mergeable_events()
        if len(events) < 2:
            raise UserError(
                self.env._("Order %s has less than two payments that can be merged.", self.name)
            )
        return events._open_merge_dialog()
