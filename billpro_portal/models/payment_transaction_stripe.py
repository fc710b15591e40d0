import re

from odoo import models
from odoo.exceptions import ValidationError

from odoo.addons.payment import utils as payment_utils

from ..billing.stripe_messages import (
    DATABASE_KEY,
    ORDER_KEY,
    PAYMENT_KEY,
    REFERENCE_KEY,
)
from .own_context import INSIDE
from .payment_provider_stripe import SEARCH_API_VERSION
from .payment_transaction_giving_up import BROWSER_OPERATIONS

# Stripe documentation, "Statement descriptors": at most 22 characters with the account's prefix,
# which has at least 2 and is followed by "* ".
_SUFFIX_LENGTH = 18


class PaymentTransaction(models.Model):
    """What Stripe is told about payments and refunds of orders, and asked about lost ones."""

    _inherit = 'payment.transaction'

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
