import functools
import logging
import os

import stripe

from odoo import models
from odoo.exceptions import ValidationError

from odoo.addons.payment_stripe import const
from odoo.addons.payment_stripe import utils as stripe_utils

from ..billing.stripe_messages import is_stripe_path
from .own_context import is_inside

_logger = logging.getLogger(__name__)

SECONDS_TO_ANSWER = 10
# Stripe documentation, "Search": the oldest version that can search.
SEARCH_API_VERSION = '2020-08-27'


@functools.lru_cache(maxsize=1)
def _get_http_client(process_id):
    """Return what sends the requests of a process: it keeps connections, which can't be forked.

    :param int process_id: The process's id.
    :rtype: stripe.RequestsClient
    """
    return stripe.RequestsClient(timeout=SECONDS_TO_ANSWER)


class PaymentProvider(models.Model):
    """Stripe, asked through its own library."""

    _inherit = 'payment.provider'

    def _get_stripe_client(self):
        """Return Stripe's client, with the provider's key.

        It never repeats a request by itself. Whether a charge may be repeated depends on what is
        committed: the charge run decides it, see `payment_transaction_outcome.py`.

        The version is that of `payment_stripe`, which understands the answers.

        :rtype: stripe.StripeClient
        """
        self.ensure_one()
        return stripe.StripeClient(
            stripe_utils.get_secret_key(self),
            stripe_version=const.API_VERSION,
            base_addresses={'api': self._build_request_url('').removesuffix('/v1/')},
            max_network_retries=0,
            http_client=_get_http_client(os.getpid()),
        )

    def _send_api_request(self, method, endpoint, **kwargs):
        """Override of `payment`: requests about payments of orders go through Stripe's library.

        All others go as they do without this addon, and through whatever other modules have added.
        """
        if (
            is_inside(self.env, 'billing_stripe_library')
            and self.code == 'stripe'
            and not kwargs.get('is_proxy_request')
        ):
            return self._billpro_ask_stripe(method, endpoint, **kwargs)
        return super()._send_api_request(method, endpoint, **kwargs)

    def _billpro_ask_stripe(
        self,
        method,
        endpoint,
        *,
        params=None,
        data=None,
        reference=None,
        idempotency_key=None,
        stripe_version=None,
        **kwargs,
    ):
        """Send a request to Stripe through its library.

        Neither payloads nor answers are logged: they hold personal data and secrets.

        :param str method: The HTTP method of the request.
        :param str endpoint: The path below the version of the API.
        :param dict params: The query string parameters of the request.
        :param dict data: The body of the request.
        :param str reference: The reference of the transaction, if any.
        :param str idempotency_key: The key under which Stripe executes the request once.
        :param str stripe_version: The version of the API, if not the usual one.
        :param dict kwargs: What the helpers of `payment_stripe` take besides.
        :return: Stripe's answer.
        :rtype: dict
        :raise ValidationError: If the request fails; its cause is the error of Stripe's library.
                                Without a cause if the path leads elsewhere: nothing is sent.
        """
        self.ensure_one()
        if not is_stripe_path(endpoint):
            raise ValidationError(self.env._("The payment provider has nothing of that number."))
        options = {'headers': self._get_stripe_extra_request_headers()}
        if idempotency_key and method == 'POST':
            options['idempotency_key'] = idempotency_key
        if stripe_version:
            options['stripe_version'] = stripe_version
        subject = reference or f'provider {self.id}'
        try:
            response = self._get_stripe_client().raw_request(
                method.lower(), f'/v1/{endpoint}', **{**(params or {}), **(data or {})}, **options
            )
        except stripe.APIConnectionError as error:
            _logger.info("Stripe %s %s for %s: no answer", method, endpoint, subject)
            raise ValidationError(
                self.env._("Could not establish the connection to the payment provider.")
            ) from error
        except stripe.StripeError as error:
            _logger.info(
                *("Stripe %s %s for %s: HTTP %s, %s, request %s", method, endpoint, subject),
                *(error.http_status, error.code, error.request_id),
            )
            raise ValidationError(
                self.env._(
                    "The payment provider rejected the request.\n%s", error.user_message or ''
                )
            ) from error
        _logger.info(
            *("Stripe %s %s for %s: HTTP %s, request %s", method, endpoint, subject),
            *(response.code, response.request_id),
        )
        return response.data
