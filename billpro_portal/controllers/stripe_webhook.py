import json
import logging

from odoo import http
from odoo.http import request
from odoo.tools import mute_logger

from odoo.addons.payment_stripe.controllers.main import StripeController

from ..billing.stripe_messages import is_stripe_id

_logger = logging.getLogger(__name__)


class StripeWebhookController(StripeController):
    """What comes from Stripe about orders: messages, and customers who come back.

    Messages are verified, kept and answered at once, and processed afterwards.
    """

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
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict):  # Odoo would fail, and log why for anybody who asks.
            return request.make_json_response('', status=400)
        if not events._is_about_order(event):
            return super().stripe_webhook()
        providers = request.env['payment.provider'].sudo()
        provider = providers._billing_find_by_webhook_signature(
            payload, request.httprequest.headers.get('Stripe-Signature')
        )
        if not provider:
            providers._billing_note_refused_webhook()
            _logger.info("Refused a message that no Stripe provider's secret has signed")
            return request.make_json_response('', status=403)
        events._receive(provider, event)
        return request.make_json_response('')

    @http.route()
    def stripe_return(self, **data):
        """Override of `payment_stripe`, which takes any payment for the one that was begun.

        Nothing of what the address says reaches the transaction but its number. What isn't about
        orders of ours goes on as in Odoo, unless the number is none.

        :param dict data: The reference of the transaction, and the number of its payment or set-up.
        :return: A redirection to the page that shows the result.
        :rtype: odoo.http.Response
        """
        tx_sudo = (
            request.env['payment.transaction']
            .sudo()
            .search([('reference', '=', data.get('reference')), ('provider_code', '=', 'stripe')])
        )
        is_setup = tx_sudo.operation == 'validation'
        number = data.get('setup_intent' if is_setup else 'payment_intent')
        if tx_sudo.billing_order_id:
            tx_sudo._billing_process_stripe_return(number)
        elif tx_sudo and is_stripe_id(number, 'seti' if is_setup else 'pi'):
            return super().stripe_return(**data)
        with mute_logger('werkzeug'):  # Its log would show the client secret.
            return request.redirect('/payment/status')
