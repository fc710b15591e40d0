from odoo import models


class PaymentProvider(models.Model):
    """What the billing of orders asks about a provider."""

    _inherit = 'payment.provider'

    def _in_billing(self):
        """Return what the billing of orders asks about the provider.

        :return: An empty record of the provider's own model, else of the one for all.
        :rtype: billpro.provider
        """
        self.ensure_one()
        return self.env['billpro.provider']._of(self.code)
