from odoo import models
from odoo.exceptions import UserError


class AccountPaymentRegister(models.TransientModel):
    """Odoo's dialog *Register Payment*: nothing that was paid while it was open is paid again."""

    _inherit = 'account.payment.register'

    def _create_payments(self):
        """Override of `account` to look once more at invoices of orders.

        Their customers pay when they like. Odoo would keep the second payment beside an invoice
        that is paid already, where nobody looks for it.

        :raise UserError: If an invoice of an order was paid since the dialog was opened.
        """
        paid = self.line_ids.filtered('reconciled').move_id.filtered(
            lambda move: (
                move.sudo().billing_order_id
                or any(move.sudo().line_ids.sale_line_ids.order_id.mapped('purchase_type'))
            )
        )
        if paid:
            raise UserError(
                self.env._(
                    "Paid meanwhile: %s. Nothing was registered: look at the order before you take"
                    " another payment.",
                    ', '.join(paid.mapped('name')),
                )
            )
        return super()._create_payments()
