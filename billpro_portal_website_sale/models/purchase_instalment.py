from odoo import api, models
from odoo.tools import formatLang

from odoo.addons.billpro_portal.models.lifecycle.plurals import choose_plural


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
        count = product.billing_instalment_count
        later = {'count': count, 'interval': self._get_interval_text(product)}
        if not product.billing_deposit:
            text = self.env._(
                "one: Nothing is charged today: 1 instalment follows, %(interval)s."
                " | other: Nothing is charged today: %(count)s instalments follow, %(interval)s.",
                **later,
            )
            return choose_plural(self.env, text, count)
        if product.billing_deposit_type == 'percent':
            share = float(product.billing_deposit)
            deposit = self.env._(
                "%s %%", formatLang(self.env, share, digits=0 if share.is_integer() else 2)
            )
        else:
            deposit = self._format_shop_amount(product, product.billing_deposit, currency)
        text = self.env._(
            "one: %(deposit)s today, the rest in one payment later."
            " | other: %(deposit)s today, the rest in %(count)s instalments, %(interval)s.",
            deposit=deposit,
            **later,
        )
        return choose_plural(self.env, text, count)
