import stripe

from odoo import api, models

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


class BillproProviderStripe(models.AbstractModel):
    """Stripe, which keeps idempotency keys, and can be asked what became of a request.

    It keeps an authorisation for 7 days (Stripe documentation, "Place a hold on a payment method").
    """

    _name = 'billpro.provider.stripe'
    _description = "Stripe in the Billing of Orders"
    _inherit = 'billpro.provider'

    # Captures and releases carry a key, whatever is captured.
    _repeatable_operations = frozenset({'offline', 'online_token', 'refund', 'capture', 'void'})
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

    @api.model
    def _prepare_request(self, tx, method, endpoint, request):
        """Override to have refunds sent at most once, and found again."""
        if (method, endpoint) == ('POST', 'refunds'):
            tx._identify_stripe_refund(request)

    @api.model
    def _end(self, tx):
        """Override to cancel the payment or set-up."""
        return not tx.provider_reference or tx._end_at_stripe()

    @api.model
    def _is_open(self, tx):
        """Override to ask whether the customer can still pay."""
        return tx._is_open_at_stripe()

    @api.model
    def _take_in_finished(self, tx):
        """Override to ask for the payment or set-up."""
        tx._take_in_finished_at_stripe()

    @api.model
    def _look_up(self, tx):
        """Override to search for payments and refunds by their reference."""
        return tx._look_up_at_stripe()

    @api.model
    def _extract_error(self, error):
        """Override to return Stripe's error object; nothing of an answer that isn't Stripe's own.

        Proxies answer with a page of theirs.
        """
        body = error.json_body if isinstance(error, stripe.StripeError) else None
        details = body['error'] if isinstance(body, dict) and 'error' in body else {}
        return {**details, 'code': LOST_CARD} if is_lost_card(error) else details

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
