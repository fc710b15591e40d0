import json

from odoo import models

from odoo.addons.payment import utils as payment_utils
from odoo.addons.payment.const import REPORT_REASONS_MAPPING

# The providers that release by themselves what a capture leaves; others are captured in whole.
PARTIAL_CAPTURE_PROVIDERS = frozenset({'stripe', 'demo'})
# The providers that can be told, payment by payment, to collect at once.
SELECTIVE_PROVIDERS = frozenset({'stripe', 'demo'})


class PaymentProvider(models.Model):
    """Providers that only authorise payments, and leave the capture to staff."""

    _inherit = 'payment.provider'

    def _can_capture_in_part(self):
        """Return whether less than what was authorised can be captured.

        :rtype: bool
        """
        self.ensure_one()
        return self.code in PARTIAL_CAPTURE_PROVIDERS

    def _get_compatible_providers(self, *args, sale_order_id=None, report=None, **kwargs):
        """Override of `payment`: what is charged on schedule can't wait for a capture by staff."""
        providers = super()._get_compatible_providers(
            *args, sale_order_id=sale_order_id, report=report, **kwargs
        )
        order = self.env['sale.order'].sudo().browse(sale_order_id or 0).exists()
        if not order.purchase_type or order._get_purchase()._can_be_authorized():
            return providers
        unfit = providers.filtered(
            lambda provider: provider.capture_manually and provider.code not in SELECTIVE_PROVIDERS
        )
        payment_utils.add_to_report(
            report,
            unfit,
            available=False,
            reason=REPORT_REASONS_MAPPING['manual_capture_not_supported'],
        )
        return providers - unfit

    def _stripe_get_inline_form_values(self, *args, sale_order_id=None, **kwargs):
        """Override of `payment_stripe`: Stripe's form must name the payment's capture method."""
        values = super()._stripe_get_inline_form_values(
            *args, sale_order_id=sale_order_id, **kwargs
        )
        order = self.env['sale.order'].sudo().browse(sale_order_id or 0).exists()
        if order.purchase_type and not order._get_purchase()._can_be_authorized():
            return json.dumps({**json.loads(values), 'capture_method': 'automatic'})
        return values
