import math

from odoo import fields, models
from odoo.exceptions import UserError

from ...billing.lifecycle import IN_FLIGHT


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

    def _billing_get_open_authentication(self):
        """Return the attempts that wait for the customer's bank, oldest first.

        :rtype: payment.transaction
        """
        txs = self.billing_event_ids.transaction_ids | self._billing_get_initial_attempts()
        return txs.filtered('billing_action_required').sorted('id')

    def _billing_is_collection_under_way(self):
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

    def _billing_waits_for_debit(self):
        """Return whether all that is under way takes days: nobody waits for it on a page.

        :rtype: bool
        """
        self.ensure_one()
        under_way = self.billing_event_ids.filtered(
            lambda event: event.status in IN_FLIGHT or event.requested_date
        )
        return bool(
            under_way
            and not self.billing_collection_date
            and all(event._get_expected_date() for event in under_way)
        )

    def _check_billing_agreed_amount(self, amount):
        """Check that a customer who enters another card agreed to pay what is outstanding.

        :param float amount: What they agreed to, in the currency of the order, from a request.
        :raise UserError: If it is another amount.
        """
        self.ensure_one()
        outstanding = 0.0 if self._billing_is_collection_under_way() else self.billing_outstanding
        is_number = isinstance(amount, (int, float)) and math.isfinite(amount)
        if not is_number or self.currency_id.compare_amounts(amount, outstanding):
            raise UserError(
                self.env._(
                    "%s are outstanding now. Please reload the page and agree to the amount.",
                    self.currency_id.format(outstanding),
                )
            )

    # === DATES === #

    def _billing_extend_schedule(self):
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

    def _billing_suspend_if_ignored(self):
        """Suspend an order whose customer never answered the bank; the caller has the lock."""
        self._billing_follow_payments()
        if self.billing_status == 'suspended':
            self._billing_get_open_authentication()._billing_announce_declines()

    def _billing_give_up_subscription(self):
        """Cancel a subscription that was suspended for too long; the caller has the lock.

        What is outstanding is dropped, also of what was cancelled before and still owed it.
        """
        if self.billing_owes_arrears:
            self.billing_owes_arrears = False
            self._billing_finish_cancellation()
            return
        self._billing_cancel_subscription(
            at_once=True,
            waives_arrears=True,
            note=self.env._(
                "Suspended for %s days without a payment.",
                self.company_id.billing_cancel_after_days,
            ),
        )
