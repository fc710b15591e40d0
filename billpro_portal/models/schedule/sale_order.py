from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ...billing.actions import EventAction, OrderAction, OrderRefusal
from ...billing.calendar import due_datetime
from ...billing.lifecycle import IN_FLIGHT, OPEN
from ...billing.standing import get_resume_trigger

# In which a customer pauses once, and skips as often as the company allows.
A_YEAR = timedelta(days=365)


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
    billing_customer_paused_date = fields.Datetime(
        string="Paused by Customer On",
        readonly=True,
        copy=False,
        help="When the customer last paused it on its page.",
    )
    billing_can_merge = fields.Boolean(compute='_compute_billing_can_merge', compute_sudo=True)

    def _billing_can_be_paused(self):
        """Return whether the order can be paused now.

        :rtype: bool
        """
        return not self._get_billing_refusal_of(OrderAction.PAUSE)

    def _billing_check_can_pause(self, until=False):
        """Check that the subscription can be paused now.

        :param datetime.date until: The day on which it goes on, in the customer's calendar.
        :raise UserError: If it can't be paused or the day has passed.
        """
        self.ensure_one()
        if refusal := self._get_billing_refusal_of(OrderAction.PAUSE):
            raise UserError(
                self.env._(
                    "Order %(order)s can't be paused: %(reason)s",
                    order=self.name,
                    reason=self._billing_describe_refusal(refusal),
                )
            )
        if until and until <= self._billing_get_today():
            raise UserError(self.env._("Choose a day in the future."))
        self._billing_check_can_wait()

    def _billing_pause(self, until=False):
        """Pause the subscription: nothing is charged until it is resumed.

        :param datetime.date until: The day on which it goes on, in the customer's calendar.
        :raise UserError: If it can't be paused or the day has passed.
        """
        self.ensure_one()
        self._lock_billing()
        self._billing_check_can_pause(until)
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

    # === CUSTOMERS === #

    def _billing_get_refusal_to_schedule_by_customer(self):
        """Return why customers can't change the next payment now, whatever the company allows.

        :return: The reason, or False if they can.
        :rtype: str|bool
        """
        self.ensure_one()
        event = self._billing_get_next_period_event()
        if self.billing_status != 'active' or self._billing_get_outstanding_events():
            return self.env._("Please pay what is outstanding first.")
        if self._billing_is_collection_under_way() or self.billing_event_ids.filtered(
            lambda event: event.status in OPEN and event._is_optional()
        ):
            return self.env._("A payment of the order is being processed. Please wait for it.")
        if (
            not event.period_end  # Instalments are for no period that could be left out.
            or event.due_date <= fields.Datetime.now()
            or self._billing_is_collection_over()
        ):
            return self.env._("No payment is to come that could wait.")
        open_events = self.billing_event_ids.filtered(lambda event: event.status in OPEN)
        if min(open_events.mapped('due_date')) < event.due_date:  # Staff have merged or added some.
            return self.env._("Please contact us: another payment is due before.")
        if planned := self._billing_get_planned_interval():
            return self.env._(
                "Take back the change that is planned first: %s.", planned._describe()
            )
        return False

    def _billing_get_refusal_to_pause_by_customer(self):
        """Return why customers can't pause the subscription now.

        :return: The reason, or False if they can.
        :rtype: str|bool
        """
        self.ensure_one()
        paused = self.billing_customer_paused_date
        is_spent = bool(paused) and paused > fields.Datetime.now() - A_YEAR
        if is_spent or not self.company_id.billing_customer_pause_days:
            return self.env._("Please contact us to pause this order.")
        if refusal := self._billing_get_refusal_to_schedule_by_customer():
            return refusal
        return not (self._billing_can_be_paused() and self._billing_get_days_to_pause_until()) and (
            self.env._("Please contact us to pause this order.")
        )

    def _billing_get_days_to_pause_until(self):
        """Return the days until which customers may pause: those on which later periods begin.

        :rtype: list[datetime.date]
        """
        self.ensure_one()
        event = self._billing_get_next_period_event()
        last_day = self._billing_get_today() + timedelta(
            days=self.company_id.billing_customer_pause_days
        )
        return self._get_purchase()._get_first_days_after(
            self, event, event.period_start + timedelta(days=1), last_day
        )

    def _billing_pause_by_customer(self, until, amount):
        """Pause the subscription as its page showed it.

        :param str until: The day on which it goes on, as ISO date.
        :param str amount: What the next payment was said to be.
        :raise UserError: If it isn't possible, or not as it was shown.
        """
        self.ensure_one()
        self._lock_billing()
        if refusal := self._billing_get_refusal_to_pause_by_customer():
            raise UserError(refusal)
        days = {day.isoformat(): day for day in self._billing_get_days_to_pause_until()}
        if until not in days or str(self._billing_get_next_period_event().amount) != amount:
            raise UserError(self._billing_get_outdated_page_text())
        self._billing_pause(days[until])
        self.billing_customer_paused_date = self.billing_paused_date

    def _billing_get_day_after_resuming(self):
        """Return when the next payment is if a customer resumes what they have paused, or None.

        :rtype: datetime.date|None
        """
        self.ensure_one()
        if (
            self.billing_status != 'paused'
            or self.billing_cancel_date
            or not self.billing_customer_paused_date
            or self.billing_customer_paused_date < self.billing_paused_date
        ):
            return None
        event = self.billing_event_ids.filtered(
            lambda event: event.status == 'paused' and event.period_start
        ).sorted('number')[:1]
        if not event or event.due_date > fields.Datetime.now():
            return event.period_start or None
        today = self._billing_get_today()
        days = self._get_purchase()._get_first_days_after(self, event, today, today + 2 * A_YEAR)
        return days[0] if days else None

    def _billing_resume_by_customer(self, day):
        """Go on with the subscription as its page showed it.

        :param str day: When the next payment was said to be, as ISO date.
        :raise UserError: If it isn't possible, or not as it was shown.
        """
        self.ensure_one()
        self._lock_billing()
        first_day = self._billing_get_day_after_resuming()
        if not first_day or first_day.isoformat() != day:
            raise UserError(self._billing_get_outdated_page_text())
        self._billing_resume()

    def _billing_get_refusal_to_skip_by_customer(self):
        """Return why customers can't skip the next payment now.

        :return: The reason, or False if they can.
        :rtype: str|bool
        """
        self.ensure_one()
        since = fields.Datetime.now() - A_YEAR
        skipped = self.billing_event_ids.filtered(
            lambda event: event.status == 'skipped' and event.due_date > since
        )
        if len(skipped) >= self.company_id.billing_customer_skips:
            return self.env._("Please contact us to skip a payment.")
        if refusal := self._billing_get_refusal_to_schedule_by_customer():
            return refusal
        event = self._billing_get_next_period_event()
        if refusal := event._get_refusal_to_skip_longer():
            return refusal
        if event._refuse(EventAction.SKIP) or not self._billing_get_first_day_after_skip():
            return self.env._("Please contact us to skip a payment.")
        return False

    def _billing_get_first_day_after_skip(self):
        """Return when the payment after the next one is, or None if that is the last one.

        :rtype: datetime.date|None
        """
        self.ensure_one()
        event = self._billing_get_next_period_event()
        start = event.period_start
        days = self._get_purchase()._get_first_days_after(
            self, event, start + timedelta(days=1), event.period_end + timedelta(days=1)
        )
        return days[0] if days else None

    def _billing_skip_by_customer(self, event_id):
        """Skip the next payment, if it is the one that the page showed.

        :param int event_id: The payment.
        :raise UserError: If it isn't possible, or it is another one by now.
        """
        self.ensure_one()
        self._lock_billing()
        if refusal := self._billing_get_refusal_to_skip_by_customer():
            raise UserError(refusal)
        event = self._billing_get_next_period_event()
        if event.id != event_id:
            raise UserError(self._billing_get_outdated_page_text())
        event._skip(self.env._("By the customer, on the order's page."))

    def _billing_propose_offer(self, reason):
        """Return the discount that the customer may take instead of leaving for a reason.

        :param billpro.cancel.reason reason: The reason.
        :return: The discount, which nobody has taken yet.
        :rtype: billpro.discount
        :raise UserError: If none is offered, or not now.
        """
        self.ensure_one()
        since = fields.Datetime.now() - A_YEAR
        taken = self.billing_discount_ids.filtered(
            lambda discount: discount.reason_id and discount.create_date > since
        )
        reasons = self.env['billpro.cancel.reason']._get_of_company(self.company_id)
        offering = reasons.filtered(lambda other: other.offer == 'discount')
        if taken or reason not in offering or not self._can_be_cancelled():
            raise UserError(self.env._("This offer isn't available any more."))
        if refusal := self._billing_get_refusal_to_schedule_by_customer():
            raise UserError(refusal)
        return self.env['billpro.discount']._propose(self, reason.offer_percent, reason.offer_count)

    def _billing_take_offer(self, reason, agreed):
        """Give the customer the discount that the page offered instead of leaving.

        :param billpro.cancel.reason reason: The reason to leave.
        :param str agreed: What was shown and agreed to.
        :raise UserError: If it isn't offered, or comes to something else by now.
        """
        self.ensure_one()
        self._lock_billing()
        offer = self._billing_propose_offer(reason)
        self._billing_give_discount(offer.percent, offer.count, agreed, reason)

    # === STAFF === #

    def action_open_pause(self):
        """Open the dialog that pauses the subscription.

        :raise UserError: If it can't be paused.
        """
        self._billing_check_can_pause()
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
        self._billing_check_can_resume()
        self.sudo()._billing_resume()

    def _billing_check_can_resume(self):
        """Check that staff can go on with the subscription now.

        :raise UserError: If the order isn't paused, or is cancelled.
        """
        self.ensure_one()
        refusal = self._get_billing_refusal_of(OrderAction.RESUME)
        if refusal is OrderRefusal.CANCELLED:
            raise UserError(
                self.env._("Order %s is cancelled: undo the cancellation first.", self.name)
            )
        if refusal:
            raise UserError(self.env._("Order %s is not paused.", self.name))

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
