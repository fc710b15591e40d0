from odoo import models

from .guarded_fields import OWN


class AccountMoveLine(models.Model):
    """Invoice lines: for which days they were charged nobody writes but the addon."""

    _inherit = 'account.move.line'

    def _has_field_access(self, field, operation):
        """Override of `base`: see above."""
        if operation == 'write' and not self.env.su and field.name in OWN[self._name]:
            return False
        return super()._has_field_access(field, operation)
