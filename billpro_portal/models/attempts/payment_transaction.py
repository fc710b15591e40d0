import dataclasses
import logging
from functools import partial

import psycopg2
import requests

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import float_round

from ...billing import backoff
from ...billing.declines import AUTHENTICATION, HARD, DeclineCodes
from ...billing.lifecycle import (
    COLLECTABLE_ORDERS,
    IN_FLIGHT,
    PAID,
)
from ...billing.payment_methods import expected_date, get_facts, is_card
from ...billing.request_outcomes import DECLINED as REQUEST_DECLINED
from ...billing.request_outcomes import NOT_ATTEMPTED, REFUSED, UNKNOWN, AskedInVain, NotSent
from ..rights.own_context import INSIDE, get_answers, is_inside

# A request is over after this time: a draft that old belongs to a process that died.
ABANDONED_MINUTES = 15
INQUIRY_BATCH_SIZE = 100
_logger = logging.getLogger(__name__)
_PAYING_OPERATIONS = frozenset({'online_redirect', 'online_direct', 'online_token', 'offline'})
# What a customer's browser can still finish, whatever Odoo has noted of it meanwhile.
BROWSER_OPERATIONS = frozenset({'online_direct', 'online_redirect', 'validation'})
# How long a customer may stay on the payment page of a provider that can't be asked or stopped.
PAYMENT_PAGE_MINUTES = 30
# Nobody has a checkout open that long: what could not be ended until then keeps nobody waiting.
FORGOTTEN_HOURS = 24
# How long the pages of an order ask a provider nothing that has left one of them without an answer.
SILENT_SECONDS = 10
# A provider that reports by messages alone has said long before what became of a refund.
REPORT_DAYS = 7
# Most who don't come back have paid nothing: they are asked about for two days.
UNFINISHED_INQUIRIES = 4
UNFINISHED_DAYS = 7
# Of a transfer that nobody waits for any more, the money may come all the same.
TRANSFERABLE = frozenset({'pending', 'cancel', 'error'})
CODES = ('error_code', 'decline_code', 'advice_code', 'network_code', 'network_advice_code')


