from odoo import api, models

from ..rights.own_context import INSIDE


class BillproPurchaseSingle(models.AbstractModel):
    """Single payment: the whole order is paid at the checkout, and then it is complete."""

    _name = 'billpro.purchase.single'
    _description = "Single Payment"
    _inherit = 'billpro.purchase.type'

    _purchase_type = 'single'
    _purchase_sequence = 10

    @api.model
    def _get_label(self):
        return self.env._("Single payment")

    @api.model
    def _get_description(self):
        return self.env._("Customers pay once, at the checkout.")

    @api.model
    def _get_explanation(self, order):
        return order._billing_get_authorization_explanation() or self.env._(
            "You pay once. Nothing is charged later."
        )

    @api.model
    def _requires_card(self, order):
        return False

    @api.model
    def _get_today_row(self, order):
        row = super()._get_today_row(order)
        if order._billing_is_reserved_at_checkout():
            row['label'] = self.env._("To be reserved today")
        return row

    @api.model
    def _can_be_authorized(self):
        return True

    @api.model
    def _get_balance(self, order):
        """Once an authorisation is captured or released, nothing more than that is owed."""
        authorization = order.billing_authorization_id
        if authorization.state not in {'done', 'cancel'}:
            return super()._get_balance(order)
        captures = order.billing_transaction_ids.filtered(
            lambda tx: tx.source_transaction_id == authorization and tx.state == 'done'
        )
        return order.currency_id.round(
            sum(captures.mapped('amount'))
            - order.billing_credited
            - order.billing_paid
            + order.billing_refunded
        )

    @api.model
    def _get_full_amount(self, order):
        return self._get_initial_amount(order)

    @api.model
    def _can_take_over_invoices(self, order, invoiced, is_full):
        """What they don't bill is invoiced beside them."""
        currency, initial = order.currency_id, self._get_initial_amount(order)
        return (
            currency.compare_amounts(invoiced, 0) >= 0
            and currency.compare_amounts(invoiced, initial) <= 0
        )

    @api.model
    def _get_approval_trigger(self, order):
        return 'complete'

    @api.model
    def _create_initial_invoice(self, order):
        order._force_lines_to_invoice_policy_order()
        invoices = order.with_context(
            raise_if_nothing_to_invoice=False, billing_paid_at_once=INSIDE
        )._create_invoices(final=True)
        return invoices.with_env(order.env)
