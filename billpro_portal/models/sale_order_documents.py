from odoo import api, fields, models


class SaleOrder(models.Model):
    """What belongs to an order, counted on its buttons and opened as lists."""

    _inherit = 'sale.order'

    billing_invoice_count = fields.Integer(
        compute='_compute_billing_document_counts', compute_sudo=True
    )
    billing_payment_count = fields.Integer(
        compute='_compute_billing_document_counts', compute_sudo=True
    )
    billing_refund_count = fields.Integer(
        compute='_compute_billing_document_counts', compute_sudo=True
    )
    billing_notice_count = fields.Integer(
        compute='_compute_billing_document_counts', compute_sudo=True
    )

    @api.depends(
        'billing_move_ids', 'billing_transaction_ids.operation', 'billing_notification_ids'
    )
    def _compute_billing_document_counts(self):
        for order in self:
            txs = order.billing_transaction_ids
            refunds = txs.filtered(lambda tx: tx.operation == 'refund')
            order.billing_invoice_count = len(order.billing_move_ids)
            order.billing_payment_count = len(txs - refunds)
            order.billing_refund_count = len(refunds)
            order.billing_notice_count = len(order.billing_notification_ids)

    def action_open_billing_invoices(self):
        """Open the invoices and credit notes of the order."""
        return self._get_list_action(
            'account.move', self.env._("Invoices of %s", self.name), 'billing_order_id'
        )

    def action_open_billing_payments(self):
        """Open the payments of the order."""
        return self._get_list_action(
            'payment.transaction',
            self.env._("Payments of %s", self.name),
            'billing_order_id',
            ('operation', '!=', 'refund'),
        )

    def action_open_billing_refunds(self):
        """Open the refunds of the order."""
        return self._get_list_action(
            'payment.transaction',
            self.env._("Refunds of %s", self.name),
            'billing_order_id',
            ('operation', '=', 'refund'),
        )

    def action_open_billing_notices(self):
        """Open the notices that the customer was sent."""
        return self._get_list_action(
            'billpro.notification', self.env._("Notices of %s", self.name), 'order_id'
        )

    def _get_list_action(self, model, name, field, *conditions):
        """Return the action that lists records of the order.

        :param str model: The model of the records.
        :param str name: The title of the list.
        :param str field: The field of the records that refers to the order.
        :param tuple conditions: Which of them; all if not given.
        :rtype: dict
        """
        self.ensure_one()
        return {
            'type': 'ir.actions.act_window',
            'name': name,
            'res_model': model,
            'view_mode': 'list,form',
            'domain': [(field, '=', self.id), *conditions],
            'context': {'create': False},
        }
