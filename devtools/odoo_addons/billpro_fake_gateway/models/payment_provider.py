"""Where requests to Stripe go."""

from odoo import models

from odoo.addons.billpro_fake_gateway import crash_points

URL_PARAMETER = 'billpro_fake_gateway.url'


class PaymentProvider(models.Model):
    """Stripe, answered by the fake gateway if its address is set."""

    _inherit = 'payment.provider'

    def _build_request_url(self, endpoint, **kwargs):
        """Override of `payment_stripe` to ask the fake gateway instead of Stripe."""
        gateway = self.env['ir.config_parameter'].sudo().get_param(URL_PARAMETER)
        if self.code != 'stripe' or not gateway or kwargs.get('is_proxy_request'):
            return super()._build_request_url(endpoint, **kwargs)
        return f'{gateway}/v1/{endpoint}'

    def _send_api_request(self, method, endpoint, **kwargs):
        """Override of `payment` to mark the boundaries of a charge."""
        if endpoint != 'payment_intents':
            return super()._send_api_request(method, endpoint, **kwargs)
        crash_points.reach('call.before', self.env.cr)
        try:
            return super()._send_api_request(method, endpoint, **kwargs)
        finally:
            crash_points.reach('call.after', self.env.cr)
