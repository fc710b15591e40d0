from odoo import models

from ...billing.lifecycle import PAID


class BillproBillingEvent(models.Model):
    """What customers are told of a payment beforehand."""

    _inherit = 'billpro.billing.event'

    def _get_amount_before_rise(self):
        """Return what a period has cost until now, if this one costs more.

        What is used, and what is added once, is no price that rises.

        :return: The amount in the currency of the order; None if the price doesn't rise.
        :rtype: float|None
        """
        self.ensure_one()
        order = self.order_id
        purchase = order._get_purchase()
        if not purchase._is_perpetual or purchase._is_billed_after_end(order):
            return None
        before = order.billing_event_ids.filtered(
            lambda event: event.number == self.number - 1 and event.status in PAID
        )[:1]
        price, price_before = (
            event.amount + event.credit_amount - event.added_amount for event in (self, before)
        )
        is_rise = before and self.currency_id.compare_amounts(price, price_before) > 0
        return price_before if is_rise else None
