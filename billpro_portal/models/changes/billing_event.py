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

    def _announce_interval(self, plan):
        """Log how often is paid from this payment on, and tell the customer.

        :param sale.order|product.product plan: What has the interval.
        """
        for event in self:
            order = event.order_id
            for env in (self.env, order.with_context(lang=order._get_payment_contact().lang).env):
                text = env._(
                    "Your subscription is charged %(interval)s: the next payment is %(amount)s, on"
                    " %(day)s.",
                    interval=order._get_purchase()
                    .with_env(env)
                    ._get_interval_text(plan.with_env(env)),
                    amount=event.currency_id.with_env(env).format(event.amount),
                    day=order.with_env(env)._get_due_date_text(event),
                )
                if env == self.env:
                    event._log_change(text, False)
            event._announce_change(text)

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
