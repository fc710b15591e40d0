from odoo import api, models
from odoo.tools import formatLang


class BillproPurchaseInstalment(models.AbstractModel):
    """Instalments in the shop."""

    _inherit = 'billpro.purchase.instalment'

    _cart_terms = (
        'billing_interval_count',
        'billing_interval_unit',
        'billing_deposit_type',
        'billing_deposit',
        'billing_instalment_count',
    )

    @api.model
    def _get_shop_text(self, product, currency):
        later = {
            'count': product.billing_instalment_count,
            'interval': self._get_interval_text(product),
        }
        if not product.billing_deposit:
            return self.env._(
                "Nothing is charged today: %(count)s instalments follow, %(interval)s.", **later
            )
        if product.billing_deposit_type == 'percent':
            share = float(product.billing_deposit)
            deposit = self.env._(
                "%s %%", formatLang(self.env, share, digits=0 if share.is_integer() else 2)
            )
        else:
            deposit = self._format_shop_amount(product, product.billing_deposit, currency)
        if product.billing_instalment_count == 1:
            return self.env._("%(deposit)s today, the rest in one payment later.", deposit=deposit)
        return self.env._(
            "%(deposit)s today, the rest in %(count)s instalments, %(interval)s.",
            deposit=deposit,
            **later,
        )
