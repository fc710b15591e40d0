from odoo import models
from odoo.exceptions import UserError

from ..billing.lifecycle import MERGEABLE, SKIPPABLE


class BillproBillingEvent(models.Model):
    """The dialogs in which staff change payments; what can't be changed is refused at once."""

    _inherit = 'billpro.billing.event'

    def action_open_reschedule(self):
        """Open the dialog that gives a payment another day or amount.

        :raise UserError: If it can't be changed.
        """
        self.ensure_one()
        self._check_can_be_opened(MERGEABLE)
        return self._open_dialog(
            'billpro.reschedule',
            self.env._("Reschedule Payment %s", self.display_name),
            event_id=self.id,
            day=max(self.order_id._get_date(self.due_date), self.order_id._get_today()),
            amount=self.amount,
        )

    def action_open_skip(self):
        """Open the dialog that leaves a payment out.

        :raise UserError: If it can't be skipped.
        """
        self.ensure_one()
        self._check_can_be_opened(SKIPPABLE)
        return self._open_dialog(
            'billpro.skip', self.env._("Skip Payment %s", self.display_name), event_id=self.id
        )

    def action_open_merge(self):
        """Open the dialog that merges payments of one order.

        :raise AccessError: If the user may not.
        :raise UserError: If they can't be merged.
        """
        self.order_id._check_billing_user()
        if len(self.order_id) != 1:
            raise UserError(self.env._("Only payments of the same order can be merged."))
        if len(self) < 2:
            raise UserError(self.env._("Choose at least two payments to merge."))
        self._check_can_be_opened(MERGEABLE)
        return self._open_merge_dialog()

    def _open_merge_dialog(self):
        order = self.order_id
        return self._open_dialog(
            'billpro.merge',
            self.env._("Merge Payments of %s", order.name),
            order_id=order.id,
            event_ids=self.ids,
            day=order._get_today(),
        )

    def _check_can_be_opened(self, statuses):
        """Check that the user may change the payments now.

        :param tuple[str] statuses: The statuses in which they may be changed.
        :raise AccessError: If the user may not.
        :raise UserError: If one of them can't be changed.
        """
        self.order_id._check_billing_user()
        for event in self.sudo():
            if refusal := event._get_refusal_to_change(statuses):
                raise UserError(refusal)

    def _open_dialog(self, model, name, **values):
        return {
            'type': 'ir.actions.act_window',
            'name': name,
            'res_model': model,
            'res_id': self.env[model].create(values).id,
            'view_mode': 'form',
            'target': 'new',
        }
