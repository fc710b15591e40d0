from odoo import models

from ...billing.lifecycle import PAID


class BillproBillingEvent(models.Model):
    """What customers are told of a payment beforehand."""

    _inherit = 'billpro.billing.event'

    def _get_amount_before_rise(self):
        """Return what a period has cost until now, if this one costs more.

        What is used, and what is added once, is no price that rises; nor is it one that a discount
        ends, as the customer was told when they got it.

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
            event.amount + event.credit_amount + event.discount_amount - event.added_amount
            for event in (self, before)
        )
        is_rise = before and self.currency_id.compare_amounts(price, price_before) > 0
        return price_before if is_rise else None

    def _get_amount_before_discount_end(self):
        """Return what the payment before has cost with a discount that this one doesn't have.

        :return: The amount in the currency of the order; None if no discount ends.
        :rtype: float|None
        """
        self.ensure_one()
        before = self.order_id.billing_event_ids.filtered(
            lambda event: event.number == self.number - 1 and event.status in PAID
        )[:1]
        if self.discount_amount or not before.discount_amount:
            return None
        return before.amount + before.credit_amount - before.added_amount
