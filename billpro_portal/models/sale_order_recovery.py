import math
from datetime import timedelta

from odoo import fields, models
from odoo.exceptions import UserError

from ..billing.lifecycle import COLLECTABLE_ORDERS, DECLINED, IN_FLIGHT

# What is due is collected within minutes; later it is overdue.
OVERDUE_AFTER = timedelta(hours=1)


class SaleOrder(models.Model):
    """What a customer owes on an order, and collecting it at their own request.

    The request is written with the customer's act and carried out afterwards: by the page that the
    customer waits on or, if it is closed, by the charge run. It is carried out once.
    """

    _inherit = 'sale.order'

    billing_collection_date = fields.Datetime(
        string="Collection Asked For On",
        readonly=True,
        copy=False,
        index='btree_not_null',
        help="When the customer asked to collect what is outstanding.",
    )
    billing_collection_amount = fields.Monetary(
        string="Amount Asked For", readonly=True, copy=False
    )
    billing_suspended_date = fields.Datetime(
        string="Suspended On", readonly=True, copy=False, help="Since when nothing is charged."
    )

    # === WHAT IS OWED === #

    def _get_outstanding_events(self):
        """Return the payments that were declined or are overdue.

        :rtype: billpro.billing.event
        """
        self.ensure_one()
        overdue = fields.Datetime.now() - OVERDUE_AFTER
        return self.billing_event_ids.filtered(
            lambda event: (
                event.status in DECLINED
                or (event.status == 'scheduled' and event.due_date <= overdue)
            )
        )

    def _get_open_authentication(self):
        """Return the attempts that wait for the customer's bank, oldest first.

        :rtype: payment.transaction
        """
        return self.billing_event_ids.transaction_ids.filtered('billing_action_required').sorted(
            'id'
        )

    def _is_collection_under_way(self):
        """Return whether money of the order is moving, or about to.

        :rtype: bool
        """
        self.ensure_one()
        return bool(
            self.billing_collection_date
            or self.billing_event_ids.filtered(
                lambda event: (
                    event.status in IN_FLIGHT
                    or event.requested_date
                    or event._is_paid_but_not_booked()
                )
            )
        )

    def _get_refusal_to_collect(self):
        """Return why the customer can't pay what is outstanding with the selected card.

        :return: The reason in the customer's words, or False if they can.
        :rtype: str|bool
        """
        self.ensure_one()
        reason = False
        card = self.billing_token_id
        if self.billing_status not in COLLECTABLE_ORDERS or self.billing_cancel_date:
            return self.env._("Nothing can be paid on this order at the moment.")
        if not card.active or card not in self._get_available_cards():
            return self.env._("The selected card can't be charged any more. Please add another.")
        if card.card_state == 'expired':
            return self.env._("The selected card has expired. Please add another.")
        events = self._get_outstanding_events()
        if any(event._is_card_spent() for event in events):
            return self.env._("The selected card was declined for good. Please add another.")
        if any(event._is_tried_too_often(by_customer=True) for event in events):
            return self.env._("The selected card was tried too often. Please add another.")
        if any(e._is_invoice_touched() or e._get_refusal_by_invoice() for e in events) or (
            len(events) > 1 and any(event._get_invoice_by_hand() for event in events)
        ):
            reason = self.env._(
                "A part of it is paid in another way, or is to be paid by invoice. Please contact"
                " us."
            )
        return reason

    def _check_agreed_amount(self, amount):
        """Check that a customer who enters another card agreed to pay what is outstanding.

        :param float amount: What they agreed to, in the currency of the order, from a request.
        :raise UserError: If it is another amount.
        """
        self.ensure_one()
        outstanding = 0.0 if self._is_collection_under_way() else self.billing_outstanding
        is_number = isinstance(amount, (int, float)) and math.isfinite(amount)
        if not is_number or self.currency_id.compare_amounts(amount, outstanding):
            raise UserError(
                self.env._(
                    "%s are outstanding now. Please reload the page and agree to the amount.",
                    self.currency_id.format(outstanding),
                )
            )

    # === COLLECTING IT === #

    def _request_collection(self, amount):
        """Note that the customer asks to collect what is outstanding; the caller holds the lock.

        :param float amount: What the customer agreed to, in the currency of the order.
        :raise UserError: If it is another amount by now, or can't be collected.
        """
        self.ensure_one()
        if self._is_collection_under_way():
            raise UserError(
                self.env._(
                    "A payment of this order is being processed. Please wait for its result; you"
                    " are not charged twice."
                )
            )
        self._book_paid_elsewhere()
        outstanding = sum(self._get_outstanding_events().mapped('amount'))
        if self.currency_id.is_zero(outstanding):
            raise UserError(self.env._("Nothing is outstanding any more."))
        if self.currency_id.compare_amounts(outstanding, amount):
            raise UserError(
                self.env._(
                    "%s are outstanding now. Please check the amount and try again.",
                    self.currency_id.format(outstanding),
                )
            )
        if reason := self._get_refusal_to_collect():
            raise UserError(reason)
        self.write(
            {
                'billing_collection_date': fields.Datetime.now(),
                'billing_collection_amount': outstanding,
            }
        )
        self.env.ref('billpro_portal.cron_billing_run')._trigger()

    def _take_collection_request(self):
        """Turn the customer's request into one payment that is due now.

        The caller holds the lock of the order. Nothing happens while the outcome of another
        payment is open: the request waits for it. If something else is owed by then than what the
        customer agreed to, the request is dropped and the customer is asked again.

        :return: The payment to collect; empty if there is none, or not yet.
        :rtype: billpro.billing.event
        """
        self.ensure_one()
        none = self.env['billpro.billing.event']
        if not self.billing_collection_date or self._get_open_authentication():
            return none
        if self.billing_event_ids.filtered(
            lambda event: event.status in IN_FLIGHT or event._is_paid_but_not_booked()
        ):
            return none
        self._book_paid_elsewhere()
        events = self._get_outstanding_events()
        is_agreed = not self.currency_id.compare_amounts(
            sum(events.mapped('amount')), self.billing_collection_amount
        )
        self.write({'billing_collection_date': False, 'billing_collection_amount': 0})
        if not events or not is_agreed or self._get_refusal_to_collect():
            return none
        event = events._merge()
        event.requested_date = fields.Datetime.now()
        return event

    # === SUSPENSION === #

    def _note_suspension(self, was_suspended, reason):
        """Ask staff to look after an order that is suspended, as long as it is.

        :param bool was_suspended: Whether it was suspended before.
        :param str reason: Why its status has changed.
        """
        self.ensure_one()
        summary = self.env._("Order suspended: %s", self.name)
        if self.billing_status == 'suspended':
            self.billing_suspended_date = fields.Datetime.now()
            self._ask_staff(summary, reason)
        elif was_suspended:
            self.activity_ids.filtered(lambda activity: activity.summary == summary).unlink()

    # === DATES === #

    def _extend_schedule(self):
        """Keep the schedule of a suspended subscription one payment ahead; the caller has the lock.

        Its periods go on, and what falls due meanwhile is outstanding.
        """
        self.ensure_one()
        now = fields.Datetime.now()
        while True:
            last = self.billing_event_ids.filtered('number').sorted('number')[-1:]
            if not last or last.due_date > now:
                return
            last._schedule_next_events()
            if last == self.billing_event_ids.filtered('number').sorted('number')[-1:]:
                return  # The type or the end of the subscription has no more.

    def _suspend_if_ignored(self):
        """Suspend an order whose customer never answered the bank; the caller has the lock."""
        self._follow_payments()
        if self.billing_status == 'suspended':
            self._get_open_authentication()._tell_of_declines()

    def _give_up_subscription(self):
        """Cancel a subscription that was suspended for too long; the caller has the lock."""
        self._cancel_subscription(
            at_once=True,
            note=self.env._(
                "Suspended for %s days without a payment.",
                self.company_id.billing_cancel_after_days,
            ),
        )
