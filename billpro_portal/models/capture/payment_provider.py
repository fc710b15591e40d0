from odoo import models

from odoo.addons.payment import utils as payment_utils
from odoo.addons.payment.const import REPORT_REASONS_MAPPING


class PaymentProvider(models.Model):
    """Providers that only authorise payments, and leave the capture to staff."""

    _inherit = 'payment.provider'

    def _get_compatible_providers(self, *args, sale_order_id=None, report=None, **kwargs):
        """Override of `payment`: what is charged on schedule can't wait for a capture by staff."""
        providers = super()._get_compatible_providers(
            *args, sale_order_id=sale_order_id, report=report, **kwargs
        )
        order = self.env['sale.order'].sudo().browse(sale_order_id or 0).exists()
        if not order.purchase_type or order._get_purchase()._can_be_authorized():
            return providers
        unfit = providers.filtered(
            lambda provider: (
                provider.capture_manually and not provider._in_billing()._collects_at_once
            )
        )
        payment_utils.add_to_report(
            report,
            unfit,
            available=False,
            reason=REPORT_REASONS_MAPPING['manual_capture_not_supported'],
        )
        return providers - unfit
