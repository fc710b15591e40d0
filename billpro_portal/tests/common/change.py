from odoo import Command

from .subscription import SubscriptionCommon


class ChangeCommon(SubscriptionCommon):
    """A family of three monthly plans, and staff who change subscriptions by the dialog."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.basic, cls.plus, cls.free_of_tax = (
            cls._create_sold_product(name, price, taxes, 'subscription')
            for name, price, taxes in (
                ("Basic", 10.0, cls.tax_21),
                ("Plus", 20.0, cls.tax_21),
                ("Books", 20.0, cls.env['account.tax']),
            )
        )
        cls.family = cls.env['billpro.plan.family'].create(
            {
                'name': "Plans",
                'company_id': cls.company.id,
            }
        )
        plans = cls.basic | cls.plus | cls.free_of_tax
        plans.product_tmpl_id.billing_family_id = cls.family

    def _change(self, order, product=None, quantity=None, when=None, line=None):
        """Change a line as staff do, the first one unless another one, or none, is given.

        Return the change and what was shown before.
        """
        with self._committing_env(self.billing_manager) as env:
            own = env['sale.order'].browse(order.id)
            wizard = env['billpro.change.plan'].browse(own.action_open_change_plan()['res_id'])
            values = {}
            if line is not None:
                values['line_id'] = line.id
            if product:
                values['product_id'] = product.id
            if quantity is not None:
                values['quantity'] = quantity
            wizard.write(values)
            if when:
                wizard.when = when
            self.assertFalse(wizard.problem)
            rows = wizard._get_rows()[0]
            wizard.action_change()
        return order.billing_change_ids[0], dict(rows)

    @classmethod
    def _create_price_list_of(cls, plans, currency):
        """Return the prices of plans in another currency."""
        pricelist = cls._create_pricelist(currency)
        pricelist.item_ids = [
            Command.create(
                {
                    'applied_on': '0_product_variant',
                    'product_id': plan.id,
                    'compute_price': 'fixed',
                    'fixed_price': price,
                }
            )
            for plan, price in plans.items()
        ]
        return pricelist
