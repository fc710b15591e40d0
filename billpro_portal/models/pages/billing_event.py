from odoo import api, fields, models
from odoo.exceptions import UserError


class BillproBillingEvent(models.Model):
    """What belongs to a payment: its attempts, invoice and documents, and what mails show of it."""

    _inherit = 'billpro.billing.event'

    has_receipt = fields.Boolean(compute='_compute_has_receipt', compute_sudo=True)

    @api.depends('transaction_ids.state')
    def _compute_has_receipt(self):
        for event in self:
            event.has_receipt = bool(event._get_collecting_transaction())

    def _get_collecting_transaction(self):
        """Return the attempt that collected the payment.

        :rtype: payment.transaction
        """
        self.ensure_one()
        return self.transaction_ids.filtered(
            lambda tx: tx.state == 'done' and tx.operation != 'refund'
        )[:1]

    def action_open_transaction(self):
        """Open the last attempt to collect the payment.

        :raise UserError: If there was none.
        """
        self.ensure_one()
        if not self.transaction_ids:
            raise UserError(self.env._("Payment %s was not tried yet.", self.display_name))
        return self._get_open_action(self.transaction_ids.sorted('id')[-1])

    def action_open_invoice(self):
        """Open the invoice of the payment.

        :raise UserError: If there is none.
        """
        self.ensure_one()
        if not self.invoice_id:
            raise UserError(
                self.env._(
                    "Payment %s has no invoice: it is made when the payment is collected.",
                    self.display_name,
                )
            )
        return self._get_open_action(self.invoice_id)

    def action_print_receipt(self):
        """Download the receipt of the payment.

        :raise UserError: If it isn't collected.
        """
        self.ensure_one()
        tx = self._get_collecting_transaction()
        if not tx:
            raise UserError(
                self.env._("Payment %s is not collected: it has no receipt.", self.display_name)
            )
        return self.env.ref('billpro_portal.action_report_receipt').report_action(tx)

    def _get_notice_rows(self):
        """Return what a mail shows of a payment to come, as rows.

        :rtype: list[dict]
        """
        return self.env['billpro.notice.rows']._get_event_rows(self)

    def _get_credit_notice_rows(self):
        """Return what a mail shows of a payment that credit has paid, as rows.

        :rtype: list[dict]
        """
        return self.env['billpro.notice.rows']._get_covered_rows(self)

    @api.model
    def _get_open_action(self, record):
        return {
            'type': 'ir.actions.act_window',
            'res_model': record._name,
            'res_id': record.id,
            'view_mode': 'form',
        }
