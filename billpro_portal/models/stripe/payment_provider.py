import functools
import io
import json
import logging
import os

import stripe

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_datetime

from odoo.addons.payment_stripe import utils as stripe_utils

from ...billing.request_outcomes import NotSent
from ...billing.stripe_errors import KEY
from ...billing.stripe_messages import API_VERSION, EVENT_TYPES, is_stripe_path
from ..rights.own_context import is_inside

_logger = logging.getLogger(__name__)
SECONDS_TO_ANSWER = 10
# As many as Stripe gives at once (API reference, "Pagination").
PAGE_SIZE = 100


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
    billpro_webhook_version = fields.Char(
        string="Version of the Webhook",
        readonly=True,
        copy=False,
        help="The version of Stripe's interface by which the webhook was made, as far as is known.",
    )
    billpro_is_webhook_outdated = fields.Boolean(
        string="Webhook Outdated", compute='_compute_billpro_is_webhook_outdated'
    )
    billpro_tested_date = fields.Datetime(
        string="Connection Tested On",
        readonly=True,
        copy=False,
        help="When the provider has last taken the key at a test.",
    )
    billpro_key_text = fields.Char(string="Key", compute='_compute_billpro_health')
    billpro_last_success_text = fields.Char(
        string="Last Payment", compute='_compute_billpro_health'
    )
    billpro_last_message_text = fields.Char(
        string="Last Message", compute='_compute_billpro_health'
    )
    billpro_failures_text = fields.Char(
        string="Failures of 30 Days", compute='_compute_billpro_health'
    )

    # === HEALTH === #

    @api.depends('code', 'stripe_webhook_secret', 'billpro_webhook_version')
    def _compute_billpro_is_webhook_outdated(self):
        for provider in self:
            provider.billpro_is_webhook_outdated = (
                provider.code == 'stripe'
                and bool(provider.stripe_webhook_secret)
                and provider.billpro_webhook_version != API_VERSION
            )

    def _compute_billpro_health(self):
        transactions = self.env['payment.transaction'].sudo()
        messages = self.env['billpro.webhook.event'].sudo()
        for provider in self:
            own = [('provider_id', '=', provider._origin.id)]
            paid = transactions.search(
                [*own, ('state', '=', 'done')], order='last_state_change desc', limit=1
            )
            message = messages.search(own, order='received_date desc', limit=1)
            provider.billpro_last_success_text = (
                format_datetime(self.env, paid.last_state_change)
                if paid
                else self.env._("Nothing was paid yet.")
            )
            provider.billpro_last_message_text = (
                format_datetime(self.env, message.received_date)
                if message
                else self.env._("No message has come yet.")
            )
            provider.billpro_key_text = provider._billing_get_key_text(paid)
            provider.billpro_failures_text = provider._billing_get_failures_text(own)

    def _billing_get_key_text(self, paid):
        """Return whether the provider takes the key, as far as is known.

        :param payment.transaction paid: The last payment; empty if there is none.
        :rtype: str
        """
        failure = self.env['billpro.failure']._search_of(self._origin, 'refused')
        if failure:
            return self.env._("Refused: %s", failure.reason)
        if self.billpro_tested_date:
            return self.env._("Taken")
        if paid:
            return self.env._("Taken at the last payment")
        return self.env._("Not known yet: press “Test connection”.")

    def _billing_get_failures_text(self, own):
        """Return how many payments of the last 30 days failed, by kind.

        :param list own: The domain of what is the provider's.
        :rtype: str
        """
        since = fields.Datetime.subtract(fields.Datetime.now(), days=30)
        recent = [*own, ('last_state_change', '>=', since)]
        transactions = self.env['payment.transaction'].sudo()
        counts = (
            (self.env._("declined"), [('state', '=', 'error'), ('billing_refusal', '=', False)]),
            (self.env._("refused"), [('billing_refusal', '!=', False), ('state', '!=', 'done')]),
            (self.env._("unknown"), [('billing_outcome_unknown', '=', True)]),
        )
        texts = [
            f'{count} {label}'
            for label, domain in counts
            if (count := transactions.search_count([*recent, *domain]))
        ]
        failed = (
            self.env['billpro.webhook.event']
            .sudo()
            .search_count([*own, ('state', '=', 'failed'), ('received_date', '>=', since)])
        )
        if failed:
            texts.append(self.env._("%s messages failed", failed))
        if texts:
            return ', '.join(texts)
        if not transactions.search_count(recent, limit=1):
            return self.env._("Nothing was tried in 30 days.")
        return self.env._("None")

    def action_billpro_test_connection(self):
        """Ask Stripe whether it takes the key, and look at the webhook; no money moves.

        :return: A notification with what came of it.
        :rtype: dict
        :raise AccessError: If the user may not set up providers.
        """
        self.ensure_one()
        self.check_access('write')
        try:
            self._billpro_ask_stripe('GET', 'payment_intents', params={'limit': 1})
            endpoint = self._billing_find_webhook_endpoint()
        except ValidationError as error:
            if self._in_billing()._find_refusal(error.__cause__) == KEY:
                self.env['billpro.own.transaction']._note_failure(self, 'refused', error, delays=())
            return self._billing_get_health_notification('danger', str(error))
        self.billpro_tested_date = fields.Datetime.now()
        self.env['billpro.failure']._forget(self, 'refused')
        self.billpro_webhook_version = endpoint and endpoint['api_version']
        if not endpoint or self.billpro_is_webhook_outdated or not self.stripe_webhook_secret:
            return self._billing_get_health_notification(
                'warning',
                self.env._(
                    "Stripe takes the key. Its messages need “Create webhook”: there is no webhook"
                    " for this address, or an older one."
                ),
            )
        return self._billing_get_health_notification(
            'success', self.env._("Stripe takes the key, and sends its messages here.")
        )

    def _billing_find_webhook_endpoint(self):
        """Return the webhook of this address, as Stripe knows it.

        :return: Stripe's object; None if there is none.
        :rtype: dict|None
        :raise ValidationError: If Stripe refuses it or doesn't answer.
        """
        url = self._get_stripe_webhook_url()
        endpoints = self._billpro_ask_stripe('GET', 'webhook_endpoints', params={'limit': 100})
        return next((one for one in endpoints['data'] if one['url'] == url), None)

    def _billing_get_health_notification(self, kind, message):
        """Return a message to whoever sets the provider up.

        :param str kind: `success`, `warning` or `danger`.
        :param str message: What to say.
        :rtype: dict
        """
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'message': message,
                'type': kind,
                'next': {'type': 'ir.actions.client', 'tag': 'soft_reload'},
            },
        }

    def _billing_get_stripe_client(self):
        """Return Stripe's client, with the provider's key.

        It never repeats a request by itself. Whether a charge may be repeated depends on what is
        committed: the charge run decides it, see `billing/request_outcomes.py`.

        The version is ours. Odoo's own requests name another one; its code reads answers of both.

        :rtype: stripe.StripeClient
        """
        self.ensure_one()
        address = self._build_request_url('').removesuffix('/v1/')
        return stripe.StripeClient(
            stripe_utils.get_secret_key(self),
            stripe_version=API_VERSION,
            base_addresses={'api': address, 'files': address.replace('//api.', '//files.')},
            max_network_retries=0,
            http_client=_get_http_client(os.getpid()),
        )

    def _send_api_request(self, method, endpoint, **kwargs):
        """Override of `payment`: requests about payments of orders go through Stripe's library.

        All others go as they do without this addon, and through whatever other modules have added.
        """
        if (
            is_inside(self.env, 'billing_request_of_order')
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
        :param dict kwargs: What the helpers of `payment_stripe` take besides.
        :return: Stripe's answer.
        :rtype: dict
        :raise ValidationError: If the request fails; its cause is the error of Stripe's library,
                                or `NotSent` if the path leads elsewhere.
        """
        self.ensure_one()
        if not is_stripe_path(endpoint):
            raise ValidationError(
                self.env._("The payment provider has nothing of that number.")
            ) from NotSent(endpoint)
        options = {'headers': self._get_stripe_extra_request_headers()}
        if idempotency_key and method == 'POST':
            options['idempotency_key'] = idempotency_key
        subject = reference or f'provider {self.id}'
        try:
            response = self._billing_get_stripe_client().raw_request(
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

    def _billpro_upload_to_stripe(self, document):
        """Upload evidence about a dispute.

        :param bytes document: A PDF.
        :return: Its number at Stripe.
        :rtype: str
        :raise ValidationError: If Stripe refuses it or doesn't answer.
        """
        self.ensure_one()
        client = self._billing_get_stripe_client()
        file = io.BytesIO(document)
        file.name = 'evidence.pdf'
        try:
            # Older releases of the library know no versions.
            uploaded = getattr(client, 'v1', client).files.create(
                {'purpose': 'dispute_evidence', 'file': file}
            )
        except stripe.StripeError as error:
            _logger.info("Stripe POST files for provider %s: HTTP %s", self.id, error.http_status)
            raise ValidationError(
                self.env._(
                    "The payment provider did not take the evidence.\n%s", error.user_message or ''
                )
            ) from error
        return uploaded.id

    def _billpro_list_at_stripe(self, endpoint, params):
        """Return all pages of one of Stripe's lists, newest first.

        :param str endpoint: The path of the list, below the version of the API.
        :param dict params: What is listed.
        :rtype: list[dict]
        :raise ValidationError: If Stripe doesn't answer.
        """
        self.ensure_one()
        records, page_params = [], {**params, 'limit': PAGE_SIZE}
        while True:
            page = self._billpro_ask_stripe('GET', endpoint, params=page_params)
            records += page['data']
            if not page['has_more']:
                return records
            page_params['starting_after'] = records[-1]['id']

    # === WHAT BROWSERS ARE GIVEN === #

    def _stripe_get_inline_form_values(
        self, *args, payment_method_sudo=None, sale_order_id=None, **kwargs
    ):
        """Override of `payment_stripe`: Stripe's form must fit the payment that is begun.

        It names its capture method, and whether what is paid with is stored.
        """
        values = super()._stripe_get_inline_form_values(
            *args, payment_method_sudo=payment_method_sudo, sale_order_id=sale_order_id, **kwargs
        )
        order = self.env['sale.order'].sudo().browse(sale_order_id or 0).exists()
        if not order.purchase_type:
            return values
        purchase, present = order._get_purchase(), json.loads(values)
        if not purchase._can_be_authorized():
            present['capture_method'] = 'automatic'
        if payment_method_sudo and purchase._requires_card(order):
            present['is_tokenization_required'] = self._billing_can_keep(payment_method_sudo)
        return json.dumps(present)

    def _billing_get_authentication_script(self):
        """Return the address of the script with which customers confirm payments.

        :rtype: str
        """
        self.ensure_one()
        return 'https://js.stripe.com/v3/'

    # === WEBHOOK === #

    @api.model
    def _billing_find_by_webhook_signature(self, payload, signature):
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
    def _billing_note_refused_webhook(self):
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
        isn't known here, or it was made by an older version of the interface, it is made anew:
        Stripe tells the secret, and takes a version, only then.

        :return: A notification.
        :rtype: dict
        :raise AccessError: If the user may not set up providers.
        :raise ValidationError: If Stripe refuses it or doesn't answer.
        """
        self.ensure_one()
        self.check_access('write')
        url = self._get_stripe_webhook_url()
        events = {f'enabled_events[{index}]': name for index, name in enumerate(EVENT_TYPES)}
        known = self._billing_find_webhook_endpoint()
        is_present = known and known['api_version'] == API_VERSION
        if is_present and self.stripe_webhook_secret:
            self._billpro_ask_stripe('POST', f'webhook_endpoints/{known["id"]}', data=events)
        else:
            webhook = self._billpro_ask_stripe(
                'POST',
                'webhook_endpoints',
                data={'url': url, 'api_version': API_VERSION, **events},
            )
            self.stripe_webhook_secret = webhook['secret']
            if known:
                self._billpro_ask_stripe('DELETE', f'webhook_endpoints/{known["id"]}')
        self.webhook_refused_date = False
        self.billpro_webhook_version = API_VERSION
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'message': self.env._("Stripe reports payments, refunds, disputes and cards now."),
                'type': 'success',
                'next': {'type': 'ir.actions.act_window_close'},
            },
        }
