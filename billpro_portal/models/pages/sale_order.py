from odoo import api, fields, models


class SaleOrder(models.Model):
    """What mail templates ask of an order, and the buttons of its documents.

    What pages show is made by the presenters beside this file.
    """

    _inherit = 'sale.order'

    billing_summary_pdf = fields.Binary(
        attachment=True, copy=False, readonly=True, groups=fields.NO_ACCESS
    )
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

    def _get_charges_after_end(self):
        """Return what the mail that confirms a cancellation says of what is still charged.

        :return: A sentence; False if nothing is.
        :rtype: str|bool
        """
        self.ensure_one()
        if not self.billing_cancel_date or self._billing_is_collection_over():
            return False
        if self.billing_owes_arrears:
            return self.env._("What is outstanding is still to be paid. Nothing else is charged.")
        return self.env._(
            "What you use until then is still charged, and what is outstanding is still to be paid."
        )

    # === DOCUMENTS === #

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
        return self._billing_get_list_action(
            'account.move', self.env._("Invoices of %s", self.name), 'billing_order_id'
        )

    def action_open_billing_payments(self):
        """Open the payments of the order."""
        return self._billing_get_list_action(
            'payment.transaction',
            self.env._("Payments of %s", self.name),
            'billing_order_id',
            ('operation', '!=', 'refund'),
        )

    def action_open_billing_refunds(self):
        """Open the refunds of the order."""
        return self._billing_get_list_action(
            'payment.transaction',
            self.env._("Refunds of %s", self.name),
            'billing_order_id',
            ('operation', '=', 'refund'),
        )

    def action_open_billing_notices(self):
        """Open the notices that the customer was sent."""
        return self._billing_get_list_action(
            'billpro.notification', self.env._("Notices of %s", self.name), 'order_id'
        )

    def _billing_get_list_action(self, model, name, field, *conditions):
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

    # === WHAT ODOO'S LIST OF ORDERS ASKS === #

    def _billing_get_list_text(self):
        """Return how the order stands and what comes next, in one line.

        :rtype: str
        """
        order = self.sudo()
        return order.env['billpro.order.answer']._get_list_text(order)

    # === WHAT MAIL TEMPLATES ASK === #

    # Templates stand in databases, where users edit them: these names stay.

    def _get_notice_rows(self):
        """Return what a mail shows of the order, as rows.

        :rtype: list[dict]
        """
        return self.env['billpro.notice.rows']._get_order_rows(self)

    def _get_event_explanation(self, event):
        """Return what happens next to a declined payment, in the customer's words.

        :param billpro.billing.event event: A scheduled payment.
        :rtype: str
        """
        return self.env['billpro.order.payments']._get_event_explanation(self, event)

    def _get_authorization_text(self):
        """Return what becomes of the reserved money, in the customer's words.

        :rtype: str
        """
        return self.env['billpro.order.attention']._get_authorization_text(self)

    def _get_link_rows(self):
        """Return all orders of the customer with their links, as rows.

        :return: The ``title``, ``text`` and ``url`` of each, newest first.
        :rtype: list[dict]
        """
        orders = self.env['billpro.order.home']._get_orders(self)
        return [
            {
                'title': self.env['billpro.order.page']._get_title(order),
                'text': self.env._("Order %s", order.name),
                'url': order.order_link,
            }
            for order in orders.filtered(lambda order: order.billing_status != 'cancelled')
        ]

    def _get_menu(self):
        """Return what the customer may do besides: cancel, or write to us.

        :rtype: list[dict]
        """
        return self.env['billpro.order.page']._get_menu(self)
