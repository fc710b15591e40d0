from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ...billing.actions import EventAction, OrderAction, OrderRefusal
from ...billing.calendar import due_datetime
from ...billing.lifecycle import IN_FLIGHT, OPEN
from ...billing.standing import get_resume_trigger


class SaleOrder(models.Model):
    """Pausing a subscription, and the dialogs in which staff change its schedule."""

    _inherit = 'sale.order'

    billing_pause_until = fields.Date(
        string="Paused Until",
        readonly=True,
        copy=False,
        help="The day on which it goes on by itself; empty: until somebody resumes it.",
    )
    billing_paused_date = fields.Datetime(
        string="Paused On", readonly=True, copy=False, help="When it was last paused."
    )
    billing_resumed_date = fields.Datetime(
        string="Resumed On",
        readonly=True,
        copy=False,
        help="When it last went on: no period that began since it was paused is charged.",
    )
    billing_can_merge = fields.Boolean(compute='_compute_billing_can_merge', compute_sudo=True)

    def _billing_can_be_paused(self):
        """Return whether the order can be paused now.

        :rtype: bool
        """
        return not self._get_billing_refusal_of(OrderAction.PAUSE)

    def _billing_pause(self, until=False):
        """Pause the subscription: nothing is charged until it is resumed.

        :param datetime.date until: The day on which it goes on, in the customer's calendar.
        :raise UserError: If it can't be paused or the day has passed.
        """
        self.ensure_one()
        self._lock_billing()
        if not self._billing_can_be_paused():
            raise UserError(self.env._("Order %s can't be paused.", self.name))
        if until and until <= self._billing_get_today():
            raise UserError(self.env._("Choose a day in the future."))
        self._billing_withdraw_unsent_attempts()
        self.write(
            {
                'billing_pause_until': until,
                'billing_paused_date': fields.Datetime.now(),
                'billing_resumed_date': False,
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

    def _billing_resume(self):
        """Go on with a paused subscription.

        No period that began during the pause is charged, whatever became of payments before: what
        waits moves to the next one. The order is again what its other payments make of it.

        :raise UserError: If the order isn't paused.
        """
        self.ensure_one()
        self._lock_billing()
        refusal = self._get_billing_refusal_of(OrderAction.RESUME)
        # It goes on by itself, too, and then is over on the last day of what is cancelled.
        if refusal not in {None, OrderRefusal.CANCELLED}:
            raise UserError(self.env._("Order %s is not paused.", self.name))
        now = fields.Datetime.now()
        self.write({'billing_pause_until': False, 'billing_resumed_date': now})
        self._apply_billing_trigger(
            get_resume_trigger(self.billing_event_ids._get_facts_for_order()),
            self.env._("The subscription was resumed."),
        )
        waiting = self.billing_event_ids.filtered(lambda event: event.status == 'paused')
        waiting._apply_trigger('resume')
        self._billing_leave_out_paused_periods(
            waiting.filtered(lambda event: event.due_date <= now)
        )
        last = self.billing_event_ids.sorted('number')[-1:]
        last.filtered(lambda event: event.status == 'cancelled')._schedule_next_events()
        self.billing_next_event_id._take_up_added_lines()
        self._billing_follow_payments()
        self.env['billpro.notification']._queue('resumed', self, f'order-{self.id}-{now}')

    def _billing_leave_out_paused_periods(self, overtaken):
        """Charge nothing for the periods that began while the order was paused.

        :param billpro.billing.event overtaken: Payments that fell due while they waited.
        """
        for event in self.billing_event_ids.filtered(
            lambda event: event.status in OPEN - IN_FLIGHT
        ):
            if event.merged_event_ids:
                event._leave_out_merged(
                    event._get_leaves().filtered(lambda leaf: leaf._is_of_paused_period())
                )
            elif event in overtaken or event._is_of_paused_period():
                event._move_behind_pause()

    def _billing_was_paused_on(self, day):
        """Return whether what is due on a day fell due during the last pause, which is over.

        :param datetime.date day: The day, in the customer's calendar.
        :rtype: bool
        """
        self.ensure_one()
        begin, end = self.billing_paused_date, self.billing_resumed_date
        return bool(begin and end) and begin < due_datetime(day, self._get_time_zone()) <= end

    # === STAFF === #

    def action_open_pause(self):
        """Open the dialog that pauses the subscription.

        :raise UserError: If it can't be paused.
        """
        self.ensure_one()
        if not self._billing_can_be_paused():
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
        :raise UserError: If the order isn't paused, or is cancelled.
        """
        self._check_billing_user()
        if self._get_billing_refusal_of(OrderAction.RESUME) is OrderRefusal.CANCELLED:
            raise UserError(
                self.env._("Order %s is cancelled: undo the cancellation first.", self.name)
            )
        self.sudo()._billing_resume()

    # === SCHEDULE === #

    @api.depends('billing_event_ids.status', 'billing_status', 'billing_collection_date')
    def _compute_billing_can_merge(self):
        for order in self:
            order.billing_can_merge = len(order._billing_get_mergeable_events()) > 1

    def _billing_get_mergeable_events(self):
        """Return the payments that staff may merge.

        :rtype: billpro.billing.event
        """
        self.ensure_one()
        return self.billing_event_ids.filtered(lambda event: not event._refuse(EventAction.MERGE))

    def action_open_merge(self):
        """Open the dialog that merges payments.

        :raise UserError: If there are less than two.
        """
        self.ensure_one()
        self._check_billing_user()
        events = self._billing_get_mergeable_events()
        if len(events) < 2:
            raise UserError(
                self.env._("Order %s has less than two payments that can be merged.", self.name)
            )
        return events._open_merge_dialog()
