from odoo import models
from odoo.tools import frozendict

from ..rights.own_context import is_inside

# What Odoo calls a template that isn't stored, as the body of a mail.
NO_NAME = 'etree._Element'


class IrQweb(models.AbstractModel):
    """Mails that are made many at once."""

    _inherit = 'ir.qweb'

    def _generate_code_uncached(self, template):
        """Override of `base`: that a template has no name needs no explanation for each mail.

        Odoo asks for it by that name once its functions are there, takes nothing of the answer, and
        writes a traceback each time, which takes longer than the mail.
        """
        if template == NO_NAME and is_inside(self.env, 'billing_makes_mails'):
            options = dict.fromkeys(self._get_template_cache_keys(), False)
            return {template: None}, template, frozendict(options)
        return super()._generate_code_uncached(template)
