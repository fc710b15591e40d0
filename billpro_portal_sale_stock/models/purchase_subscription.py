from odoo import api, fields, models
from odoo.exceptions import ValidationError

from odoo.addons.billpro_portal.billing.lifecycle import BEFORE_APPROVAL


class BillproPurchaseSubscription(models.AbstractModel):
    _inherit = 'billpro.purchase.subscription'

    @api.model
    def _check_order(self, order):
        """Override of `billpro_portal`: what shipping costs must be known before it is charged."""
        super()._check_order(order)
        if carrier := order._billpro_get_carrier_at_real_cost():
            raise ValidationError(
                self.env._(
                    "The shipping method “%(carrier)s” of order %(order)s charges what a shipment"
                    " has cost, which is known after the payment. Choose one that charges the"
                    " estimated cost.",
                    carrier=carrier.name,
                    order=order.name,
                )
            )

    @api.model
    def _get_goods_lines(self, order):
        return order._billing_get_period_lines().filtered(lambda line: line._billpro_is_goods())

    @api.model
    def _get_lines_delivered_when_paid(self, order):
        """The first period is Odoo's, unless it is a trial: nothing is paid for it."""
        if order.billing_status in BEFORE_APPROVAL and not order.billing_trial_days:
            return order.order_line.browse()
        return self._get_goods_lines(order)

    @api.model
    def _prepare_period_line(self, order, line, period, taxes, links_line):
        """Override of `billpro_portal` to know of later periods, too, what they charge."""
        return {
            **super()._prepare_period_line(order, line, period, taxes, links_line),
            'billpro_period_line_ids': [fields.Command.set(line.ids)],
        }
