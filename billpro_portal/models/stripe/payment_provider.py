import functools
import logging
import os

import stripe

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from odoo.addons.payment_stripe import const
from odoo.addons.payment_stripe import utils as stripe_utils

from ...billing.stripe_messages import EVENT_TYPES, is_stripe_path
from ..rights.own_context import is_inside

_logger = logging.getLogger(__name__)
SECONDS_TO_ANSWER = 10


@functools.lru_cache(maxsize=1)
def _get_http_client(process_id):
    """Return what sends the requests of a process: it keeps connections, which can't be forked.

    :param int process_id: The process's id.
    :rtype: stripe.RequestsClient
    """
    return stripe.RequestsClient(timeout=SECONDS_TO_ANSWER)


class PaymentProvider(models.Model):
    """Stripe, asked through its own library, and how its messages come to Odoo."""

    _inherit = 'payment.provider'

    webhook_refused_date = fields.Datetime(
        string="Message Refused On",
        readonly=True,
        copy=False,
        help="When a message came that could not be verified, because the webhook secret is missing"
        " or another one.",
    )

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

    # === WEBHOOK === #

    @api.model
    def _find_by_webhook_signature(self, payload, signature):
        """Return the provider whose webhook secret has signed a message.

        Providers that are switched off count as well: their last messages may tell of money.

        :param bytes payload: The message as it came.
        :param str|None signature: The header `Stripe-Signature`.
        :return: The provider; empty if the message isn't genuine, or older than five minutes.
        :rtype: payment.provider
        """
        try:
            text = payload.decode()  # Releases before 15.5 take no bytes.
        except UnicodeDecodeError:
            return self.browse()
        for provider in self.search(
            [('code', '=', 'stripe'), ('stripe_webhook_secret', '!=', False)]
        ):
            try:
                stripe.WebhookSignature.verify_header(
                    text,
                    signature,
                    stripe_utils.get_webhook_secret(provider),
                    stripe.Webhook.DEFAULT_TOLERANCE,
                )
            except (stripe.SignatureVerificationError, TypeError):
                continue  # The latter: a signature that is missing, or no text.
            return provider
        return self.browse()

    @api.model
    def _note_refused_webhook(self):
        """Note on the active Stripe providers that a message was refused, for staff to see.

        Anybody can send messages: it is noted once an hour at most.
        """
        now = fields.Datetime.now()
        self.search(
            [
                ('code', '=', 'stripe'),
                ('state', '!=', 'disabled'),
                '|',
                ('webhook_refused_date', '=', False),
                ('webhook_refused_date', '<', fields.Datetime.subtract(now, hours=1)),
            ]
        ).try_lock_for_update().webhook_refused_date = now

    def action_billpro_create_webhook(self):
        """Register the webhook with all messages that orders need; those of Odoo are among them.

        A webhook that was registered before is given the present list of messages. If its secret
        isn't known here it is made anew: Stripe tells the secret only then.

        :return: A notification.
        :rtype: dict
        :raise AccessError: If the user may not set up providers.
        :raise ValidationError: If Stripe refuses it or doesn't answer.
        """
        self.ensure_one()
        self.check_access('write')
        url = self._get_stripe_webhook_url()
        events = {f'enabled_events[{index}]': name for index, name in enumerate(EVENT_TYPES)}
        endpoints = self._billpro_ask_stripe('GET', 'webhook_endpoints', params={'limit': 100})
        known = next((one for one in endpoints['data'] if one['url'] == url), None)
        if known and self.stripe_webhook_secret:
            self._billpro_ask_stripe('POST', f'webhook_endpoints/{known["id"]}', data=events)
        else:
            webhook = self._billpro_ask_stripe(
                'POST',
                'webhook_endpoints',
                data={'url': url, 'api_version': const.API_VERSION, **events},
            )
            self.stripe_webhook_secret = webhook['secret']
            if known:
                self._billpro_ask_stripe('DELETE', f'webhook_endpoints/{known["id"]}')
        self.webhook_refused_date = False
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'message': self.env._("Stripe reports payments, refunds, disputes and cards now."),
                'type': 'success',
                'next': {'type': 'ir.actions.act_window_close'},
            },
        }
