from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ...billing.declines import HARD
from ...billing.lifecycle import PAID
from ..attempts.payment_transaction import INQUIRY_BATCH_SIZE
from ..rights.own_context import INSIDE


class PaymentTransaction(models.Model):
    """Attempts that are booked, and outcomes that are found out."""

    _inherit = 'payment.transaction'

    # === FINDING OUT === #

    @api.model
    def _billing_resolve_unknown_outcomes(self):
        """Ask again about requests without an answer, and call a person when that is no use."""
        self._billing_find_abandoned_requests()
        waiting = self.env['billpro.failure']._get_waiting_ids(self._name, 'inquire')
        txs = self.search(
            [
                ('billing_outcome_unknown', '=', True),
                ('billing_next_inquiry', '<=', fields.Datetime.now()),
                ('id', 'not in', waiting),
            ],
            limit=INQUIRY_BATCH_SIZE,
        )
        for tx in txs:
            tx._billing_inquire()
        self._billing_ask_about_unfinished()

    def _billing_inquire(self):
        """Send a request again under its key to learn what became of it, and commit the answer.

        What the provider has given a number is only asked about.
        """
        self.ensure_one()

        def ask():
            if not self._billing_try_lock_with_order():
                return False
            if self.billing_outcome_unknown:
                self._billing_ask_about_outcome()
            return True

        # What the provider answered is committed before everything else.
        is_answered = self.env['billpro.own.transaction']._commit_alone(
            self,
            'inquire',
            ask,
            on_failure=self._billing_note_failed_inquiry,
            tells_staff=False,
        )
        if is_answered and self.state in {'done', 'error', 'cancel'} and not self.is_post_processed:
            self._billing_book_alone()

    def _billing_ask_about_outcome(self):
        """Ask the provider what became of a request, and a person if that is no use."""
        can_be_sent_again = self._billing_can_be_sent_again()
        if can_be_sent_again and not self.provider_reference:
            self.billing_outcome_unknown = False
            self.with_context(billing_repeated_request=INSIDE)._billing_send_again()
        else:
            self._billing_schedule_inquiry()
        if self.billing_outcome_unknown:
            self._billing_finish_by_look_up()
        # The search is believed later than the request is sent for the last time.
        waits_for_search = not self._billing_was_sent_before(
            self.provider_id._in_billing()._search_hours
        )
        if self.billing_outcome_unknown and not can_be_sent_again and not waits_for_search:
            self._billing_ask_person_about_outcome()

    def _billing_send_again(self):
        """Send a request again, under the same idempotency key."""
        self.ensure_one()
        if self._billing_is_capture_or_void():
            self._billing_request_capture_or_void()
        elif self.operation == 'refund':
            self._billing_request_refund()
        else:
            self._charge_with_token()

    # === A PERSON'S WORD === #

    def action_was_executed(self):
        """Book what a person found executed at the provider.

        :raise AccessError: If the user may not decide it.
        :raise UserError: If the outcome is known.
        """
        self._billing_resolve_outcome(executed=True)

    def action_was_not_executed(self):
        """Give up what a person found not executed at the provider.

        :raise AccessError: If the user may not decide it.
        :raise UserError: If the outcome is known.
        """
        self._billing_resolve_outcome(executed=False)

    def _billing_resolve_outcome(self, executed):
        """End the uncertainty about a payment or refund by a person's word.

        :param bool executed: Whether the provider has moved the money.
        :raise AccessError: If the user may not decide it.
        :raise UserError: If the outcome is known.
        """
        self.ensure_one()
        if not self.env.user.has_group('billpro_portal.group_billing_manager'):
            raise AccessError(
                self.env._("Only billing managers can decide whether a payment was executed.")
            )
        self.check_access('read')
        tx_sudo = self.sudo()
        tx_sudo.billing_order_id._lock_billing()
        if not tx_sudo.billing_outcome_unknown:
            raise UserError(self.env._("The outcome of %s is known.", self.reference))
        person = self.env.user.name
        tx_sudo.billing_outcome_unknown = False
        if executed:
            message = self.env._("%s found it executed at the provider.", person)
            tx_sudo._billing_set_executed(message)
        else:
            message = self.env._("%s found it not executed at the provider.", person)
            tx_sudo._set_error(message)
        tx_sudo._post_process()
        tx_sudo.billing_order_id._message_log(body=f'{self.reference}: {message}')

    def _billing_set_executed(self, state_message):
        """Take it that the provider has executed what was sent.

        :param str state_message: Who says so.
        """
        releases = self.filtered('billing_is_release')
        releases._set_canceled(state_message=state_message)  # They collect nothing.
        (self - releases)._set_done(state_message=state_message)

    # === RETURNS === #

    def _billing_return(self, decline, message):
        """Take it that the bank has taken back what was paid: it is owed again, as if declined.

        The caller holds the locks, and sees to the books: the invoice is open again.

        :param Decline decline: Why, as far as the provider tells.
        :param str message: What happened, for staff.
        :return: Whether it is collected again, or the customer asked for another way to pay.
        :rtype: bool
        """
        self.ensure_one()
        order = self.billing_order_id
        self._set_error(message, extra_allowed_states=('done',))
        self._billing_keep_decline(decline)
        self.write({'billing_return_date': fields.Datetime.now(), 'is_post_processed': True})
        order._billing_mark_totals_to_compute()
        if not order._billing_collects_returned():
            return False
        event = self.billing_event_id or order._billing_create_event_of_return(self)
        if event.status not in PAID:
            return False
        if order.billing_status == 'complete':
            order._apply_billing_trigger('return', message)
        event.declined_token_id = False  # Whatever was declined before is another story.
        event._apply_trigger(
            'return_hard' if self.billing_decline_class == HARD else 'return_soft', message
        )
        event._record_decline(self)
        order._billing_follow_payments()
        self._billing_announce_declines()
        return True

    # === BUSINESS METHODS - POST-PROCESSING === #

    def _post_process(self):
        """Override of `payment` to book what became of payments of orders.

        `account_payment` posts the invoices that a confirmed transaction carries, creates its
        payment and reconciles them. What there is to carry is decided here, once; attempts are
        booked as the charge run books them.
        """
        billed = self.filtered('billing_order_id')
        foreign = self - billed
        elsewhere = foreign.filtered(lambda tx: tx._billing_get_orders_paid_elsewhere())
        super(PaymentTransaction, foreign - elsewhere)._post_process()
        if elsewhere:
            super(PaymentTransaction, elsewhere._billing_with_company_dates())._post_process()
            self.env.ref('billpro_portal.cron_billing_run')._trigger()
        by_company = billed.grouped(lambda tx: tx.billing_order_id.company_id)
        for company, of_company in by_company.items():
            txs = of_company.with_company(company)._billing_with_company_dates()
            txs._billing_book_authorizations()
            txs._billing_book_declined_charges_of_staff()
            others = txs - txs._billing_book_attempts()
            carrying = others._billing_carry_documents()
            super(PaymentTransaction, others)._post_process()
            carrying._billing_balance_refunds_on_account()
            carrying._billing_balance_refunds_of_credit()
            carrying._billing_announce_refunds()

    def _billing_carry_documents(self):
        """Have what was collected or paid back carry the invoices and credit notes it pays.

        :return: The transactions to book.
        :rtype: payment.transaction
        """
        to_book = self.filtered(
            lambda tx: (
                tx.billing_order_id
                and tx.state == 'done'
                and not tx.payment_id
                and not (tx.operation == 'validation' and tx.is_post_processed)
                and tx not in tx.child_transaction_ids._get_captured_authorizations()
            )
        )
        to_book.billing_order_id._lock_billing()
        for tx in to_book.with_context(tracking_disable=True):
            if tx.operation == 'refund':
                tx.invoice_ids = tx.source_transaction_id._billing_create_refund_credit_notes(
                    -tx.amount
                )
            elif tx.billing_is_card_update:
                tx.billing_order_id._billing_adopt_registered_card(tx)
            elif tx._billing_is_capture_or_void():
                tx.billing_order_id._billing_bill_capture(tx)
            elif not tx.invoice_ids:
                tx.invoice_ids = tx.billing_order_id._billing_approve_initial_payment(tx)
        return to_book

    def _billing_announce_refunds(self):
        """Tell customers and staff of the refunds that were booked, and let their orders go on."""
        for tx in self.filtered(lambda tx: tx.operation == 'refund'):
            self.env['billpro.notification']._queue(
                'refund', tx.billing_order_id, f'refund-{tx.id}', transaction_id=tx.id
            )
            if not tx.billing_refund_user_id:
                tx._billing_tell_staff_of_refund()
            # It may have paid back what was credited.
            tx.billing_order_id._billing_use_credit()
            # An order that is reviewed for what was collected too much may go on, or is over.
            in_review = tx.billing_order_id.filtered(lambda o: o.billing_status == 'review')
            in_review._billing_follow_payments()

    def _billing_book_attempts(self):
        """Book attempts as the charge run books them, which notes what can't be booked.

        :return: The attempts among the transactions.
        :rtype: payment.transaction
        """
        attempts = self.filtered(lambda tx: tx.billing_event_id and tx.operation != 'refund')
        if attempts:
            self.env['billpro.billing.run']._book(attempts)
        return attempts

    def _invoice_sale_orders(self):
        """Override of `sale`: what comes beside a schedule is no down payment of it.

        With automatic invoices Odoo would make one, or invoice the next payment. It stays on the
        customer's account, see `sale.order._billing_take_over_second_payments`.
        """
        beside = self.filtered(
            lambda tx: any(order._billing_is_invoiced_by_schedule() for order in tx.sale_order_ids)
        )
        return super(PaymentTransaction, self - beside)._invoice_sale_orders()
