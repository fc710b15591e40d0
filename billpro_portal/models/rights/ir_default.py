from odoo import api, models
from odoo.exceptions import ValidationError

from .guarded_fields import OF_ORDERS, OWN


class IrDefault(models.Model):
    """Defaults can't give what is guarded either."""

    _inherit = 'ir.default'

    @api.constrains('field_id')
    def _check_billing_not_guarded(self):
        """Refuse defaults of guarded fields: `create` takes them without asking who set them."""
        for default in self:
            field = default.field_id
            if field.name in OWN.get(field.model, set()) | OF_ORDERS.get(field.model, set()):
                raise ValidationError(
                    self.env._("There is no default for the field “%s”.", field.field_description)
                )
