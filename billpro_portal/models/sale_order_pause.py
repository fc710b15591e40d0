from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..billing.declines import NEEDS_CARD
from ..billing.lifecycle import DECLINED


class SaleOrder(models.Model):
    """Pausing a subscription, by hand or until a date: its payments wait."""

    _inherit = 'sale.order'

    billing_pause_until = fields.Date(
        string="Paused Until",
        readonly=True,
        copy=False,
        help="The day on which it goes on by itself; empty: until somebody resumes it.",
    )

    def _can_be_paused(self):
        """Return whether the order can be paused now.

        :rtype: bool
        """
        self.ensure_one()
        return bool(
            self.purchase_type
            and self._get_purchase()._can_be_paused()
            and self.billing_status in {'active', 'failed', 'suspended'}
            and not self.billing_cancel_date
        )

    def _pause(self, until=False):
        """Pause the subscription: nothing is charged until it is resumed.

        :param datetime.date until: The day on which it goes on, in the customer's calendar.
        :raise UserError: If it can't be paused or the day has passed.
        """
        self.ensure_one()
        self._lock_billing()
        if not self._can_be_paused():
            raise UserError(self.env._("Order %s can't be paused.", self.name))
        if until and until <= self._get_today():
            raise UserError(self.env._("Choose a day in the future."))
        self._withdraw_unsent_attempts()
        self.write(
            {
                'billing_pause_until': until,
                'billing_collection_date': False,
                'billing_collection_amount': 0,
            }
        )
        # What fell due before is owed, whatever comes after.
        self.billing_event_ids.filtered(
            lambda event: event.status == 'scheduled' and event.due_date > fields.Datetime.now()
        )._apply_trigger('pause')
        self._apply_billing_trigger(
            'pause',
            self.env._("The subscription was paused until %s.", format_date(self.env, until))
            if until
            else self.env._("The subscription was paused."),
        )
        self.env['billpro.notification']._queue(
            'paused', self, f'order-{self.id}-{fields.Datetime.now()}'
        )

    def _resume(self):
        """Go on with a paused subscription.

        A period that began during the pause isn't charged: the waiting payment moves to the next
        one. The order is again what its other payments make of it.

        :raise UserError: If the order isn't paused.
        """
        self.ensure_one()
        self._lock_billing()
        if self.billing_status != 'paused':
            raise UserError(self.env._("Order %s is not paused.", self.name))
        self.billing_pause_until = False
        self._apply_billing_trigger(
            self._get_resume_trigger(), self.env._("The subscription was resumed.")
        )
        waiting = self.billing_event_ids.filtered(lambda event: event.status == 'paused')
        waiting._apply_trigger('resume')
        for event in waiting.filtered(lambda event: event.due_date <= fields.Datetime.now()):
            values = self._get_purchase()._prepare_event_after_pause(event)
            others = (self.billing_event_ids - event).mapped('number')
            if values is None or values.get('number') in others:
                event._apply_trigger('cancel')
            else:
                event._discard_draft_invoices()
                event.write(values)
        self.env['billpro.billing.run']._update_orders(self)
        self.env['billpro.notification']._queue(
            'resumed', self, f'order-{self.id}-{fields.Datetime.now()}'
        )

    def _get_resume_trigger(self):
        declined = self.billing_event_ids.filtered(lambda event: event.status in DECLINED)
        if any(
            event.retry_verdict == NEEDS_CARD
            or (self.company_id.billing_auto_suspend and event._is_given_up())
            for event in declined
        ):
            return 'resume_suspended'
        return 'resume_failed' if declined else 'resume_active'

    # === STAFF === #

    def action_open_pause(self):
        """Open the dialog that pauses the subscription.

        :raise UserError: If it can't be paused.
        """
        self.ensure_one()
        if not self._can_be_paused():
            raise UserError(self.env._("Order %s can't be paused.", self.name))
        wizard = self.env['billpro.pause'].create({'order_id': self.id})
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Pause Subscription"),
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }

    def action_resume(self):
        """Go on with a paused subscription, for staff.

        :raise AccessError: If the user may not.
        :raise UserError: If the order isn't paused.
        """
        self._check_billing_user()
        self.sudo()._resume()
