from odoo import models

from .guarded_fields import OWN


class BillproOwnFields(models.AbstractModel):
    """Of a model of ours: what it has noted by itself nobody else writes, see `OWN`."""

    _name = 'billpro.own.fields'
    _description = "Fields That Nobody Writes"

    def _has_field_access(self, field, operation):
        """Override of `base`: see above."""
        if operation == 'write' and not self.env.su and field.name in OWN[self._name]:
            return False
        return super()._has_field_access(field, operation)
