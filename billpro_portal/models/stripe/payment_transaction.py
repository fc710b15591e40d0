import logging
import re
from datetime import datetime, timezone

from odoo import api, models
from odoo.exceptions import ValidationError

from odoo.addons.payment import utils as payment_utils
from odoo.addons.payment_stripe import const

from ...billing.payment_methods import is_debit
from ...billing.stripe_declines import read_return
from ...billing.stripe_messages import (
    DATABASE_KEY,
    DECLINE_EVENT_TYPES,
    ORDER_KEY,
    PAYMENT_KEY,
    REFERENCE_KEY,
    is_stripe_id,
)
from ...billing.stripe_methods import KEPT_AS
from ..attempts.payment_transaction import BROWSER_OPERATIONS
from ..rights.own_context import INSIDE

# Stripe documentation, "Statement descriptors": at most 22 characters with the account's prefix,
# which has at least 2 and is followed by "* ".
_SUFFIX_LENGTH = 18
# That can be tried at a payment that was begun once: the form asks Stripe, not Odoo.
CARDS_PER_ATTEMPT = 5
# What a customer can still pay.
_PAYABLE = frozenset({'requires_payment_method', 'requires_confirmation', 'requires_action'})
_FINISHED = frozenset({'succeeded', 'processing', 'requires_capture'})

# Stripe API reference, "The Dispute object", `status`. Of an inquiry no money is held back
# (documentation, "How disputes work"). What was paid back before it came to a chargeback is
# `charge_refunded` in versions of the API before 2020, in later ones `prevented` or
# `warning_closed`.
_DISPUTE_STATES = {
    'won': 'won',
    'lost': 'lost',
    'warning_closed': 'closed',
    'warning_needs_response': 'inquiry',
    'warning_under_review': 'inquiry',
    'charge_refunded': 'closed',
    'prevented': 'closed',
}
# The same page, `reason`: the customer says that they have not paid it at all.
_FRAUD_REASONS = {'debit not authorized', 'fraudulent', 'unrecognized'}
_logger = logging.getLogger(__name__)


