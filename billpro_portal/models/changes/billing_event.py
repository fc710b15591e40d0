from odoo import fields, models


class BillproBillingEvent(models.Model):
    """Payments of changes, and payments that use up what changes have credited."""

    _inherit = 'billpro.billing.event'

    change_id = fields.Many2one(
        comodel_name='billpro.change',
        readonly=True,
        index='btree_not_null',
        ondelete='cascade',
        help="The change of the subscription that the payment is for.",
    )

    def _get_words_of_change(self):
        """Return what is changed by the payment, and how much of it credit pays.

        :rtype: list[str]
        """
        self.ensure_one()
        words = [self.change_id._describe()] if self.change_id else []
        if self.credit_amount:
            credit = self.currency_id.with_env(self.env).format(self.credit_amount)
            words.append(self.env._("%s paid by credit", credit))
        return words

    def _carry_out_planned_changes(self):
        """Carry out what is planned for the periods that the payments are for; locks are held."""
        changes = self.env['billpro.change']
        for event in self._get_leaves().filtered('period_start'):
            changes |= event.order_id._billing_get_planned_changes_on(event.period_start)
        changes._carry_out()

    def _reconcile_credit(self):
        """Let credit notes pay what payments left of their posted invoices for them."""
        for event in self:
            if any(event._get_leaves().mapped('credit_amount')):
                notes = event.order_id._billing_get_open_credit_notes()
                (event.invoice_id | notes).line_ids.filtered(
                    lambda line: line.account_type == 'asset_receivable' and not line.reconciled
                ).reconcile()
