from odoo import api, fields, models

from ..billing.lifecycle import BEFORE_APPROVAL

# What was paid, or may be: what is under way is not asked for a second time either.
_PAYING_STATES = ('pending', 'authorized', 'done')
_PAID_STATES = ('partial', 'in_payment', 'paid')


class SaleOrder(models.Model):
    """Payments by other ways than the order link: Odoo's own links, invoices, the bank, the shop.

    The link knows what the books know: what was paid in another way is not collected again.
    """

    _inherit = 'sale.order'

    billing_other_payments = fields.Char(
        string="Paid in Another Way",
        compute='_compute_billing_other_payments',
        help="What was paid, or is being paid, by other ways than the order link before the"
        " initial payment.",
    )
    billing_other_payments_told = fields.Boolean(
        readonly=True,
        copy=False,
        help="Whether the salesperson was told that the order is paid in another way.",
    )

    @api.depends('billing_status', 'purchase_type')
    def _compute_billing_other_payments(self):
        """Name the payments and the paid invoices of orders that wait for their first payment."""
        for order in self:
            order.billing_other_payments = order._get_other_payments()

    def _get_other_payments(self):
        """Return the names of what was paid, or is being paid, by other ways than the link.

        :return: The references of the payments and the numbers of the invoices, or False.
        :rtype: str|bool
        """
        self.ensure_one()
        if not self.purchase_type or self.billing_status not in BEFORE_APPROVAL:
            return False
        # Whoever asks, salespeople without access to the books as well, must be told.
        order = self.sudo()
        invoices = order.invoice_ids.filtered(
            lambda move: move.move_type == 'out_invoice' and move.state == 'posted'
        )
        txs = (order.transaction_ids | invoices.transaction_ids) - order.billing_transaction_ids
        names = txs.filtered(self._is_paying).sorted('id').mapped('reference')
        names += [
            invoice.name
            for invoice in invoices.sorted('id')
            if invoice.payment_state in _PAID_STATES
            and not invoice.currency_id.is_zero(invoice.amount_total)
        ]
        return ', '.join(names) or False

    def _get_paid_in_another_way_text(self):
        """Return what the customer is told instead of being asked to pay.

        :rtype: str
        """
        return self.env._(
            "It was paid in another way, or is being paid, and nothing is collected here. Please"
            " contact us if you think that it is still to be paid."
        )

    @api.model
    def _is_paying(self, tx):
        """Return whether a transaction pays, or may pay, and was not paid back.

        :param payment.transaction tx: The transaction.
        :rtype: bool
        """
        if tx.state not in _PAYING_STATES or tx.operation in {'validation', 'refund'}:
            return False
        refunds = tx.child_transaction_ids.filtered(
            lambda child: child.operation == 'refund' and child.state == 'done'
        )
        # Refunds are negative. One that isn't done pays nothing back, other than for the question
        # how much can still be refunded: nothing is collected until it is known.
        return tx.currency_id.compare_amounts(tx.amount, -sum(refunds.mapped('amount'))) > 0

    @api.model
    def _search_paid_in_another_way(self):
        """Return the orders that wait for a payment made already, of which nobody was told.

        :rtype: sale.order
        """
        waiting = [
            ('purchase_type', '!=', False),
            ('billing_status', 'in', list(BEFORE_APPROVAL)),
            ('billing_other_payments_told', '=', False),
        ]
        txs = [('state', 'in', _PAYING_STATES), ('billing_order_id', '=', False)]
        # Not as one condition: "or" would have the database go through all invoices there are.
        found = self.search([*waiting, ('transaction_ids', 'any', txs)]) | self.search(
            [
                *waiting,
                ('state', '=', 'sale'),  # Others have no invoices.
                ('order_line.invoice_lines.move_id.payment_state', 'in', _PAID_STATES),
            ]
        )
        return found.filtered('billing_other_payments')

    def _tell_of_other_payments(self):
        """Ask the salesperson, once, what is to become of an order paid in another way."""
        self.ensure_one()
        if not (names := self._get_other_payments()):
            return
        self.sudo().billing_other_payments_told = True
        self.sudo()._give_up_attempts()  # An open checkout would go on collecting.
        self._ask_staff(
            self.env._("Order %s was paid in another way", self.name),
            self.env._(
                "It was paid, or is being paid, by %s. Its link collects nothing and the customer"
                " is not reminded. Deliver it like any other order, or pay the customer back and"
                " make a new one. Nothing recurring begins without a payment by the link.",
                names,
            ),
        )
