import stripe

from odoo import api, fields, models

from odoo.addons.payment_stripe import const
from odoo.addons.payment_stripe import utils as stripe_utils

from ..billing.stripe_messages import EVENT_TYPES


class PaymentProvider(models.Model):
    """How Stripe's messages come to Odoo, and which of them are genuine."""

    _inherit = 'payment.provider'

    webhook_refused_date = fields.Datetime(
        string="Message Refused On",
        readonly=True,
        copy=False,
        help="When a message came that could not be verified, because the webhook secret is missing"
        " or another one.",
    )

    @api.model
    def _find_by_webhook_signature(self, payload, signature):
        """Return the provider whose webhook secret has signed a message.

        Providers that are switched off count as well: their last messages may tell of money.

        :param bytes payload: The message as it came.
        :param str|None signature: The header `Stripe-Signature`.
        :return: The provider; empty if the message isn't genuine, or older than five minutes.
        :rtype: payment.provider
        """
        for provider in self.search(
            [('code', '=', 'stripe'), ('stripe_webhook_secret', '!=', False)]
        ):
            try:
                stripe.WebhookSignature.verify_header(
                    payload,
                    signature,
                    stripe_utils.get_webhook_secret(provider),
                    stripe.Webhook.DEFAULT_TOLERANCE,
                )
            except (stripe.SignatureVerificationError, UnicodeDecodeError, TypeError):
                continue  # The last two: bytes or a signature that are no text.
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
