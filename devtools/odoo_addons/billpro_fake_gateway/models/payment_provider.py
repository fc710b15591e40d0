"""Where requests to providers go."""

from __future__ import annotations

from typing import Any, Literal

from odoo import api, models

from odoo.addons.billpro_fake_gateway import crash_points

URL_PARAMETER = 'billpro_fake_gateway.url'
# What Stripe and Adyen are asked to charge.
CHARGES = ('payment_intents', '/payments')


class PaymentProvider(models.Model):
    """Stripe, answered by the fake gateway if its address is set."""

    _inherit = 'payment.provider'

    def _build_request_url(self, endpoint: str, **kwargs: Any) -> str:
        """Override of `payment` to ask the fake gateway instead of the providers it knows."""
        gateway = self._get_fake_gateway()
        if self.code == 'adyen' and gateway:
            return f'{gateway}/adyen{endpoint}'
        if self.code != 'stripe' or not gateway or kwargs.get('is_proxy_request'):
            return super()._build_request_url(endpoint, **kwargs)
        return f'{gateway}/v1/{endpoint}'

    @api.model
    def _get_fake_gateway(self) -> str | Literal[False]:
        """Return the address of the fake gateway, if there is one.

        :rtype: str|bool
        """
        return self.env['ir.config_parameter'].sudo().get_param(URL_PARAMETER)

    @api.model
    def _get_stripe_script(self) -> str:
        """Return the address of the script that shows the card form at the checkout.

        :rtype: str
        """
        gateway = self._get_fake_gateway()
        return f'{gateway}/v3/' if gateway else 'https://js.stripe.com/v3/'

    def _billing_get_authentication_script(self) -> str:
        """Override of `billpro_portal` to ask the fake gateway's bank."""
        return self._get_stripe_script()

    def _send_api_request(self, method: str, endpoint: str, **kwargs: Any) -> Any:
        """Override of `payment` to mark the boundaries of a charge."""
        if endpoint not in CHARGES:
            return super()._send_api_request(method, endpoint, **kwargs)
        crash_points.reach('call.before', self.env.cr)
        try:
            return super()._send_api_request(method, endpoint, **kwargs)
        finally:
            crash_points.reach('call.after', self.env.cr)
