from datetime import datetime, timezone

from odoo import api, fields, models

# Stripe API reference, "The Dispute object", `status`.
# Reasons of the same page with which the customer says that they have not paid it at all.
_FRAUD_REASONS = {'debit not authorized', 'fraudulent', 'unrecognized'}

_STATES = {'won': 'won', 'lost': 'lost', 'warning_closed': 'closed', 'prevented': 'closed'}


class BillproDispute(models.Model):
    """A payment that the customer has taken back through the bank, also called chargeback."""

    _name = 'billpro.dispute'
    _description = "Dispute"
    _order = 'opened_date desc, id desc'
    _rec_name = 'provider_reference'

    transaction_id = fields.Many2one(
        string="Payment",
        comodel_name='payment.transaction',
        required=True,
        readonly=True,
        index=True,
        ondelete='cascade',
    )
    order_id = fields.Many2one(
        string="Order", related='transaction_id.billing_order_id', store=True, index=True
    )
    company_id = fields.Many2one(related='transaction_id.company_id', store=True, index=True)
    partner_id = fields.Many2one(related='transaction_id.partner_id')
    provider_reference = fields.Char(required=True, readonly=True)
    currency_id = fields.Many2one(
        comodel_name='res.currency', required=True, readonly=True, ondelete='restrict'
    )
    amount = fields.Monetary(readonly=True, help="What is disputed; the provider holds it back.")
    reason = fields.Char(readonly=True, help="The bank's reason, in the provider's words.")
    state = fields.Selection(
        selection=[
            ('open', "Open"),
            ('won', "Won"),
            ('lost', "Lost"),
            ('closed', "Closed"),
        ],
        required=True,
        readonly=True,
    )
    is_stopping = fields.Boolean(
        string="Stops Charges",
        readonly=True,
        index='btree_not_null',
        help="The card isn't charged by itself any more, until staff decide.",
    )
    provider_status = fields.Char(string="Status at Provider", readonly=True)
    opened_date = fields.Datetime(string="Opened On", required=True, readonly=True)
    respond_by_date = fields.Datetime(string="Respond By", readonly=True)

    _reference_unique = models.UniqueIndex(
        "(transaction_id, provider_reference)", "This dispute is known."
    )

    @api.model
    def _record(self, tx, dispute):
        """Create a dispute or bring it up to date; tell staff what has changed.

        :param payment.transaction tx: The disputed payment, locked with its order.
        :param dict dispute: Stripe's object (Stripe API reference, "The Dispute object").
        """
        due_by = (dispute.get('evidence_details') or {}).get('due_by')
        values = {
            'provider_status': dispute['status'],
            'state': _STATES.get(dispute['status'], 'open'),
            'reason': (dispute['reason'] or '').replace('_', ' '),
            'amount': tx._to_major_units(dispute['amount']),
            'respond_by_date': due_by and self._to_datetime(due_by),
        }
        known = self.search(
            [('transaction_id', '=', tx.id), ('provider_reference', '=', dispute['id'])]
        )
        if known and known.state == values['state']:
            known.write(values)
            return
        values['is_stopping'] = (
            values['state'] in {'open', 'lost'} and values['reason'] in _FRAUD_REASONS
        )
        if known:
            known.write(values)
        else:
            known = self.create(
                {
                    **values,
                    'transaction_id': tx.id,
                    'provider_reference': dispute['id'],
                    # Switched off it may be, as money of it isn't taken any more.
                    'currency_id': self.env['res.currency']
                    .with_context(active_test=False)
                    .search([('name', '=', dispute['currency'].upper())])
                    .id,
                    'opened_date': self._to_datetime(dispute['created']),
                }
            )
        if known.is_stopping and known.order_id:
            known.order_id._withdraw_unsent_attempts()
        known._tell_staff()

    @api.model
    def _to_datetime(self, timestamp):
        return datetime.fromtimestamp(timestamp, timezone.utc).replace(tzinfo=None)

    def _tell_staff(self):
        """Note a new dispute or its end on order and invoice, and ask the salesperson to act."""
        self.ensure_one()
        amount = self.currency_id.format(self.amount)
        reference = self.transaction_id.reference
        text = {
            'open': self.env._(
                "The customer disputes %(amount)s of payment %(reference)s (%(reason)s). The"
                " provider holds the money back. Answer in the provider's dashboard before the"
                " date given there, and decide whether the order goes on.",
                amount=amount,
                reference=reference,
                reason=self.reason,
            ),
            'won': self.env._(
                "The dispute of %(amount)s of payment %(reference)s was won. The provider pays the"
                " money out again.",
                amount=amount,
                reference=reference,
            ),
            'lost': self.env._(
                "The dispute of %(amount)s of payment %(reference)s was lost. The bank has taken"
                " the money back. Press “Book Loss” on the dispute.",
                amount=amount,
                reference=reference,
            ),
            'closed': self.env._(
                "The dispute of %(amount)s of payment %(reference)s was closed. No money moved.",
                amount=amount,
                reference=reference,
            ),
        }[self.state]
        if self.is_stopping:
            text = self.env._(
                "%s The card isn't charged by itself any more until somebody resumes the charges.",
                text,
            )
        for invoice in self.transaction_id.invoice_ids:
            invoice._message_log(body=text)
        if self.order_id:
            self.order_id._message_log(body=text)
            if self.state in {'open', 'lost'}:
                summary = {
                    'open': self.env._("Payment %s is disputed", reference),
                    'lost': self.env._("The dispute of payment %s was lost", reference),
                }[self.state]
                self.order_id._ask_staff(summary, text)
            elif self.is_booked_otherwise or self._is_loss_entered():
                self.order_id._ask_staff(
                    self.env._("The dispute of payment %s was not lost after all", reference),
                    self.env._("Take back the entry of its loss, which somebody has made by hand.")
                    if self.is_booked_otherwise
                    else self.env._("Press “Take Loss Back” on the dispute: its loss is booked."),
                )
