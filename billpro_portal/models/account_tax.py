from odoo import models

# What decides how much tax there is on a price.
COMPUTING_FIELDS = {
    'amount',
    'amount_type',
    'children_tax_ids',
    'include_base_amount',
    'is_base_affected',
    'price_include_override',
}


class AccountTax(models.Model):
    _inherit = 'account.tax'

    def write(self, vals):
        """Override of `account`: subscriptions that are charged follow the taxes of the books."""
        result = super().write(vals)
        if COMPUTING_FIELDS.intersection(vals):
            self._get_live_subscriptions()._have_taxes_followed('rate')
        return result

    def _get_live_subscriptions(self):
        """Return the orders whose periods are charged with the taxes, or with groups of them.

        :rtype: sale.order
        """
        groups = self.sudo().search([('children_tax_ids', 'in', self.ids)])
        return (
            self.env['sale.order']
            .sudo()
            ._search_live_subscriptions([('order_line.tax_ids', 'in', (self | groups).ids)])
        )
