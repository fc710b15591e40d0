from odoo import api, models


class BillproPurchaseSubscription(models.AbstractModel):
    """Subscriptions in the shop."""

    _inherit = 'billpro.purchase.subscription'

    _cart_terms = (
        'billing_interval_count',
        'billing_interval_unit',
        'billing_trial_days',
        'billing_cycles',
    )

    @api.model
    def _get_shop_unit(self, product):
        count = product.billing_interval_count
        single = {
            'day': self.env._("/ day"),
            'week': self.env._("/ week"),
            'month': self.env._("/ month"),
            'year': self.env._("/ year"),
        }
        several = {
            'day': self.env._("/ %s days", count),
            'week': self.env._("/ %s weeks", count),
            'month': self.env._("/ %s months", count),
            'year': self.env._("/ %s years", count),
        }
        return (single if count == 1 else several).get(product.billing_interval_unit, '')

    @api.model
    def _get_shop_text(self, product, currency):
        interval = self._get_interval_text(product)
        charged = (
            self.env._(
                "The first %(days)s days are free, then it is charged %(interval)s.",
                days=product.billing_trial_days,
                interval=interval,
            )
            if product.billing_trial_days
            else self.env._("Charged today and then %(interval)s.", interval=interval)
        )
        end = (
            self.env._("It ends by itself after %s payments.", product.billing_cycles)
            if product.billing_cycles
            else self.env._("You can cancel at any time.")
        )
        return f'{charged} {end}'
