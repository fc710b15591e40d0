from odoo import models
from odoo.exceptions import UserError


class SaleAdvancePaymentInv(models.TransientModel):
    """Odoo's dialog *Create Invoice*: no down payments beside a schedule that collects all."""

    _inherit = 'sale.advance.payment.inv'

    def _create_invoices(self, sale_orders):
        """Override of `sale` to refuse amounts that no scheduled payment has.

        :raise UserError: If a down payment is wanted of an order with scheduled payments.
        """
        if self.advance_payment_method != 'delivered':
            for order in sale_orders.filtered(lambda order: order._is_invoiced_by_schedule()):
                raise UserError(
                    self.env._(
                        "Order %s is paid by scheduled payments. Choose “Regular invoice” to"
                        " invoice the next one. To have another amount paid, change that payment on"
                        " the schedule first.",
                        order.name,
                    )
                )
        return super()._create_invoices(sale_orders)
