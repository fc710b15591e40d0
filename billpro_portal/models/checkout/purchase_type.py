from odoo import api, models


class BillproPurchaseType(models.AbstractModel):
    """What the checkout shows of a purchase type: what is to be paid today, and later."""

    _inherit = 'billpro.purchase.type'

    @api.model
    def _get_terms(self, order):
        """Return what is paid, and when, as rows for the checkout.

        :param sale.order order: The order.
        :return: Rows as of `_get_later_terms`.
        :rtype: list[dict]
        """
        return [self._get_today_row(order), *self._get_later_terms(order)]

    @api.model
    def _get_today_row(self, order):
        """Return the row that tells what is paid at the checkout.

        :param sale.order order: The order.
        :rtype: dict
        """
        return {
            'label': self.env._("To pay today"),
            'value': order.currency_id.format(order._billing_get_amount_asked()),
            'strong': True,
        }
