from odoo import models

from .guarded_fields import OF_ORDERS, OWN


class PaymentToken(models.Model):
    """Stored cards: no request gives them to another customer or another provider."""

    _inherit = 'payment.token'

    def _has_field_access(self, field, operation):
        """Override of `base`: see above."""
        if operation == 'write' and not self.env.su:
            if field.name in OWN[self._name]:
                return False
            if field.name in OF_ORDERS[self._name] and self.sudo().billing_order_ids:
                return False
        return super()._has_field_access(field, operation)
