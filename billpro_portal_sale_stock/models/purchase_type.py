from odoo import api, models


class BillproPurchaseType(models.AbstractModel):
    """What a purchase type says of goods. Without more, Odoo delivers them once, as any order's."""

    _inherit = 'billpro.purchase.type'

    @api.model
    def _get_goods_lines(self, order):
        """Return the lines whose goods are delivered each period.

        :param sale.order order: The order.
        :rtype: sale.order.line
        """
        return order.order_line.browse()

    @api.model
    def _get_lines_delivered_when_paid(self, order):
        """Return the lines whose goods Odoo must not deliver when the order is changed.

        :param sale.order order: The order.
        :rtype: sale.order.line
        """
        return order.order_line.browse()
