from functools import partial

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .own_context import INSIDE, is_inside


class PaymentTransaction(models.Model):
    """A try to collect money for an order, or to pay some of it back.

    The transactions of an order hang on `billing_order_id`, not on Sale's `sale_order_ids`: that
    link would wake Sale's own confirmation, mails and invoicing beside ours.
    """

    _inherit = 'payment.transaction'

    billing_order_id = fields.Many2one(
        string="Billed Order",
        comodel_name='sale.order',
        readonly=True,
        index='btree_not_null',
        ondelete='restrict',
    )
    billing_refund_user_id = fields.Many2one(
        string="Refunded By",
        comodel_name='res.users',
        readonly=True,
        help="Who refunded it in Odoo; empty if it was made at the provider.",
    )

    billing_superseded = fields.Boolean(
        string="Given Up", readonly=True, help="Begun, but replaced before the customer sent it."
    )

    billing_on_account = fields.Boolean(
        string="On Account", readonly=True, help="Received, but not needed by its order."
    )

    # The database itself refuses a second payment under way for the same initial payment.
    _billing_one_open_initial_payment = models.UniqueIndex(
        "(billing_order_id) WHERE billing_order_id IS NOT NULL"
        " AND state IN ('draft', 'pending', 'authorized')"
        " AND source_transaction_id IS NULL AND billing_event_id IS NULL"
        " AND billing_is_card_update IS NOT TRUE",
        "Another payment of this order is under way.",
    )

    # The run looks for what nobody has booked, however old it is.
    _billing_left_over_idx = models.Index(
        "(state, last_state_change)"
        " WHERE billing_order_id IS NOT NULL AND is_post_processed IS NOT TRUE"
    )

    # === BUSINESS METHODS - PAYMENT FLOW === #

    def _create_child_transaction(self, amount, is_refund=False, **custom_create_values):
        """Override of `payment`: what becomes of a payment belongs to the same order."""
        return super()._create_child_transaction(
            amount,
            is_refund=is_refund,
            billing_order_id=self.billing_order_id.id,
            **custom_create_values,
        )

    def _supersede(self):
        """Note that payments that were begun, but not sent by the customer, are given up.

        Should the customer finish one of them after all, `_set_done` accepts it: money that moved
        must be booked. `_give_up` sees to it that nobody can.
        """
        begun = self.filtered(lambda tx: tx.state == 'draft' and not tx._is_charged_by_us())
        begun.billing_superseded = True
        begun._set_canceled(state_message=self.env._("A newer attempt replaced this one."))
        begun.flush_recordset(['state'])  # Makes room for the newer one in the unique index.

    def _is_billing_reusable(
        self, provider_id, payment_method_id, flow, tokenize, amount, is_validation
    ):
        """Return whether a begun payment can serve a second request for the same.

        A second tab, a double click and a reload then work on one payment, which the provider
        knows by one reference and collects once. Others make a payment of each request, and the
        transaction would forget the first one.

        :param int provider_id: The requested provider.
        :param int payment_method_id: The requested payment method.
        :param str flow: The requested flow, `redirect`, `direct` or `token`.
        :param bool tokenize: Whether the card is to be saved.
        :param float amount: The amount to pay, in the currency of the order.
        :param bool is_validation: Whether a card is registered and nothing is paid.
        :rtype: bool
        """
        self.ensure_one()
        return (
            self.state == 'draft'
            and self.provider_id.id == provider_id
            and self.provider_id._gives_same_payment_again()
            and self.payment_method_id.id == payment_method_id
            and self.operation == ('validation' if is_validation else f'online_{flow}')
            and flow != 'token'
            and self.tokenize == tokenize
            and (
                is_validation  # The provider decides on amount and currency.
                or (
                    self.currency_id == self.billing_order_id.currency_id
                    and self.currency_id.compare_amounts(self.amount, amount) == 0
                )
            )
        )

    def _begin_money_transaction(self):
        """Commit the intent and begin a database transaction that holds all locks it needs.

        Money moves in the new one: the intent survives any crash, and nothing else can touch the
        order or the payment until the outcome is committed, so that commit can't fail on them.
        """
        self.ensure_one()
        self.billing_sent_date = self.billing_sent_date or fields.Datetime.now()
        # From here on the intent is known, whatever happens to this process.
        self.env.cr.commit()  # pylint: disable=invalid-commit
        while True:
            try:
                self.billing_order_id._lock_billing()
                self.env.cr.execute(
                    'SELECT id FROM payment_transaction WHERE id IN %s ORDER BY id'
                    ' FOR NO KEY UPDATE',
                    [tuple((self | self.source_transaction_id).ids)],
                )
                return
            except psycopg2.errors.SerializationFailure:
                self.env.cr.rollback()  # Somebody was faster; nothing has been done here yet.

    def _charge_initial_payment(self):
        """Charge the saved card of an initial payment and commit the outcome.

        The provider isn't asked a second time for a payment that it may know already.
        """
        self.ensure_one()
        self._begin_money_transaction()
        if self.state == 'draft':
            self._charge_with_token()
        # Money may have moved: nothing that follows may undo the record of it.
        self.env.cr.commit()  # pylint: disable=invalid-commit

    # === BUSINESS METHODS - WHAT THE PROVIDER ANSWERS === #

    def _send_api_request(self, method, endpoint, **kwargs):
        """Override of `payment`: refunds are sent at most once, and what failures say is kept.

        `payment.provider._send_api_request` turns every failed request into a `ValidationError`;
        what happened stands in its context.
        """
        if not self.billing_order_id:
            return super()._send_api_request(method, endpoint, **kwargs)
        if self.provider_code == 'stripe' and (method, endpoint) == ('POST', 'refunds'):
            self._identify_stripe_refund(kwargs)
        if self.provider_code == 'paypal' and self.billing_superseded:
            # What the customer approves in an older tab is collected by this request, and by none
            # but ours.
            raise ValidationError(self.env._("This payment was given up for another one."))
        tx = self.with_context(billing_stripe_library=INSIDE)
        try:
            return super(PaymentTransaction, tx)._send_api_request(method, endpoint, **kwargs)
        except ValidationError as error:
            if not is_inside(self.env, 'billing_moves_no_money'):
                self._record_failed_request(error.__cause__ or error.__context__)
            raise

    def _apply_updates(self, payment_data):
        """Override of `payment`: what the provider reports ends the uncertainty, declines too.

        `_set_error` would take a decline that a webhook reports for one more request without an
        answer: the payment would stay pending, and its next inquiry would be put off.
        """
        if not self.billing_order_id:
            super()._apply_updates(payment_data)
            return
        if self._take_in_settlement(payment_data):
            return
        payment_data = self._correct_simulated_approval(payment_data)
        was_unknown = self.billing_outcome_unknown
        self.write({'billing_outcome_unknown': False, 'billing_not_attempted': False})
        self._record_reported_decline(payment_data)
        super()._apply_updates(payment_data)
        if was_unknown and self.state in {'draft', 'pending'} and not self.billing_action_required:
            self.billing_outcome_unknown = True  # Not decided there either: goes on asking.

    def _set_error(self, state_message, extra_allowed_states=()):
        """Override of `payment`: only a decline is an error.

        Without an answer the outcome is unknown, and what waits for the customer's bank isn't
        over: both stay pending, which keeps every other attempt from starting. What the provider
        never tried waits for the next run; it is no decline, and it needs no new reference.
        """
        unknown = self.filtered('billing_outcome_unknown')
        waiting = (self - unknown).filtered('billing_action_required')
        not_sent = (self - unknown - waiting)._filter_not_sent()
        declined = self - unknown - waiting - not_sent
        not_sent._wait_for_next_run(state_message)
        updated = super(PaymentTransaction, declined)._set_error(
            state_message, extra_allowed_states=extra_allowed_states
        )
        waiting._wait_for_bank(state_message)
        unknown._set_outcome_unknown()
        return updated

    def _set_done(self, *, state_message=None, extra_allowed_states=()):
        """Override of `payment`: book late money of given-up payments, and soon.

        The customer's browser usually triggers the booking; the job does it when it doesn't.
        """
        billed = self.filtered('billing_order_id')
        billed.filtered('billing_outcome_unknown').billing_outcome_unknown = False
        done = super(PaymentTransaction, self - billed)._set_done(
            state_message=state_message, extra_allowed_states=extra_allowed_states
        )
        if billed:
            done |= super(PaymentTransaction, billed)._set_done(
                state_message=state_message,
                extra_allowed_states=(*extra_allowed_states, 'cancel'),
            )
            if not is_inside(self.env, 'billing_post_processing_triggered'):
                self.env.ref('payment.cron_post_process_payment_tx')._trigger(
                    at=fields.Datetime.add(fields.Datetime.now(), minutes=1)
                )
        done.filtered('billing_action_required').billing_action_required = False
        done._record_released_rests()
        return done

    def _log_message_on_linked_documents(self, message):
        """Override of `account_payment` to log on the order too.

        The schedule shows the attempts, the chatter doesn't.
        """
        if self.billing_event_id and self.operation != 'refund':
            return
        super()._log_message_on_linked_documents(message)
        if self.billing_order_id:
            self.billing_order_id._message_log(body=message)

    # === BUSINESS METHODS - POST-PROCESSING === #

    def _post_process(self):
        """Override of `payment` to book what became of payments of orders.

        `account_payment` posts the invoices that a confirmed transaction carries, creates its
        payment and reconciles them. What there is to carry is decided here, once; attempts are
        booked as the charge run books them.
        """
        billed = self.filtered('billing_order_id')
        foreign = self - billed
        elsewhere = foreign.filtered(lambda tx: tx._get_orders_paid_elsewhere())
        super(PaymentTransaction, foreign - elsewhere)._post_process()
        if elsewhere:
            super(PaymentTransaction, elsewhere._with_company_dates())._post_process()
            self.env.ref('billpro_portal.cron_billing_run')._trigger()
        by_company = billed.grouped(lambda tx: tx.billing_order_id.company_id)
        for company, of_company in by_company.items():
            txs = of_company.with_company(company)._with_company_dates()
            txs._book_authorizations()
            txs._book_declined_charges_of_staff()
            others = txs - txs._book_attempts()
            carrying = others._carry_documents()
            super(PaymentTransaction, others)._post_process()
            carrying._balance_refunds_on_account()
            carrying._announce_refunds()

    def _with_company_dates(self):
        """Return the transactions where today is what it is for their company: in its books.

        Those of several companies stay as they are: Odoo books them one by one.
        """
        companies = self.billing_order_id.company_id or self.company_id
        return companies._billing_date_by(self) if len(companies) == 1 else self

    def _book_alone(self):
        """Book outcomes that are committed already, each in a transaction of its own."""

        def book(tx):
            tx._post_process()
            # What is left to another worker, or kept its reason, isn't done.
            return bool(tx.is_post_processed)

        for tx in self:
            self.env['billpro.own.transaction']._commit_alone(tx, 'book', partial(book, tx))

    @api.model
    def _book_left_over(self):
        """Book what nobody has booked of initial payments, refunds and captures, however old it is.

        Odoo's job gives up after four days, and is switched off with the last provider.
        """
        txs = self.search(
            [
                ('billing_order_id', '!=', False),
                ('is_post_processed', '=', False),
                '|',
                ('state', '=', 'done'),
                '&',
                ('state', 'in', ('authorized', 'cancel')),
                ('billing_authorized_date', '!=', False),
                # A page, or Odoo's job, is about to book it.
                (
                    'last_state_change',
                    '<',
                    fields.Datetime.subtract(fields.Datetime.now(), minutes=5),
                ),
                '|',
                ('billing_event_id', '=', False),
                ('operation', '=', 'refund'),
            ]
        )
        self.env['billpro.failure']._leave_out_waiting(txs, 'book')._book_alone()

    def _cron_post_process(self):
        """Override of `payment`: payments of orders that can't be booked are tried at distances.

        Odoo tries for four days, at each pass of the job, and tells its log only.
        """
        since = fields.Datetime.subtract(fields.Datetime.now(), days=4)
        failures = (
            self.env['billpro.failure']
            .sudo()
            .search_fetch([('res_model', '=', self._name), ('task', '=', 'book')], ['res_id'])
        )
        txs = self or self.search(
            [
                ('is_post_processed', '=', False),
                '|',
                ('last_state_change', '>=', since),
                # What a person asks to try again may be older.
                ('id', 'in', failures.mapped('res_id')),
            ]
        )
        billed = txs.filtered('billing_order_id')
        self.env['billpro.failure']._leave_out_waiting(billed, 'book')._book_alone()
        if others := txs - billed:
            super(PaymentTransaction, others)._cron_post_process()

    def _carry_documents(self):
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
                tx.invoice_ids = tx.source_transaction_id._create_refund_credit_notes(-tx.amount)
            elif tx.billing_is_card_update:
                tx.billing_order_id._adopt_registered_card(tx)
            elif tx._is_settlement():
                tx.billing_order_id._bill_capture(tx)
            elif not tx.invoice_ids:
                tx.invoice_ids = tx.billing_order_id._approve_initial_payment(tx)
        return to_book

    def _balance_refunds_on_account(self):
        """Balance what was paid back with what it pays back, where no invoice stands between."""
        for tx in self.filtered(lambda tx: tx.operation == 'refund' and not tx.invoice_ids):
            payments = tx.payment_id | tx.source_transaction_id.payment_id
            lines = payments.move_id.line_ids.filtered(
                lambda line, account=tx.payment_id.destination_account_id: (
                    line.account_id == account and not line.reconciled
                )
            )
            if len(lines) > 1:
                lines.reconcile()

    def _announce_refunds(self):
        """Tell customers and staff of the refunds that were booked, and let their orders go on."""
        for tx in self.filtered(lambda tx: tx.operation == 'refund'):
            self.env['billpro.notification']._queue(
                'refund', tx.billing_order_id, f'refund-{tx.id}', transaction_id=tx.id
            )
            if not tx.billing_refund_user_id:
                tx._tell_staff_of_refund()
            # An order that is reviewed for what was collected too much may go on, or is over.
            in_review = tx.billing_order_id.filtered(lambda o: o.billing_status == 'review')
            self.env['billpro.billing.run']._update_orders(in_review)

    def _tell_staff_of_refund(self):
        """Tell staff of a refund that somebody made at the provider."""
        self.ensure_one()
        amount = self.currency_id.format(-self.amount)
        self.billing_order_id._ask_staff(
            self.env._("Refund %s was made at the provider", self.reference),
            self.env._(
                "%s were paid back outside of Odoo. The credit note is posted; check whether the"
                " order goes on.",
                amount,
            ),
        )

    def _create_refund_credit_notes(self, amount):
        """Create the credit notes for money paid back of this payment.

        :param float amount: What was paid back, positive, in the transaction's currency.
        :return: The posted credit notes; empty if the payment paid no invoice.
        :rtype: account.move
        """
        self.ensure_one()
        credit_notes = self.env['account.move']
        for invoice in self.invoice_ids.filtered(
            lambda move: move.move_type == 'out_invoice' and move.state != 'cancel'
        ):
            credited = sum(
                invoice.reversal_move_ids.filtered(lambda move: move.state == 'posted').mapped(
                    'amount_total'
                )
            )
            share = min(amount, self.currency_id.round(invoice.amount_total - credited))
            if self.currency_id.compare_amounts(share, 0) <= 0:
                continue
            credit_notes += invoice._create_partial_credit_note(
                share, self.env._("Refund of payment %s", self.reference)
            )
            amount = self.currency_id.round(amount - share)
        return credit_notes

    # === REFUND === #

    def _get_refundable_amount(self):
        """Return what can still be paid back of a confirmed payment.

        Refunds without a final answer count as paid back: their money may have moved.

        :return: The amount in the transaction's currency.
        :rtype: float
        """
        self.ensure_one()
        if self.state != 'done' or self.operation in {'refund', 'validation'}:
            return 0.0
        if self.child_transaction_ids._get_captured_authorizations():
            return 0.0  # The captures are the money.
        refunds = self.child_transaction_ids.filtered(
            lambda tx: tx.operation == 'refund' and tx.state in {'draft', 'pending', 'done'}
        )
        return self.currency_id.round(self.amount + sum(refunds.mapped('amount')))

    def _get_support_refund(self):
        """Return what the provider and the payment method can refund.

        :return: `none`, `full_only` or `partial`.
        :rtype: str
        """
        method = self.payment_method_id
        supports = {
            self.provider_id.support_refund,
            (method.primary_payment_method_id or method).support_refund,
        }
        return next(
            (support for support in ('none', 'full_only') if support in supports), 'partial'
        )

    def _create_order_refund(self, amount):
        """Create the transaction that pays back a part of a payment.

        :param float amount: The amount to pay back, positive, in the transaction's currency.
        :return: The refund transaction, not sent to the provider yet.
        :rtype: payment.transaction
        :raise UserError: If the provider is disabled.
        :raise ValidationError: If the amount can't be paid back.
        """
        self.ensure_one()
        self.billing_order_id._lock_billing()
        refundable = self._get_refundable_amount()
        amount = self.currency_id.round(amount)
        if not 0 < amount <= refundable:
            raise ValidationError(
                self.env._(
                    "%(amount)s can't be refunded: of this payment %(refundable)s are left to"
                    " refund.",
                    amount=self.currency_id.format(amount),
                    refundable=self.currency_id.format(refundable),
                )
            )
        self._ensure_provider_is_not_disabled()
        refund_tx = self._create_child_transaction(amount, is_refund=True)
        refund_tx.billing_refund_user_id = self.env.user
        refund_tx._log_sent_message()
        return refund_tx

    def _send_order_refund(self):
        """Send a refund to the provider, commit the outcome, and book it if it is final."""
        self.ensure_one()
        self._begin_money_transaction()
        if self.state == 'draft':
            self._request_refund()
        # Money may have moved: nothing that follows may undo the record of it.
        self.env.cr.commit()  # pylint: disable=invalid-commit
        if self.state == 'done':
            self._book_alone()

    def _request_refund(self):
        """Send a refund to the provider and take in its answer; the caller holds its lock."""
        self.ensure_one()
        try:
            self._send_refund_request()
        except ValidationError as error:
            self._set_error(str(error))

    def _get_refund_notification(self):
        """Return the message that tells staff how a refund ended.

        :return: A client action.
        :rtype: dict
        """
        self.ensure_one()
        amount = self.currency_id.format(-self.amount)
        kind, message = {
            'done': ('success', self.env._("%s were refunded.", amount)),
            'error': (
                'danger',
                self.env._(
                    "The refund of %(amount)s was refused: %(reason)s",
                    amount=amount,
                    reason=self.state_message,
                ),
            ),
        }.get(
            self.state,
            (
                'warning',
                self.env._(
                    "The refund of %s is not confirmed yet. The credit note follows when the"
                    " provider confirms it.",
                    amount,
                ),
            ),
        )
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': kind,
                'message': message,
                'sticky': kind != 'success',
                'next': {'type': 'ir.actions.act_window_close'},
            },
        }

    # === DISPLAY === #

    def _get_card_name(self):
        """Return the card or payment method as the customer knows it: "Visa •••• 4242".

        :rtype: str
        """
        self.ensure_one()
        source = self.source_transaction_id or self
        return (
            source.token_id._get_card_name() if source.token_id else source.payment_method_id.name
        )