class PaymentTransaction(models.Model):
    """What Stripe is told about payments and refunds of orders, and asked about lost ones.

    When Stripe reports that something has changed, it is asked what became of the payment.
    """

    _inherit = 'payment.transaction'

    # Messages name payments by the provider's number.
    _provider_reference_idx = models.Index(
        "(provider_reference) WHERE provider_reference IS NOT NULL"
    )

    # === WHAT STRIPE IS TOLD === #

    def _stripe_create_intent(self):
        """Override of `payment_stripe` to go on with the payment that was begun.

        Who tries again at the same checkout pays the same payment. Creating it again would name
        another customer under the same idempotency key, which Stripe refuses. If Stripe doesn't
        answer, it stays as it is: an open tab may be about to finish it. If one has, that is taken
        in, and there is nothing to go on with.

        :raise ValidationError: If Stripe doesn't answer about a payment that was begun.
        """
        if not self.billing_order_id:
            return super()._stripe_create_intent()
        if self.provider_reference and self.operation in BROWSER_OPERATIONS:
            return self._billing_go_on_at_stripe()
        intent = super()._stripe_create_intent()
        if intent and not self.provider_reference:
            # Whatever becomes of it: this is the one that was begun.
            self.provider_reference = intent['id']
        return intent

    def _billing_go_on_at_stripe(self):
        """Return the payment or set-up that was begun.

        :return: Stripe's object; None if it is over.
        :rtype: dict|None
        :raise ValidationError: If Stripe doesn't answer.
        """
        stripe_object = self._billing_fetch_stripe_object(self.provider_reference)
        if stripe_object['status'] in _PAYABLE:
            return stripe_object
        if mismatch := self._billing_process_stripe_object(stripe_object):
            self._billing_report_mismatch(mismatch)
        return None

    def _stripe_create_customer(self):
        """Override of `payment_stripe`: an address of mail that Stripe refuses keeps nobody from
        paying.

        No money moves yet (Stripe documentation, "Error codes", `email_invalid`).
        """
        if not self.billing_order_id:
            return super()._stripe_create_customer()
        quiet = self.with_context(billing_moves_no_money=INSIDE)
        try:
            return super(PaymentTransaction, quiet)._stripe_create_customer()
        except ValidationError as error:
            cause = error.__cause__ or error.__context__
            if getattr(cause, 'code', None) != 'email_invalid':
                self._billing_record_failed_request(cause)
                raise
        email, self.partner_email = self.partner_email, False
        try:
            return super()._stripe_create_customer()
        finally:
            self.partner_email = email

    def _stripe_prepare_payment_intent_payload(self):
        """Override of `payment_stripe`: who charges, for what, when, and how to find it again.

        `off_session` tells the bank which kind of agreement a charge without the customer is part
        of: the values are those of Stripe's API reference, "Create a PaymentIntent".
        """
        payload = super()._stripe_prepare_payment_intent_payload()
        order = self.billing_order_id
        if not order:
            return payload
        if not self._billing_may_be_authorized():
            # What can't be captured later is collected at once.
            payload['capture_method'] = 'automatic'
        payload |= self._prepare_billing_stripe_metadata()
        if self.operation == 'offline':
            payload['off_session'] = order._get_purchase()._get_off_session_usage()
        elif self.operation == 'online_token':
            # The customer is there, and can be asked by the bank.
            del payload['off_session']
            payload['use_stripe_sdk'] = True
        if payload['payment_method_types[]'] != 'card':
            return self._billing_leave_out_card_options(payload)
        if suffix := self._billing_get_statement_suffix():
            payload['statement_descriptor_suffix'] = suffix
        return payload

    @api.model
    def _billing_leave_out_card_options(self, payload):
        """Return a request without what `payment_stripe` says of cards in any of them.

        :param dict payload: The parameters.
        :rtype: dict
        """
        prefix = 'payment_method_options[card]'
        return {key: value for key, value in payload.items() if not key.startswith(prefix)}

    def _stripe_prepare_setup_intent_payload(self):
        """Override of `payment_stripe` so that card registrations can be found again."""
        payload = super()._stripe_prepare_setup_intent_payload()
        if not self.billing_order_id:
            return payload
        if payload['payment_method_types[]'] != 'card':
            payload = self._billing_leave_out_card_options(payload)
        return payload | self._prepare_billing_stripe_metadata()

    def _prepare_billing_stripe_metadata(self):
        """Return the parameters that name the transaction and its order at Stripe.

        :rtype: dict
        """
        self.ensure_one()
        metadata = {REFERENCE_KEY: self.reference, ORDER_KEY: self.billing_order_id.name}
        if self.billing_database:  # What is sent again must be the same as it was.
            metadata[DATABASE_KEY] = self.billing_database
        if self.billing_event_id:
            metadata[PAYMENT_KEY] = self.billing_event_id.display_name
        return {f'metadata[{key}]': value for key, value in metadata.items()}

    def _billing_get_statement_suffix(self):
        """Return what stands on the customer's statement behind the company's name.

        :return: The order's name as far as Stripe takes it; empty if it has no letter. What ends a
                 trial says so: Visa, 18 April 2020.
        :rtype: str
        """
        self.ensure_one()
        if self.billing_event_id._ends_trial():
            return 'TRIAL OVER'
        suffix = re.sub(r'[^A-Za-z0-9 ./-]', '', self.billing_order_id.name)[:_SUFFIX_LENGTH]
        return suffix if re.search('[A-Za-z]', suffix) else ''

    def _get_mandate_values(self):
        """Override of `payment`: the terms of an e-mandate are those of the purchase type."""
        values = super()._get_mandate_values()
        order = self.billing_order_id
        return values | order._get_purchase()._get_mandate_terms(order) if order else values

    def _billing_identify_stripe_refund(self, request):
        """Have a refund sent to Stripe at most once, and found again.

        :param dict request: The arguments of the request; they are changed.
        """
        request['data'] |= self._prepare_billing_stripe_metadata()
        request['idempotency_key'] = payment_utils.generate_idempotency_key(self, scope='refunds')

    # === WHAT STRIPE IS ASKED === #

    def _billing_look_up_at_stripe(self):
        """Look for a payment, refund, capture or release at Stripe, and take in what became of it.

        :return: Whether Stripe has it; None if it doesn't tell.
        :rtype: bool|None
        """
        self_quiet = self.with_context(billing_moves_no_money=INSIDE)
        try:
            if self.operation == 'refund':
                return self_quiet._billing_look_up_stripe_refund()
            if self._billing_is_capture_or_void():
                return self_quiet._billing_look_up_stripe_capture_or_void()
            return self_quiet._billing_look_up_stripe_payment()
        except ValidationError:
            return None  # No answer is no outcome.

    def _billing_look_up_stripe_payment(self):
        """Find a payment by its reference, and take in what became of it.

        Stripe's search is up to an hour late (API reference, "Search PaymentIntents").

        :return: Whether Stripe has it; None if it doesn't tell.
        :rtype: bool|None
        :raise ValidationError: If Stripe doesn't answer.
        """
        if not self.provider_reference:
            found = self._search_billing_at_stripe()
            if not found:
                return False
            # One reference has one idempotency key, and so one payment.
            if len(found) > 1 or self._billing_get_stripe_mismatch(found[0]):
                return None
            self.provider_reference = found[0]['id']
        return self._billing_ask_about_intent('GET', '') or None

    def _search_billing_at_stripe(self):
        """Return the payments at Stripe that have the reference, but for other databases'.

        :rtype: list[dict]
        :raise ValidationError: If Stripe doesn't answer.
        """
        # Stripe documentation, "Search": a quote within a value has a backslash before it.
        value = re.sub(r'(["\\])', r'\\\1', self.reference)
        found = self._send_api_request(
            'GET',
            'payment_intents/search',
            params={'query': f'metadata["{REFERENCE_KEY}"]:"{value}"', 'limit': 100},
        )['data']
        return [intent for intent in found if not self._billing_is_of_another_database(intent)]

    def _billing_look_up_stripe_refund(self):
        """Find a refund among those of its payment, and take in what became of it.

        :return: Whether Stripe has it.
        :rtype: bool
        :raise ValidationError: If Stripe doesn't answer.
        """
        source = self.source_transaction_id
        for refund in source._billing_fetch_stripe_refunds():
            if source._billing_find_refund(refund) == self:
                self._billing_process_stripe_refund(refund)
                return True
        return False

    def _billing_look_up_stripe_capture_or_void(self):
        """Look at the authorised payment, and take in what became of it.

        :return: Whether Stripe has captured or released it; None if it doesn't answer.
        :rtype: bool|None
        """
        source = self.source_transaction_id
        if not source._billing_refresh_authorization():
            return None
        return source.state != 'authorized'

    def _billing_fetch_stripe_refunds(self):
        """Return all refunds of a payment, as Stripe knows them.

        :rtype: list[dict]
        :raise ValidationError: If Stripe doesn't answer.
        """
        self.ensure_one()
        if not self.provider_reference:
            return []  # Stripe would list those of everybody.
        refunds = []
        params = {'payment_intent': self.provider_reference, 'limit': 100}
        while True:
            page = self._send_api_request('GET', 'refunds', params=params)
            refunds += page['data']
            if not page['has_more']:
                return refunds
            params['starting_after'] = refunds[-1]['id']

    # === MESSAGE === #

    def _billing_process_stripe_event(self, event_type, object_id, number):
        """Ask Stripe about what a message names, and record it; the caller holds the lock.

        :param str event_type: The type of the message.
        :param str object_id: What changed at Stripe.
        :param str number: The payment or set-up that it belongs to.
        :return: The transactions to book; None if it belongs to another payment.
        :rtype: payment.transaction|None
        :raise ValidationError: If Stripe doesn't answer.
        """
        self.ensure_one()
        tx = self.with_context(billing_moves_no_money=INSIDE)
        is_known = bool(number) and self.provider_reference == number
        if is_known and self.state == 'done' and event_type.endswith('_intent.succeeded'):
            pass  # Nothing new.
        elif (not is_known or '_intent.' in event_type) and not tx._billing_keep_stripe_number(
            number
        ):
            return None
        if event_type.startswith('charge.dispute.'):
            tx._billing_process_stripe_dispute(object_id)
        elif event_type.startswith(('charge.refund', 'refund.')):
            return tx._billing_process_stripe_refunds()
        elif event_type in DECLINE_EVENT_TYPES and self._billing_count_tries() >= CARDS_PER_ATTEMPT:
            self._billing_give_up()
        return (self | self._billing_get_captures_and_voids()).filtered(
            lambda tx: tx._billing_has_something_to_book()
        )

    def _billing_count_declined_cards(self):
        """Return how many cards were declined at each payment, by what Stripe has reported.

        :rtype: dict[payment.transaction, int]
        """
        return dict(
            self.env['billpro.webhook.event']
            .sudo()
            ._read_group(
                [
                    ('transaction_id', 'in', self.ids),
                    ('event_type', 'in', DECLINE_EVENT_TYPES),
                ],
                ['transaction_id'],
                ['__count'],
            )
        )

    def _billing_has_something_to_book(self):
        """Return whether the present state of a payment may be news for its order.

        :rtype: bool
        """
        self.ensure_one()
        concerns_order = (
            self.billing_event_id
            or self.billing_authorized_date
            or self._billing_is_charge_of_staff()
        )
        is_news = self.state in {'done', 'authorized'} or (
            concerns_order and self.state in {'error', 'cancel'}
        )
        return bool(is_news and not self.is_post_processed)

    def _billing_keep_stripe_number(self, number):
        """Take in the payment or set-up that a message names, if it is that of the transaction.

        It is common that it isn't where several databases have one account. Staff are asked about
        what claims to be ours, or is nobody's.

        :param str number: Its number.
        :return: Whether it is.
        :rtype: bool
        :raise ValidationError: If Stripe doesn't answer.
        """
        if not self._billing_is_stripe_number(number):
            return False
        stripe_object = self._billing_fetch_stripe_object(number)
        mismatch = self._billing_process_stripe_object(stripe_object)
        if mismatch and not self._billing_is_of_another_database(stripe_object):
            self._billing_report_mismatch(mismatch)
        return not mismatch

    # === REFUNDS === #

    def _billing_process_stripe_refunds(self):
        """Record all refunds of a payment, whoever made them.

        :return: The refunds to book.
        :rtype: payment.transaction
        """
        self.ensure_one()
        # An authorised payment was collected by its capture, which is what can be paid back.
        captures = self._billing_get_captures_and_voids().filtered(lambda tx: tx.state == 'done')
        payment = captures[:1] or self
        changed = self.browse()
        for refund in self._billing_fetch_stripe_refunds():
            refund_tx = payment._billing_find_refund(refund) or payment._create_child_transaction(
                self._billing_to_major_units(refund['amount']),
                is_refund=True,
                provider_reference=refund['id'],
            )
            if refund['status'] in const.STATUS_MAPPING.get(refund_tx.state, ()):
                continue
            refund_tx._billing_process_stripe_refund(refund)
            changed |= refund_tx
        return changed.filtered(lambda tx: tx._billing_has_something_to_book())

    def _billing_process_stripe_refund(self, refund):
        """Take in what Stripe says of a refund, and ask staff if nothing is paid back after all.

        :param dict refund: Stripe's object.
        """
        self.ensure_one()
        was_open = self.state in {'pending', 'done'}
        self._process('stripe', {'refund': refund})
        if self.state == 'error' and self.payment_id:
            self._billing_reopen_credit_note()
        elif was_open and self.state in {'error', 'cancel'} and self.billing_order_id:
            self.billing_order_id._billing_ask_staff(
                f'refund-failed-{self.id}',
                self.env._("Refund %s failed", self.reference),
                self.env._(
                    "%s were not paid back to the customer, and no credit note was made. Refund"
                    " the payment once more, or pay it back by other means.",
                    self.currency_id.format(-self.amount),
                ),
            )

    def _billing_find_refund(self, refund):
        """Return the transaction of a refund that Stripe knows.

        :param dict refund: Stripe's object.
        :rtype: payment.transaction
        """
        self.ensure_one()
        return self.child_transaction_ids.filtered(
            lambda tx: (
                tx.operation == 'refund'
                and (
                    tx.provider_reference == refund['id']
                    or tx.reference == refund['metadata'].get(REFERENCE_KEY)
                )
            )
        )[:1]

    def _billing_to_major_units(self, amount):
        return payment_utils.to_major_currency_units(
            amount,
            self.currency_id,
            arbitrary_decimal_number=const.CURRENCY_DECIMALS.get(self.currency_id.name),
        )

    def _billing_reopen_credit_note(self):
        """Take a booked refund back whose money never arrived: the customer is still owed it.

        The card may be closed by the time the money comes back to it (Stripe documentation,
        "Failed refunds"). The credit note stays, open, to be paid by other means.
        """
        self.ensure_one()
        self._billing_take_refund_back()
        self.payment_id = False
        if self.billing_order_id:
            self.billing_order_id._billing_mark_totals_to_compute()
            self.billing_order_id._billing_ask_staff(
                f'refund-failed-{self.id}',
                self.env._("Refund %s failed", self.reference),
                self.env._(
                    "%s did not reach the customer's card and are back on the provider's account."
                    " The credit note is open: pay it by other means.",
                    self.currency_id.format(-self.amount),
                ),
            )

    def _billing_take_refund_back(self):
        """Cancel the payment of a refund; if its entry can't be changed any more, reverse that."""
        payment = self.payment_id
        entry = payment.move_id
        company = self.company_id
        is_open = company._billing_get_open_day(entry.date, entry.journal_id) == entry.date
        if is_open and not entry.inalterable_hash:
            payment.action_draft()
            payment.action_cancel()
            return
        today = max(company._billing_get_today_in_books(), entry.date)
        entry._reverse_moves(
            [
                {
                    'date': company._billing_get_open_day(today, entry.journal_id),
                    'ref': self.env._("Failed refund %s", self.reference),
                }
            ],
            cancel=True,
        )

    # === DISPUTES === #

    def _billing_process_stripe_dispute(self, dispute_id):
        dispute = self._send_api_request('GET', f'disputes/{dispute_id}')
        if dispute.get('payment_intent') != self.provider_reference:
            return
        values = self._prepare_billing_stripe_dispute(dispute)
        if not values['is_return'] or values['state'] != 'lost':
            self.env['billpro.dispute']._record(self, values)
            return
        if self.state == 'pending':  # The message that it was paid is late, or lost.
            self._billing_ask_about_intent('GET', '')
        if self.state == 'done' and not self.is_post_processed:
            self._post_process()
        kind = const.PAYMENT_METHODS_MAPPING.get(self.payment_method_code, self.payment_method_code)
        self.env['billpro.dispute']._record_return(
            self, values, read_return(dispute['reason'] or 'general', kind)
        )

    def _prepare_billing_stripe_dispute(self, dispute):
        """Return what Stripe says of a dispute.

        :param dict dispute: Stripe's object (Stripe API reference, "The Dispute object").
        :return: Values of `billpro.dispute`.
        :rtype: dict
        """
        due_by = (dispute.get('evidence_details') or {}).get('due_by')
        reason = (dispute['reason'] or '').replace('_', ' ')
        state = _DISPUTE_STATES.get(dispute['status'], 'open')
        is_return = is_debit(self.payment_method_code)
        currencies = self.env['res.currency'].with_context(active_test=False)
        return {
            'provider_reference': dispute['id'],
            'provider_status': dispute['status'],
            'state': state,
            'reason': reason,
            'is_return': is_return,
            # After a return, what becomes of it follows from the reason, as after a decline.
            'is_stopping': not is_return
            and state in {'inquiry', 'open', 'lost'}
            and reason in _FRAUD_REASONS,
            'amount': self._billing_to_major_units(dispute['amount']),
            # Switched off it may be, as money of it isn't taken any more.
            'currency_id': currencies.search([('name', '=', dispute['currency'].upper())]).id,
            'respond_by_date': due_by and self._billing_to_datetime(due_by),
            'opened_date': self._billing_to_datetime(dispute['created']),
        }

    @api.model
    def _billing_to_datetime(self, timestamp):
        return datetime.fromtimestamp(timestamp, timezone.utc).replace(tzinfo=None)

    # === WHAT CUSTOMERS HAVE BEGUN === #

    def _billing_end_at_stripe(self):
        """End a payment or set-up at Stripe. What was finished is taken in.

        :return: Whether it has ended without being paid.
        :rtype: bool
        """
        self.ensure_one()
        stripe_object = self._billing_ask_stripe_to_end()
        status = stripe_object.get('status')
        if status in _FINISHED and (mismatch := self._billing_process_stripe_object(stripe_object)):
            self._billing_report_mismatch(mismatch)
        self.billing_ended = status == 'canceled'
        return self.billing_ended

    def _billing_ask_stripe_to_end(self):
        """Ask Stripe to end a payment or set-up.

        :return: What it is then; its status is unknown if Stripe doesn't answer.
        :rtype: dict
        """
        collection = 'setup_intents' if self.operation == 'validation' else 'payment_intents'
        try:
            return self.with_context(billing_moves_no_money=INSIDE)._send_api_request(
                'POST',
                f'{collection}/{self.provider_reference}/cancel',
                data={'expand[]': 'payment_method'},
            )
        except ValidationError as error:
            if getattr(error.__cause__, 'code', None) == 'resource_missing':
                return {'status': 'canceled'}  # This account can't collect it.
        try:
            return self._billing_fetch_stripe_object(self.provider_reference)
        except ValidationError:
            return {}

    def _billing_is_open_at_stripe(self):
        """Return whether the customer can still pay a payment that was begun.

        :return: That; not if Stripe doesn't answer.
        :rtype: bool
        """
        self.ensure_one()
        try:
            stripe_object = self._billing_fetch_stripe_object(self.provider_reference)
        except ValidationError:
            return False
        return stripe_object['status'] in _PAYABLE

    def _billing_process_finished_at_stripe(self):
        """Take in what became of a payment or set-up if it is finished at Stripe.

        :return: Whether there was an answer.
        :rtype: bool
        """
        self.ensure_one()
        try:
            stripe_object = self._billing_fetch_stripe_object(self.provider_reference)
        except ValidationError:
            return False  # Logged already; it is asked again.
        status = stripe_object.get('status')
        self.billing_ended = status == 'canceled'
        is_finished = status in _FINISHED or (
            self.billing_ended and self.state in {'draft', 'pending'}
        )
        if is_finished and (mismatch := self._billing_process_stripe_object(stripe_object)):
            self._billing_report_mismatch(mismatch)
        return True

    # === WHOSE PAYMENT IT IS === #

    def _billing_get_stripe_object(self, payment_data):
        """Return what Stripe reports of this transaction.

        :param dict payment_data: What `_process` takes.
        :return: The refund, the set-up or the payment; None if it isn't there.
        :rtype: dict|None
        """
        key = {'refund': 'refund', 'validation': 'setup_intent'}.get(
            self.operation, 'payment_intent'
        )
        stripe_object = payment_data.get(key)
        return stripe_object if isinstance(stripe_object, dict) else None

    def _billing_get_stripe_mismatch(self, stripe_object):
        """Return why an object of Stripe is not the one that this transaction has begun.

        :param dict|None stripe_object: A payment, a set-up or a refund.
        :return: The reason; None if it is the one.
        :rtype: str|None
        """
        if not stripe_object or not self._billing_is_stripe_number(stripe_object.get('id')):
            return self.env._("it is something else at Stripe")
        return next(self._billing_find_stripe_mismatches(stripe_object), None)

    def _billing_find_stripe_mismatches(self, stripe_object):
        """Find all in which an object of Stripe differs from what this transaction has begun.

        :param dict stripe_object: A payment, a set-up or a refund.
        :return: The reasons, the weightiest first.
        :rtype: Iterator[str]
        """
        number = stripe_object['id']
        if self.provider_reference and self.provider_reference != number:
            yield self.env._("the payment that was begun has another number")
        payment = self.source_transaction_id.provider_reference
        if self.operation == 'refund' and (
            not payment or stripe_object.get('payment_intent') != payment
        ):
            yield self.env._("it pays back another payment")
        if not self._billing_has_own_marks(stripe_object):
            yield self.env._("it doesn't name this database and reference")
        if self.operation != 'validation' and not self._billing_has_own_amount(stripe_object):
            yield self.env._("its amount or currency is another one")
        if self._billing_is_number_of_others(number):
            yield self.env._("another transaction has that number")

    def _billing_is_stripe_number(self, number):
        """Return whether a number can be that of the object which this transaction begins.

        It is asked before a request is made with it, which could go anywhere else.

        :param number: The number, from anywhere.
        :rtype: bool
        """
        self.ensure_one()
        kind = {'refund': None, 'validation': 'seti'}.get(self.operation, 'pi')
        return is_stripe_id(number, kind)

    def _billing_has_own_marks(self, stripe_object):
        """Return whether an object of Stripe names this database and this transaction.

        Where the number is known, by which Stripe has answered when it was begun, what isn't named
        contradicts nothing: earlier versions didn't name the database, and refunds that somebody
        makes at Stripe name nothing. Odoo's own payments name their reference as description.

        :param dict stripe_object: A payment, a set-up or a refund.
        :rtype: bool
        """
        if not self.billing_order_id:
            return stripe_object.get('description') == self.reference
        metadata = stripe_object.get('metadata') or {}
        named = (metadata.get(DATABASE_KEY), metadata.get(REFERENCE_KEY))
        own = (self.billing_database, self.reference)
        if self.provider_reference and (self.operation == 'refund' or not self.billing_database):
            return all(name in (None, mark) for name, mark in zip(named, own, strict=True))
        return bool(self.billing_database) and named == own

    def _billing_has_own_amount(self, stripe_object):
        """Return whether an object of Stripe has the amount and currency of this transaction.

        :param dict stripe_object: A payment or a refund.
        :rtype: bool
        """
        amount = payment_utils.to_minor_currency_units(
            abs(self.amount),
            self.currency_id,
            arbitrary_decimal_number=const.CURRENCY_DECIMALS.get(self.currency_id.name),
        )
        return (
            stripe_object.get('amount') == amount
            and stripe_object.get('currency') == self.currency_id.name.lower()
        )

    def _billing_is_of_another_database(self, stripe_object):
        """Return whether an object of Stripe says that another database has begun it.

        :param dict stripe_object: A payment, a set-up or a refund.
        :rtype: bool
        """
        self.ensure_one()
        database = (stripe_object.get('metadata') or {}).get(DATABASE_KEY)
        return bool(database) and database != self.billing_database

    # === WHAT IS TAKEN IN === #

    def _billing_fetch_stripe_object(self, number):
        """Ask Stripe for a payment or set-up; no money moves.

        :param str number: Its number.
        :return: Stripe's object, its payment method expanded.
        :rtype: dict
        :raise ValidationError: If Stripe has none or doesn't answer.
        """
        collection = 'setup_intents' if self.operation == 'validation' else 'payment_intents'
        return self.with_context(billing_moves_no_money=INSIDE)._send_api_request(
            'GET', f'{collection}/{number}', data={'expand[]': 'payment_method'}
        )

    def _billing_process_stripe_object(self, stripe_object):
        """Take in a payment or set-up that somebody has named, if it is that of the transaction.

        :param dict stripe_object: Stripe's object, its payment method expanded.
        :return: Why it isn't; None if it is.
        :rtype: str|None
        """
        key = 'setup_intent' if self.operation == 'validation' else 'payment_intent'
        payment_data = {
            'reference': self.reference,
            key: stripe_object,
            'payment_method': stripe_object.get('payment_method'),
        }
        mismatch = self._billing_get_mismatch(payment_data)
        if not mismatch:
            self._process('stripe', payment_data)
        return mismatch

    def _billing_process_stripe_return(self, number):
        """Take in what became of a payment whose customer comes back from Stripe.

        Anybody can open the address with anything, as often as they like: staff are asked about
        numbers of Stripe's, and only as long as the payment isn't done.

        :param str|None number: The payment or set-up at Stripe, as the address names it.
        :rtype: None
        """
        self.ensure_one()
        if not number:
            return
        if self.source_transaction_id or not self._billing_is_stripe_number(number):
            _logger.warning("Somebody came back from Stripe with no number of %s", self.reference)
            return
        if self.provider_reference and self.provider_reference != number:
            self._billing_report_return(self.env._("the payment that was begun has another number"))
            return
        try:
            stripe_object = self._billing_fetch_stripe_object(number)
        except ValidationError:
            return  # Logged already. The provider's message or an inquiry tells it.
        if mismatch := self._billing_process_stripe_object(stripe_object):
            self._billing_report_return(mismatch)

    def _billing_ask_about_intent(self, method, suffix):
        """Send a request about a payment that exists at the provider, and take in its answer.

        :param str method: The HTTP method.
        :param str suffix: The path below the payment.
        :return: Whether there was an answer.
        :rtype: bool
        """
        try:
            intent = self.with_context(billing_moves_no_money=INSIDE)._send_api_request(
                method,
                f'payment_intents/{self.provider_reference}{suffix}',
                data={'expand[]': 'payment_method'},
            )
        except ValidationError:
            return False
        self._billing_process_intent(intent)
        return True

    def _billing_process_intent(self, intent):
        """Take in what the provider answers about a payment.

        :param dict intent: Stripe's PaymentIntent, its payment method expanded.
        """
        self._process(
            self.provider_code,
            {
                'reference': self.reference,
                'payment_intent': intent,
                'payment_method': intent.get('payment_method'),
            },
        )

    def _extract_amount_data(self, payment_data):
        """Override of `payment`: a capture collects what was received, not what was authorised."""
        if self.provider_code != 'stripe' or not self._billing_is_capture_or_void():
            return super()._extract_amount_data(payment_data)
        if self.billing_is_release:
            return None  # Stripe doesn't report what it released.
        intent = payment_data['payment_intent']
        return super()._extract_amount_data(
            {**payment_data, 'payment_intent': {**intent, 'amount': intent['amount_received']}}
        )

    def _extract_token_values(self, payment_data):
        """Override of `payment_stripe`: what is stored by a set-up has its mandate, too.

        And the bank account behind a payment is stored instead of what was paid with, which can't
        be used again. What was paid is paid, whether that can be stored or not.
        """
        is_ours = self.provider_code == 'stripe' and self.billing_order_id
        if is_ours and KEPT_AS.get(self.payment_method_code) == 'sepa_direct_debit':
            try:
                values = self._billing_get_generated_debit(payment_data)
            except ValidationError:
                values = {}  # Logged already.
            if not values:
                self._billing_report_not_stored()
            return values
        values = super()._extract_token_values(payment_data)
        if is_ours and values and self.operation == 'validation':
            values['stripe_mandate'] = payment_data['setup_intent'].get('mandate')
        return values

    def _billing_get_generated_debit(self, payment_data):
        """Return the SEPA debit that Stripe has made of what was paid or registered with.

        Stripe documentation, "Save details during an iDEAL payment" and "Set up future SEPA Direct
        Debit payments with iDEAL": the charge names it, and the last attempt of a set-up.

        :param dict payment_data: What `_process` takes.
        :return: Values of `payment.token`; none if Stripe has made none.
        :rtype: dict
        :raise ValidationError: If Stripe doesn't answer.
        """
        quiet = self.with_context(billing_moves_no_money=INSIDE)
        if self.operation == 'validation':
            stripe_object = payment_data['setup_intent']
            attempt = quiet._send_api_request(
                'GET',
                f'setup_intents/{stripe_object["id"]}',
                params={'expand[]': 'latest_attempt'},
            )['latest_attempt']
        else:
            stripe_object = payment_data['payment_intent']
            charges = stripe_object.get('charges') or {}
            attempt = next(iter(charges.get('data') or ()), None)
        details = (attempt or {}).get('payment_method_details') or {}
        made = details.get(details.get('type')) or {}
        if not made.get('generated_sepa_debit'):
            return {}
        kept = quiet._send_api_request('GET', f'payment_methods/{made["generated_sepa_debit"]}')
        return {
            'payment_method_id': self.env.ref('payment.payment_method_sepa_direct_debit').id,
            'provider_ref': stripe_object['customer'],
            'stripe_payment_method': kept['id'],
            'stripe_mandate': made.get('generated_sepa_debit_mandate'),
            'payment_details': kept['sepa_debit']['last4'],
            **self.env['payment.token']._prepare_billing_stripe_account_values(kept),
        }

    def _billing_report_not_stored(self):
        """Ask staff to see to another way to pay: the bank account could not be stored."""
        self.billing_order_id._billing_ask_staff(
            f'not-stored-{self.id}',
            self.env._("What %s was paid with could not be stored", self.reference),
            self.env._(
                "Stripe names no bank account behind it that can be debited, or did not answer."
                " Nothing more is charged to it. Ask the customer for another way to pay, by"
                " “Request card update” on the order or by mail."
            ),
        )

    # === CAPTURES AND VOIDS === #

    def _send_capture_request(self):
        """Override of `payment_stripe` to capture a part, and at most once."""
        if self.provider_code != 'stripe' or not self.billing_order_id:
            return super()._send_capture_request()
        amount = payment_utils.to_minor_currency_units(
            self.amount,
            self.currency_id,
            arbitrary_decimal_number=const.CURRENCY_DECIMALS.get(self.currency_id.name),
        )
        return self._billing_send_stripe_capture_or_void('capture', amount_to_capture=amount)

    def _send_void_request(self):
        """Override of `payment_stripe` to release at most once."""
        if self.provider_code != 'stripe' or not self.billing_order_id:
            return super()._send_void_request()
        return self._billing_send_stripe_capture_or_void('cancel')

    def _billing_send_stripe_capture_or_void(self, action, **data):
        """Send a request about the authorised payment, under the key of this transaction.

        :param str action: `capture` or `cancel`.
        :param dict data: The parameters of the request.
        :raise ValidationError: If the request fails.
        """
        source = self.source_transaction_id
        intent = self._send_api_request(
            'POST',
            f'payment_intents/{source.provider_reference}/{action}',
            data={**data, 'expand[]': 'payment_method'},
            idempotency_key=payment_utils.generate_idempotency_key(self, scope=action),
        )
        source._billing_process_intent(intent)

    # === CONFIRMING WITH THE BANK === #

    def _billing_get_stripe_confirmation_values(self):
        """Return what Stripe.js needs to confirm the payment with the customer's bank.

        The client secret is asked for when it is needed and kept nowhere.

        :return: The values; None if the payment can't be confirmed any more.
        :rtype: dict|None
        """
        self.ensure_one()
        try:
            intent = self.with_context(billing_moves_no_money=INSIDE)._send_api_request(
                'GET', f'payment_intents/{self.provider_reference}'
            )
        except ValidationError:
            return None
        if intent['status'] not in _PAYABLE:
            return None
        return {
            'publishable_key': self.provider_id._stripe_get_publishable_key(),
            'client_secret': intent['client_secret'],
            'payment_method': self.token_id.stripe_payment_method,
            'script_url': self.provider_id._billing_get_authentication_script(),
        }
