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
            for order in sale_orders.filtered(
                lambda order: order._billing_is_invoiced_by_schedule()
            ):
                raise UserError(
                    self.env._(
                        "Order %s is paid by scheduled payments. Choose “Regular invoice” to"
                        " invoice the next one. To have another amount paid, change that payment on"
                        " the schedule first.",
                        order.name,
                    )
                )
        return super()._create_invoices(sale_orders)


class AccountMoveReversal(models.TransientModel):
    """Odoo's dialog that credits invoices, and makes corrected ones."""

    _inherit = 'account.move.reversal'

    def reverse_moves(self, is_modify=False):
        """Override of `account`: the corrected invoice of a payment takes the place of the old."""
        moves = self.move_ids
        action = super().reverse_moves(is_modify=is_modify)
        if is_modify and len(moves) == len(self.new_move_ids):
            for move, corrected in zip(moves.sudo(), self.new_move_ids.sudo(), strict=True):
                move._billing_pass_on_to(corrected)
        return action
