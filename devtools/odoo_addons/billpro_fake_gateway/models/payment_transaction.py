"""The boundaries of an attempt."""

from typing import Any

from odoo import models

from odoo.addons.billpro_fake_gateway import crash_points


class PaymentTransaction(models.Model):
    """An attempt whose commits have names."""

    _inherit = 'payment.transaction'

    def _billing_charge_event(self) -> None:
        """Override of `billpro_portal` to name the commit before the first call."""
        if not self.billing_sent_date:
            crash_points.name_next_commit('sent')
        super()._billing_charge_event()

    def _charge_with_token(self) -> None:
        """Override of `payment` to name the commit of the outcome."""
        super()._charge_with_token()
        crash_points.name_next_commit('outcome')

    def _billing_return(self, decline: Any, message: str) -> Any:
        """Override of `billpro_portal` to name the commit of what the bank has taken back."""
        is_collected = super()._billing_return(decline, message)
        crash_points.name_next_commit('return')
        return is_collected

    def _billing_inquire(self) -> None:
        """Override of `billpro_portal` to tell inquiries from first charges."""
        with crash_points.during('inquiry'):
            super()._billing_inquire()
