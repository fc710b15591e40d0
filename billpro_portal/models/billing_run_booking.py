from odoo import api, models

from ..billing.declines import AUTHENTICATION, HARD, SOFT
from ..billing.lifecycle import IN_FLIGHT, PAID
from .billing_run import BATCH_CONTEXT
from .own_transaction import GIVE_WAY

BOOKING_TRIES = 5
DECLINE_TRIGGERS = {SOFT: 'decline_soft', HARD: 'decline_hard', AUTHENTICATION: 'require_action'}


class BillproBillingRun(models.Model):
    """The third phase of the charge run: book what the providers answered.

    It touches the database only, does nothing twice, and may be repeated at any time.
    """

    _inherit = 'billpro.billing.run'

    @api.model
    def _get_attempts_to_book(self):
        """Return the answered attempts whose events don't know it yet.

        Those that could not be booked aren't tried again at once.

        :rtype: payment.transaction
        """
        waiting = self.env['billpro.failure']._get_waiting_ids('payment.transaction', 'book')
        return self.env['payment.transaction'].search(
            [
                ('billing_event_id', '!=', False),
                ('operation', '!=', 'refund'),
                ('is_post_processed', '=', False),
                ('id', 'not in', waiting),
                '|',
                # Webhooks and banks approve what was declined, at any time.
                ('state', '=', 'done'),
                '&',
                ('billing_event_id.status', 'in', [*IN_FLIGHT, 'action_required']),
                ('state', 'in', ['error', 'cancel', 'pending']),
            ]
        )

    @api.model
    def _book_all(self):
        """Book whatever moved money: attempts, and what nobody has booked of everything else."""
        self._book_answered()
        self.env['payment.transaction']._book_left_over()

    @api.model
    def _book_answered(self):
        """Book all attempts that were answered and commit; begin anew when others were faster.

        :return: Those that could not be booked.
        :rtype: payment.transaction
        """
        for _try in range(BOOKING_TRIES):
            try:
                failed = self._book(self._get_attempts_to_book())
                # Booked: nothing that follows in this request may undo it.
                self.env.cr.commit()  # pylint: disable=invalid-commit
                return failed
            except GIVE_WAY:
                self.env.cr.rollback()  # What is left is booked by the next run.
        return self.env['payment.transaction']

    @api.model
    def _book(self, txs):
        """Record what became of attempts: invoices, payments, events, orders, next events.

        Does nothing for what is booked already. A payment that fails keeps the reason and is tried
        again; the others go on.

        :param payment.transaction txs: Attempts, whatever their state.
        :return: Those that could not be booked.
        :rtype: payment.transaction
        """
        txs = txs.with_context(**BATCH_CONTEXT).filtered(lambda tx: tx.state != 'draft')
        if not txs:
            return txs
        # Orders that another worker is booking, or a customer is acting on, are left for later.
        orders = txs.billing_order_id.try_lock_for_update(allow_referencing=True)
        txs = txs.filtered(lambda tx: tx.billing_order_id in orders)
        if not txs:
            return txs
        _booked, failed = self.env['billpro.own.transaction']._split_until_alone(
            txs.grouped('id').values(),
            'book',
            self._book_in_companies,
            on_failure=self._note_unbooked,
        )
        return failed

    @api.model
    def _book_in_companies(self, txs):
        """Record what became of attempts, each in the company of its order.

        Jobs work in that of the superuser: what products and customers have for each company,
        such as their accounts, would be that company's. The provider may be of a parent company.

        :param payment.transaction txs: Answered attempts.
        """
        for company, of_company in txs.grouped(lambda tx: tx.billing_order_id.company_id).items():
            self.with_company(company)._book_batch(of_company.with_company(company))

    @api.model
    def _note_unbooked(self, failure, _error):
        """Note on the event of an attempt why it could not be booked.

        :param billpro.failure failure: What has failed.
        :param Exception _error: What was raised.
        """
        tx = failure._get_record()
        tx.billing_order_id._mark_totals_to_compute()
        tx.billing_event_id.status_message = failure.reason

    @api.model
    def _book_batch(self, txs):
        """Record what became of attempts of a company, which is the present one.

        :param payment.transaction txs: Answered attempts.
        """
        approved = txs.filtered(lambda tx: tx.state == 'done' and not tx.payment_id)
        collected = approved.filtered(
            lambda tx: tx.billing_event_id.status not in PAID | {'merged'}
        )
        approved.billing_order_id._mark_totals_to_compute()
        for tx in collected:
            if tx.currency_id.compare_amounts(tx.amount, tx.billing_event_id.amount):
                tx.billing_event_id._take_collected_amount(tx.amount)
        self._restore_invoices(approved)
        self._book_payments(approved)
        for tx in approved:
            event = tx.billing_event_id
            if event.status in PAID | {'merged'}:
                tx.billing_order_id._report_payment_on_account(
                    tx,
                    self.env._(
                        "Payment %s was collected twice. The second one is on the customer's"
                        " account: refund it.",
                        event.display_name,
                    ),
                )
            else:
                was_declined = event._get_sources().filtered('first_declined_date')
                event._apply_trigger(
                    'recover' if was_declined and event.status in IN_FLIGHT else 'approve'
                )
                self._report_needless_money(tx)
        self._give_up_unsent_attempts(approved.billing_event_id)
        # An earlier attempt says nothing about the one that is under way.
        present = txs.filtered(
            lambda tx: (
                tx.billing_event_id.status in IN_FLIGHT
                and tx.billing_attempt == tx.billing_event_id.attempt_count
            )
        )
        declined = present.filtered(lambda tx: tx.state in {'error', 'cancel'})
        declined._classify_decline()
        for tx in declined:
            event = tx.billing_event_id
            event._apply_trigger(DECLINE_TRIGGERS[tx.billing_decline_class], tx.state_message)
            event._record_decline(tx)
        waiting = present.filtered('billing_action_required')
        for tx in waiting:
            tx.billing_event_id._apply_trigger('require_action', tx.state_message)
            tx._schedule_inquiry()
            tx.billing_event_id._record_decline(tx)
        unknown = present.filtered(
            lambda tx: tx.billing_outcome_unknown and tx.billing_event_id.status == 'processing'
        )
        for tx in unknown:
            tx.billing_event_id._apply_trigger('lose', tx.state_message)
        over = approved | txs.filtered(lambda tx: tx.state in {'error', 'cancel'})
        over.is_post_processed = True
        (approved | declined | waiting).billing_event_id._schedule_next_events()
        txs.billing_order_id._follow_payments()
        collected.billing_event_id._follow_collection()
        collected._tell_customer('payment_received')
        (declined | waiting)._tell_of_declines()

    @api.model
    def _report_needless_money(self, tx):
        """Ask staff about what was collected while its invoice was paid or credited by hand.

        :param payment.transaction tx: An approved attempt, booked.
        """
        payment = tx.payment_id
        # Without an account for outstanding receipts payments have no entry to reconcile.
        if payment.is_reconciled or not payment.move_id:
            return
        if tx._get_invoices_paid():
            tx.billing_order_id._report_part_on_account(tx)
            return
        tx.billing_order_id._report_payment_on_account(
            tx,
            self.env._(
                "The invoice of payment %s was paid, credited or cancelled by hand while the card"
                " was charged for it. What was collected is on the customer's account: refund one"
                " of them.",
                tx.billing_event_id.display_name,
            ),
        )

    @api.model
    def _give_up_unsent_attempts(self, events):
        """Drop the attempts to collect what an earlier attempt has just paid.

        :param billpro.billing.event events: Payments with an approved attempt.
        """
        unsent = events.transaction_ids.filtered(
            lambda tx: tx.state == 'draft' and not tx.billing_sent_date
        )
        if unsent:
            unsent._supersede()
            unsent.is_post_processed = True

    @api.model
    def _restore_invoices(self, txs):
        """Make the invoices anew of payments that were given up, and approved after all.

        :param payment.transaction txs: Approved attempts.
        """
        events = txs.billing_event_id.filtered(
            lambda event: not event.invoice_id and event.status != 'merged'
        )
        for same_type in events.grouped(lambda event: event.order_id.purchase_type).values():
            same_type[0].order_id._get_purchase()._create_event_invoices(same_type)
        for tx in txs.filtered(lambda tx: tx.billing_event_id in events):
            tx.invoice_ids = tx.billing_event_id.invoice_id

    @api.model
    def _book_payments(self, txs):
        """Post the invoices of approved attempts, create their payments and reconcile them.

        :param payment.transaction txs: Approved attempts of a company without a payment.
        """
        txs = txs._with_company_dates()
        first_payments = txs.filtered(
            lambda tx: tx.billing_event_id.status not in PAID | {'merged'}
        )
        drafts = first_payments.invoice_ids.filtered(lambda move: move.state == 'draft')
        drafts.line_ids.fetch(['tax_ids'])  # Odoo reads them invoice by invoice.
        drafts._set_invoice_date()
        drafts.action_post()
        payments = txs.env['account.payment'].create([tx._prepare_event_payment() for tx in txs])
        payments.action_post()
        plan = []
        for tx, payment in zip(txs, payments, strict=True):
            tx.payment_id = payment
            if tx in first_payments:
                plan.append(
                    (payment.move_id.line_ids + tx.invoice_ids.line_ids).filtered(
                        lambda line, payment=payment: (
                            line.account_id == payment.destination_account_id
                            and not line.reconciled
                        )
                    )
                )
        txs.env['account.move.line']._reconcile_plan(plan)