class PaymentTransaction(models.Model):
    """A try to collect money for an order, or to pay some of it back.

    The transactions of an order hang on `billing_order_id`, not on Sale's `sale_order_ids`: that
    link would wake Sale's own confirmation, mails and invoicing beside ours.

    *Whose payment it is.* Anybody can come back with the number of any payment, several databases
    can have the same references on one account of a provider, and messages name payments as they
    like. So whatever way an object of a provider comes, `_billing_get_mismatch` decides whether it
    is ours, and `_process` takes in nothing else.

    *Giving up.* An open tab can finish a payment at any time, as long as the provider lets it.
    Whoever begins another one, or cancels the order, ends it at its provider first. What can't be
    ended is under way.

    *Unknown outcomes* are kept apart from declines, and found out. A request without an answer may
    have moved money. It is asked about under its idempotency key while the provider keeps it, and
    then a person decides; until then nothing else is collected or refunded in its place.
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
    billing_ended = fields.Boolean(
        string="Ended at Provider",
        readonly=True,
        copy=False,
        help="It was given up, and nobody can finish it at the provider any more.",
    )
    billing_database = fields.Char(
        string="Database",
        readonly=True,
        copy=False,
        help="The database that began it, as the provider's objects name it. Empty if it was begun"
        " by a version that didn't name it: then only the number is known by which the provider"
        " has answered.",
    )
    billing_outcome_unknown = fields.Boolean(
        string="Outcome Unknown",
        readonly=True,
        help="The last request to the provider had no answer: money may have moved.",
    )
    billing_awaits_transfer = fields.Boolean(
        string="Awaits a Transfer",
        compute='_compute_billing_awaits_transfer',
        help="No provider tells what becomes of it: a person sees it on the bank account.",
    )
    billing_can_receive_transfer = fields.Boolean(
        compute='_compute_billing_awaits_transfer',
        help="Its money may be found on the bank account, also after nobody waits for it any more.",
    )
    billing_not_attempted = fields.Boolean(
        string="Not Attempted",
        readonly=True,
        help="The last request never reached the provider or was turned away: nothing was tried.",
    )
    billing_refusal = fields.Selection(
        selection=[
            ('invalid', "Can't be had"),
            ('key', "Key refused"),
            ('limit', "Too many requests"),
        ],
        string="Refusal",
        readonly=True,
        copy=False,
        help="Why the provider has refused the last request, where no card is to blame for it.",
    )
    billing_return_date = fields.Datetime(
        string="Returned On",
        readonly=True,
        copy=False,
        help="When the customer's bank took back what was paid.",
    )
    billing_sent_date = fields.Datetime(
        string="Sent On",
        readonly=True,
        help="When the charge was first about to be sent: from then on the provider may know it.",
    )
    billing_resent = fields.Boolean(
        string="Sent Again",
        readonly=True,
        help="Another worker has taken the charge over: the provider may know it already.",
    )
    billing_next_inquiry = fields.Datetime(
        string="Next Inquiry",
        readonly=True,
        help="When the provider is asked again about an unknown outcome.",
    )
    billing_inquiry_count = fields.Integer(string="Inquiries", readonly=True)
    billing_unanswered_date = fields.Datetime(
        string="Unanswered On",
        readonly=True,
        help="When the provider was asked for a page, and did not answer.",
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

    def _billing_supersede(self):
        """Note that payments that were begun, but not sent by the customer, are given up.

        Should the customer finish one of them after all, `_set_done` accepts it: money that moved
        must be booked. `_billing_give_up` sees to it that nobody can.
        """
        begun = self.filtered(
            lambda tx: (
                (tx.state == 'draft' and not tx._billing_is_charged_by_us())
                or tx._billing_waits_for_customer()
            )
        )
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
            and self.provider_id._in_billing()._resumes_payments
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

    def _billing_begin_money_transaction(self):
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

    def _billing_charge_initial_payment(self):
        """Charge the saved card of an initial payment and commit the outcome.

        The provider isn't asked a second time for a payment that it may know already.
        """
        self.ensure_one()
        self._billing_begin_money_transaction()
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
        self.provider_id._in_billing()._prepare_request(self, method, endpoint, kwargs)
        tx = self.with_context(billing_request_of_order=INSIDE)
        try:
            return super(PaymentTransaction, tx)._send_api_request(method, endpoint, **kwargs)
        except ValidationError as error:
            if is_inside(self.env, 'billing_moves_no_money'):
                raise
            cause = self._billing_find_cause(error, method, endpoint)
            self._billing_record_failed_request(cause)
            raise error from cause

    def _billing_find_cause(self, error, method, endpoint):
        """Return what the failure of one of several requests is for the payment.

        :param ValidationError error: What was raised.
        :param str method: The HTTP method of the request.
        :param str endpoint: Its path.
        :return: What the library that sends requests has raised, or what it comes to.
        :rtype: Exception|None
        """
        cause = error.__cause__ or error.__context__
        provider = self.provider_id._in_billing()
        if endpoint in provider._preparing_endpoints:
            is_unknown = provider._classify_failure(cause) == UNKNOWN
            return NotSent(str(error)) if is_unknown else cause
        # Odoo asks for the payment that it has made: what is refused then isn't the payment.
        return AskedInVain(str(error)) if method == 'GET' else cause

    def _send_payment_request(self):
        """Override of `payment`: a failure that nobody has classified is no decline."""
        if not self.billing_order_id:
            return super()._send_payment_request()
        return self._billing_send(super()._send_payment_request)

    def _billing_send(self, send):
        """Send a request that moves money, and keep what its failure leaves.

        :param Callable send: Sends it, and takes in the answer.
        :raise ValidationError: If it fails. Not all of Odoo's providers turn what the library that
                                sends requests raises into one.
        """
        try:
            send()
        except ValidationError as error:
            self._billing_keep_failure(error)
            raise
        except LookupError:
            # Odoo's own code goes on without what a failed request was to bring.
            if not self.billing_not_attempted and self.state not in {'error', 'cancel'}:
                raise
        except requests.exceptions.RequestException as error:
            failure = ValidationError(self.env._("The payment provider didn't answer."))
            failure.__cause__ = error
            self._billing_keep_failure(failure)
            raise failure from error

    def _billing_keep_failure(self, error):
        """Keep what a failure leaves of a payment of an order, whatever has failed.

        Odoo's providers raise the same error when a request is refused, when nothing was sent, and
        when an answer can't be taken in: Odoo takes all of them for a decline.

        :param ValidationError error: What was raised.
        """
        if self.billing_order_id and self.state in {'draft', 'pending'}:
            self._billing_record_failed_request(error.__cause__ or error.__context__)

    def _set_error(self, state_message, extra_allowed_states=()):
        """Override of `payment`: only a decline is an error.

        Without an answer the outcome is unknown, and what waits for the customer's bank isn't
        over: both stay pending, which keeps every other attempt from starting. What the provider
        never tried waits for the next run; it is no decline, and it needs no new reference.
        """
        unknown = self.filtered('billing_outcome_unknown')
        waiting = (self - unknown).filtered('billing_action_required')
        not_sent = (self - unknown - waiting)._billing_filter_not_sent()
        refused = (self - unknown - waiting - not_sent)._billing_filter_refused()
        declined = self - unknown - waiting - not_sent - refused
        not_sent._billing_wait_for_next_run(state_message)
        refused._billing_take_back_refused(state_message)
        updated = super(PaymentTransaction, declined)._set_error(
            state_message, extra_allowed_states=extra_allowed_states
        )
        waiting._billing_wait_for_bank(state_message)
        unknown._billing_set_outcome_unknown()
        return updated

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

    def _billing_with_company_dates(self):
        """Return the transactions where today is what it is for their company: in its books.

        Those of several companies stay as they are: Odoo books them one by one.
        """
        companies = self.billing_order_id.company_id or self.company_id
        return companies._billing_date_by(self) if len(companies) == 1 else self

    def _billing_book_alone(self):
        """Book outcomes that are committed already, each in a transaction of its own."""

        def book(tx):
            tx._post_process()
            # What is left to another worker, or kept its reason, isn't done.
            return bool(tx.is_post_processed)

        for tx in self:
            self.env['billpro.own.transaction']._commit_alone(tx, 'book', partial(book, tx))

    @api.model
    def _billing_book_left_over(self):
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
        self.env['billpro.failure']._leave_out_waiting(txs, 'book')._billing_book_alone()

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
        self.env['billpro.failure']._leave_out_waiting(billed, 'book')._billing_book_alone()
        if others := txs - billed:
            super(PaymentTransaction, others)._cron_post_process()

    def _billing_balance_refunds_on_account(self):
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

    def _billing_tell_staff_of_refund(self):
        """Tell staff of a refund that somebody made at the provider."""
        self.ensure_one()
        amount = self.currency_id.format(-self.amount)
        self.billing_order_id._billing_ask_staff(
            f'refund-made-{self.id}',
            self.env._("Refund %s was made at the provider", self.reference),
            self.env._(
                "%s were paid back outside of Odoo. The credit note is posted; check whether the"
                " order goes on.",
                amount,
            ),
        )

    # === REFUND === #

    def _billing_get_refundable_amount(self):
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

    def _billing_get_support_refund(self):
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

    def _billing_create_order_refund(self, amount):
        """Create the transaction that pays back a part of a payment.

        :param float amount: The amount to pay back, positive, in the transaction's currency.
        :return: The refund transaction, not sent to the provider yet.
        :rtype: payment.transaction
        :raise UserError: If the provider is disabled.
        :raise ValidationError: If the amount can't be paid back.
        """
        self.ensure_one()
        self.billing_order_id._lock_billing()
        refundable = self._billing_get_refundable_amount()
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
        if self._billing_get_support_refund() == 'full_only' and self.currency_id.compare_amounts(
            amount, self.amount
        ):
            raise ValidationError(
                self.env._("The payment provider can refund this payment as a whole only.")
            )
        self._ensure_provider_is_not_disabled()
        refund_tx = self._create_child_transaction(amount, is_refund=True)
        refund_tx.billing_refund_user_id = self.env.user
        refund_tx._log_sent_message()
        return refund_tx

    def _billing_send_order_refund(self):
        """Send a refund to the provider, commit the outcome, and book it if it is final."""
        self.ensure_one()
        self._billing_begin_money_transaction()
        if self.state == 'draft':
            self._billing_request_refund()
        # Money may have moved: nothing that follows may undo the record of it.
        self.env.cr.commit()  # pylint: disable=invalid-commit
        if self.state == 'done':
            self._billing_book_alone()

    def _billing_request_refund(self):
        """Send a refund to the provider and take in its answer; the caller holds its lock."""
        self.ensure_one()
        try:
            self._billing_send_about_source(self._send_refund_request)
        except ValidationError as error:
            self._set_error(str(error))

    def _send_refund_request(self):
        """Override of `payment`: a provider's own model may know better how to pay back."""
        if self.billing_order_id and self.provider_id._in_billing()._send_refund(self):
            return None
        return super()._send_refund_request()

    def _billing_send_about_source(self, send):
        """Send a refund, capture or release, and take in that the provider has received it.

        Some of Odoo's providers name the payment in their request by the number of the refund,
        capture or release, which has none yet: they would send the word "False".

        :param Callable send: Sends it, and takes in the answer.
        :raise ValidationError: If it fails.
        """
        self.ensure_one()
        number = self.source_transaction_id.provider_reference
        if self.provider_id._in_billing()._children_lend_number and not self.provider_reference:
            self.provider_reference = number
        try:
            self._billing_send(send)
        finally:
            if self.state in {'draft', 'pending'} and self.provider_reference == number:
                self.provider_reference = False
        if self.state == 'draft' and self.provider_reference:
            # It has a number of its own, and nothing was refused: the provider tells how it ends.
            self._set_pending(
                state_message=self.env._("The provider has received it, and tells when it is done.")
            )

    def _billing_get_refund_notification(self):
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

    def _billing_get_expected_date(self):
        """Return by when the money of a payment is expected that takes days.

        :return: The day; None if it isn't under way, or its result is known at once.
        :rtype: datetime.date|None
        """
        self.ensure_one()
        code = self.payment_method_code
        takes_days = get_facts(code).business_days
        if self.state != 'pending' or not takes_days or self.billing_action_required:
            return None
        begun = self.billing_sent_date or self.last_state_change
        return expected_date(code, self.billing_order_id._billing_get_date(begun))

    def _get_card_name(self):
        """Return the card or payment method as the customer knows it: "Visa •••• 4242".

        :rtype: str
        """
        self.ensure_one()
        source = self.source_transaction_id or self
        method = source.payment_method_id
        # What is stored of iDEAL and Bancontact is another method, which is charged later.
        is_stored = source.token_id and (
            is_card(method.code) or method == source.token_id.payment_method_id
        )
        return source.token_id._get_card_name() if is_stored else method.name

    # === ATTEMPTS === #

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

    def _billing_charge_event(self):
        """Send an attempt to collect a billing event; the caller holds its lock and commits.

        An attempt that was sent before, and whose answer is missing, is sent again only where the
        provider recognises it; otherwise a person has to look.
        """
        self.ensure_one()
        was_sent = bool(self.billing_sent_date)
        if was_sent and not self._billing_can_be_sent_again():
            self._billing_set_outcome_unknown()
            return
        # Refused here it wasn't sent; later nobody could tell.
        self._ensure_provider_is_not_disabled()
        if was_sent:
            # Whoever has sent it, and may only be waiting for the lock, must learn of it.
            self.billing_resent = True
        # If this process dies during the call, the next one knows that money may have moved.
        self._billing_begin_money_transaction()
        if self.state != 'draft':
            return
        if self.billing_resent:
            if not self._billing_can_be_sent_again():
                self._billing_set_outcome_unknown()
                return
        elif self._billing_is_needless():
            return
        self.write(
            {
                'billing_outcome_unknown': False,
                'billing_not_attempted': False,
                'billing_refusal': False,
            }
        )
        repeated = self.billing_resent and INSIDE
        self.with_context(billing_repeated_request=repeated)._charge_with_token()

    def _billing_is_needless(self):
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
        is_over = order._billing_is_collection_over()
        if is_collectable and not is_over and not event._is_invoice_touched():
            return False
        self._billing_take_back()
        order._billing_mark_totals_to_compute()
        if order.billing_cancel_date:
            order._billing_finish_cancellation()
        return True

    def _billing_take_back(self):
        """Take back attempts that nobody has sent; the caller holds the lock of their orders."""
        self.billing_event_id.filtered(lambda event: event.status == 'processing')._apply_trigger(
            'refuse'
        )
        self._billing_supersede()
        self.write({'billing_sent_date': False, 'is_post_processed': True})

    def _billing_keep_broken_charge(self, failure, _error):
        """Keep what is known of a charge that broke off; the caller commits.

        What the provider has answered is taken in once more, as the trouble may have been a
        passing one. Otherwise the outcome is unknown, and the inquiries go on with it. What was
        never sent is sent later.

        :param billpro.failure failure: What has failed.
        :param Exception _error: What was raised.
        """
        self.ensure_one()
        if not self._billing_try_lock_with_order() or self.state != 'draft':
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
            number = self.provider_id._in_billing()._get_number(self, answer)
            if number and not self._billing_get_mismatch(answer):
                # Known at the provider by this number: it is asked about, not sent again.
                self.provider_reference = number
        self._billing_set_outcome_unknown(
            self.env._("What the provider answered could not be taken in: %s", failure.reason)
        )
        failure.unlink()

    def _billing_filter_not_sent(self):
        """Return the attempts that the provider never tried.

        :rtype: payment.transaction
        """
        return self.filtered(
            lambda tx: tx.billing_event_id and tx.billing_not_attempted and tx.state == 'draft'
        )

    def _billing_filter_refused(self):
        """Return the attempts that can't be had as they are, whoever's card it is.

        :rtype: payment.transaction
        """
        return self.filtered(
            lambda tx: (
                tx.billing_event_id and tx.billing_refusal == 'invalid' and tx.state == 'draft'
            )
        )

    def _billing_take_back_refused(self, reason):
        """Take back attempts that can't be had, and leave their payments to a person.

        It isn't the customer's fault, who is told nothing. No money has moved: once the cause is
        mended, the payment is collected by an attempt of its own. What was declined before is owed
        as it was, and no bank has seen this attempt.

        :param str reason: What the provider says.
        """
        for tx in self:
            event = tx.billing_event_id
            tx._set_canceled(state_message=reason)
            tx.write({'billing_sent_date': False, 'is_post_processed': True})
            trigger = 'refuse'
            if event.first_declined_date:
                trigger = 'decline_hard' if event.decline_class == HARD else 'decline_soft'
            event._apply_trigger(trigger, reason)
            tx.billing_order_id._billing_mark_totals_to_compute()
            self.env['billpro.own.transaction']._note_failure(
                event, 'invalid', UserError(reason), delays=()
            )

    def _billing_wait_for_next_run(self, reason):
        """Leave attempts that the provider never tried to the next run, under their references.

        :param str reason: Why they could not be sent.
        """
        self.write({'billing_sent_date': False, 'state_message': reason})

    # === DECLINES === #

    def _billing_record_reported_decline(self, payment_data):
        """Keep the codes of a decline that didn't come as the answer to a charge.

        :param dict payment_data: What the provider reports of the payment.
        """
        if not self.billing_order_id:
            return
        decline = self.provider_id._in_billing()._reported_decline_of(self, payment_data)
        if decline and self.state not in {'draft', 'pending'}:
            # Only what is still open can wait for the customer's bank.
            decline = dataclasses.replace(decline, number=None)
        self._billing_keep_decline(decline)

    def _billing_get_decline_reason(self):
        """Return what to tell the customer about why the payment was declined.

        :rtype: DeclineReason
        """
        self.ensure_one()
        codes = DeclineCodes(**{name: self[f'billing_{name}'] or None for name in CODES})
        return self.provider_id._in_billing()._get_decline_reason(codes)

    def _billing_keep_decline(self, decline):
        """Keep what the provider says about a decline, of which Odoo keeps the text.

        :param Decline|None decline: What it says; None if it says nothing.
        """
        if not decline:
            return
        values = {f'billing_{name}': getattr(decline.codes, name) for name in CODES}
        if decline.number:
            # It is the answer to what was sent. What is known already is never replaced.
            values['provider_reference'] = self.provider_reference or decline.number
            is_charged_by_us = self.billing_event_id or self._billing_is_charged_by_us()
            if is_charged_by_us and decline.decline_class == AUTHENTICATION:
                values['billing_action_required'] = True
        if not self.billing_event_id and decline.decline_class != AUTHENTICATION:
            # The bank has refused it after the customer confirmed it, or instead.
            values['billing_action_required'] = False
        self.write({**values, 'billing_decline_class': decline.decline_class})

    # === AUTHENTICATION === #

    def _billing_wait_for_bank(self, reason):
        """Keep payments open that the customer may still confirm with the bank.

        :param str reason: Why they aren't approved.
        """
        self.filtered(lambda tx: tx.state == 'draft')._set_pending()
        self.state_message = reason
        for tx in self.filtered(lambda tx: tx._billing_waits_for_customer()):
            tx._billing_schedule_inquiry()

    def _set_canceled(self, state_message=None, extra_allowed_states=()):
        """Override of `payment`: what was withdrawn waits for nobody."""
        canceled = super()._set_canceled(
            state_message=state_message, extra_allowed_states=extra_allowed_states
        )
        canceled.filtered('billing_action_required').billing_action_required = False
        return canceled

    def _billing_wait_for_provider(self):
        """Take it that the provider has the payment, and is processing it for days.

        The outcome isn't unknown any more: a person who was asked might find nothing that was
        collected yet, and say so.
        """
        self.ensure_one()
        self.billing_outcome_unknown = False
        self.billing_event_id.filtered(lambda event: event.status == 'unknown')._apply_trigger(
            'wait'
        )
        self.billing_order_id._billing_withdraw_question(f'outcome-{self.id}')

    def _billing_count_tries(self):
        """Return how many cards were tried, as far as is known: one at each that was begun.

        :rtype: int
        """
        declines = {}
        for provider, txs in self.grouped('provider_id').items():
            declines |= provider._in_billing()._count_declines(txs)
        return sum(max(1, declines.get(tx, 0)) for tx in self)

    # === GIVING UP === #

    def _billing_give_up(self):
        """Give up payments and registrations that were begun, each ended at its provider first.

        :return: Those that can't be ended, and may be finished at any time.
        :rtype: payment.transaction
        """
        under_way = self.browse()
        for tx in self.filtered(lambda tx: tx._billing_can_be_finished_by_browser()):
            if tx._billing_end_at_provider():
                tx._billing_supersede()
            elif not tx._billing_can_be_finished_by_browser():
                continue  # It was finished.
            elif tx._billing_is_forgotten():
                tx._billing_supersede()  # Should it be finished all the same, it is accepted.
            else:
                under_way += tx
        return under_way

    def _billing_can_be_finished_by_browser(self):
        """Return whether a page that a customer has open can still finish it.

        Declined payments can be tried with another card there.

        :rtype: bool
        """
        self.ensure_one()
        if self._billing_waits_for_customer():
            return True
        # The page on which a customer was asked to confirm a stored card may be open still.
        was_asked = self._billing_is_charged_by_us() and bool(self.billing_inquiry_count)
        is_in_browser = self.operation in BROWSER_OPERATIONS or (
            was_asked and self.state != 'draft'
        )
        if not is_in_browser or self.billing_ended:
            return False
        if self.state == 'draft':
            return True
        keeps_it = self.provider_id._in_billing()._keeps_begun_payments
        return keeps_it and bool(self.provider_reference) and self.state in {'error', 'cancel'}

    def _billing_waits_for_customer(self):
        """Return whether the customer's bank wants the customer to confirm an initial payment.

        A stored card was charged for it. It is in the customer's hands then, as one that is paid by
        a card that they enter.

        :rtype: bool
        """
        self.ensure_one()
        return (
            self.billing_action_required
            and self.state == 'pending'
            and not self.billing_event_id
            and self._billing_is_charged_by_us()
        )

    def _billing_give_up_if_ignored(self):
        """Give up an initial payment that the customer hasn't confirmed for days.

        The order goes on waiting: its link still takes a payment.

        :return: Whether it was given up.
        :rtype: bool
        """
        self.ensure_one()
        since = fields.Datetime.subtract(fields.Datetime.now(), days=UNFINISHED_DAYS)
        if not self._billing_waits_for_customer() or self.create_date > since:
            return False
        return not self._billing_give_up()

    def _billing_is_forgotten(self):
        """Return whether it was begun so long ago that nobody has its page open any more.

        :rtype: bool
        """
        self.ensure_one()
        since = fields.Datetime.subtract(fields.Datetime.now(), hours=FORGOTTEN_HOURS)
        return self.create_date < since

    def _billing_is_at_payment_page(self):
        """Return whether the customer was sent to a provider's page or form, and may pay there.

        :rtype: bool
        """
        self.ensure_one()
        since = fields.Datetime.subtract(fields.Datetime.now(), minutes=PAYMENT_PAGE_MINUTES)
        return bool(
            self.state == 'draft'
            and self.operation in {'online_redirect', 'online_direct'}
            and not self.provider_id._in_billing()._resumes_payments
            and self.create_date > since
        )

    def _billing_end_at_provider(self):
        """End what was begun, so that nobody can finish it. What was finished is taken in.

        :return: Whether it has ended without being paid.
        :rtype: bool
        """
        self.ensure_one()
        return self.provider_id._in_billing()._end(self)

    def _billing_is_still_open(self):
        """Return whether a begun payment can be gone on with: at its provider it hasn't ended.

        :rtype: bool
        """
        self.ensure_one()
        return not self.provider_reference or self.provider_id._in_billing()._is_open(self)

    # === NOBODY CAME BACK === #

    @api.model
    def _search_billing_processing(self):
        """Return payments, captures and refunds that are processing, and it is time to ask about.

        :rtype: payment.transaction
        """
        return self.search(self._get_billing_processing_domain(), limit=INQUIRY_BATCH_SIZE)

    @api.model
    def _get_billing_processing_domain(self):
        """Return which payments, captures and refunds it is time to ask about.

        The first time is a while after they were begun: most providers tell it by themselves.

        :rtype: list
        """
        now = fields.Datetime.now()
        return [
            ('billing_order_id', '!=', False),
            ('provider_id.code', 'in', self.env['billpro.provider']._get_telling_codes()),
            # A card that is registered has another kind of number.
            ('operation', '!=', 'validation'),
            ('state', '=', 'pending'),
            '|',
            ('provider_reference', '!=', False),
            ('source_transaction_id.provider_reference', '!=', False),
            ('billing_outcome_unknown', '=', False),
            ('billing_action_required', '=', False),
            '|',
            '&',
            ('billing_next_inquiry', '=', False),
            (
                'last_state_change',
                '<=',
                fields.Datetime.subtract(now, minutes=ABANDONED_MINUTES),
            ),
            ('billing_next_inquiry', '<=', now),
        ]

    def _billing_ask_about_processing(self):
        """Ask what became of what the provider is processing; the caller holds its lock.

        Refunds and captures are looked up: not all of them have a number of their own.
        """
        self.ensure_one()
        provider = self.provider_id._in_billing()
        self._billing_schedule_inquiry()
        if self.source_transaction_id:
            provider._look_up(self)
        else:
            provider._fetch_outcome(self)

    @api.model
    def _billing_ask_about_unfinished(self):
        """Ask what became of payments whose customers didn't come back; a few times.

        The browser was closed, and the provider's message was lost, or there is no webhook: what
        was paid would stay unknown until somebody opens the order's link again.
        """
        now = fields.Datetime.now()
        txs = self.search(
            [
                ('billing_order_id', '!=', False),
                ('provider_id.code', 'in', self.env['billpro.provider']._get_keeping_codes()),
                ('operation', 'in', list(BROWSER_OPERATIONS)),
                ('state', 'in', ('draft', 'error', 'cancel')),
                ('provider_reference', '!=', False),
                ('billing_ended', '=', False),
                ('create_date', '<', fields.Datetime.subtract(now, minutes=ABANDONED_MINUTES)),
                ('create_date', '>', fields.Datetime.subtract(now, days=UNFINISHED_DAYS)),
                ('billing_inquiry_count', '<', UNFINISHED_INQUIRIES),
                '|',
                ('billing_next_inquiry', '=', False),
                ('billing_next_inquiry', '<=', now),
            ],
            limit=INQUIRY_BATCH_SIZE,
        )
        for tx in self.env['billpro.failure']._leave_out_waiting(txs, 'inquire'):
            self.env['billpro.own.transaction']._commit_alone(
                tx, 'inquire', partial(self._billing_look_after_unfinished, tx)
            )
            if tx.state == 'done' and not tx.is_post_processed:
                tx._billing_book_alone()

    def _billing_may_be_finished(self):
        """Return whether the provider can be asked about a payment whose end isn't known here.

        :rtype: bool
        """
        self.ensure_one()
        if not self.provider_reference or self.billing_outcome_unknown:
            return False
        if self._billing_can_be_finished_by_browser():
            return True
        # A card that is registered has another kind of number.
        return self.state == 'pending' and self.operation != 'validation'

    def _billing_process_if_finished(self):
        """Take in what became of a payment if it is finished; the caller holds its lock.

        That there was no answer is kept: whoever opens the next page doesn't wait for it again.
        """
        self.ensure_one()
        provider = self.provider_id._in_billing()
        is_answered = True
        if self._billing_can_be_finished_by_browser():
            is_answered = provider._process_finished(self)
        elif self._billing_may_be_finished():
            is_answered = provider._fetch_outcome(self)
        if is_answered is False and provider._tells_outcomes:
            self.billing_unanswered_date = fields.Datetime.now()

    def _billing_find_silent_providers(self):
        """Return the providers that were asked for payments just now, and did not answer.

        :rtype: payment.provider
        """
        since = fields.Datetime.subtract(fields.Datetime.now(), seconds=SILENT_SECONDS)
        return self.filtered(
            lambda tx: tx.billing_unanswered_date and tx.billing_unanswered_date >= since
        ).provider_id

    @api.model
    def _billing_look_after_unfinished(self, tx):
        """Take in what became of a payment if it is finished at its provider.

        :param payment.transaction tx: The payment.
        :return: Whether it could be locked.
        :rtype: bool
        """
        if not tx._billing_try_lock_with_order():
            return False
        if tx._billing_can_be_finished_by_browser():
            tx._billing_schedule_inquiry()
            tx.provider_id._in_billing()._process_finished(tx)
        return True

    # === WHOSE PAYMENT IT IS === #

    @api.model
    def _get_specific_create_values(self, provider_code, values):
        """Override of `payment` to note which database begins the payments of orders."""
        specific = super()._get_specific_create_values(provider_code, values)
        if values.get('billing_order_id'):
            parameters = self.env['ir.config_parameter'].sudo()
            specific = {**specific, 'billing_database': parameters.get_param('database.uuid')}
        return specific

    # === THE DECISION === #

    def _billing_get_mismatch(self, payment_data):
        """Return why what a provider reports is not of this transaction.

        Nothing else decides it, whether it comes by the browser, by a message, as an answer or
        from a search.

        :param dict payment_data: What the provider reports, as `_process` takes it.
        :return: The reason; None if it is of this transaction.
        :rtype: str|None
        """
        self.ensure_one()
        provider = self.provider_id._in_billing()
        return provider._find_mismatch(self, payment_data) or self._billing_get_amount_mismatch(
            payment_data
        )

    def _billing_get_order_to_guard(self):
        """Return the order of ours that a payment would pay.

        Odoo's own payment links and invoices pay orders of ours as well: an order that is paid by
        them collects nothing by its link. Refunds, captures and set-ups of Odoo's own don't.

        :return: The order; empty if there is none, and Odoo's own is right.
        :rtype: sale.order
        """
        self.ensure_one()
        if self.billing_order_id:
            return self.billing_order_id
        is_payment = self.operation in _PAYING_OPERATIONS and not self.source_transaction_id
        orders = self.sale_order_ids | self.invoice_ids.billing_order_id
        return orders.filtered(
            lambda order: (
                order.purchase_type
                and is_payment
                and self.provider_id._in_billing()._tells_payments_apart
            )
        )[:1]

    def _billing_is_number_of_others(self, number):
        """Return whether another transaction was begun under a number.

        Captures and releases bear the number of the payment that was authorised.

        :param str number: The number at the provider.
        :rtype: bool
        """
        others = self.sudo().search(
            [
                ('provider_reference', '=', number),
                ('provider_id', '=', self.provider_id.id),
                ('id', '!=', self.id),
            ]
        )
        return bool(others.filtered(lambda tx: tx.source_transaction_id != self))

    def _billing_get_amount_mismatch(self, payment_data):
        """Return why an amount is not the one of this transaction, as `_validate_amount` finds it.

        That one reports it as a decline, which is none: the money may have moved.

        :param dict payment_data: What the provider reports.
        :return: The reason; None if the amount is right, or the provider doesn't tell it.
        :rtype: str|None
        """
        if self.operation == 'validation':
            return None
        reported = self._extract_amount_data(payment_data)
        if reported is None:
            return None
        if not reported.get('amount') or not reported.get('currency_code'):
            return self.env._("its amount or currency is missing")
        digits = reported.get('precision_digits')
        amount = abs(self.amount)
        if digits is not None:
            amount = float_round(amount, precision_digits=digits, rounding_method='DOWN')
        is_same = (
            reported['currency_code'] == self.currency_id.name
            and self.currency_id.compare_amounts(reported['amount'], amount) == 0
        )
        return None if is_same else self.env._("its amount or currency is another one")

    # === WHAT COMES OF IT === #

    @api.model
    def _search_by_reference(self, provider_code, payment_data):
        """Override of `payment`: a report of what has no number yet is found all the same."""
        provider = self.env['billpro.provider']._of(provider_code)
        found = provider._find_without_number(payment_data)
        return found or super()._search_by_reference(provider_code, payment_data)

    def _process(self, provider_code, payment_data):
        """Override of `payment`: nothing is taken in but what is of the transaction.

        A decline that is reported later is booked soon: no browser waits for it, and the order
        can't be charged again before. Whoever charges a card learns what was answered, even if it
        can't be taken in.
        """
        if (answers := get_answers(self.env)) is not None:
            answers.append(payment_data)
        tx = self or self._search_by_reference(provider_code, payment_data)
        tx._billing_raise_answered_error(payment_data)
        if (
            tx
            and tx._billing_get_order_to_guard()
            and (mismatch := tx._billing_get_mismatch(payment_data))
        ):
            tx._billing_refuse_answer(mismatch)
            return tx
        if tx.billing_order_id and not tx._billing_is_capture_or_void():
            number = tx.provider_id._in_billing()._get_number(tx, payment_data)
            if number:
                # Kept from the first moment, and never replaced.
                tx.provider_reference = number
        tx = super(PaymentTransaction, tx)._process(provider_code, payment_data)
        if tx.billing_order_id and not tx.billing_event_id and tx.state == 'done':
            self.env['billpro.failure']._forget(tx.provider_id, 'refused')
        if tx and tx._billing_is_charge_of_staff() and tx._billing_is_declined_but_not_booked():
            self.env.ref('payment.cron_post_process_payment_tx')._trigger()
        return tx

    def _billing_raise_answered_error(self, payment_data):
        """Take an answer that is a failure for the failed request that it is.

        What browsers have sent shows it in their forms.

        :param dict payment_data: What the provider reports, as `_process` takes it.
        :raise ValidationError: If it is one.
        """
        if not self.billing_order_id or not self._billing_is_sent_by_us():
            return
        if error := self.provider_id._in_billing()._find_error(self, payment_data):
            raise ValidationError(
                str(error) or self.env._("The payment provider didn't answer.")
            ) from error

    def _billing_refuse_answer(self, mismatch):
        """Take nothing in of what isn't of this transaction. What we sent stays without an answer.

        :param str mismatch: Why it isn't.
        """
        self._billing_report_mismatch(mismatch)
        is_open = self.state in {'draft', 'pending'} and not self.billing_action_required
        if self.billing_order_id and is_open and self._billing_is_sent_by_us():
            self._billing_set_outcome_unknown()

    def _billing_report_mismatch(self, mismatch):
        """Log that somebody has reported what isn't of this transaction, and ask staff to look.

        :param str mismatch: Why it isn't.
        """
        self.ensure_one()
        _logger.warning("Took in nothing of what was reported of %s: %s", self.reference, mismatch)
        self._billing_get_order_to_guard()._billing_ask_staff(
            f'mismatch-{self.id}',
            self.env._("Something was reported of %s that isn't its payment", self.reference),
            self.env._(
                "Whoever reported it, %(mismatch)s. Nothing was changed by it. Compare the payment"
                " with the provider's dashboard: money that arrived there for it by another payment"
                " is not in Odoo.",
                mismatch=mismatch,
            ),
        )

    # === WHAT BROWSERS BRING BACK === #

    def _billing_report_return(self, mismatch):
        """Report that somebody came back with what isn't this payment, if that may be a danger.

        :param str mismatch: Why it isn't.
        """
        if self.state == 'done':
            _logger.warning("Took in nothing that came back of %s: %s", self.reference, mismatch)
        else:
            self._billing_report_mismatch(mismatch)

    # === CHARGES OF STAFF === #

    def _billing_is_charged_by_us(self):
        """Return whether an initial payment is sent by the server and not by the customer.

        :rtype: bool
        """
        self.ensure_one()
        return self.operation == 'online_token' or (
            self.operation == 'offline' and not self.billing_event_id
        )

    def _billing_is_charge_of_staff(self):
        """Return whether staff charge a stored card with it for the initial payment.

        :rtype: bool
        """
        self.ensure_one()
        return bool(
            self.billing_order_id
            and self.operation == 'offline'
            and not self.billing_event_id
            and not self.source_transaction_id
        )

    def _billing_is_declined_but_not_booked(self):
        """Return whether the order doesn't know yet that the payment was declined.

        :rtype: bool
        """
        self.ensure_one()
        return self.state in {'error', 'cancel'} and not self.is_post_processed

    # === UNKNOWN OUTCOMES === #

    @api.depends('state', 'provider_code', 'billing_order_id')
    def _compute_billing_awaits_transfer(self):
        for tx in self:
            is_transfer = bool(tx.billing_order_id) and (
                tx.env['billpro.provider']._of(tx.provider_code)._awaits_transfer
            )
            tx.billing_awaits_transfer = is_transfer and tx.state == 'pending'
            tx.billing_can_receive_transfer = is_transfer and tx.state in TRANSFERABLE

    def _billing_get_transfer_reference(self):
        """Return what the customer is to write on the transfer: it is on the invoice, too.

        :rtype: str
        """
        self.ensure_one()
        return self.billing_order_id.reference or self.reference

    # === WHAT A REQUEST LEFT === #

    def _billing_record_failed_request(self, cause):
        """Keep what a failed request that moves money says about it.

        :param Exception|None cause: What the library that sends requests has raised.
        """
        provider = self.provider_id._in_billing()
        outcome = provider._classify_failure(cause)
        refusal = provider._find_refusal(cause)
        is_repeated = is_inside(self.env, 'billing_repeated_request')
        if is_repeated and not provider._is_about_first_request(outcome, cause):
            if outcome == REQUEST_DECLINED:
                refusal = 'invalid'  # What was there before isn't by now.
            outcome = UNKNOWN  # The first request may have been executed.
        self.billing_refusal = refusal
        if refusal == 'key' and not self.billing_event_id:
            # Nobody else can pay either. Of scheduled payments the run tells it, once for all.
            reason = UserError(getattr(cause, 'user_message', None) or str(cause))
            self.env['billpro.own.transaction']._note_failure(
                self.provider_id, 'refused', reason, delays=()
            )
        if outcome == REQUEST_DECLINED:
            self._billing_keep_decline(provider._decline_of(cause))
        if outcome == REFUSED:
            self._billing_announce_refusal(cause)
        if self._billing_is_sent_by_us():
            self.billing_outcome_unknown = outcome == UNKNOWN
            self.billing_not_attempted = outcome == NOT_ATTEMPTED

    def _billing_announce_refusal(self, cause):
        """Ask staff about an initial payment that can't be had: the customer can't mend it.

        Of scheduled payments `_billing_take_back_refused` tells them, and of what they do
        themselves the message does.

        :param Exception cause: What was raised.
        """
        if (
            self.billing_event_id
            or self.source_transaction_id
            or self.operation in {'refund', 'validation'}
        ):
            return
        self.billing_order_id._billing_ask_staff(
            f'refused-{self.billing_order_id.id}',
            self.env._("The provider refuses the payment of %s", self.billing_order_id.name),
            self.env._(
                "No card is to blame: “%s”. Look at the order's amount and at the keys of the"
                " provider. The customer can't pay until then.",
                getattr(cause, 'user_message', None) or str(cause),
            ),
        )

    def _billing_is_sent_by_us(self):
        """Return whether the request that moves the money comes from here, and not from a browser.

        :rtype: bool
        """
        self.ensure_one()
        return (
            self.operation in {'online_token', 'offline', 'refund'}
            or self._billing_is_capture_or_void()
        )

    def _billing_set_outcome_unknown(self, reason=None):
        """Keep payments pending because whether money moved isn't known, and plan to find out.

        :param str reason: Why it isn't known, if there was an answer.
        """
        self.billing_outcome_unknown = True
        self.filtered(lambda tx: tx.state == 'draft')._set_pending(
            state_message=reason
            or self.env._(
                "The payment provider didn't answer. Whether money moved isn't known yet."
            )
        )
        for tx in self:
            tx._billing_schedule_inquiry()

    # === FINDING OUT === #

    def _billing_can_be_sent_again(self):
        """Return whether the provider still recognises the request by its idempotency key.

        :rtype: bool
        """
        self.ensure_one()
        operation = self.operation
        if self._billing_is_capture_or_void():
            operation = 'void' if self.billing_is_release else 'capture'
        return (
            operation in self.provider_id._in_billing()._repeatable_operations
            and not self._billing_was_sent_before(self.provider_id._in_billing()._key_hours)
            and not self._billing_is_event_paid()
        )

    def _billing_was_sent_before(self, hours):
        """Return whether the request was first sent so many hours ago.

        :param int hours: The hours.
        :rtype: bool
        """
        self.ensure_one()
        sent = self.billing_sent_date or self.create_date
        return fields.Datetime.now() >= fields.Datetime.add(sent, hours=hours)

    def _billing_is_event_paid(self):
        """Return whether another attempt has collected what this one was to collect.

        :rtype: bool
        """
        event = self.billing_event_id
        return bool(event and not self.source_transaction_id) and (
            event.status in PAID or event._is_paid_but_not_booked()
        )

    def _billing_schedule_inquiry(self):
        """Plan when the provider is asked next about an unknown outcome."""
        self.ensure_one()
        delay = backoff.INQUIRY[min(self.billing_inquiry_count, len(backoff.INQUIRY) - 1)]
        self.write(
            {
                'billing_next_inquiry': fields.Datetime.now() + delay,
                'billing_inquiry_count': self.billing_inquiry_count + 1,
            }
        )

    @api.model
    def _billing_find_abandoned_requests(self):
        """Mark the requests whose process died between sending and committing the outcome.

        Attempts of billing events aren't among them: the charge run takes them up itself.
        """
        abandoned = self.search(
            [
                ('billing_order_id', '!=', False),
                ('billing_event_id', '=', False),
                ('state', '=', 'draft'),
                '|',
                ('operation', 'in', ['online_token', 'offline', 'refund']),
                ('source_transaction_id', '!=', False),
                (
                    'create_date',
                    '<',
                    fields.Datetime.subtract(fields.Datetime.now(), minutes=ABANDONED_MINUTES),
                ),
            ]
        )

        def mark(tx):
            # A request that is still under way holds its lock.
            if not tx.try_lock_for_update(allow_referencing=True):
                return False
            tx._billing_set_outcome_unknown()
            return True

        # Not to be mixed with the answers of the inquiries that follow.
        for tx in self.env['billpro.failure']._leave_out_waiting(abandoned, 'inquire'):
            self.env['billpro.own.transaction']._commit_alone(tx, 'inquire', partial(mark, tx))
        self._billing_find_unreported()

    @api.model
    def _billing_find_unreported(self):
        """Mark the refunds, captures and releases that were received, and never reported.

        Of providers that can't be asked only a person can find it out.
        """
        since = fields.Datetime.subtract(fields.Datetime.now(), days=REPORT_DAYS)
        unreported = self.search(
            [
                ('billing_order_id', '!=', False),
                ('source_transaction_id', '!=', False),
                ('state', '=', 'pending'),
                ('billing_outcome_unknown', '=', False),
                ('provider_id.code', 'not in', self.env['billpro.provider']._get_telling_codes()),
                ('last_state_change', '<', since),
            ]
        )

        def mark(tx):
            if not tx._billing_try_lock_with_order():
                return False
            tx._billing_set_outcome_unknown()
            return True

        for tx in self.env['billpro.failure']._leave_out_waiting(unreported, 'inquire'):
            self.env['billpro.own.transaction']._commit_alone(tx, 'inquire', partial(mark, tx))

    def _billing_try_lock_with_order(self):
        """Lock the order and then the transaction, if nobody else holds them.

        The order comes along because its totals are written with the outcome.

        :return: Whether both are locked.
        :rtype: bool
        """
        self.ensure_one()
        return bool(
            self.billing_order_id.try_lock_for_update(allow_referencing=True)
            and self.try_lock_for_update(allow_referencing=True)
        )

    def _billing_note_failed_inquiry(self, failure, _error):
        """Ask a person when the provider's answer can't be taken in.

        :param billpro.failure failure: What has failed.
        :param Exception _error: What was raised.
        """
        if failure.set_aside_date:
            self._billing_ask_person_about_outcome()

    def _billing_finish_by_look_up(self):
        """Ask the provider by the reference what became of a request.

        That it knows nothing of it counts only when it can't be executed any more under its key,
        and when the search of the provider had time to learn of it.
        """
        self.ensure_one()
        provider = self.provider_id._in_billing()
        # Whoever has other keys by now may ask another account, which has never heard of it.
        is_refused = self.billing_refusal in {'invalid', 'key'}
        if (
            provider._look_up(self) is False
            and not is_refused
            and self._billing_was_sent_before(provider._search_hours)
        ):
            self.billing_outcome_unknown = False
            self._set_error(self.env._("The payment provider never executed it."))

    def _billing_ask_person_about_outcome(self):
        """Give the order's salesperson the question that no machine can answer; once."""
        self.ensure_one()
        self.billing_order_id._billing_ask_staff(
            f'outcome-{self.id}',
            self.env._("Was %s executed?", self.reference),
            self.env._(
                "The payment provider never answered. Look up %s there, then press “Was executed”"
                " or “Was not executed” on the transaction. Nothing else is collected or refunded"
                " for it until then.",
                self.reference,
            ),
        )

    # === ODOO'S OWN WAYS TO PAY === #

    def _billing_take_over(self, order, invoices, **values):
        """Make what was paid by Odoo's own links a payment of the order, as if by its own link.

        It can be refunded from the order then, and its customer finds the receipt. What was paid
        back of it comes along.

        :param sale.order order: The order that it has paid.
        :param account.move invoices: The invoices that it has paid.
        :param values: What else is known of it.
        """
        self.write(
            {
                'billing_order_id': order.id,
                'invoice_ids': [fields.Command.set(invoices.ids)],
                **values,
            }
        )
        refunds = self.child_transaction_ids.filtered(lambda tx: tx.operation == 'refund')
        refunds.billing_order_id = order

    def _billing_get_carriers(self):
        """Return what brings the money: the captures and releases of what was authorised first.

        Odoo keeps them as children that know of no order and no invoice.

        :rtype: payment.transaction
        """
        captures_and_voids = self.child_transaction_ids.filtered(
            lambda tx: tx.operation != 'refund'
        )
        settled = captures_and_voids.filtered(lambda tx: tx.state in {'done', 'cancel'})
        return (
            self - settled.source_transaction_id.filtered(lambda tx: tx.state != 'authorized')
        ) | captures_and_voids

    def _billing_get_invoices_paid(self):
        """Return the invoices that its payment is reconciled with.

        :rtype: account.move
        """
        lines = self.payment_id.move_id.line_ids
        return lines.matched_debit_ids.debit_move_id.move_id.filtered(
            lambda move: move.move_type == 'out_invoice'
        )

    def _billing_get_orders_paid_elsewhere(self):
        """Return the orders that were paid by Odoo's own links, or by their invoices.

        :rtype: sale.order
        """
        return (self.sale_order_ids | self.invoice_ids.billing_order_id).filtered('purchase_type')

    # === CAPTURES AND VOIDS === #

    def _billing_may_be_authorized(self):
        """Return whether it may reserve the money first instead of collecting it.

        :rtype: bool
        """
        self.ensure_one()
        return bool(
            self.operation not in {'validation', 'refund'}
            and not self.source_transaction_id
            and not self.billing_event_id
            and not self.billing_is_card_update
            and self.billing_order_id._get_purchase()._can_be_authorized()
        )

    def _billing_is_capture_or_void(self):
        """Return whether it captures or releases an authorised payment.

        :rtype: bool
        """
        self.ensure_one()
        return bool(
            self.billing_order_id and self.source_transaction_id and self.operation != 'refund'
        )

    def _get_captured_authorizations(self):
        """Return the authorisations of which something was captured: the captures are the money.

        :rtype: payment.transaction
        """
        return self.filtered(
            lambda tx: tx._billing_is_capture_or_void() and tx.state == 'done'
        ).source_transaction_id

    def _billing_get_captures_and_voids(self):
        """Return the captures and releases of a payment.

        :rtype: payment.transaction
        """
        return self.child_transaction_ids.filtered(lambda tx: tx._billing_is_capture_or_void())
