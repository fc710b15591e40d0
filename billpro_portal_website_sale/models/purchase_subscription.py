from odoo import api, models

from odoo.addons.billpro_portal.models.lifecycle.plurals import choose_plural


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
        texts = {
            'day': self.env._("one: / day | other: / %(count)s days", count=count),
            'week': self.env._("one: / week | other: / %(count)s weeks", count=count),
            'month': self.env._("one: / month | other: / %(count)s months", count=count),
            'year': self.env._("one: / year | other: / %(count)s years", count=count),
        }
        text = texts.get(product.billing_interval_unit)
        return choose_plural(self.env, text, count) if text else ''

    @api.model
    def _get_shop_text(self, product, currency):
        interval = self._get_interval_text(product)
        days, payments = product.billing_trial_days, product.billing_cycles
        charged = self.env._("Charged today and then %(interval)s.", interval=interval)
        if days:
            text = self.env._(
                "one: The first day is free, then it is charged %(interval)s."
                " | other: The first %(count)s days are free, then it is charged %(interval)s.",
                count=days,
                interval=interval,
            )
            charged = choose_plural(self.env, text, days)
        end = self.env._("You can cancel at any time.")
        if payments:
            text = self.env._(
                "one: It ends by itself after 1 payment."
                " | other: It ends by itself after %(count)s payments.",
                count=payments,
            )
            end = choose_plural(self.env, text, payments)
        return f'{charged} {end}'
