import json
import logging

from odoo import http
from odoo.http import request

from odoo.addons.payment_stripe.controllers.main import StripeController

_logger = logging.getLogger(__name__)


class StripeWebhookController(StripeController):
    """Stripe's messages about orders: verified, kept, answered at once; processed afterwards."""

    @http.route()
    def stripe_webhook(self):
        """Override of `payment_stripe`, which takes messages without a secret for genuine.

        Messages about payments that don't belong to orders of ours are its own.

        :return: An empty answer; with status 403 if no provider's secret has signed the message.
        :rtype: odoo.http.Response
        """
        events = request.env['billpro.webhook.event'].sudo()
        payload = request.httprequest.get_data()
        try:
            event = json.loads(payload)
        except ValueError:
            return super().stripe_webhook()
        if not events._is_about_order(event):
            return super().stripe_webhook()
        providers = request.env['payment.provider'].sudo()
        provider = providers._find_by_webhook_signature(
            payload, request.httprequest.headers.get('Stripe-Signature')
        )
        if not provider:
            providers._note_refused_webhook()
            _logger.info("Refused a message that no Stripe provider's secret has signed")
            return request.make_json_response('', status=403)
        events._receive(provider, event)
        return request.make_json_response('')
