from odoo import models
from odoo.exceptions import AccessError, UserError

from ..billing.lifecycle import IN_FLIGHT, LIVE, OPEN


class SaleOrder(models.Model):
    """Ending a live order by a person's word: nothing more is collected."""

    _inherit = 'sale.order'

    def _complete_last_period(self):
        """Complete a subscription that nothing follows; the caller holds the lock."""
        self.ensure_one()
        if (
            self.billing_status != 'active'
            or self.billing_cancel_date
            or set(self.billing_event_ids.mapped('status')) & OPEN
            or self._get_purchase()._get_paid_until(self) >= self._get_today()
        ):
            return  # It was changed meanwhile, or isn't over yet.
        self._apply_billing_trigger('complete', self.env._("The last period ended."))

    def action_mark_complete(self):
        """End live orders: what is open is cancelled, refunds stay possible.

        :raise AccessError: If the user isn't a billing manager.
        :raise UserError: If an order isn't live, or the outcome of one of its payments is open.
        """
        if not self.env.user.has_group('billpro_portal.group_billing_manager'):
            raise AccessError(self.env._("Only billing managers can complete orders."))
        self.check_access('write')
        for order in self.sudo():
            order._complete_by_staff(self.env.user.name)

    def _complete_by_staff(self, person):
        """End the order.

        :param str person: Who ends it.
        :raise UserError: If it isn't live, or the outcome of one of its payments is open.
        """
        self.ensure_one()
        self._lock_billing()
        if self.billing_status not in LIVE:
            raise UserError(
                self.env._(
                    "Order %(order)s can't be completed: its billing status is “%(status)s”.",
                    order=self.name,
                    status=dict(self._fields['billing_status']._description_selection(self.env))[
                        self.billing_status
                    ],
                )
            )
        if self._get_open_authorization():
            raise UserError(
                self.env._("Capture or release the authorised payment of %s first.", self.name)
            )
        self._withdraw_unsent_attempts()
        events = self.billing_event_ids.filtered(lambda event: event.status in OPEN)
        if in_flight := events.filtered(lambda event: event.status in IN_FLIGHT):
            raise UserError(
                self.env._(
                    "The outcome of payment %s isn't known yet. Please wait for it.",
                    in_flight[0].display_name,
                )
            )
        events._apply_trigger('cancel')
        events._discard_draft_invoices()
        self.write({'billing_collection_date': False, 'billing_collection_amount': 0})
        self._get_purchase()._close_invoices(self)
        self._apply_billing_trigger('complete', self.env._("%s completed the order.", person))
        # What waits for the customer's bank is withdrawn there.
        self.env.ref('billpro_portal.cron_billing_run')._trigger()
