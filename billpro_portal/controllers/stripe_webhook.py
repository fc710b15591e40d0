import json
import logging

from odoo import http
from odoo.http import request

from odoo.addons.payment_stripe.controllers.main import StripeController

_logger = logging.getLogger(__name__)


class StripeWebhookController(StripeController):
    """Stripe's messages: verified, kept, answered at once. They are processed afterwards."""

    @http.route()
    def stripe_webhook(self):
        """Override of `payment_stripe`, which takes messages without a secret for genuine.

        :return: An empty answer; with status 403 if no provider's secret has signed the message.
        :rtype: odoo.http.Response
        """
        payload = request.httprequest.get_data()
        providers = request.env['payment.provider'].sudo()
        provider = providers._find_by_webhook_signature(
            payload, request.httprequest.headers.get('Stripe-Signature')
        )
        if not provider:
            providers._note_refused_webhook()
            _logger.info("Refused a message that no Stripe provider's secret has signed")
            return request.make_json_response('', status=403)
        request.env['billpro.webhook.event'].sudo()._receive(provider, json.loads(payload))
        return request.make_json_response('')
