from odoo import api, fields, models
from odoo.exceptions import ValidationError

# An unknown outcome is asked about after five minutes, an hour, and then every day.
INQUIRY_DELAYS = ({'minutes': 5}, {'hours': 1}, {'days': 1})
# How long Stripe keeps idempotency keys (Stripe API reference, "Idempotent requests").
RESEND_HOURS = 24


class PaymentTransaction(models.Model):
    """An attempt to collect a billing event by charging the order's stored card."""

    _inherit = 'payment.transaction'

    billing_event_id = fields.Many2one(
        string="Billing Event",
        comodel_name='billpro.billing.event',
        readonly=True,
        index='btree_not_null',
        ondelete='restrict',
        help="The scheduled payment that this is an attempt to collect.",
    )
    billing_attempt = fields.Integer(string="Attempt", readonly=True)
    billing_sent_date = fields.Datetime(
        string="Sent On",
        readonly=True,
        help="When the charge was first about to be sent: from then on the provider may know it.",
    )
    billing_next_inquiry = fields.Datetime(
        string="Next Inquiry",
        readonly=True,
        help="When the provider is asked again about an unknown outcome.",
    )
    billing_inquiry_count = fields.Integer(string="Inquiries", readonly=True)

    # The database refuses a second attempt while one is open or its outcome isn't known.
    _billing_one_open_attempt = models.UniqueIndex(
        "(billing_event_id) WHERE billing_event_id IS NOT NULL"
        " AND state IN ('draft', 'pending', 'authorized')",
        "Another attempt to collect this payment is under way.",
    )

    @api.constrains('token_id')
    def _check_token_is_active(self):
        """Override of `payment`, whose check knows one transaction at a time only."""
        for tx in self:
            super(PaymentTransaction, tx)._check_token_is_active()

    @api.constrains('billing_event_id', 'amount', 'currency_id')
    def _check_billing_event_amount(self):
        """An attempt collects its event's amount, neither more nor less nor in other money."""
        for tx in self.filtered('billing_event_id'):
            event = tx.billing_event_id
            if tx.currency_id != event.currency_id or tx.currency_id.compare_amounts(
                tx.amount, event.amount
            ):
                raise ValidationError(
                    self.env._(
                        "The amount of attempt %s differs from that of its payment.",
                        tx.reference,
                    )
                )

    # === SENDING === #

    def _charge_event(self):
        """Send an attempt to collect a billing event; the caller holds its lock and commits.

        An attempt that was sent before, and whose answer is missing, is sent again only where the
        provider recognises it; otherwise a person has to look.
        """
        self.ensure_one()
        was_sent = bool(self.billing_sent_date)
        if was_sent and not self._can_be_sent_again():
            self._set_outcome_unknown()
            return
        if not was_sent:
            self.billing_sent_date = fields.Datetime.now()
            # If this process dies during the call, the next one knows that money may have moved.
            self.env.cr.commit()  # pylint: disable=invalid-commit
            if not self.try_lock_for_update(allow_referencing=True) or self.state != 'draft':
                return
        self.billing_outcome_unknown = False
        self._charge_with_token()

    def _can_be_sent_again(self):
        """Return whether the provider still recognises the attempt by its idempotency key.

        :rtype: bool
        """
        self.ensure_one()
        sent = self.billing_sent_date or self.create_date
        return self.provider_id._can_repeat_request() and fields.Datetime.now() < (
            fields.Datetime.add(sent, hours=RESEND_HOURS)
        )

    def _schedule_inquiry(self):
        """Plan when the provider is asked next about an unknown outcome."""
        self.ensure_one()
        delay = INQUIRY_DELAYS[min(self.billing_inquiry_count, len(INQUIRY_DELAYS) - 1)]
        self.write(
            {
                'billing_next_inquiry': fields.Datetime.add(fields.Datetime.now(), **delay),
                'billing_inquiry_count': self.billing_inquiry_count + 1,
            }
        )

    def _ask_person_about_outcome(self):
        """Give the order's salesperson the question that no machine can answer; once."""
        self.ensure_one()
        order = self.billing_order_id
        summary = self.env._("Was %s charged?", self.reference)
        if summary not in order.activity_ids.mapped('summary'):
            order.activity_schedule(
                'mail.mail_activity_data_todo',
                summary=summary,
                note=self.env._(
                    "The payment provider never answered. Look it up there, then press “Was"
                    " charged” or “Was not charged” on the payment in the order's schedule."
                    " Nothing else is collected for it until then."
                ),
                user_id=order.user_id.id or self.env.ref('base.user_admin').id,
            )

    def _prepare_event_payment(self):
        """Return the values of the payment that records an approved attempt.

        :rtype: dict
        """
        self.ensure_one()
        journal = self.provider_id.journal_id
        receivable_lines = self.invoice_ids.line_ids.filtered(
            lambda line: line.display_type == 'payment_term'
        )
        return {
            'amount': self.amount,
            'payment_type': 'inbound',
            'currency_id': self.currency_id.id,
            'partner_id': self.partner_id.commercial_partner_id.id,
            'partner_type': 'customer',
            'journal_id': journal.id,
            'company_id': self.provider_id.company_id.id,
            'payment_method_line_id': journal.inbound_payment_method_line_ids.filtered(
                lambda line: line.payment_provider_id == self.provider_id
            ).id,
            'payment_token_id': self.token_id.id,
            'payment_transaction_id': self.id,
            'memo': f'{self.reference} - {self.provider_reference or ""}',
            'invoice_ids': [fields.Command.set(self.invoice_ids.ids)],
            **(
                {'destination_account_id': receivable_lines[:1].account_id.id}
                if receivable_lines
                else {}
            ),
        }

    def _log_message_on_linked_documents(self, message):
        """Override of `account_payment`: the schedule shows the attempts, the chatter doesn't."""
        if not self.billing_event_id or self.operation == 'refund':
            super()._log_message_on_linked_documents(message)

    def _post_process(self):
        """Override of `payment`: attempts are booked as the charge run books them."""
        attempts = self.filtered(lambda tx: tx.billing_event_id and tx.operation != 'refund')
        if attempts:
            self.env['billpro.billing.run']._book(attempts)
        return super(PaymentTransaction, self - attempts)._post_process()
