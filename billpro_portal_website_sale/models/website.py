from odoo import models

from odoo.addons.billpro_portal.billing.law import find_law


class Website(models.Model):
    """What the law wants on the pages on which consumers can order."""

    _inherit = 'website'

    def _billpro_get_law_links(self):
        """Return the links that each page has at its foot: to withdraw, and to cancel.

        Pages are kept for all visitors: where the seller is decides, not where they are.

        :return: The ``label`` in the words of the law, and the ``url``.
        :rtype: list[dict]
        """
        company = self.company_id.sudo()
        law = find_law(
            company.country_id.code or '',
            is_consumer=True,
            is_for_all=company.billing_consumer_law == 'all',
        )
        return self.env['billpro.declaration.page']._get_links(
            company, withdraws=bool(law.withdrawal_days), cancels=law.has_cancel_page
        )
