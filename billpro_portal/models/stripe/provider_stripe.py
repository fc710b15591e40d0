import stripe

from odoo import api, models

from odoo.addons.payment import utils as payment_utils
from odoo.addons.payment_stripe import const

from ...billing.declines import AUTHENTICATION, DeclineCodes
from ...billing.provider_answers import CaptureOrVoid, Decline
from ...billing.stripe_declines import find_decline_reason, read_decline
from ...billing.stripe_errors import LOST_CARD, find_refusal, is_lost_card
from ...billing.stripe_limits import (
    LARGE,
    SMALL,
    UNEVEN,
    find_problem,
    get_largest,
    get_smallest,
    get_step,
)
from ...billing.stripe_methods import KEPT_AS
from ...billing.stripe_outcomes import classify_stripe_error


class BillproProviderStripe(models.AbstractModel):
    """Stripe, which keeps idempotency keys, and can be asked what became of a request.

    It keeps an authorisation for 7 days (Stripe documentation, "Place a hold on a payment method").
    """

    _name = 'billpro.provider.stripe'
    _description = "Stripe in the Billing of Orders"
    _inherit = 'billpro.provider'

    # Captures and releases carry a key, whatever is captured.
    _repeatable_operations = frozenset({'offline', 'online_token', 'refund', 'capture', 'void'})
    _takes_evidence = True
    _tells_outcomes = True
    _finds_requests = True
    _tells_payments_apart = True
    _resumes_payments = True
    _captures_in_part = True
    _collects_at_once = True
    _authorization_days = 7
    # Stripe keeps idempotency keys for 24 hours (Stripe API reference, "Idempotent requests"). What
    # is sent shortly before may arrive after that: an hour is left for its way.
    _key_hours = 23
    # When nothing can arrive any more under its key, and the search, which lags, had time to learn
    # it.
    _search_hours = 25
    _keeps_begun_payments = True
    _kept_methods = frozenset(KEPT_AS)
    _token_fields = ('provider_ref', 'stripe_payment_method', 'stripe_mandate')

    @api.model
    def _send_evidence(self, dispute, document, facts):
        """Override: the file first, then what is said of it, which submits it to the bank.

        Stripe documentation, "Respond to disputes using the API".
        """
        provider = dispute.transaction_id.provider_id
        number = dispute.provider_reference
        evidence = {name: text for name, text in facts.items() if text}
        evidence['uncategorized_file'] = provider._billpro_upload_to_stripe(document)
        provider._billpro_ask_stripe(
            'POST',
            f'disputes/{number}',
            data={'evidence': evidence, 'submit': 'true'},
            reference=number,
        )

    @api.model
    def _prepare_request(self, tx, method, endpoint, request):
        """Override to have refunds sent at most once, and found again."""
        if (method, endpoint) == ('POST', 'refunds'):
            tx._billing_identify_stripe_refund(request)

    @api.model
    def _end(self, tx):
        """Override to cancel the payment or set-up."""
        return not tx.provider_reference or tx._billing_end_at_stripe()

    @api.model
    def _is_open(self, tx):
        """Override to ask whether the customer can still pay."""
        return tx._billing_is_open_at_stripe()

    @api.model
    def _process_finished(self, tx):
        """Override to ask for the payment or set-up."""
        return tx._billing_process_finished_at_stripe()

    @api.model
    def _look_up(self, tx):
        """Override to search for payments and refunds by their reference."""
        return tx._billing_look_up_at_stripe()

    @api.model
    def _fetch_outcome(self, tx):
        """Override to ask for the payment."""
        return tx._billing_ask_about_intent('GET', '')

    @api.model
    def _withdraw(self, tx):
        """Override to cancel the payment."""
        return tx._billing_ask_about_intent('POST', '/cancel')

    @api.model
    def _get_confirmation_values(self, tx):
        """Override to return the values of Stripe.js."""
        return tx._billing_get_stripe_confirmation_values()

    @api.model
    def _count_declines(self, txs):
        """Override to count what Stripe has reported."""
        return txs._billing_count_declined_cards()

    @api.model
    def _find_mismatch(self, tx, payment_data):
        """Override to compare number, marks and amount of the object."""
        # Captures and releases are of the payment that was authorised.
        payment = tx.source_transaction_id if tx._billing_is_capture_or_void() else tx
        return payment._billing_get_stripe_mismatch(tx._billing_get_stripe_object(payment_data))

    @api.model
    def _get_number(self, tx, payment_data):
        """Override to return the object's number."""
        return (tx._billing_get_stripe_object(payment_data) or {}).get('id')

    @api.model
    def _classify_failure(self, error):
        """Override to know the errors of Stripe's library."""
        return classify_stripe_error(error)

    @api.model
    def _is_about_first_request(self, outcome, error):
        """Override: by the keys of another account the card isn't there, whatever became of it."""
        return super()._is_about_first_request(outcome, error) and not is_lost_card(error)

    @api.model
    def _decline_of(self, error):
        """Override to read Stripe's error object; nothing of an answer that isn't Stripe's own.

        Proxies answer with a page of theirs.
        """
        body = error.json_body if isinstance(error, stripe.StripeError) else None
        described = isinstance(body, dict) and body.get('error')
        if not described:
            return None
        return read_decline({**described, 'code': LOST_CARD} if is_lost_card(error) else described)

    @api.model
    def _correct_report(self, tx, payment_data):
        """Override: a refund for which the customer is asked something is under way.

        Stripe API reference, "The Refund object", `status`. Odoo takes it for one that was never
        sent.
        """
        refund = payment_data.get('refund') or {}
        if refund.get('status') != 'requires_action':
            return payment_data
        return {**payment_data, 'refund': {**refund, 'status': 'pending'}}

    @api.model
    def _reported_decline_of(self, tx, payment_data):
        """Override to read the last error of the payment, and that the bank asks the customer.

        A stored card is charged while the customer is there: the bank's question is an answer then,
        and no error (Stripe documentation, "How PaymentIntents work", `requires_action`).
        """
        intent = payment_data.get('payment_intent') or {}
        if intent.get('status') == 'requires_action' and tx._billing_is_charged_by_us():
            return Decline(AUTHENTICATION, DeclineCodes(), number=intent['id'])
        if not (error := intent.get('last_payment_error')):
            return None
        is_open = intent['status'] != 'canceled'
        return read_decline({**error, 'payment_intent': intent if is_open else None})

    @api.model
    def _is_processing(self, payment_data):
        """Override to read the status of the payment."""
        return (payment_data.get('payment_intent') or {}).get('status') == 'processing'

    @api.model
    def _capture_or_void_of(self, tx, payment_data):
        """Override: Stripe knows one payment, which becomes captured or released."""
        intent = payment_data.get('payment_intent') or {}
        if intent.get('capture_method') != 'manual':
            return None
        if intent['status'] == 'canceled':
            return CaptureOrVoid()
        if intent['status'] != 'succeeded':
            return None
        return CaptureOrVoid(
            payment_utils.to_major_currency_units(
                intent['amount_received'],
                tx.currency_id,
                arbitrary_decimal_number=const.CURRENCY_DECIMALS.get(tx.currency_id.name),
            )
        )

    @api.model
    def _prepare_card_values(self, payment_data):
        """Override to read the card of the payment method."""
        method = payment_data.get('payment_method')
        card = isinstance(method, dict) and method.get('card')
        if not card:
            return self.env['payment.token']._prepare_billing_stripe_account_values(method)
        return self.env['payment.token']._prepare_billing_stripe_card_values(card)

    @api.model
    def _fetch_mandate(self, token):
        """Override to ask for the mandate."""
        mandate = token._billing_fetch_stripe_mandate() or {}
        details = mandate.get('payment_method_details') or {}
        scheme = details.get(details.get('type')) or {}
        return {
            'billing_mandate_reference': scheme.get('reference'),
            'billing_mandate_creditor': scheme.get('service_user_number'),  # Of Bacs.
        }

    @api.model
    def _get_decline_reason(self, codes):
        """Override to read Stripe's codes."""
        return find_decline_reason(codes)

    @api.model
    def _tells_payouts(self, provider):
        """Override: Stripe does, to whoever has a key."""
        return bool(provider.stripe_secret_key)

    @api.model
    def _ask_about_payouts(self, provider):
        """Override to list those of the last days."""
        self.env['billpro.payout']._ask_stripe(provider)

    @api.model
    def _list_payout_parts(self, payout):
        """Override to list what moved the balance."""
        return payout._list_stripe_parts()

    @api.model
    def _find_refusal(self, error):
        """Override to tell a key that is refused, a limit, and what can't be had."""
        return find_refusal(error)

    @api.model
    def _find_amount_refusal(self, amount, currency):
        """Override to tell of Stripe's smallest and largest amounts, and those in whole steps."""
        name = currency.name
        return {
            SMALL: self.env._(
                "Stripe takes %s at least.", currency.format(float(get_smallest(name)))
            ),
            LARGE: self.env._(
                "Stripe takes %s at most.", currency.format(float(get_largest(name)))
            ),
            UNEVEN: self.env._(
                "Stripe takes multiples of %s only.", currency.format(float(get_step(name)))
            ),
        }.get(find_problem(amount, name))

    @api.model
    def _get_smallest_amount(self, currency):
        """Override to tell Stripe's."""
        return float(get_smallest(currency.name))

    @api.model
    def _get_step_of_amounts(self, currency):
        """Override to tell those of currencies that Stripe counts in other units."""
        return float(get_step(currency.name))
