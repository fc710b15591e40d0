from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_date

from ..billing.lifecycle import COLLECTABLE_ORDERS, IN_FLIGHT
from .own_context import INSIDE, get_answers


class PaymentTransaction(models.Model):
    """An attempt to collect a billing event by charging the order's stored card."""

    _inherit = 'payment.transaction'

    billing_event_id = fields.Many2one(
        comodel_name='billpro.billing.event',
        readonly=True,
        index='btree_not_null',
        ondelete='restrict',
        help="The scheduled payment that this is an attempt to collect.",
    )
    billing_attempt = fields.Integer(string="Attempt", readonly=True)
    # The database refuses a second attempt while one is open or its outcome isn't known.
    _billing_one_open_attempt = models.UniqueIndex(
        "(billing_event_id) WHERE billing_event_id IS NOT NULL"
        " AND state IN ('draft', 'pending', 'authorized')",
        "Another attempt to collect this payment is under way.",
    )

    # The run looks for what isn't booked: a few among all attempts that ever were.
    _billing_not_booked_idx = models.Index(
        "(billing_event_id) WHERE billing_event_id IS NOT NULL AND is_post_processed IS NOT TRUE"
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
        # Refused here it wasn't sent; later nobody could tell.
        self._ensure_provider_is_not_disabled()
        if was_sent:
            # Whoever has sent it, and may only be waiting for the lock, must learn of it.
            self.billing_resent = True
        # If this process dies during the call, the next one knows that money may have moved.
        self._begin_money_transaction()
        if self.state != 'draft':
            return
        if self.billing_resent:
            if not self._can_be_sent_again():
                self._set_outcome_unknown()
                return
        elif self._is_needless():
            return
        self.write({'billing_outcome_unknown': False, 'billing_not_attempted': False})
        repeated = self.billing_resent and INSIDE
        self.with_context(billing_repeated_request=repeated)._charge_with_token()

    def _is_needless(self):
        """Look for the last time whether an attempt is wanted that nobody has sent; end it if not.

        While it waited for the lock, which the caller holds, the payment may have been collected
        by an earlier attempt, or by hand, and the order cancelled or paused.

        :return: Whether it has ended.
        :rtype: bool
        """
        event, order = self.billing_event_id, self.billing_order_id
        # A first attempt has none before it; payments merged from others may have.
        has_earlier = self.billing_attempt > 1 or not event.number
        if event.status not in IN_FLIGHT or (has_earlier and event._is_paid_but_not_booked()):
            self._set_canceled(state_message=self.env._("An earlier attempt was approved."))
            return True
        is_collectable = order.billing_status in COLLECTABLE_ORDERS
        if is_collectable and not order.billing_cancel_date and not event._is_invoice_touched():
            return False
        self._take_back()
        order._mark_totals_to_compute()
        if order.billing_cancel_date:
            order._finish_cancellation()
        return True

    def _take_back(self):
        """Take back attempts that nobody has sent; the caller holds the lock of their orders."""
        self.billing_event_id.filtered(lambda event: event.status == 'processing')._apply_trigger(
            'refuse'
        )
        self._supersede()
        self.write({'billing_sent_date': False, 'is_post_processed': True})

    def _keep_broken_charge(self, failure, _error):
        """Keep what is known of a charge that broke off; the caller commits.

        What the provider has answered is taken in once more, as the trouble may have been a
        passing one. Otherwise the outcome is unknown, and the inquiries go on with it. What was
        never sent is sent later.

        :param billpro.failure failure: What has failed.
        :param Exception _error: What was raised.
        """
        self.ensure_one()
        if not self._try_lock_with_order() or self.state != 'draft':
            return
        if not self.billing_sent_date:
            self.billing_event_id.status_message = failure.reason
            return
        if answers := get_answers(self.env):
            answer = answers[-1]
            if self.env['billpro.own.transaction']._is_survived(
                self, 'charge', lambda: self._process(self.provider_code, answer)
            ):
                failure.unlink()
                return
            if self.provider_code == 'stripe' and not self._get_mismatch(answer):
                # Known at the provider by this number: it is asked about, not sent again.
                self.provider_reference = self._get_stripe_object(answer)['id']
        self._set_outcome_unknown(
            self.env._("What the provider answered could not be taken in: %s", failure.reason)
        )
        failure.unlink()

    def _filter_not_sent(self):
        """Return the attempts that the provider never tried.

        :rtype: payment.transaction
        """
        return self.filtered(
            lambda tx: tx.billing_event_id and tx.billing_not_attempted and tx.state == 'draft'
        )

    def _wait_for_next_run(self, reason):
        """Leave attempts that the provider never tried to the next run, under their references.

        :param str reason: Why they could not be sent.
        """
        self.write({'billing_sent_date': False, 'state_message': reason})

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

    def _get_notice_rows(self):
        """Return what a mail shows of an attempt to collect a scheduled payment, as rows.

        Staff may edit and preview the mail with any payment: of another order, or of none.

        :rtype: list[dict]
        """
        self.ensure_one()
        order = self.billing_order_id
        is_paid = self.state == 'done'
        moment = self.last_state_change or fields.Datetime.now()
        rows = (
            order._get_notice_reference_rows()
            if order
            else [order._get_notice_row(self.env._("Reference"), self.reference)]
        )
        if self.billing_event_id:
            rows.append(order._get_notice_event_row(self.billing_event_id))
        rows += [
            order._get_notice_row(
                self.env._("Paid on") if is_paid else self.env._("Tried on"),
                order._get_date_text(moment) if order else format_date(self.env, moment),
            ),
            order._get_notice_row(self.env._("Card"), self._get_card_name()),
            order._get_notice_row(
                self.env._("Paid") if is_paid else self.env._("Amount"),
                self.currency_id.format(self.amount),
                strong=True,
            ),
        ]
        if is_paid and order and (payment := order._get_next_payment()):
            rows.append(
                order._get_notice_row(
                    self.env._("Next payment"), f"{payment['date']}, {payment['amount']}"
                )
            )
        return rows

    def _book_attempts(self):
        """Book attempts as the charge run books them, which notes what can't be booked.

        :return: The attempts among the transactions.
        :rtype: payment.transaction
        """
        attempts = self.filtered(lambda tx: tx.billing_event_id and tx.operation != 'refund')
        if attempts:
            self.env['billpro.billing.run']._book(attempts)
        return attempts
