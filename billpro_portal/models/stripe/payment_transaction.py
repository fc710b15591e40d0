import re

from odoo import models
from odoo.exceptions import ValidationError

from odoo.addons.payment import utils as payment_utils
from odoo.addons.payment_stripe import const

from ...billing.stripe_messages import (
    DATABASE_KEY,
    DECLINE_EVENT_TYPES,
    ORDER_KEY,
    PAYMENT_KEY,
    REFERENCE_KEY,
)
from ..attempts.payment_transaction import BROWSER_OPERATIONS
from ..rights.own_context import INSIDE

# Stripe documentation, "Statement descriptors": at most 22 characters with the account's prefix,
# which has at least 2 and is followed by "* ".
_SUFFIX_LENGTH = 18
# That can be tried at a payment that was begun once: the form asks Stripe, not Odoo.
CARDS_PER_ATTEMPT = 5
# Stripe documentation, "Search": the oldest version that can search.
SEARCH_API_VERSION = '2020-08-27'
_FINISHED = frozenset({'succeeded', 'processing', 'requires_capture'})


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
        answer, it stays as it is: an open tab may be about to finish it.

        :raise ValidationError: If Stripe doesn't answer about a payment that was begun.
        """
        if not self.billing_order_id:
            return super()._stripe_create_intent()
        if self.provider_reference and self.operation in BROWSER_OPERATIONS:
            return self._fetch_stripe_object(self.provider_reference)
        intent = super()._stripe_create_intent()
        if intent and not self.provider_reference:
            # Whatever becomes of it: this is the one that was begun.
            self.provider_reference = intent['id']
        return intent

    def _stripe_prepare_payment_intent_payload(self):
        """Override of `payment_stripe`: who charges, for what, when, and how to find it again.

        `off_session` tells the bank which kind of agreement a charge without the customer is part
        of: the values are those of Stripe's API reference, "Create a PaymentIntent".
        """
        payload = super()._stripe_prepare_payment_intent_payload()
        order = self.billing_order_id
        if not order:
            return payload
        if not self._may_be_authorized():
            # What can't be captured later is collected at once.
            payload['capture_method'] = 'automatic'
        payload |= self._prepare_stripe_metadata()
        if self.operation == 'offline':
            payload['off_session'] = order._get_purchase()._get_off_session_usage()
        if payload['payment_method_types[]'] == 'card' and (suffix := self._get_statement_suffix()):
            payload['statement_descriptor_suffix'] = suffix
        return payload

    def _stripe_prepare_setup_intent_payload(self):
        """Override of `payment_stripe` so that card registrations can be found again."""
        payload = super()._stripe_prepare_setup_intent_payload()
        return payload | self._prepare_stripe_metadata() if self.billing_order_id else payload

    def _prepare_stripe_metadata(self):
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

    def _get_statement_suffix(self):
        """Return what stands on the customer's statement behind the company's name.

        :return: The order's name as far as Stripe takes it; empty if it has no letter.
        :rtype: str
        """
        self.ensure_one()
        suffix = re.sub(r'[^A-Za-z0-9 ./-]', '', self.billing_order_id.name)[:_SUFFIX_LENGTH]
        return suffix if re.search('[A-Za-z]', suffix) else ''

    def _get_mandate_values(self):
        """Override of `payment`: the terms of an e-mandate are those of the purchase type."""
        values = super()._get_mandate_values()
        order = self.billing_order_id
        return values | order._get_purchase()._get_mandate_terms(order) if order else values

    def _identify_stripe_refund(self, request):
        """Have a refund sent to Stripe at most once, and found again.

        :param dict request: The arguments of the request; they are changed.
        """
        request['data'] |= self._prepare_stripe_metadata()
        request['idempotency_key'] = payment_utils.generate_idempotency_key(self, scope='refunds')

    # === WHAT STRIPE IS ASKED === #

    def _look_up_at_stripe(self):
        """Look for a payment, refund, capture or release at Stripe, and take in what became of it.

        :return: Whether Stripe has it; None if it doesn't tell.
        :rtype: bool|None
        """
        self_quiet = self.with_context(billing_moves_no_money=INSIDE)
        try:
            if self.operation == 'refund':
                return self_quiet._look_up_stripe_refund()
            if self._is_settlement():
                return self_quiet._look_up_stripe_settlement()
            return self_quiet._look_up_stripe_payment()
        except ValidationError:
            return None  # No answer is no outcome.

    def _look_up_stripe_payment(self):
        """Find a payment by its reference, and take in what became of it.

        Stripe's search is up to an hour late (API reference, "Search PaymentIntents").

        :return: Whether Stripe has it; None if it doesn't tell.
        :rtype: bool|None
        :raise ValidationError: If Stripe doesn't answer.
        """
        if not self.provider_reference:
            found = self._search_at_stripe()
            if not found:
                return False
            # One reference has one idempotency key, and so one payment.
            if len(found) > 1 or self._get_stripe_mismatch(found[0]):
                return None
            self.provider_reference = found[0]['id']
        return self._ask_about_intent('GET', '') or None

    def _search_at_stripe(self):
        """Return the payments at Stripe that have the reference, but for other databases'.

        :rtype: list[dict]
        :raise ValidationError: If Stripe doesn't answer.
        """
        found = self._send_api_request(
            'GET',
            'payment_intents/search',
            params={'query': f'metadata["{REFERENCE_KEY}"]:"{self.reference}"', 'limit': 100},
            stripe_version=SEARCH_API_VERSION,
        )['data']
        return [intent for intent in found if not self._is_of_another_database(intent)]

    def _look_up_stripe_refund(self):
        """Find a refund among those of its payment, and take in what became of it.

        :return: Whether Stripe has it.
        :rtype: bool
        :raise ValidationError: If Stripe doesn't answer.
        """
        source = self.source_transaction_id
        for refund in source._fetch_stripe_refunds():
            if refund['metadata'].get(REFERENCE_KEY) == self.reference:
                self._process('stripe', {'refund': refund})
                return True
        return False

    def _look_up_stripe_settlement(self):
        """Look at the authorised payment, and take in what became of it.

        :return: Whether Stripe has captured or released it; None if it doesn't answer.
        :rtype: bool|None
        """
        source = self.source_transaction_id
        if not source._refresh_authorization():
            return None
        return source.state != 'authorized'

    def _fetch_stripe_refunds(self):
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

    def _take_in_stripe_message(self, event_type, object_id, number):
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
        elif (not is_known or '_intent.' in event_type) and not tx._take_in_stripe_number(number):
            return None
        if event_type.startswith('charge.dispute.'):
            tx._take_in_stripe_dispute(object_id)
        elif event_type.startswith(('charge.refund', 'refund.')):
            return tx._take_in_stripe_refunds()
        elif event_type in DECLINE_EVENT_TYPES and self._count_tries() >= CARDS_PER_ATTEMPT:
            self._give_up()
        return (self | self._get_settlements()).filtered(lambda tx: tx._has_something_to_book())

    def _count_tries(self):
        """Return how many cards were tried, as far as is known: one at each that was begun.

        :rtype: int
        """
        declined = dict(
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
        return sum(max(1, declined.get(tx, 0)) for tx in self)

    def _has_something_to_book(self):
        """Return whether the present state of a payment may be news for its order.

        :rtype: bool
        """
        self.ensure_one()
        concerns_order = (
            self.billing_event_id or self.billing_authorized_date or self._is_charge_of_staff()
        )
        is_news = self.state in {'done', 'authorized'} or (
            concerns_order and self.state in {'error', 'cancel'}
        )
        return bool(is_news and not self.is_post_processed)

    def _take_in_stripe_number(self, number):
        """Take in the payment or set-up that a message names, if it is that of the transaction.

        It is common that it isn't where several databases have one account. Staff are asked about
        what claims to be ours, or is nobody's.

        :param str number: Its number.
        :return: Whether it is.
        :rtype: bool
        :raise ValidationError: If Stripe doesn't answer.
        """
        if not self._is_stripe_number(number):
            return False
        stripe_object = self._fetch_stripe_object(number)
        mismatch = self._take_in_stripe_object(stripe_object)
        if mismatch and not self._is_of_another_database(stripe_object):
            self._report_mismatch(mismatch)
        return not mismatch

    # === REFUNDS === #

    def _take_in_stripe_refunds(self):
        """Record all refunds of a payment, whoever made them.

        :return: The refunds to book.
        :rtype: payment.transaction
        """
        self.ensure_one()
        # An authorised payment was collected by its capture, which is what can be paid back.
        captures = self._get_settlements().filtered(lambda tx: tx.state == 'done')
        payment = captures[:1] or self
        changed = self.browse()
        for refund in self._fetch_stripe_refunds():
            refund_tx = payment._find_refund(refund) or payment._create_child_transaction(
                self._to_major_units(refund['amount']),
                is_refund=True,
                provider_reference=refund['id'],
            )
            if refund['status'] in const.STATUS_MAPPING.get(refund_tx.state, ()):
                continue
            refund_tx._process('stripe', {'refund': refund})
            if refund_tx.state == 'error' and refund_tx.payment_id:
                refund_tx._reopen_credit_note()
            changed |= refund_tx
        return changed.filtered(lambda tx: tx._has_something_to_book())

    def _find_refund(self, refund):
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

    def _to_major_units(self, amount):
        return payment_utils.to_major_currency_units(
            amount,
            self.currency_id,
            arbitrary_decimal_number=const.CURRENCY_DECIMALS.get(self.currency_id.name),
        )

    def _reopen_credit_note(self):
        """Take a booked refund back whose money never arrived: the customer is still owed it.

        The card may be closed by the time the money comes back to it (Stripe documentation,
        "Failed refunds"). The credit note stays, open, to be paid by other means.
        """
        self.ensure_one()
        self._take_refund_back()
        self.payment_id = False
        if self.billing_order_id:
            self.billing_order_id._mark_totals_to_compute()
            self.billing_order_id._ask_staff(
                f'refund-failed-{self.id}',
                self.env._("Refund %s failed", self.reference),
                self.env._(
                    "%s did not reach the customer's card and are back on the provider's account."
                    " The credit note is open: pay it by other means.",
                    self.currency_id.format(-self.amount),
                ),
            )

    def _take_refund_back(self):
        """Cancel the payment of a refund; if its entry can't be changed any more, reverse that."""
        payment = self.payment_id
        entry = payment.move_id
        company = self.company_id
        is_open = company._billing_get_open_day(entry.date, entry.journal_id) == entry.date
        if is_open and not entry.inalterable_hash:
            payment.action_draft()
            payment.action_cancel()
            return
        today = max(company._billing_get_today(), entry.date)
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

    def _take_in_stripe_dispute(self, dispute_id):
        dispute = self._send_api_request('GET', f'disputes/{dispute_id}')
        if dispute.get('payment_intent') == self.provider_reference:
            self.env['billpro.dispute']._record(self, dispute)

    # === WHAT CUSTOMERS HAVE BEGUN === #

    def _end_at_stripe(self):
        """End a payment or set-up at Stripe. What was finished is taken in.

        :return: Whether it has ended without being paid.
        :rtype: bool
        """
        self.ensure_one()
        stripe_object = self._ask_stripe_to_end()
        status = stripe_object.get('status')
        if status in _FINISHED and (mismatch := self._take_in_stripe_object(stripe_object)):
            self._report_mismatch(mismatch)
        self.billing_ended = status == 'canceled'
        return self.billing_ended

    def _ask_stripe_to_end(self):
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
            return self._fetch_stripe_object(self.provider_reference)
        except ValidationError:
            return {}

    def _is_open_at_stripe(self):
        """Return whether the customer can still pay a payment that was begun.

        :return: That; not if Stripe doesn't answer.
        :rtype: bool
        """
        self.ensure_one()
        try:
            stripe_object = self._fetch_stripe_object(self.provider_reference)
        except ValidationError:
            return False
        return stripe_object['status'] in {
            'requires_payment_method',
            'requires_confirmation',
            'requires_action',
        }

    def _take_in_finished_at_stripe(self):
        """Take in what became of a payment or set-up if it is finished at Stripe."""
        self.ensure_one()
        try:
            stripe_object = self._fetch_stripe_object(self.provider_reference)
        except ValidationError:
            return  # Logged already; it is asked again.
        status = stripe_object.get('status')
        self.billing_ended = status == 'canceled'
        is_finished = status in _FINISHED or (self.billing_ended and self.state == 'draft')
        if is_finished and (mismatch := self._take_in_stripe_object(stripe_object)):
            self._report_mismatch(mismatch)
