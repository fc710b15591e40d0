from odoo import api, models
from odoo.exceptions import ValidationError

from ..billing.calendar import is_same_interval
from .own_context import is_inside


class SaleOrder(models.Model):
    """The one interval of an order: what recurs at another one needs an order of its own."""

    _inherit = 'sale.order'

    @api.constrains('order_line', 'purchase_type')
    def _check_one_interval(self):
        """Check quotations as a whole; products whose interval is changed later change no sale."""
        for order in self.filtered(
            lambda order: (
                order.purchase_type
                and order.state in {'draft', 'sent'}
                and not order._is_being_confirmed()
            )
        ):
            products = order._get_lines_with_interval().product_id
            if refusal := order._get_purchase()._get_refusal_of_intervals(products):
                raise ValidationError(refusal)

    def _get_lines_with_interval(self):
        """Return the lines whose products have the order's interval: not the parts of a combo.

        :rtype: sale.order.line
        """
        return self._get_recurring_lines().filtered(lambda line: not line.combo_item_id)

    def _confirmation_error_message(self):
        """Override of `sale`: the interval of a product may have been changed since it was added.

        What is paid is confirmed, though.
        """
        message = super()._confirmation_error_message()
        if message or not self.purchase_type or self._is_being_confirmed():
            return message
        products = self._get_lines_with_interval().product_id
        return self._get_purchase()._get_refusal_of_intervals(products)


class SaleOrderLine(models.Model):
    _inherit = 'sale.order.line'

    @api.constrains('product_id', 'order_id')
    def _check_interval_is_of_order(self):
        """Check the lines that are added one by one, and those of orders that are charged."""
        are_changing = is_inside(self.env, 'billing_lines_changing')
        for order in self.order_id.filtered(
            lambda order: order.purchase_type and not order._is_being_confirmed()
        ):
            if order.state not in {'draft', 'sent'} and order._get_purchase()._is_perpetual:
                (self & order._get_lines_with_interval())._check_interval_of_sale()
            elif order.state in {'draft', 'sent'} and not are_changing:
                order._check_one_interval()

    def _check_interval_of_sale(self):
        """Check that lines added to an order recur as it does, or as all of its products do.

        :raise ValidationError: If not.
        """
        for line in self:
            order, product = line.order_id, line.product_id
            purchase = order._get_purchase()
            intervals = purchase._get_interval(order), purchase._get_interval(product)
            if is_same_interval(*intervals):
                continue
            others = (order._get_lines_with_interval() - self).product_id
            refusal = purchase._get_refusal_of_intervals(others | product)
            if not others:
                refusal = self.env._(
                    "Order %(order)s is charged %(order_interval)s, “%(product)s” %(interval)s."
                    " Make another order for it.",
                    order=order.name,
                    order_interval=purchase._get_interval_text(order),
                    product=product.display_name,
                    interval=purchase._get_interval_text(product),
                )
            if refusal:
                raise ValidationError(refusal)
